//! Starts roles over one store and ends them in good order.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use clap::{Args, ValueEnum};
use gateway::{AccessToken, Gateway, Scope, Settings, UnfitToken};
use kernel::Domain;
use projector::{
    ReadModel,
    timeline::{Retention, Timeline},
};
use runtime::{Engine, StoreError, StoreUrl, Tail, host};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    descriptors, exit,
    failure::Failure,
    secret::Secret,
    store::{DurabilityArgs, StoreArgs},
    timeline::KeepArgs,
};

/// How long roles may take to end once they are told to.
const GRACE: Duration = Duration::from_secs(10);

/// After how long it is looked whether a timeline that could not be kept can be now.
const MENDING: Duration = Duration::from_secs(60);

/// How long the read model may take to catch up before that is worth a line.
const QUICK: Duration = Duration::from_secs(1);

/// What to do about a log that has lost events.
const WAY_OUT: &str = "`retrace audit` tells what is missing; where that is its end, `retrace rebuild` makes the read model \
                       anew from what is left, and where it is anything before, only a backup brings it back";

/// A part of the system that can run in a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Role {
    /// HTTP, WebSocket and web UI
    Gateway,
    /// Every service of the domain: takes commands
    Services,
    /// Every saga of the domain: reacts to events
    Sagas,
    /// Keeps the read model at the head of the log
    Projector,
}

/// Every role.
pub(super) const ALL: [Role; 4] = [Role::Gateway, Role::Services, Role::Sagas, Role::Projector];

/// How the gateway is reached.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Gateway")]
pub(super) struct ListenArgs {
    /// Where the gateway listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    pub(super) listen: SocketAddr,
    /// Token that clients must send as "Authorization: Bearer …"; one is needed to listen beyond this machine.
    /// This one lets them do everything; each kind of token may be repeated
    #[arg(long = "token", env = "RETRACE_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    tokens: Vec<Secret>,
    /// Token that lets its bearer look at everything but dead letters and parked entries, and send commands
    #[arg(long = "command-token", env = "RETRACE_COMMAND_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    command_tokens: Vec<Secret>,
    /// Token that lets its bearer look at everything but dead letters and parked entries, and change nothing
    #[arg(long = "read-token", env = "RETRACE_READ_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    read_tokens: Vec<Secret>,
    /// Host name that clients may use besides this machine's own; may be repeated
    #[arg(long = "allow-host", value_name = "NAME")]
    pub(super) hosts: Vec<String>,
}

impl ListenArgs {
    fn settings(&self) -> Result<Settings, Failure> {
        let tokens = self.tokens()?;
        // What is under way is brought to an end before the roles' own grace time runs out.
        let settings = Settings { grace: GRACE * 2 / 3, tokens, hosts: self.hosts.clone(), ..Settings::default() };
        settings.check_bind(self.listen).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(settings)
    }

    /// Who may do what.
    fn tokens(&self) -> Result<Vec<AccessToken>, Failure> {
        use Scope::{Admin, Command, Read};
        let kinds: [(_, _, _, &[Scope]); 3] = [
            ("--token", "RETRACE_TOKEN", &self.tokens, &[Read, Command, Admin]),
            ("--command-token", "RETRACE_COMMAND_TOKEN", &self.command_tokens, &[Read, Command]),
            ("--read-token", "RETRACE_READ_TOKEN", &self.read_tokens, &[Read]),
        ];
        let mut known = BTreeMap::new();
        let mut tokens = Vec::new();
        for (option, variable, secrets, scopes) in kinds {
            for Secret(secret) in secrets {
                if let Some(other) = known.insert(secret, option) {
                    let message = format!("a token of {option} is one of {other} too; let them differ");
                    return Err(Failure::usage(message));
                }
                let token = AccessToken::new(secret, scopes.iter().copied()).map_err(|error| {
                    let way_out = match error {
                        UnfitToken::Empty => format!("; give one, or leave {option} and {variable} out"),
                        UnfitToken::Unsendable(_) | UnfitToken::Spaced => String::new(),
                    };
                    Failure::usage(format!("the token of {option} {error}{way_out}"))
                })?;
                tokens.push(token);
            }
        }
        Ok(tokens)
    }

    async fn bind(&self) -> Result<TcpListener, Failure> {
        descriptors::take_all();
        let failure = |error| {
            let in_use = std::io::Error::kind(&error) == std::io::ErrorKind::AddrInUse;
            let hint = if in_use { "; another program listens there, choose another with --listen" } else { "" };
            Failure::failed(format!("can't listen on {}: {error}{hint}", self.listen))
        };
        TcpListener::bind(self.listen).await.map_err(failure)
    }
}

/// Runs `roles` until told to stop by a signal, or until one of them can't go on.
pub(super) async fn run(
    domain: Arc<Domain>,
    roles: &BTreeSet<Role>,
    store: &StoreArgs,
    durability: DurabilityArgs,
    listen: &ListenArgs,
    keep: &KeepArgs,
) -> Result<(), Failure> {
    let url = store.url(&domain)?;
    if let StoreUrl::History(path) = &url {
        return Err(Failure::usage(format!("{} is a history; import it into a store to run on it", path.display())));
    }
    if roles.len() < ALL.len() && !matches!(url, StoreUrl::Redis(_)) {
        let message =
            format!("{url} serves one process; roles of their own need --store redis://…, or run `retrace up`");
        return Err(Failure::usage(message));
    }
    let settings = listen.settings()?;
    let mut signals = Signals::watched()?;
    let listener = if roles.contains(&Role::Gateway) { Some(listen.bind().await?) } else { None };
    let engine = store.open(&domain, durability).await?;
    let head = engine.head().await?;
    let has_model = roles.contains(&Role::Projector) || roles.contains(&Role::Gateway);
    let model = if has_model { Some(model(&url, store, &engine).await?) } else { None };
    let (tail, following) = Tail::follow(engine.clone()).await.map_err(with_way_out)?;
    let stop = CancellationToken::new();
    // What was asked of the gateway is answered before those end who do it.
    let front = if listener.is_some() { stop.child_token() } else { stop.clone() };
    let mut tasks = JoinSet::new();
    let follower = following.abort_handle();
    tasks.spawn(until_stopped(following, stop.clone()));
    if roles.contains(&Role::Services) {
        let services = domain.services().into_iter().map(str::to_owned).collect();
        let services = host::services::run(domain.clone(), tail.clone(), services, stop.clone());
        tasks.spawn(async move { services.await.map_err(|error| stopped("services", error)) });
    }
    if roles.contains(&Role::Sagas) {
        let sagas = host::sagas::run(domain.clone(), tail.clone(), stop.clone());
        tasks.spawn(async move { sagas.await.map_err(Failure::from) });
    }
    if let Some(model) = model {
        if roles.contains(&Role::Projector) {
            let projector = projector::live::run(domain.clone(), tail.clone(), model.clone(), stop.clone());
            tasks.spawn(async move { projector.await.map_err(|error| stopped("projector", error)) });
        }
        if let Some(listener) = listener {
            let (timeline, is_kept) = keep.open(store, &domain, &engine).await?;
            if is_kept {
                tasks.spawn(remember(timeline.clone(), tail.clone(), keep.retention(), stop.clone()));
            }
            let gateway = Gateway::new(domain.clone(), engine.clone(), tail, model.clone(), timeline, settings);
            let gateway = gateway.map_err(|error| Failure::failed(error.to_string()))?;
            let first = roles.contains(&Role::Projector).then(|| (model, head.clone()));
            let (domain, engine, front) = (domain.clone(), engine.clone(), front.clone());
            let (head, others) = (head.clone(), stop.clone().drop_guard());
            let what = if roles.len() == ALL.len() { "is".to_owned() } else { format!("{} is", named(roles)) };
            tasks.spawn(async move {
                let _others = others;
                if let Some((model, head)) = first {
                    catch_up(&model, &head, &front).await?;
                }
                announce(&domain, &what, &listener, &engine, &head)?;
                let served = gateway::serve(listener, gateway, front).await;
                served.map_err(|error| Failure::failed(format!("gateway: {error}")))
            });
        }
    }
    if !roles.contains(&Role::Gateway) {
        let (url, durability) = (engine.url(), engine.durability());
        talk!("{}: {} at work on {url} ({}; durability {durability})", domain.name(), named(roles), holds(&head));
    }
    let ended = attend(&mut tasks, (&front, &stop), &mut signals).await;
    follower.abort();
    let closed = engine.close().await;
    ended.map_err(with_way_out).and(closed.map_err(Failure::from))
}

/// The read model of the log. R3: nobody is answered from rows that the log does not go on from.
async fn model(url: &StoreUrl, store: &StoreArgs, engine: &Engine) -> Result<ReadModel, Failure> {
    let model = ReadModel::open(url, &store.namespace()).await?;
    let checkpoint = model.state().await?.checkpoint;
    let astray = |failure: Failure| Failure::new(failure.code, format!("{}: {failure}", model.place()));
    engine.continues_from(&checkpoint).await.map_err(|error| with_way_out(astray(error.into())))?;
    Ok(model)
}

/// A failure that says how to go on where the log has lost events.
fn with_way_out(failure: impl Into<Failure>) -> Failure {
    let failure = failure.into();
    match failure.code {
        exit::DIFFERENT => Failure::new(failure.code, format!("{failure}; {WAY_OUT}")),
        _ => failure,
    }
}

/// Waits until following the log can't go on, or nobody needs it any more.
async fn until_stopped(following: JoinHandle<StoreError>, stop: CancellationToken) -> Result<(), Failure> {
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        ended = following => {
            ended.map_or_else(|error| Err(Failure::failed(error.to_string())), |error| Err(error.into()))
        }
    }
}

/// Keeps the timeline. Without it everything else goes on, and what is asked of the past is told from the log.
async fn remember(
    timeline: Timeline,
    tail: Tail,
    retention: Retention,
    stop: CancellationToken,
) -> Result<(), Failure> {
    while !stop.is_cancelled() {
        // What ends it is logged where it happens. Somebody may mend it.
        let _ = timeline.keep(&tail, retention, &stop).await;
        let _ = tokio::time::timeout(MENDING, stop.cancelled()).await;
    }
    Ok(())
}

fn stopped(role: &str, error: StoreError) -> Failure {
    let failure = Failure::from(error);
    Failure::new(failure.code, format!("{role} stopped: {failure}"))
}

/// Waits until the read model shows what the log held at the start, so that no first answer is half of it.
async fn catch_up(model: &ReadModel, head: &kernel::Checkpoint, stop: &CancellationToken) -> Result<(), Failure> {
    while !stop.is_cancelled() {
        let behind = match model.reached(head.position, QUICK).await {
            Ok(true) => break,
            Ok(false) => model.state().await.map(|state| head.number.0.saturating_sub(state.checkpoint.number.0)),
            Err(error) => Err(error),
        };
        match behind {
            Ok(behind) => talk!("the read model catches up: {behind} of {} events to go", head.number),
            // It is no reason to end that the store goes away just now.
            Err(error) if error.is_transient() => {
                talk!("the read model waits: {error}");
                let _ = tokio::time::timeout(QUICK, stop.cancelled()).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn announce(
    domain: &Domain,
    what: &str,
    listener: &TcpListener,
    engine: &Engine,
    head: &kernel::Checkpoint,
) -> Result<(), Failure> {
    let address = listener.local_addr().map_err(|error| Failure::failed(format!("no address: {error}")))?;
    talk!("{} {what} up", domain.name());
    talk!("  listening on  http://{address}");
    talk!("  data in       {} ({})", engine.url(), holds(head));
    talk!("  durability    {}", engine.durability());
    talk!("  stop with     Ctrl-C");
    Ok(())
}

/// The names of roles, as the command line has them.
fn named(roles: &BTreeSet<Role>) -> String {
    let names: Vec<_> = roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
    names.join(", ")
}

/// How much a log holds, in words.
fn holds(head: &kernel::Checkpoint) -> String {
    match head.number.0 {
        0 => "empty, waiting for its first event".to_owned(),
        1 => "1 event so far".to_owned(),
        count => format!("{count} events so far"),
    }
}

/// What asks this process to stop: SIGTERM, or Ctrl-C.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn watched() -> Result<Self, Failure> {
        let watch = |kind| signal(kind).map_err(|error| Failure::failed(format!("can't watch for signals: {error}")));
        Ok(Self { terminate: watch(SignalKind::terminate())?, interrupt: watch(SignalKind::interrupt())? })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Waits for a signal or for the first role to end, then for all of them within the grace time.
///
/// A signal ends the front first, which ends the rest; a role that ends by itself ends all at once.
async fn attend(
    tasks: &mut JoinSet<Result<(), Failure>>,
    (front, stop): (&CancellationToken, &CancellationToken),
    signals: &mut Signals,
) -> Result<(), Failure> {
    let mut result = Ok(());
    let is_told = tokio::select! {
        () = signals.next() => true,
        Some(ended) = tasks.join_next() => {
            result = flatten(ended);
            false
        }
    };
    if is_told {
        front.cancel();
    } else {
        stop.cancel();
    }
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            let ended = flatten(ended);
            if result.is_ok() {
                result = ended;
            }
        }
        result
    };
    tokio::select! {
        ended = tokio::time::timeout(GRACE, all) => ended.unwrap_or_else(|_| {
            Err(Failure::failed(format!("not everything ended within {} s; what was claimed is handed back later", GRACE.as_secs())))
        }),
        () = again(signals, is_told) => Err(Failure::failed("stopped at once, by a second signal")),
    }
}

/// Waits for the second signal.
async fn again(signals: &mut Signals, is_told: bool) {
    if !is_told {
        signals.next().await;
    }
    signals.next().await;
}

fn flatten(ended: Result<Result<(), Failure>, tokio::task::JoinError>) -> Result<(), Failure> {
    ended.unwrap_or_else(|error| Err(Failure::failed(format!("a role died: {error}"))))
}
