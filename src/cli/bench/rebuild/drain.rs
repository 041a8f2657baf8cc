//! The ceiling of reading: the streams taken off the socket and thrown away.
//!
//! The next page is asked for before the last has arrived, which takes knowing where it begins: a first pass,
//! which is not timed, finds out where pages end and how long they are.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    sync::Arc,
    time::{Duration, Instant},
};

use kernel::Position;
use redis::ConnectionAddr;
use runtime::{Namespace, wire::Page};

use super::super::{super::failure::Failure, scratch::Server};

/// How many entries a page has: whichever of these is the faster is the ceiling.
const PAGES: [usize; 3] = [1_000, 2_000, 5_000];

/// How many bytes are read at once.
const BUFFER: usize = 256 << 10;

/// The streams as they are drained.
#[derive(Debug)]
pub(super) struct Drain {
    pub(super) events: u64,
    pub(super) bytes: u64,
    /// The best number of entries in a page.
    pub(super) page: usize,
    info: redis::ConnectionInfo,
    requests: Vec<Request>,
}

/// A page of a stream: the request for it, and how long the answer is.
#[derive(Debug)]
struct Request {
    ask: Vec<u8>,
    length: usize,
}

impl Drain {
    /// Looks at the streams of a namespace.
    pub(super) async fn of(server: &Server, namespace: &Namespace, topics: &[&str]) -> Result<Arc<Self>, Failure> {
        let info = server.client().await?.get_connection_info().clone();
        let streams: Vec<_> = topics.iter().map(|topic| format!("{}events:{topic}", namespace.prefix())).collect();
        blocking(move || best(&info, &streams).map(Arc::new)).await
    }

    /// Drains them once.
    pub(super) async fn once(self: &Arc<Self>) -> Result<Duration, Failure> {
        let drain = self.clone();
        blocking(move || drain.take()).await
    }

    fn take(&self) -> std::io::Result<Duration> {
        let began = Instant::now();
        take(&mut *connect(&self.info)?, &self.requests)?;
        Ok(began.elapsed())
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Failure::failed(format!("the drain died: {error}")))?;
    done.map_err(|error| Failure::failed(format!("the drain failed: {error}")))
}

fn best(info: &redis::ConnectionInfo, streams: &[String]) -> std::io::Result<Drain> {
    let mut best: Option<(Duration, Drain)> = None;
    for page in PAGES {
        let (requests, events) = look(&mut *connect(info)?, streams, page)?;
        let bytes = requests.iter().map(|request| request.length as u64).sum();
        let drain = Drain { events, bytes, page, info: info.clone(), requests };
        let took = drain.take()?.min(drain.take()?);
        if best.as_ref().is_none_or(|(best, _)| took < *best) {
            best = Some((took, drain));
        }
    }
    best.map(|(_, drain)| drain).ok_or_else(|| std::io::Error::other("no page size was measured"))
}

/// Takes all pages, two under way at a time.
fn take(socket: &mut dyn Socket, requests: &[Request]) -> std::io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    let mut ahead = requests.iter();
    for request in ahead.by_ref().take(2) {
        socket.write_all(&request.ask)?;
    }
    for request in requests {
        let mut left = request.length;
        while left > 0 {
            let most = left.min(BUFFER);
            let count = socket.read(&mut buffer[..most])?;
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            left -= count;
        }
        if let Some(next) = ahead.next() {
            socket.write_all(&next.ask)?;
        }
    }
    Ok(())
}

/// Finds out which pages there are.
fn look(socket: &mut dyn Socket, streams: &[String], count: usize) -> std::io::Result<(Vec<Request>, u64)> {
    let (mut requests, mut events) = (Vec::new(), 0);
    let mut page = Page::default();
    for stream in streams {
        let mut from = Position::ZERO;
        loop {
            let mut ask = redis::cmd("XRANGE");
            ask.arg(stream).arg(from.to_string()).arg("+").arg("COUNT").arg(count);
            let ask = ask.get_packed_command();
            socket.write_all(&ask)?;
            page.clear();
            loop {
                let count = socket.read(page.room())?;
                if count == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                if page.arrived(count).map_err(std::io::Error::other)? {
                    break;
                }
            }
            requests.push(Request { ask, length: page.size() });
            events += page.len() as u64;
            match page.len().checked_sub(1).and_then(|last| page.position(last)) {
                Some(last) if page.len() == count => from = last.successor(),
                Some(_) | None => break,
            }
        }
    }
    Ok((requests, events))
}

trait Socket: Read + Write {}

impl Socket for TcpStream {}

impl Socket for UnixStream {}

fn connect(info: &redis::ConnectionInfo) -> std::io::Result<Box<dyn Socket>> {
    let settings = info.redis_settings();
    let mut socket: Box<dyn Socket> = match info.addr() {
        ConnectionAddr::Tcp(host, port) => {
            let socket = TcpStream::connect((host.as_str(), *port))?;
            socket.set_nodelay(true)?;
            Box::new(socket)
        }
        ConnectionAddr::Unix(path) => Box::new(UnixStream::connect(path)?),
        ConnectionAddr::TcpTls { .. } | _ => return Err(std::io::Error::other("only plain connections are measured")),
    };
    let mut greetings = Vec::new();
    if let Some(password) = settings.password() {
        let mut login = redis::cmd("AUTH");
        settings.username().into_iter().for_each(|user| {
            login.arg(user);
        });
        login.arg(password);
        greetings.push(login);
    }
    if settings.db() != 0 {
        let mut select = redis::cmd("SELECT");
        select.arg(settings.db());
        greetings.push(select);
    }
    for greeting in greetings {
        socket.write_all(&greeting.get_packed_command())?;
        let mut answer = [0; 5];
        socket.read_exact(&mut answer)?;
        if &answer != b"+OK\r\n" {
            return Err(std::io::Error::other("the server refuses the login"));
        }
    }
    Ok(socket)
}
