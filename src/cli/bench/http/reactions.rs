//! How soon sagas react, by event time: the time between an event and the last of what a saga made of it.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use kernel::{Domain, Method, Position};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::super::{
    super::{
        driver::Drive,
        failure::Failure,
        http_client::{Client, Target},
        latencies::Latencies,
        pace::Pace,
    },
    settled::settled,
};

/// Requests a second: enough to count, few enough that nothing queues.
const RATE: u32 = 100;

/// Simulated clients that make them.
const CLIENTS: u64 = 8;

/// How long nothing must happen for all reactions to count as seen.
const QUIET: Duration = Duration::from_millis(500);

/// How long that is waited for.
const MOST_QUIET: Duration = Duration::from_secs(10);

/// What events led to, and how soon.
pub(super) type Reactions = BTreeMap<Reaction, Latencies>;

/// What a saga made of what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reaction {
    on: String,
    by: String,
    then: String,
}

/// An event as the gateway tells it.
#[derive(Clone, Debug, Deserialize)]
struct Told {
    action: String,
    position: Position,
    event_id: String,
    cause: Option<String>,
    handler: Option<String>,
}

impl Told {
    const fn micros(&self) -> u64 {
        self.position.unix_micros()
    }
}

impl Reaction {
    pub(super) fn text(&self) -> String {
        let Self { on, by, then } = self;
        format!("{on} -> {then} ({by})")
    }

    pub(super) fn json(&self, latencies: &Latencies) -> Value {
        let Self { on, by, then } = self;
        json!({
            "on": on,
            "by": by,
            "then": then,
            "count": latencies.count(),
            "p50_ms": latencies.percentile_ms(50),
            "p99_ms": latencies.percentile_ms(99),
        })
    }
}

/// Lets the domain's simulated clients work for a while and looks at the events; nothing where it has none.
pub(super) async fn measure(domain: &Domain, target: &Target, lasting: Duration) -> Result<Reactions, Failure> {
    if domain.scenario(1, 0).is_none() {
        return Ok(Reactions::new());
    }
    let stop = CancellationToken::new();
    // Its answer has begun, so nothing that happens from here on is missed.
    let events = Client::new(target.clone()).begin(Method::Get, "/api/v1/events", None).await?.into_body();
    let listening = tokio::spawn(listen(events, stop.clone()));
    let requests = u64::from(RATE) * lasting.as_secs();
    let mut drive = Drive::start(domain, target, 1, CLIENTS, Pace::new(RATE, requests), &stop)?;
    while drive.next().await.is_some() {}
    // What is still to come of it is worth hearing, however busy the machine is.
    settled(target).await?;
    stop.cancel();
    let told = listening.await.map_err(|error| Failure::failed(format!("events were not heard: {error}")))?;
    Ok(reactions(&told))
}

/// Hears events until told to stop, and then until nothing happens any more.
async fn listen(mut events: Incoming, stop: CancellationToken) -> Vec<Told> {
    let (mut told, mut rest) = (Vec::new(), Vec::new());
    while let Some(Some(Ok(frame))) = stop.run_until_cancelled(events.frame()).await {
        rest = hear(rest, frame.data_ref().map(AsRef::as_ref).unwrap_or_default(), &mut told);
    }
    let calm = async {
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(QUIET, events.frame()).await {
            rest = hear(std::mem::take(&mut rest), frame.data_ref().map(AsRef::as_ref).unwrap_or_default(), &mut told);
        }
    };
    // A system that is still busy after that has told enough.
    let _ = tokio::time::timeout(MOST_QUIET, calm).await;
    told
}

/// Takes the events out of a part of the stream; gives back the line that is not whole yet.
fn hear(mut text: Vec<u8>, part: &[u8], told: &mut Vec<Told>) -> Vec<u8> {
    text.extend_from_slice(part);
    let Some(end) = text.iter().rposition(|byte| *byte == b'\n') else { return text };
    let rest = text.split_off(end + 1);
    let data = text.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data:"));
    told.extend(data.filter_map(|json| serde_json::from_slice::<Told>(json).ok()));
    rest
}

/// What led to what, and how long it took.
fn reactions(told: &[Told]) -> Reactions {
    let causes: HashMap<&str, &Told> = told.iter().map(|event| (event.event_id.as_str(), event)).collect();
    let mut last: BTreeMap<(Reaction, &str), u64> = BTreeMap::new();
    for event in told {
        let Some((cause, by)) = event.cause.as_ref().zip(event.handler.clone()) else { continue };
        let Some(cause) = causes.get(cause.as_str()) else { continue };
        let reaction = Reaction { on: cause.action.clone(), by, then: event.action.clone() };
        let took = event.micros().saturating_sub(cause.micros());
        let longest = last.entry((reaction, &cause.event_id)).or_default();
        *longest = took.max(*longest);
    }
    let mut reactions = Reactions::new();
    for ((reaction, _), micros) in last {
        reactions.entry(reaction).or_default().add(Duration::from_micros(micros));
    }
    reactions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, ms: u64, action: &str, cause: &str, handler: &str) -> String {
        let cause = if cause.is_empty() { Value::Null } else { cause.into() };
        let handler = if handler.is_empty() { Value::Null } else { handler.into() };
        let position = format!("{ms}-0");
        let json =
            json!({ "action": action, "position": position, "event_id": id, "cause": cause, "handler": handler });
        format!("id: {position}\nevent: {action}\ndata: {json}\n\n")
    }

    #[test]
    fn a_reaction_takes_until_the_last_event_it_led_to() {
        let begin = 1_700_000_000_000;
        let stream = [
            event("a", begin, "order_created", "", ""),
            event("b", begin + 2, "inventory_updated", "a", "inventory"),
            event("c", begin + 3, "inventory_updated", "a", "inventory"),
            event("d", begin + 4, "order_updated", "a", "inventory"),
            event("e", begin + 5, "mail_sent", "unheard of", "crm"),
            ": still there\n\n".to_owned(),
        ];
        let (mut told, mut rest) = (Vec::new(), Vec::new());
        // However the stream is cut.
        for part in stream.concat().as_bytes().chunks(7) {
            rest = hear(rest, part, &mut told);
        }
        let reactions: Vec<_> = reactions(&told)
            .into_iter()
            .map(|(reaction, latencies)| (reaction.text(), latencies.count(), latencies.percentile_ms(50)))
            .collect();
        let expected = [
            ("order_created -> inventory_updated (inventory)".to_owned(), 1, Some(3.007)),
            ("order_created -> order_updated (inventory)".to_owned(), 1, Some(4.031)),
        ];
        assert_eq!((told.len(), reactions), (5, expected.to_vec()));
    }
}
