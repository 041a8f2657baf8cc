//! What a server must be for a log to be safe with it, looked at when the log is opened.

use std::{collections::HashMap, num::NonZeroU8};

use redis::{
    Pipeline, Value,
    aio::{ConnectionLike as _, MultiplexedConnection},
    from_redis_value,
};

use super::{
    confirm::Confirm,
    connect::{Server, Shared},
    fault,
};
use crate::{Durability, StoreError};

/// Commands that not every server that speaks the protocol has.
const NEEDED: &[&str] = &["BLMOVE", "LMOVE", "LPOS", "SMISMEMBER", "EVALSHA", "XADD", "XINFO", "XRANGE", "XREAD"];

/// What a server tells of itself; nothing where it does not let this user ask.
#[derive(Debug, Default)]
struct Told {
    info: HashMap<String, String>,
    /// `appendfsync`.
    syncs: Option<String>,
    /// `no-appendfsync-on-rewrite`: whether it does not sync while a child of it writes a snapshot or a new file.
    pauses: Option<String>,
    /// `save`: when it makes snapshots; empty for never.
    saves: Option<String>,
    /// Those of [`NEEDED`] that it does not have.
    missing: Vec<&'static str>,
}

/// Refuses a server that a log would not be safe with, or that can't keep what `durability` promises; tells who must
/// confirm what is written.
pub(super) async fn check(server: &Shared, durability: Durability) -> Result<Option<Confirm>, StoreError> {
    let mut questions = questions();
    questions.cmd("COMMAND").arg("INFO").arg(NEEDED);
    let told = Told::read(&server.server.url, server.send_all(&questions).await?)?;
    told.check(&server.server)?;
    let unusable = |reason| StoreError::Unusable { url: server.server.url.clone(), reason };
    let confirm = match durability {
        Durability::Local => Ok(None),
        Durability::Fsync => told.check_syncs().map(|()| None),
        Durability::Replicated(replicas) => told.check_replicas(replicas),
    };
    let confirm = confirm.map_err(unusable)?;
    if confirm.is_none()
        && let Some(warning) = told.warning()
    {
        tracing::warn!(url = %server.server.url, "{warning}");
    }
    Ok(confirm)
}

/// Refuses a server that does not sync to its disk before it answers.
pub(super) async fn syncs(server: &Server, connection: &mut MultiplexedConnection) -> Result<(), StoreError> {
    let questions = questions();
    let answers = connection.req_packed_commands(&questions, 0, questions.len()).await;
    let told = Told::read(&server.url, answers.map_err(|error| fault::of(&server.url, &error))?)?;
    told.check_syncs().map_err(|reason| StoreError::Unusable { url: server.url.clone(), reason })
}

fn questions() -> Pipeline {
    let mut questions = Pipeline::with_capacity(5);
    questions.cmd("INFO");
    for setting in ["appendfsync", "no-appendfsync-on-rewrite", "save"] {
        questions.cmd("CONFIG").arg("GET").arg(setting);
    }
    questions
}

impl Told {
    fn read(url: &str, answers: Vec<Value>) -> Result<Self, StoreError> {
        let mut told = Self::default();
        let mut answers = answers.into_iter();
        let mut next = |what: &str| match answers.next() {
            Some(Value::ServerError(error)) => {
                let refused = fault::of_answer(url, &error);
                if refused.is_transient() && !fault::is_unknown_command(&error) {
                    return Err(refused);
                }
                let reason = fault::reason_of(&refused);
                tracing::warn!(url, reason, "the store does not tell {what}; it can't be checked");
                Ok(None)
            }
            answer => Ok(answer),
        };
        if let Some(text) = next("how it is (INFO)")?.and_then(|text| from_redis_value::<String>(text).ok()) {
            let fields = text.lines().filter_map(|line| line.split_once(':'));
            told.info = fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        }
        // Until it is done it says of its append-only file that it writes none.
        if told.field("loading") == Some("1") {
            let reason = "it is still loading its data".to_owned();
            return Err(StoreError::Unavailable { url: url.to_owned(), reason });
        }
        let setting = |answer: Option<Value>| {
            let (_, value) = from_redis_value::<(String, String)>(answer?).ok()?;
            Some(value)
        };
        told.syncs = setting(next("how it writes its append-only file (CONFIG GET appendfsync)")?);
        told.pauses = setting(next("whether it always syncs that (CONFIG GET no-appendfsync-on-rewrite)")?);
        told.saves = setting(next("when it makes snapshots (CONFIG GET save)")?);
        if let Some(Value::Array(known)) = next("its commands (COMMAND INFO)")? {
            let is_known = |index: usize| !matches!(known.get(index), None | Some(Value::Nil));
            told.missing =
                NEEDED.iter().enumerate().filter(|(index, _)| !is_known(*index)).map(|(_, name)| *name).collect();
        }
        Ok(told)
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.info.get(name).map(String::as_str)
    }

    fn check(&self, server: &Server) -> Result<(), StoreError> {
        let unusable = |reason: String| StoreError::Unusable { url: server.url.clone(), reason };
        if self.field("role") == Some("slave") {
            if !server.locator.is_fixed() {
                let reason = "it became a replica at this moment".to_owned();
                return Err(StoreError::Unavailable { url: server.url.clone(), reason });
            }
            let field = |name| self.field(name).unwrap_or("?");
            let master = format!("{}:{}", field("master_host"), field("master_port"));
            return Err(unusable(format!("it is a replica; give the URL of its master, {master}")));
        }
        if self.field("cluster_enabled") == Some("1") && !server.locator.is_cluster() {
            let reason = "it is a node of a cluster; give redis+cluster://HOST:PORT, and a --namespace";
            return Err(unusable(reason.to_owned()));
        }
        if let Some(policy) = self.field("maxmemory_policy").filter(|policy| *policy != "noeviction") {
            let reason = format!("its maxmemory-policy {policy} evicts whole streams; set it to noeviction");
            return Err(unusable(reason));
        }
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(unusable(format!("it does not know {}; Redis 6.2, Valkey 7.2 and later do", self.missing.join(", "))))
    }

    /// What it may lose, where nobody asked for more.
    fn warning(&self) -> Option<&'static str> {
        match (self.field("aof_enabled"), self.saves.as_deref()) {
            (Some("0"), Some("")) => Some(
                "the store keeps nothing on its disk (appendonly no, save \"\"): EVERYTHING IS LOST when it stops; \
                 set appendonly yes",
            ),
            (Some("0"), _) => Some("the store writes no append-only file: events it acknowledges may die with it"),
            _ => None,
        }
    }

    fn check_syncs(&self) -> Result<(), String> {
        const OR: &str = "or choose --durability local";
        match (self.field("aof_enabled"), self.syncs.as_deref(), self.pauses.as_deref()) {
            (Some("1"), Some("always"), Some("no")) => Ok(()),
            (Some("1"), Some("always"), Some(pauses)) => Err(format!(
                "--durability fsync needs no-appendfsync-on-rewrite no, and it has {pauses}; set it with CONFIG SET, {OR}"
            )),
            (Some("1"), Some(syncs), _) if syncs != "always" => Err(format!(
                "--durability fsync needs appendfsync always, and it has {syncs}; set it with CONFIG SET, {OR}"
            )),
            (Some("0"), ..) => Err(format!(
                "--durability fsync needs an append-only file, and it has appendonly no; \
                 set appendonly yes and appendfsync always, {OR}"
            )),
            _ => Err(format!(
                "--durability fsync needs to know appendonly, appendfsync and no-appendfsync-on-rewrite, and it does not \
                 tell; let its user run INFO and CONFIG GET, {OR}"
            )),
        }
    }

    fn check_replicas(&self, wanted: NonZeroU8) -> Result<Option<Confirm>, String> {
        const OR: &str = "or choose --durability local";
        if self.field("connected_slaves").is_none() {
            return Err(format!(
                "--durability replicated:{wanted} needs to know its replicas, and it does not tell; \
                 let its user run INFO, {OR}"
            ));
        }
        let is_online = |(name, value): (&String, &String)| {
            let number = name.strip_prefix("slave").unwrap_or_default();
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) && value.contains("state=online")
        };
        let found = self.info.iter().filter(|field| is_online(*field)).count();
        if found >= usize::from(wanted.get()) {
            return Ok(Some(Confirm(wanted)));
        }
        let wants = if wanted.get() == 1 { "a replica".to_owned() } else { format!("{wanted} replicas") };
        Err(format!("--durability replicated:{wanted} needs {wants}, and {found} are online; connect more, {OR}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that tells this.
    fn told(info: &[(&str, &str)], syncs: Option<&str>, saves: Option<&str>) -> Told {
        let info = info.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let text = |text: Option<&str>| text.map(str::to_owned);
        Told {
            info,
            syncs: text(syncs),
            pauses: syncs.map(|_| "no".to_owned()),
            saves: text(saves),
            missing: Vec::new(),
        }
    }

    #[test]
    fn only_a_server_that_syncs_before_it_answers_promises_fsync() {
        let aof = [("aof_enabled", "1")];
        assert_eq!(told(&aof, Some("always"), None).check_syncs(), Ok(()));
        for syncs in ["everysec", "no"] {
            let expected = format!(
                "--durability fsync needs appendfsync always, and it has {syncs}; \
                 set it with CONFIG SET, or choose --durability local"
            );
            assert_eq!(told(&aof, Some(syncs), None).check_syncs(), Err(expected));
        }
    }

    #[test]
    fn what_is_not_told_is_not_promised() {
        let expected = "--durability fsync needs to know appendonly, appendfsync and no-appendfsync-on-rewrite, \
                        and it does not tell; let its user run INFO and CONFIG GET, or choose --durability local";
        assert_eq!(told(&[("aof_enabled", "1")], None, None).check_syncs(), Err(expected.to_owned()));
        let expected = "--durability replicated:2 needs to know its replicas, and it does not tell; \
                        let its user run INFO, or choose --durability local";
        let two = NonZeroU8::new(2).unwrap();
        assert_eq!(told(&[], None, None).check_replicas(two), Err(expected.to_owned()));
    }

    #[test]
    fn only_replicas_that_are_online_count() {
        let (one, two) = (NonZeroU8::new(1).unwrap(), NonZeroU8::new(2).unwrap());
        let told = told(
            &[
                ("connected_slaves", "2"),
                ("slave0", "ip=127.0.0.1,port=1,state=online,offset=14,lag=0"),
                ("slave1", "ip=127.0.0.1,port=2,state=wait_bgsave,offset=0,lag=0"),
                ("slave_repl_offset", "state=online"),
            ],
            None,
            None,
        );
        assert_eq!(told.check_replicas(one), Ok(Some(Confirm(one))));
        let expected = "--durability replicated:2 needs 2 replicas, and 1 are online; \
                        connect more, or choose --durability local";
        assert_eq!(told.check_replicas(two), Err(expected.to_owned()));
    }

    #[test]
    fn a_server_that_loses_everything_is_warned_of_louder() {
        let warning = |aof, saves| told(&[("aof_enabled", aof)], None, saves).warning();
        assert!(warning("0", Some("")).is_some_and(|warning| warning.contains("EVERYTHING IS LOST")));
        assert!(warning("0", Some("3600 1")).is_some_and(|warning| warning.contains("may die with it")));
        assert_eq!(warning("1", Some("")), None);
    }
}
