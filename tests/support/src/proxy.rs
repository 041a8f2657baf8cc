//! A TCP proxy in front of a server's unix socket that does to the bytes what networks do.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use socket2::SockRef;

/// How soon a connection notices that something is to happen to it.
const LOOK: Duration = Duration::from_millis(20);

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Holds back whatever is asked for this long.
    Delay(Duration),
    /// Hands on one byte at a time.
    Bytewise,
    /// Swallows what is sent and closes nothing. A connection that was open meanwhile stays so for ever.
    HalfOpen,
    /// Hands on what is asked, and of so many answers loses one together with its connection.
    LoseReply(u64),
    /// Closes connections, and new ones as soon as they come about.
    Cut,
    /// Resets connections, and new ones as soon as they come about.
    Reset,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Fate {
    Open,
    Dead,
    Closed,
    Reset,
}

/// A proxy that lives as long as this value.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: PathBuf,
    fault: Mutex<Fault>,
    links: Mutex<Vec<Arc<AtomicU8>>>,
    /// How many pieces of answers there were.
    replies: AtomicU64,
    /// How many connections something was done to.
    harmed: AtomicU64,
    is_over: AtomicBool,
}

/// One way of one connection.
struct Pump {
    shared: Arc<Shared>,
    fate: Arc<AtomicU8>,
    way: Way,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

/// Bytes to hand on, not before their time.
struct Piece {
    due: Instant,
    bytes: Vec<u8>,
    bytewise: bool,
}

impl Proxy {
    /// A proxy in front of the server that listens on this unix socket.
    #[must_use]
    pub fn to(server: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            server,
            fault: Mutex::new(Fault::None),
            links: Mutex::default(),
            replies: AtomicU64::new(0),
            harmed: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        thread::spawn(move || accepting.accept(&listener));
        Self { address, shared }
    }

    /// Where it listens: `redis://127.0.0.1:…`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// From now on the network does this.
    pub fn set(&self, fault: Fault) {
        *self.shared.fault() = fault;
        let fate = match fault {
            Fault::None | Fault::Delay(_) | Fault::Bytewise | Fault::LoseReply(_) => return,
            Fault::HalfOpen => Fate::Dead,
            Fault::Cut => Fate::Closed,
            Fault::Reset => Fate::Reset,
        };
        for link in self.shared.links().iter() {
            self.shared.harm(link, fate);
        }
    }

    /// How many connections something was done to so far.
    #[must_use]
    pub fn harmed(&self) -> u64 {
        self.shared.harmed.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.set(Fault::Cut);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn fault(&self) -> std::sync::MutexGuard<'_, Fault> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn links(&self) -> std::sync::MutexGuard<'_, Vec<Arc<AtomicU8>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does this to a connection, unless it has ended already.
    fn harm(&self, link: &AtomicU8, fate: Fate) {
        if end(link, fate) {
            self.harmed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let Ok(client) = client else { continue };
            let fault = *self.fault();
            if fault == Fault::Reset {
                reset(&client);
            }
            if matches!(fault, Fault::Reset | Fault::Cut) {
                continue;
            }
            // Nobody listens there now: the client sees its connection closed.
            let Ok(server) = UnixStream::connect(&self.server) else { continue };
            self.link(client, server).expect("sockets that can be shared");
        }
    }

    fn link(self: &Arc<Self>, client: TcpStream, server: UnixStream) -> std::io::Result<()> {
        client.set_nodelay(true)?;
        client.set_read_timeout(Some(LOOK))?;
        server.set_read_timeout(Some(LOOK))?;
        let fate = Arc::new(AtomicU8::new(Fate::Open as u8));
        {
            let mut links = self.links();
            links.retain(|link| Arc::strong_count(link) > 1);
            links.push(fate.clone());
        }
        // It may have been set since it was looked at.
        if *self.fault() == Fault::HalfOpen {
            self.harm(&fate, Fate::Dead);
        }
        let pump = |way| Pump { shared: self.clone(), fate: fate.clone(), way };
        pump(Way::There).start(client.try_clone()?, server.try_clone()?);
        pump(Way::Back).start(server, client);
        Ok(())
    }
}

/// Ends a connection this way; tells whether it had not ended already.
fn end(link: &AtomicU8, fate: Fate) -> bool {
    let is_open = |now| now == Fate::Open as u8 || now == Fate::Dead as u8 && fate != Fate::Dead;
    let decide = |now| is_open(now).then_some(fate as u8);
    link.fetch_update(Ordering::Relaxed, Ordering::Relaxed, decide).is_ok()
}

/// Has the socket be reset when it is closed.
fn reset(socket: &TcpStream) {
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// A socket that may have to be reset.
trait End: Read + Write + Send + 'static {
    fn reset(&self);
}

impl End for TcpStream {
    fn reset(&self) {
        reset(self);
    }
}

impl End for UnixStream {
    fn reset(&self) {}
}

impl Pump {
    /// Hands on what comes from one socket to the other until either has ended, or the connection is to end.
    fn start(self, mut from: impl End, to: impl End) {
        let (sender, receiver) = channel();
        thread::spawn(move || hand_on(&receiver, to));
        thread::spawn(move || {
            self.take(&mut from, &sender);
            if self.fate() == Fate::Reset {
                from.reset();
            }
            // Nobody hears through a dead connection that the other end has gone.
            if self.fate() != Fate::Dead || self.way == Way::There {
                end(&self.fate, Fate::Closed);
            }
        });
    }

    fn fate(&self) -> Fate {
        [Fate::Open, Fate::Dead, Fate::Closed, Fate::Reset][usize::from(self.fate.load(Ordering::Relaxed))]
    }

    fn take(&self, from: &mut impl Read, pieces: &Sender<Piece>) {
        let mut bytes = vec![0; 64 << 10];
        loop {
            if matches!(self.fate(), Fate::Closed | Fate::Reset) {
                return;
            }
            let length = match from.read(&mut bytes) {
                Ok(0) => return,
                Ok(length) => length,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
                Err(_) => return,
            };
            let fault = *self.shared.fault();
            let mut due = Instant::now();
            match (self.fate(), fault, self.way) {
                (Fate::Dead, ..) => continue,
                (_, Fault::LoseReply(of), Way::Back)
                    if self.shared.replies.fetch_add(1, Ordering::Relaxed) % of == of - 1 =>
                {
                    self.shared.harm(&self.fate, Fate::Closed);
                    return;
                }
                (_, Fault::Delay(time), Way::There) => due += time,
                _ => {}
            }
            let piece = Piece { due, bytes: bytes[..length].to_vec(), bytewise: fault == Fault::Bytewise };
            if pieces.send(piece).is_err() {
                return;
            }
        }
    }
}

fn hand_on(pieces: &Receiver<Piece>, mut to: impl Write) {
    for Piece { due, bytes, bytewise } in pieces {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let step = if bytewise { 1 } else { bytes.len() };
        if bytes.chunks(step).any(|bytes| to.write_all(bytes).is_err()) {
            return;
        }
    }
}
