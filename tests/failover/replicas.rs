//! A master dies and its replica takes over, under a whole system.

use testkit::{Replicated, Sentinel};

use super::{
    At,
    common::{process::talk, until},
    customers::Customers,
};

#[test]
fn with_a_replica_to_confirm_a_failover_loses_nothing_that_clients_were_promised() {
    let mut pair = Replicated::start(&["--appendonly", "yes"]);
    let sentinel = Sentinel::watching(&pair.master);
    let at = At::of(sentinel.url(), "shop", "replicated:1");
    let up = at.up();
    let http = up.http();
    assert_eq!(http.get("/api/v1/status")["durability"], "replicated:1");
    let customers = Customers::made_while(http, |customers| {
        customers.until_more(40);
        pair.master.kill();
        sentinel.until_master_is(&pair.replica);
        // The new master's only replica can be the old one: until it is back nothing is acknowledged.
        customers.until_refused(1);
        pair.master.restart();
        customers.until_more(40);
    });
    println!("{} customers, {} times unavailable", customers.count(), customers.refused());
    customers.check(http);
    until("nothing is left to do", || at.run(&["audit"]).status.success().then_some(()));
    assert_eq!(up.stop().code(), Some(0));
}

#[test]
fn without_one_a_failover_that_loses_events_stops_everybody_who_knew_of_them() {
    let mut pair = Replicated::start(&["--appendonly", "yes"]);
    let sentinel = Sentinel::watching(&pair.master);
    let at = At::of(sentinel.url(), "shop", "local");
    let [services, sagas, front] =
        [&["services"][..], &["sagas"], &["gateway", "projector"]].map(|roles| at.roles(roles));
    let http = front.http().clone();
    let made = Customers::made_while(&http, |customers| customers.until_more(10));
    made.check(&http);
    pair.until_caught_up();
    pair.cut_off();
    let lost = Customers::default();
    lost.make_one(&http, "lost");
    pair.master.kill();
    pair.promote();
    sentinel.until_master_is(&pair.replica);
    // Nobody goes on as though nothing had happened, and nobody is told that it has.
    for role in [services, sagas, front] {
        assert_eq!(role.ended().code(), Some(2));
    }
    // What is left, the read model beside it included, is whole as it was a moment earlier.
    let audit = at.run(&["audit"]);
    assert_eq!(audit.status.code(), Some(0), "{}", talk(&audit));
}
