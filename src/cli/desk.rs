//! Where dead letters and parked entries are worked on: at the store, or through the gateway of whoever holds it.

use jiff::Timestamp;
use kernel::{Command, Domain, Intent, Method, Position};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use projector::parked::{self, ParkedError};
use runtime::{Engine, Listing, Parked, ParkedId, QueueStatus, Queued, Standing, StoreError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    exit,
    failure::Failure,
    http_client::{Answer, Client, Target},
    secret::Secret,
    store::{DurabilityArgs, StoreArgs},
};

/// How many things are asked for at a time.
pub(super) const PAGE: usize = 500;

/// Which queues and parked entries a subcommand is about.
#[derive(Debug, clap::Args)]
pub(super) struct DeskArgs {
    /// Ask the gateway there, rather than the store: the way into an embedded store that a process holds
    #[arg(long, value_name = "URL", conflicts_with_all = ["store", "data", "namespace"])]
    url: Option<Target>,
    /// Token to show the gateway; it needs the scope admin
    #[arg(long, env = "RETRACE_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<Secret>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    durability: DurabilityArgs,
}

/// A store, or a gateway.
#[derive(Debug)]
pub(super) enum Desk {
    Store(Engine),
    Gateway(Client, Target),
}

/// A command that failed every attempt.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Letter {
    #[serde(default)]
    pub(super) service: String,
    pub(super) id: String,
    pub(super) attempts: u32,
    pub(super) error: Option<String>,
    pub(super) topic: Option<String>,
    pub(super) intent: Option<String>,
}

/// An entry that a consumer has set aside.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Aside {
    pub(super) consumer: String,
    pub(super) topic: String,
    pub(super) position: Position,
    pub(super) reason: String,
    pub(super) attempts: u32,
    /// When, as RFC 3339.
    pub(super) since: Option<String>,
    pub(super) retry: bool,
}

impl DeskArgs {
    /// To look only: an embedded store may be in use.
    pub(super) async fn open_to_look(self, domain: &Domain) -> Result<Desk, Failure> {
        match self.url {
            Some(url) => Ok(Desk::gateway(url.with_token(self.token.map(|Secret(token)| token)))),
            None => Ok(Desk::Store(self.store.open_existing(domain).await?)),
        }
    }

    /// To change something.
    pub(super) async fn open_to_act(self, domain: &Domain) -> Result<Desk, Failure> {
        if let Some(url) = self.url {
            return Ok(Desk::gateway(url.with_token(self.token.map(|Secret(token)| token))));
        }
        // A store that is not there is not made.
        self.store.open_existing(domain).await?.close().await?;
        match self.store.open(domain, self.durability).await {
            Ok(engine) => Ok(Desk::Store(engine)),
            Err(failure) => Err(failure.with(|message| match message.contains(" is in use by ") {
                true => format!("{message}; ask its gateway, with --url http://HOST:PORT"),
                false => message,
            })),
        }
    }
}

impl Desk {
    fn gateway(target: Target) -> Self {
        Self::Gateway(Client::new(target.clone()), target)
    }

    /// How full the queues of services are.
    pub(super) async fn queues(&mut self, domain: &Domain) -> Result<Vec<QueueStatus>, Failure> {
        match self {
            Self::Store(engine) => Ok(engine.queues(&domain.services()).await?),
            Self::Gateway(client, target) => found(client, target, Method::Get, "/api/v1/queues").await,
        }
    }

    /// Dead letters of a service behind one; and how many it has in all.
    pub(super) async fn dead(
        &mut self,
        service: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Letter>, u64), Failure> {
        #[derive(Deserialize)]
        struct Page {
            dead: u64,
            commands: Vec<Letter>,
        }
        let (mut letters, count) = match self {
            Self::Store(engine) => {
                let listing = Listing { only: Some(Standing::Dead), after, limit };
                let listed = engine.listed(service, &listing).await?;
                (listed.commands.into_iter().map(Letter::of).collect(), listed.status.dead)
            }
            Self::Gateway(client, target) => {
                let after = after.map(|after| format!("&after={}", encoded(&after))).unwrap_or_default();
                let path = format!("/api/v1/queues/{}?state=dead&limit={limit}{after}", encoded(service));
                let page: Page = found(client, target, Method::Get, &path).await?;
                (page.commands, page.dead)
            }
        };
        letters.iter_mut().for_each(|letter: &mut Letter| service.clone_into(&mut letter.service));
        Ok((letters, count))
    }

    /// Puts a dead letter back into its queue.
    pub(super) async fn requeue(&mut self, service: &str, command: &str) -> Result<(), Failure> {
        match self {
            Self::Store(engine) => there(engine.requeue(service, command).await, service, command),
            Self::Gateway(client, target) => {
                let path = format!("/api/v1/queues/{}/dead/{}/requeue", encoded(service), encoded(command));
                found::<Value>(client, target, Method::Post, &path).await.map(drop)
            }
        }
    }

    /// Drops a dead letter for good.
    pub(super) async fn drop_dead(&mut self, service: &str, command: &str) -> Result<(), Failure> {
        match self {
            Self::Store(engine) => there(engine.discard(service, command).await, service, command),
            Self::Gateway(client, target) => {
                let path = format!("/api/v1/queues/{}/dead/{}", encoded(service), encoded(command));
                found::<Value>(client, target, Method::Delete, &path).await.map(drop)
            }
        }
    }

    /// What is set aside behind an entry; and how much is in all.
    pub(super) async fn parked(
        &mut self,
        after: Option<&ParkedId>,
        limit: usize,
    ) -> Result<(Vec<Aside>, u64), Failure> {
        #[derive(Deserialize)]
        struct Page {
            count: u64,
            entries: Vec<Aside>,
        }
        match self {
            Self::Store(engine) => {
                let entries = engine.parked(after, limit).await?;
                Ok((entries.into_iter().map(Aside::of).collect(), engine.parked_count().await?))
            }
            Self::Gateway(client, target) => {
                let after = after.map(|after| format!("&after={}", encoded(&after.name()))).unwrap_or_default();
                let path = format!("/api/v1/parked?limit={limit}{after}");
                let page: Page = found(client, target, Method::Get, &path).await?;
                Ok((page.entries, page.count))
            }
        }
    }

    /// Has an entry tried again.
    pub(super) async fn retry(&mut self, domain: &Domain, id: &ParkedId) -> Result<(), Failure> {
        match self {
            Self::Store(engine) => Ok(parked::retry(domain, engine, id).await?),
            Self::Gateway(client, target) => {
                found::<Value>(client, target, Method::Post, &format!("{}/retry", path(id))).await.map(drop)
            }
        }
    }

    /// Drops an entry for good.
    pub(super) async fn drop_parked(&mut self, id: &ParkedId) -> Result<(), Failure> {
        match self {
            Self::Store(engine) => Ok(parked::discard(engine, id).await?),
            Self::Gateway(client, target) => found::<Value>(client, target, Method::Delete, &path(id)).await.map(drop),
        }
    }

    pub(super) async fn close(self) -> Result<(), Failure> {
        match self {
            Self::Store(engine) => Ok(engine.close().await?),
            Self::Gateway(..) => Ok(()),
        }
    }
}

fn path(ParkedId { consumer, position, topic }: &ParkedId) -> String {
    format!("/api/v1/parked/{}/{}/{position}", encoded(consumer), encoded(topic))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn there(found: Result<bool, StoreError>, service: &str, command: &str) -> Result<(), Failure> {
    if found? {
        return Ok(());
    }
    Err(Failure::new(exit::NOT_FOUND, format!("{service} has no dead letter {command}")))
}

/// What a gateway answers, if it does what it was asked for.
async fn found<T: DeserializeOwned>(
    client: &mut Client,
    target: &Target,
    method: Method,
    path: &str,
) -> Result<T, Failure> {
    #[derive(Deserialize)]
    struct Told<T> {
        result: T,
    }
    let Answer { status, body } = client.send(method, path, None).await?;
    let said = || {
        let document: Option<Value> = serde_json::from_slice(&body).ok();
        let error = document.as_ref().and_then(|told| told["error"].as_str()).map(ToOwned::to_owned);
        error.unwrap_or_else(|| format!("the gateway at {target} answered {status}"))
    };
    let code = match status {
        200 => {
            let told: Result<Told<T>, _> = serde_json::from_slice(&body);
            let unread = |error| Failure::failed(format!("what answers at {target} is no Retrace gateway: {error}"));
            return Ok(told.map_err(unread)?.result);
        }
        401 | 403 => {
            let message = format!("the gateway at {target} does not let us in: {}; see --token", said());
            return Err(Failure::failed(message));
        }
        404 => exit::NOT_FOUND,
        502..=504 => exit::UNAVAILABLE,
        _ => exit::FAILED,
    };
    Err(Failure::new(code, said()))
}

impl Letter {
    fn of(queued: Queued) -> Self {
        let command: Option<Command> = serde_json::from_str(&queued.body).ok();
        let intent = command.as_ref().map(|command| match command.intent {
            Intent::Create(_) => "create",
            Intent::Update { .. } => "update",
            Intent::Delete { .. } => "delete",
            Intent::Record(_) => "record",
        });
        Self {
            service: String::new(),
            id: queued.id,
            attempts: queued.failed,
            error: queued.error,
            intent: intent.map(ToOwned::to_owned),
            topic: command.map(|command| command.topic),
        }
    }
}

impl Aside {
    fn of(parked: Parked) -> Self {
        let Parked { consumer, topic, position, reason, attempts, since_ms, retry } = parked;
        let since = i64::try_from(since_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let since = since.map(|since| since.to_string());
        Self { consumer, topic, position, reason, attempts, since, retry }
    }

    pub(super) fn id(&self) -> ParkedId {
        ParkedId { consumer: self.consumer.clone(), position: self.position, topic: self.topic.clone() }
    }
}

impl From<ParkedError> for Failure {
    fn from(error: ParkedError) -> Self {
        match error {
            ParkedError::Store(error) => error.into(),
            ParkedError::NotParked(_) => Self::new(exit::NOT_FOUND, error.to_string()),
            ParkedError::Rebuild(_) | ParkedError::Unreadable { .. } | ParkedError::NoSaga(_) => {
                Self::failed(error.to_string())
            }
        }
    }
}
