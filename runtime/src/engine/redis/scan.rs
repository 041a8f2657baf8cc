//! Scanning the log: a connection for each stream, the next page of it asked for before this one is shown.

use std::{
    io::{Read, Write},
    net::{TcpStream, ToSocketAddrs as _},
    ops::ControlFlow,
    os::unix::net::UnixStream,
    sync::Arc,
    time::Duration,
};

use kernel::Position;
use redis::{Cmd, ConnectionAddr, ConnectionInfo};
use tokio::runtime::Handle;

use super::{Redis, fault};
use crate::{
    StoreError, Visit,
    wire::{Malformed, Page},
};

/// How long connecting may take, and the server may keep silent.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many entries the first page of a stream has; nobody knows yet how large they are.
const FIRST: usize = 256;

/// How many bytes a page should have: it stays in a core's own cache while it is read.
const PAGE_BYTES: usize = 384 << 10;

/// How many entries a page has at most.
const MOST: usize = 4_096;

/// How many streams are scanned at once; each takes a connection.
const STREAMS: usize = 64;

impl Redis {
    /// Shows the entries of all streams after `after` and up to `until` in log order; nothing where that takes
    /// more than plain connections.
    pub(crate) fn scan(
        &self,
        after: Position,
        until: Position,
        visit: Visit<'_>,
    ) -> Result<Option<ControlFlow<()>>, StoreError> {
        // Another process may have begun a topic since.
        Handle::current().block_on(self.learn_topics())?;
        let topics = self.0.topics.all();
        let client = Handle::current().block_on(self.0.server.locator.client())?;
        let info = client.get_connection_info();
        let is_plain = matches!(info.addr(), ConnectionAddr::Tcp(..) | ConnectionAddr::Unix(_));
        if !is_plain || topics.len() > STREAMS {
            return Ok(None);
        }
        let open = |topic: Arc<str>| Stream::open(self, info, topic, until);
        let mut streams = topics.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        for stream in &mut streams {
            stream.ask(after.successor(), FIRST)?;
        }
        for stream in &mut streams {
            stream.turn()?;
        }
        loop {
            // Streams come in order of their topics, and of equal positions the first one counts (R1).
            let heads = streams.iter().enumerate().filter_map(|(index, stream)| Some((stream.head()?, index)));
            let mut heads: Vec<_> = heads.collect();
            heads.sort_unstable();
            let Some((_, first)) = heads.first().copied() else { return Ok(Some(ControlFlow::Continue(()))) };
            let other = heads.get(1).copied();
            let stream = &mut streams[first];
            while let Some(head) = stream.head()
                && other.is_none_or(|other| (head, first) < other)
            {
                if stream.show(visit).is_break() {
                    return Ok(Some(ControlFlow::Break(())));
                }
                if stream.next == stream.page.len() {
                    stream.turn()?;
                }
            }
        }
    }
}

/// One topic's stream, on a connection of its own.
struct Stream {
    url: String,
    topic: Arc<str>,
    key: String,
    socket: Socket,
    until: Position,
    page: Page,
    /// The entry of the page to show next.
    next: usize,
    /// How many entries were asked for and have not been read.
    asked: Option<usize>,
}

impl Stream {
    fn open(redis: &Redis, info: &ConnectionInfo, topic: Arc<str>, until: Position) -> Result<Self, StoreError> {
        let (url, key) = (redis.url(), redis.keys().stream(&topic));
        let unreachable = |error: std::io::Error| StoreError::Unavailable {
            url: url.clone(),
            reason: format!("no connection to read from: {error}"),
        };
        let socket = Socket::connect(info.addr()).map_err(unreachable)?;
        let mut stream = Self { url, topic, key, socket, until, page: Page::default(), next: 0, asked: None };
        let settings = info.redis_settings();
        if let Some(password) = settings.password() {
            let mut login = redis::cmd("AUTH");
            if let Some(user) = settings.username() {
                login.arg(user);
            }
            stream.greet(login.arg(password))?;
        }
        if settings.db() != 0 {
            stream.greet(redis::cmd("SELECT").arg(settings.db()))?;
        }
        Ok(stream)
    }

    /// Sends a command that is answered with `+OK`.
    fn greet(&mut self, command: &Cmd) -> Result<(), StoreError> {
        self.send(command)?;
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n") {
            self.socket.read_exact(&mut byte).map_err(|error| self.broken(&error))?;
            answer.push(byte[0]);
        }
        match answer.as_slice() {
            b"+OK\r\n" => Ok(()),
            other => Err(self.refused(String::from_utf8_lossy(other).trim_start_matches('-').trim_end())),
        }
    }

    fn send(&mut self, command: &Cmd) -> Result<(), StoreError> {
        self.socket.write_all(&command.get_packed_command()).map_err(|error| self.broken(&error))
    }

    /// Asks for so many entries from a position on.
    fn ask(&mut self, from: Position, count: usize) -> Result<(), StoreError> {
        let mut range = redis::cmd("XRANGE");
        range.arg(&self.key).arg(from.to_string()).arg(self.until.to_string()).arg("COUNT").arg(count);
        self.send(&range)?;
        self.asked = Some(count);
        Ok(())
    }

    /// Reads the page that was asked for, and asks for the one after it.
    fn turn(&mut self) -> Result<(), StoreError> {
        self.page.clear();
        self.next = 0;
        let Some(asked) = self.asked.take() else { return Ok(()) };
        loop {
            let count = match self.socket.read(self.page.room()) {
                Ok(0) => return Err(self.unavailable("it closed the connection")),
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.broken(&error)),
            };
            match self.page.arrived(count) {
                Ok(true) => break,
                Ok(false) => {}
                Err(Malformed::Refused(reason)) => return Err(self.refused(&reason)),
                Err(error @ (Malformed::Unexpected { .. } | Malformed::TooLong)) => {
                    let reason = format!("XRANGE answered no entries: {error}");
                    return Err(StoreError::Corrupt { url: self.url.clone(), at: self.key.clone(), reason });
                }
            }
        }
        let last = self.page.len().checked_sub(1).and_then(|last| self.page.position(last));
        match last {
            Some(last) if self.page.len() >= asked && last < self.until => {
                let size = self.page.size() / self.page.len();
                self.ask(last.successor(), (PAGE_BYTES / size.max(1)).clamp(1, MOST))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Where the next entry stands; nothing when there is none.
    fn head(&self) -> Option<Position> {
        self.page.position(self.next)
    }

    fn show(&mut self, visit: Visit<'_>) -> ControlFlow<()> {
        let seen = self.page.seen(self.next, &self.topic);
        self.next += 1;
        seen.map_or(ControlFlow::Continue(()), |seen| visit(&seen))
    }

    fn unavailable(&self, reason: &str) -> StoreError {
        StoreError::Unavailable { url: self.url.clone(), reason: reason.to_owned() }
    }

    fn broken(&self, error: &std::io::Error) -> StoreError {
        if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) {
            self.unavailable("it did not answer in time")
        } else {
            self.unavailable(&format!("the connection broke: {error}"))
        }
    }

    /// What an error that the server answers means.
    fn refused(&self, error: &str) -> StoreError {
        let (code, detail) = error.split_once(' ').unwrap_or((error, ""));
        fault::of_code(&self.url, code, detail)
    }
}

/// A plain connection.
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    fn connect(address: &ConnectionAddr) -> std::io::Result<Self> {
        let unsupported = || std::io::Error::other("its address is of a kind that can't be scanned");
        match address {
            ConnectionAddr::Tcp(host, port) => {
                let mut last = unsupported();
                for address in (host.as_str(), *port).to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, PATIENCE) {
                        Ok(socket) => {
                            socket.set_nodelay(true)?;
                            socket.set_read_timeout(Some(PATIENCE))?;
                            return Ok(Self::Tcp(socket));
                        }
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            ConnectionAddr::Unix(path) => {
                let socket = UnixStream::connect(path)?;
                socket.set_read_timeout(Some(PATIENCE))?;
                Ok(Self::Unix(socket))
            }
            ConnectionAddr::TcpTls { .. } | _ => Err(unsupported()),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(buffer),
            Self::Unix(socket) => socket.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
