//! Stores without room, or that refuse writes: who asks is told to come again, nothing acknowledged is lost, and when
//! there is room everything goes on by itself.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::common::{Http, Process, Store, process::within_shell};
use crate::load::Shop;
use serde_json::json;
use testkit::{APPENDING, RedisServer};

/// How many clients order at the same time.
const CLIENTS: usize = 3;

/// Has a shop work while its store is full for a while; `refusal` is what clients are told then, and after how many
/// seconds to come again.
fn while_full(store: &Store, up: &Process, fill: impl FnOnce(), refusal: (&str, &str), make_room: impl FnOnce()) {
    let http = up.http();
    let shop = Shop::open(http);
    let promised = shop.during(CLIENTS, |load| {
        load.go_on(5);
        fill();
        load.are_refused(3 * CLIENTS);
        refused(http, refusal);
        // What is there can be read.
        let customers = http.get("/customers").as_array().unwrap().len();
        assert_eq!(customers, CLIENTS);
        make_room();
        load.go_on(5);
    });
    println!("answers by status: {:?}", promised.answers);
    shop.check(store, &promised);
}

/// A request that is refused, and how.
fn refused(http: &Http, (sentence, after): (&str, &str)) {
    // Too much for what little room may be left.
    let body = json!({"name": "n".repeat(500_000), "email": "n@shop.example"}).to_string();
    let answer = http.send("POST", "/customer", &body);
    assert_eq!(answer.error(), (503, sentence));
    assert_eq!(answer.headers["retry-after"], after);
    assert!(answer.headers.contains_key("retrace-command"), "its id lets the client ask what became of it");
}

#[test]
fn a_redis_without_memory_takes_nothing_until_it_has_some() {
    let server = RedisServer::start();
    let store = Store::Url(server.url());
    let up = store.up();
    let sentence = format!("store {} refuses writes: its memory is full (maxmemory)", server.url());
    while_full(&store, &up, || server.fill_up_to(0), (&sentence, "5"), || server.make_room());
    assert!(up.stop().success());
}

#[test]
fn a_redis_that_can_not_save_takes_nothing_until_it_can() {
    let server = RedisServer::start_with(APPENDING);
    let store = Store::Url(server.url());
    let up = store.up();
    let sentence = format!("store {} refuses writes: it can't write to its disk (MISCONF)", server.url());
    while_full(&store, &up, || server.spoil_saving(), (&sentence, "5"), || server.mend_saving());
    assert!(up.stop().success());
}

/// The longest file in a folder.
fn longest(folder: &Path) -> u64 {
    fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).max().unwrap()
}

/// How long files of a process may become: so many bytes, or as long as they like.
fn limit_files(process: &Process, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let limited = Command::new("prlimit").args([&limit, "--pid", &process.pid().to_string()]).status().unwrap();
    assert!(limited.success());
}

#[test]
fn a_file_that_may_not_grow_takes_nothing_until_it_may() {
    let store = Store::sqlite();
    let Store::Sqlite(folder) = &store else { unreachable!() };
    // Without this the system would end who writes too much.
    let up = Process::start(&mut within_shell("trap '' XFSZ", &store.command(&["up", "--listen", "127.0.0.1:0"])));
    let sentence =
        format!("store sqlite://{} is unavailable: disk I/O error", folder.path().join("ordershop.db").display());
    let fill = || limit_files(&up, &longest(folder.path()).to_string());
    while_full(&store, &up, fill, (&sentence, "1"), || limit_files(&up, "unlimited"));
    assert!(up.stop().success());
}

/// A small file system of a test's own, unmounted when dropped.
struct Disk<'f>(&'f Path);

impl<'f> Disk<'f> {
    /// Nothing where this user may not mount.
    fn at(folder: &'f Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(folder).stderr(Stdio::null());
        mount.status().is_ok_and(|mounted| mounted.success()).then_some(Self(folder))
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Takes what space there is.
    fn fill(&self) {
        let mut ballast = File::create(self.ballast()).unwrap();
        let full = loop {
            if let Err(error) = ballast.write_all(&[0; 4 << 10]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull);
    }

    fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_takes_nothing_until_there_is_space() {
    let store = Store::sqlite();
    let Store::Sqlite(folder) = &store else { unreachable!() };
    let Some(disk) = Disk::at(folder.path()) else {
        println!("SKIPPED: this user may not mount a file system to fill; files that may not grow stand for it");
        return;
    };
    let up = store.up();
    let log = folder.path().join("ordershop.db");
    let sentence = format!("store sqlite://{} refuses writes: database or disk is full", log.display());
    while_full(&store, &up, || disk.fill(), (&sentence, "5"), || disk.make_room());
    assert!(up.stop().success());
}
