//! One of the two logs that are compared, and its answers as texts that can be.

use std::{collections::HashMap, fmt::Debug, time::Duration};

use kernel::{CREATED, Checkpoint, Draft, Epoch, Intent, Meta, Number, Outcome, Position, Read, Rejection};
use runtime::{
    Advance, Claimer, Commit, Committed, Engine, Enqueue, Expect, Holder, Idempotency, Parked, ParkedId, Refused,
    Settlement, Token,
};

use crate::operation::{Appended, Change, Enqueued, Keep, Operation};

const LEASE: Duration = Duration::from_secs(3_600);
const SERVICES: [&str; 2] = ["cart-service", "order-service"];

/// A log and what has been learnt from its answers.
pub(crate) struct Side {
    engine: Engine,
    epoch: Epoch,
    /// The positions of all events, in order.
    positions: Vec<Position>,
    claims: Vec<Token>,
    commands: u32,
    claimers: HashMap<(&'static str, &'static str), Claimer>,
}

impl Side {
    pub(crate) fn of(engine: Engine) -> Self {
        Self {
            engine,
            epoch: Epoch::default(),
            positions: Vec::new(),
            claims: Vec::new(),
            commands: 0,
            claimers: HashMap::new(),
        }
    }

    /// Does it, and tells what came of it.
    pub(crate) async fn perform(&mut self, operation: &Operation) -> String {
        let engine = self.engine.clone();
        match operation {
            Operation::Commit(changes) => self.commit(changes).await,
            Operation::Claim { service, worker, limit } => {
                engine.heartbeat(worker, LEASE).await.unwrap();
                let claimer = match self.claimers.entry((service, worker)) {
                    std::collections::hash_map::Entry::Occupied(claimer) => claimer.into_mut(),
                    std::collections::hash_map::Entry::Vacant(none) => {
                        none.insert(engine.claimer(service, worker).await.unwrap())
                    }
                };
                let claims = claimer.claim(*limit, Duration::ZERO).await.unwrap();
                self.claims.extend(claims.iter().map(|claim| claim.token.clone()));
                self.text(&claims)
            }
            Operation::Fail { claim, most_attempts } => match wrapped(&self.claims, *claim) {
                Some(token) => self.text(&engine.fail(token, "broken \"\u{fc}\"", *most_attempts).await.unwrap()),
                None => String::new(),
            },
            Operation::Release(worker) => self.text(&engine.release(worker).await.unwrap()),
            Operation::Expire { worker, most_attempts } => {
                engine.heartbeat(worker, Duration::ZERO).await.unwrap();
                self.text(&engine.reap(*most_attempts).await.unwrap())
            }
            Operation::Requeue { service, command } => {
                self.text(&engine.requeue(service, &self.command(*command)).await.unwrap())
            }
            Operation::Discard { service, command } => {
                self.text(&engine.discard(service, &self.command(*command)).await.unwrap())
            }
            Operation::Command(command) => self.text(&engine.command(&self.command(*command)).await.unwrap()),
            Operation::Read { after, limit } => {
                self.text(&engine.read(&self.checkpoint(*after), *limit).await.unwrap())
            }
            Operation::Hold { role, holder, lasts } => {
                let lease = if *lasts { LEASE } else { Duration::ZERO };
                self.text(&engine.hold(role, holder, lease).await.unwrap())
            }
            Operation::LetGo { role, holder } => self.text(&engine.let_go(role, holder).await.unwrap()),
            Operation::Everything => self.everything().await,
        }
    }

    async fn everything(&self) -> String {
        let engine = &self.engine;
        let queues = (engine.queues(&SERVICES).await.unwrap(), engine.dead_letters(&SERVICES).await.unwrap());
        let log = engine.read(&Checkpoint::default(), usize::MAX).await.unwrap();
        let consumers = (engine.checkpoints().await.unwrap(), engine.parked(None, usize::MAX).await.unwrap());
        let parked = (engine.parked_count().await.unwrap(), engine.unparked(None, usize::MAX).await.unwrap());
        let retries = engine.to_retry("saga/crm").await.unwrap();
        self.text(&(engine.head().await.unwrap(), log, queues, consumers, parked, retries))
    }

    async fn commit(&mut self, changes: &[Change]) -> String {
        let commits: Vec<_> = changes.iter().map(|change| self.change(change)).collect();
        let mut answers = self.engine.commit(&commits).await.unwrap();
        for (answer, commit) in answers.iter_mut().zip(&commits) {
            match answer {
                Ok(Committed { positions, head }) => {
                    self.positions.extend(positions.iter());
                    self.epoch = head.epoch.clone();
                }
                // Which of several changes is told of is the engine's choice.
                Err(Refused::Stale { read, .. }) => *read = commit.expect.reads[0].clone(),
                // The last position may be one that the commit itself would have assigned, by the clock.
                Err(Refused::OutOfOrder { last, .. }) if !self.positions.contains(last) => *last = Position::MAX,
                Err(_) => {}
            }
        }
        self.text(&answers)
    }

    fn change(&mut self, change: &Change) -> Commit {
        let reads = change.reads.iter().map(|(topic, text)| Read::of(*topic, text)).collect();
        let expect = Expect {
            as_of: self.checkpoint(change.as_of).position,
            reads,
            except: change.except.map(ToOwned::to_owned),
            head: change.head.map(|head| self.checkpoint(head).number),
        };
        let outcome = |is_done| match is_done {
            true => Outcome::Done { result: serde_json::json!(["a"]), position: None },
            false => Outcome::Rejected(Rejection::refused("no")),
        };
        let settle = change.settle.and_then(|(claim, is_done)| {
            Some(Settlement { token: wrapped(&self.claims, claim)?.clone(), outcome: outcome(is_done) })
        });
        let advance = change.advance.map(|(consumer, holder, from, to)| Advance {
            consumer: consumer.into(),
            holder: match holder {
                (true, name) => Holder::Taking(name.into()),
                (false, name) => Holder::Holding(name.into()),
            },
            from: self.checkpoint(from),
            to: self.checkpoint(to),
        });
        let park = change.park.map(|((consumer, topic, ms), retry)| Parked {
            consumer: consumer.into(),
            topic: topic.into(),
            position: Position::new(ms, 7),
            reason: "r".into(),
            attempts: 1 + u32::from(retry),
            since_ms: ms,
            retry,
        });
        let unpark = change.unpark.map(|(consumer, topic, ms)| ParkedId {
            consumer: consumer.into(),
            topic: topic.into(),
            position: Position::new(ms, 7),
        });
        Commit {
            expect,
            append: change.append.iter().map(draft).collect(),
            enqueue: change.enqueue.iter().map(|enqueued| self.enqueue(enqueued)).collect(),
            settle,
            advance,
            unpark: unpark.into_iter().collect(),
            park: park.into_iter().collect(),
        }
    }

    fn enqueue(&mut self, enqueued: &Enqueued) -> Enqueue {
        self.commands += 1;
        let command = testkit::command(&format!("k{}", self.commands), "cart", Intent::Delete { id: "c".into() });
        let idempotency =
            enqueued.idempotency.map(|(key, print)| Idempotency { key: key.into(), fingerprint: print.into() });
        Enqueue { command, service: enqueued.service.into(), idempotency }
    }

    fn command(&self, index: usize) -> String {
        format!("k{}", index % (self.commands as usize + 1))
    }

    /// Where the log stood after this many events.
    fn checkpoint(&self, ordinal: usize) -> Checkpoint {
        match ordinal % (self.positions.len() + 1) {
            0 => Checkpoint::default(),
            ordinal => Checkpoint {
                epoch: self.epoch.clone(),
                position: self.positions[ordinal - 1],
                number: Number(ordinal as u64),
            },
        }
    }

    /// An answer with ordinals for positions, and without what chance and clocks make.
    fn text(&self, answer: &impl Debug) -> String {
        let text = format!("{answer:?}").replace(&format!("{:?}", self.epoch), "Epoch");
        let mut text = text
            .split("now_ms: ")
            .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()))
            .fold(String::new(), |all, part| all + part);
        for (index, position) in self.positions.iter().enumerate() {
            text = text.replace(&format!("{position:?}"), &format!("#{}", index + 1));
        }
        text
    }
}

fn draft(appended: &Appended) -> Draft {
    let Appended { topic, about, handler, command, keep } = appended;
    let meta = Meta { handler: handler.map(Into::into), command: command.then(|| "c".into()), ..Meta::default() };
    Draft {
        topic: (*topic).into(),
        id: "e".into(),
        action: CREATED.into(),
        data: format!("{{\"id\":\"{about}\"}}"),
        meta: (meta != Meta::default()).then_some(meta),
        keep: keep.map(|keep| match keep {
            Keep::Foreign(ms) => Position::new(ms, 3),
            Keep::Ahead => Position::new(9_999_999_999_999, 0),
        }),
    }
}

fn wrapped<T>(all: &[T], index: usize) -> Option<&T> {
    all.get(index.checked_rem(all.len())?)
}
