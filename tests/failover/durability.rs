//! Row 19: what a server can't promise is refused at the start, or warned of where nobody asked for more.

use testkit::RedisServer;

use super::{
    At,
    common::{Process, Retrace, process::talk},
};

fn refused(url: &str, durability: &str) -> (Option<i32>, String) {
    let mut up = Retrace::command();
    up.args(["up", "--listen", "127.0.0.1:0", "--store", url]).env("RETRACE_DURABILITY", durability);
    let output = up.output().unwrap();
    (output.status.code(), talk(&output))
}

#[test]
fn what_can_not_be_promised_is_refused_in_one_sentence() {
    let server = RedisServer::start();
    let url = server.url();
    let says = |sentence: &str| (Some(1), format!("retrace: store {url} can't be used: {sentence}\n"));
    let expected = "--durability fsync needs an append-only file, and it has appendonly no; \
                    set appendonly yes and appendfsync always, or choose --durability local";
    assert_eq!(refused(&url, "fsync"), says(expected));
    let expected = "--durability replicated:2 needs 2 replicas, and 0 are online; \
                    connect more, or choose --durability local";
    assert_eq!(refused(&url, "replicated:2"), says(expected));
    assert_eq!(server.answer("CONFIG SET maxmemory-policy allkeys-lru"), "+OK\r\n");
    let expected = "its maxmemory-policy allkeys-lru evicts whole streams; set it to noeviction";
    assert_eq!(refused(&url, "local"), says(expected));

    let (code, said) = refused(&url, "sometimes");
    assert_eq!(code, Some(64));
    let expected = "\"sometimes\" is no durability; expected local, fsync, or replicated:N with 1 to 255 replicas";
    assert!(said.contains(expected), "{said}");
    let expected =
        "--durability replicated:1 needs replicas, and a SQLite file has none; choose fsync, or a Redis store";
    let (code, said) = refused("sqlite:///tmp/never-made.db", "replicated:1");
    assert_eq!((code, said.contains(expected)), (Some(1), true), "{said}");
}

#[test]
fn a_server_that_loses_everything_is_warned_of_loudly() {
    let said = |options: &[&str]| {
        let server = RedisServer::start_with(options);
        let up = At::of(server.url(), "shop", "local").up();
        assert_eq!(up.http().get("/api/v1/status")["durability"], "local");
        let warnings: Vec<_> = up.said.iter().filter_map(|line| line.split_once("WARN ")).collect();
        warnings.into_iter().map(|(_, warning)| warning.replace(&server.url(), "URL")).collect::<Vec<_>>()
    };
    let everything = "the store keeps nothing on its disk (appendonly no, save \"\"): EVERYTHING IS LOST when it stops; \
                      set appendonly yes url=URL";
    assert_eq!(said(&[]), [everything]);
    let some = "the store writes no append-only file: events it acknowledges may die with it url=URL";
    assert_eq!(said(&["--save", "3600 1"]), [some]);
    assert_eq!(said(&["--appendonly", "yes"]), [""; 0]);
}

#[test]
fn sqlite_says_that_it_does_more_than_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let up = |durability: &str| {
        let mut up = Retrace::command();
        up.args(["up", "--listen", "127.0.0.1:0", "--durability", durability, "--data"]).arg(folder.path());
        let up = Process::start(&mut up);
        assert_eq!(up.http().get("/api/v1/status")["durability"], "fsync");
        let first = up.said[0].clone();
        assert_eq!(up.stop().code(), Some(0));
        first
    };
    assert_eq!(up("local"), "--durability local is fsync for SQLite: every commit is synced to the disk");
    assert_eq!(up("fsync"), "ordershop is up");
}
