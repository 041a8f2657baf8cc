//! The figures, for people and for programs.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::super::latencies::Latencies,
    super::load::Measured,
    super::machine::Machine,
    peer::Peers,
    reactions::{Reaction, Reactions},
};

/// Everything that was measured.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) machine: Machine,
    /// The topic that was created and read.
    pub(super) topic: &'static str,
    pub(super) connections: u64,
    pub(super) seconds: u64,
    pub(super) entities: u64,
    pub(super) figures: Figures,
    pub(super) peers: Peers,
}

/// What was measured of the system itself.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) post: Measured,
    /// How long sagas took to catch up with it.
    pub(super) caught_up: Duration,
    pub(super) get_few: Measured,
    pub(super) get_many: Measured,
    pub(super) reactions: Reactions,
}

impl Report {
    /// The rate of reading among many over that among few: 1 where it does not matter how many there are.
    fn flatness(&self) -> f64 {
        ratio(&self.figures.get_many, &self.figures.get_few)
    }

    pub(super) fn text(&self) -> String {
        let Self { machine, topic, connections, seconds, entities, figures, peers } = self;
        let Figures { post, caught_up, get_few, get_many, reactions } = figures;
        let mut lines = vec![
            machine.text(),
            format!("{connections} connections, {seconds} s a figure; clients and system share the machine"),
            String::new(),
            row(&format!("POST /{topic}"), post),
            format!("    sagas had caught up {:.1} s later", caught_up.as_secs_f64()),
            row(&format!("GET /{topic}/<id>, 10 of them"), get_few),
            row(&format!("GET /{topic}/<id>, {entities} of them"), get_many),
            format!("    {:.2} of the rate with 10", self.flatness()),
        ];
        for (peer, own, name) in [(peers.write(), post, "POST"), (peers.read(), get_many, "GET")] {
            if let Some((bare, measured)) = peer {
                lines.push(row(&format!("bare {bare}"), measured));
                lines.push(format!("    {name} has {:.2} of its rate", ratio(own, measured)));
            }
        }
        if !reactions.is_empty() {
            lines.extend([String::new(), "How soon sagas react, by event time".to_owned()]);
        }
        lines.extend(reactions.iter().map(|(reaction, latencies)| reacted(reaction, latencies)));
        lines.join("\n") + "\n"
    }

    pub(super) fn json(&self) -> Value {
        let Figures { post, caught_up, get_few, get_many, reactions } = &self.figures;
        let reactions: Vec<_> = reactions.iter().map(|(reaction, latencies)| reaction.json(latencies)).collect();
        json!({
            "machine": self.machine.json(),
            "topic": self.topic,
            "connections": self.connections,
            "seconds": self.seconds,
            "entities": self.entities,
            "post": rates(post),
            "post_caught_up_s": caught_up.as_secs_f64(),
            "get_10": rates(get_few),
            "get_many": rates(get_many),
            "get_flatness": self.flatness(),
            "reactions": reactions,
            "peers": self.peers.json(),
            "post_to_peer": self.peers.write().map(|(_, peer)| ratio(post, peer)),
            "get_to_peer": self.peers.read().map(|(_, peer)| ratio(get_many, peer)),
        })
    }

    /// How many requests failed, if any did: figures with failures in them are not to be trusted.
    pub(super) fn failure(&self) -> Option<String> {
        let Figures { post, get_few, get_many, .. } = &self.figures;
        let mut all = Measured::default();
        [post, get_few, get_many].into_iter().cloned().for_each(|measured| all.merge(measured));
        all.last_failure.map(|last| format!("{} requests failed; the last one: {last}", all.failed))
    }
}

fn ratio(measured: &Measured, to: &Measured) -> f64 {
    measured.rate() / to.rate().max(0.001)
}

fn percentiles(latencies: &Latencies) -> String {
    let ms = |percent| latencies.percentile_ms(percent).map_or_else(|| "-".to_owned(), |ms| format!("{ms:.2} ms"));
    format!("p50 {:>10}   p99 {:>10}", ms(50), ms(99))
}

fn row(name: &str, measured: &Measured) -> String {
    format!("{name:<36}{:>10.0}/s   {}", measured.rate(), percentiles(&measured.latencies))
}

fn reacted(reaction: &Reaction, latencies: &Latencies) -> String {
    format!("{:<48}{}   of {}", reaction.text(), percentiles(latencies), latencies.count())
}

fn rates(measured: &Measured) -> Value {
    json!({
        "per_second": measured.rate(),
        "p50_ms": measured.latencies.percentile_ms(50),
        "p99_ms": measured.latencies.percentile_ms(99),
        "requests": measured.latencies.count(),
        "failed": measured.failed,
    })
}
