//! Passwords and tokens are told nobody: not in logs at their most talkative, not in errors, not in answers.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use crate::common::{self, Http, Retrace, until};
use tempfile::TempDir;
use testkit::RedisServer;

/// What must not be seen anywhere; as it is, and as a URL would have it.
const PASSWORD: &str = "s3cretw0rd";

/// Logs everything that there is to log.
fn talkative(command: &mut Command) -> &mut Command {
    command.env("RETRACE_LOG", "trace").env("RUST_LOG", "trace").stdin(Stdio::null())
}

#[track_caller]
fn is_silent(output: &Output, about: &str) {
    let told = String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned();
    assert!(!told.contains(PASSWORD), "{about}: {told}");
    assert!(output.status.code().is_some_and(|code| code != 0 && code != 101), "{about}: {:?} {told}", output.status);
    assert!(!told.contains("panicked"), "{about}: {told}");
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server on a port, which wants a password; the port may be taken by somebody else in between.
fn server(password: &str) -> (RedisServer, u16) {
    let port = free_port();
    (RedisServer::start_with(&["--port", &port.to_string(), "--requirepass", password]), port)
}

/// Something that answers with this and hangs up.
fn answering(with: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut asked = [0; 64];
            let _ = stream.read(&mut asked).and_then(|_| stream.write_all(with));
        }
    });
    port
}

/// URLs with the password in them that come to nothing, each in its way.
fn urls(server: u16, socket: &str) -> Vec<(&'static str, String)> {
    let (away, hangs_up, babbles) = (free_port(), answering(b""), answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    let at = |port: u16| format!("127.0.0.1:{port}");
    vec![
        ("nobody listens", format!("redis://:{PASSWORD}@{}", at(away))),
        ("and with a name", format!("redis://user:{PASSWORD}@{}/3", at(away))),
        ("nobody listens for TLS", format!("rediss://:{PASSWORD}@{}", at(away))),
        ("a wrong password", format!("redis://:{PASSWORD}@{}", at(server))),
        ("a wrong name", format!("redis://nobody:{PASSWORD}@{}", at(server))),
        ("a wrong password, escaped", format!("redis://:{PASSWORD}%21@{}", at(server))),
        ("a password for a name", format!("redis://{PASSWORD}@{}", at(server))),
        ("a wrong password at a socket", format!("{socket}?pass={PASSWORD}")),
        ("no TLS there", format!("rediss://:{PASSWORD}@{}", at(server))),
        ("hangs up", format!("redis://:{PASSWORD}@{}", at(hangs_up))),
        ("hangs up on TLS", format!("rediss://:{PASSWORD}@{}", at(hangs_up))),
        ("babbles", format!("redis://:{PASSWORD}@{}", at(babbles))),
        ("babbles TLS", format!("rediss://:{PASSWORD}@{}", at(babbles))),
        ("sentinel", format!("redis+sentinel://:{PASSWORD}@{},{}/shop", at(away), at(hangs_up))),
        ("sentinel with a name", format!("redis+sentinel://user:{PASSWORD}@{}/shop?db=1", at(away))),
        ("cluster", format!("redis+cluster://:{PASSWORD}@{},{}", at(away), at(hangs_up))),
        ("no such port", format!("redis://:{PASSWORD}@127.0.0.1:port")),
        ("no host", format!("redis://:{PASSWORD}@")),
        ("no such database", format!("redis://:{PASSWORD}@{}/shop", at(server))),
        ("a slash in it", format!("redis://:a/{PASSWORD}@{}", at(away))),
        ("a question mark in it", format!("redis://:a?{PASSWORD}@{}", at(away))),
        ("a hash in it", format!("redis://:a#{PASSWORD}@{}", at(away))),
        ("no such scheme", format!("postgres://user:{PASSWORD}@{}", at(away))),
        ("a slash too few", format!("redis:/:{PASSWORD}@{}", at(away))),
        ("no scheme", format!(":{PASSWORD}@{}", at(away))),
        ("a parameter", format!("redis://{}?password={PASSWORD}", at(away))),
    ]
}

#[test]
fn a_password_is_told_nobody_however_its_store_fails() {
    let (redis, port) = server("right");
    let urls = urls(port, &redis.url());
    // Some take their time to give up: they do so side by side.
    std::thread::scope(|scope| {
        let tries = urls.iter().flat_map(|(about, url)| {
            [&["status"][..], &["up", "--listen", "127.0.0.1:0"]].map(|command| {
                scope.spawn(move || {
                    let mut tried = Retrace::command();
                    let output = talkative(&mut tried).args(command).args(["--store", url]).output().unwrap();
                    is_silent(&output, &format!("{about}, {url}, {command:?}"));
                })
            })
        });
        tries.collect::<Vec<_>>().into_iter().for_each(|tried| tried.join().unwrap());
    });
}

#[test]
fn nor_in_the_environment_nor_at_any_other_place_of_the_command_line() {
    let (redis, port) = server("right");
    let url = format!("redis://:{PASSWORD}@127.0.0.1:{port}");
    let wrong = format!("redis:/:{PASSWORD}@h");
    let malformed = format!("redis://:{PASSWORD}@");
    let history = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/happy-path.jsonl");
    let lines = [
        vec!["rebuild", "--into", &url, "--store", history],
        vec!["rebuild", "--into", &wrong, "--store", history],
        vec!["rebuild", "--into", &malformed, "--store", history],
        vec!["audit", "--model", &url, "--store", history],
        vec!["audit", "--model", &malformed, "--store", history],
        vec!["import", history, "--store", &url],
        vec!["export", "--store", &url],
        vec!["replay", "verify", &url],
        vec!["at", &url],
        vec![&*url],
        vec!["up", &url],
        vec!["up", "--sore", &url],
        vec!["demo", "--url", &url],
        vec!["up", "--store", &url, "--namespace", &wrong],
    ];
    for line in lines {
        is_silent(&talkative(&mut Retrace::command()).args(&line).output().unwrap(), &format!("{line:?}"));
    }
    for url in [&url, &wrong, &format!("http://user:{PASSWORD}@h")] {
        let output = talkative(&mut Retrace::command()).arg("status").env("REDIS_URL", url).output().unwrap();
        is_silent(&output, url);
    }
    drop(redis);
}

/// Everything in a process that writes what it says to a file.
struct Talking {
    child: Child,
    folder: TempDir,
    http: Http,
}

impl Talking {
    fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (out, err) = (folder.path().join("out"), folder.path().join("err"));
        let mut command = Retrace::command();
        talkative(&mut command).args(["up", "--listen", "127.0.0.1:0"]).args(args);
        let child = command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap()).spawn().unwrap();
        let address = until("it is up", || {
            let said = std::fs::read_to_string(&err).unwrap();
            let address = said.lines().find_map(|line| line.split_once("listening on  ").map(|(_, at)| at.to_owned()));
            address.filter(|_| said.contains("stop with"))
        });
        Self { child, folder, http: Http::new(&address) }
    }

    /// All that it has said, once it has ended.
    fn said(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap();
        let read = |name| std::fs::read_to_string(PathBuf::from(self.folder.path()).join(name)).unwrap();
        read("out") + &read("err")
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Routes that tell how things are.
const ALL: [&str; 7] =
    ["/api/v1/status", "/api/v1/rebuilds", "/api/v1/queues", "/metrics", "/readyz", "/openapi.json", "/customers"];

/// Answers of routes that tell how things are, and of one that changes them.
fn answers(http: &Http, headers: &[(&str, &str)], paths: &[&str]) -> String {
    let told = paths.iter().map(|path| {
        let answer = http.send_with("GET", path, "", headers);
        format!("{path} {} {} {:?}\n", answer.status, answer.body, answer.headers)
    });
    let told: String = told.collect();
    let customer = r#"{"name": "Ann", "email": "a@b"}"#;
    let posted = http.send_with("POST", "/customer", customer, headers);
    told + &format!("{} {}", posted.status, posted.body)
}

#[test]
fn a_password_that_is_right_is_told_nobody_while_all_is_well_and_when_the_store_goes() {
    let (mut redis, port) = server(PASSWORD);
    let up = Talking::start(&["--store", &format!("redis://:{PASSWORD}@127.0.0.1:{port}")]);
    let mut told = answers(&up.http, &[], &ALL);
    assert!(told.contains("redis://:***@127.0.0.1:"), "{told}");
    redis.kill();
    until("the gateway notices", || (up.http.try_get("/readyz").status == 503).then_some(()));
    told += &answers(&up.http, &[], &["/api/v1/status", "/readyz"]);
    assert!(told.contains("is unavailable"), "{told}");
    redis.restart_with(&["--port", &port.to_string(), "--requirepass", "another"]);
    until("the password is refused", || {
        let reasons = up.http.try_get("/readyz").body.to_string();
        reasons.contains("password").then_some(())
    });
    told += &answers(&up.http, &[], &["/api/v1/status", "/readyz"]);
    told += &up.said();
    assert!(told.contains("it refuses the password"), "{told}");
    assert!(!told.contains(PASSWORD), "{}", told.lines().find(|line| line.contains(PASSWORD)).unwrap());
}

#[test]
fn tokens_are_told_nobody() {
    const TOKENS: [&str; 4] = ["t0ken-of-all", "t0ken-of-some", "t0ken-of-few", "t0ken-of-nobody"];
    let [all, some, few, nobody] = TOKENS;
    let up = Talking::start(&["--store", "memory:", "--token", all, "--command-token", some, "--read-token", few]);
    let mut told = String::new();
    for token in TOKENS {
        told += &answers(&up.http, &[("authorization", &format!("Bearer {token}"))], &ALL);
        told += &format!("{}", up.http.try_get(&format!("/customers?token={token}")).body);
        told += &format!("{}", up.http.try_get(&format!("/customers?access_token={token}")).body);
    }
    assert!(told.contains("a token does not belong in a URL"), "{told}");
    let encoded = "dDBrZW4tb2YtZmV3";
    let address = up.http.base.trim_start_matches("http://").to_owned();
    for protocol in [format!("bearer.{encoded}"), "bearer.dDBrZW4tb2Ytbm9ib2R5".to_owned()] {
        let mut socket = TcpStream::connect(&address).unwrap();
        let ask = format!(
            "GET /ws HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: retrace, {protocol}\r\n\r\n"
        );
        socket.write_all(ask.as_bytes()).unwrap();
        let mut head = [0; 512];
        let length = socket.read(&mut head).unwrap();
        told += &String::from_utf8_lossy(&head[..length]);
    }
    assert!(told.contains("101 Switching Protocols") && told.contains("401 Unauthorized"), "{told}");
    told += &up.said();
    let demo = Retrace::run(&["demo", "--url", "http://127.0.0.1:1", "--token", nobody, "--requests", "1"]);
    told += &common::process::talk(&demo);
    for secret in TOKENS.iter().chain(&[encoded]) {
        let line = told.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}
