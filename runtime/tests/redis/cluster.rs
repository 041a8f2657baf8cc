//! A namespace in a Redis Cluster: its slot moves, its node dies, under load.

use std::collections::BTreeSet;

use runtime::{Engine, Namespace, StoreError};
use testkit::{Cluster, Node};

use super::{
    TOPICS,
    load::{Load, read_along},
};

async fn open(cluster: &Cluster, namespace: &str) -> Result<Engine, StoreError> {
    Engine::open(&cluster.url().parse().unwrap(), &namespace.parse().unwrap(), TOPICS).await
}

fn reason(opened: Result<Engine, StoreError>) -> String {
    match opened {
        Err(StoreError::Unusable { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

/// Every reason that a load may be given while a slot moves or its node is away.
fn check_reasons(load: &Load, known: &[&str]) {
    for reason in load.reasons().keys() {
        assert!(known.iter().any(|known| reason.contains(known)), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_under_load_loses_nothing_and_doubles_nothing() {
    let cluster = Cluster::start();
    let engine = open(&cluster, "shop").await.unwrap();
    let slot = cluster.slot_of("shop");
    let owner = cluster.owner_of(slot);
    let (end, until) = tokio::sync::watch::channel(None);
    let reading = tokio::spawn(read_along(engine.clone(), until));
    let load = Load::begin(&engine);
    load.until_more(200).await;
    // There and back again: whoever was on the way out comes in again.
    for to in [(owner + 1) % 3, (owner + 2) % 3, owner] {
        let migration = cluster.migrate(slot, to);
        // In the middle of it, when some keys are here and some there, everybody meets what is in the way.
        for keys in [0, 1, 2] {
            assert_eq!(migration.move_keys(keys), keys);
            let met = load.troubles() + 20;
            load.until("it is unavailable", |load| load.troubles() >= met).await;
        }
        migration.finish();
        load.until_more(200).await;
    }
    check_reasons(&load, &["its slot is on the way to another node", "its slot has moved to another node"]);
    println!("{} commands, unavailable: {:?}", load.taken(), load.reasons());
    let log = load.end().await;
    end.send_replace(log.last().map(|last| last.position));
    let seen = tokio::time::timeout(super::DEADLINE, reading).await.unwrap().unwrap();
    assert_eq!(seen, log.iter().map(|event| event.id.clone()).collect::<Vec<_>>(), "who follows it misses nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_and_comes_back_is_found_again() {
    let mut cluster = Cluster::start();
    let engine = open(&cluster, "shop").await.unwrap();
    let owner = cluster.owner_of(cluster.slot_of("shop"));
    let load = Load::begin(&engine);
    load.until_more(200).await;
    cluster.nodes[owner].kill();
    let met = load.troubles() + 3;
    load.until("it is unavailable", |load| load.troubles() >= met).await;
    cluster.nodes[owner].restart();
    load.until_more(200).await;
    println!("{} commands, unavailable: {:?}", load.taken(), load.reasons());
    load.end().await;
}

#[tokio::test]
async fn a_cluster_needs_its_url_and_a_namespace() {
    let cluster = Cluster::shared();
    let expected = "a cluster keeps all keys of a namespace on one node, and no namespace was given; \
                    name one with --namespace";
    let nowhere = Engine::open(&cluster.url().parse().unwrap(), &Namespace::default(), TOPICS).await;
    assert_eq!(reason(nowhere), expected);
    let node = cluster.nodes[0].url().parse().unwrap();
    let expected = "it is a node of a cluster; give redis+cluster://HOST:PORT, and a --namespace";
    assert_eq!(reason(Engine::open(&node, &"shop".parse().unwrap(), TOPICS).await), expected);
    let alone = Node::start(&[]);
    let url = format!("redis+cluster://{}", alone.address()).parse().unwrap();
    let expected = "it is no cluster; give redis://HOST:PORT";
    assert_eq!(reason(Engine::open(&url, &"shop".parse().unwrap(), TOPICS).await), expected);
}

#[tokio::test]
async fn all_keys_of_a_namespace_are_on_its_node() {
    let cluster = Cluster::shared();
    for namespace in ["a", "shop", "keys-of-one-slot"] {
        let engine = open(cluster, namespace).await.unwrap();
        let load = Load::begin(&engine);
        load.until_more(10).await;
        load.end().await;
        let slot = cluster.slot_of(namespace);
        let with_keys = |node: &Node| {
            let keys: Vec<String> = node.ask(&["KEYS", &format!("{{{namespace}}}:*")]);
            let slots: BTreeSet<u16> = keys.iter().map(|key| node.ask(&["CLUSTER", "KEYSLOT", key])).collect();
            slots.into_iter().collect::<Vec<_>>()
        };
        let found: Vec<_> = cluster.nodes.iter().map(with_keys).collect();
        let mut expected = vec![Vec::new(); 3];
        expected[cluster.owner_of(slot)].push(slot);
        assert_eq!(found, expected);
    }
}
