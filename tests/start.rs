//! How it starts and ends, and what it says when it can't.

use std::{io::Write as _, net::TcpListener, process::Output};

use crate::common::{self, Process, Retrace, Store, process::talk};
use kernel::Checkpoint;
use runtime::{Advance, Commit, Engine, Holder, Namespace, Refused};
use serde_json::json;
use testkit::RedisServer;

/// One clear sentence, the exit code, no panic, no back-trace.
#[track_caller]
fn says(output: &Output, code: i32, sentence: &str) {
    let talk = talk(output);
    assert_eq!(output.status.code(), Some(code), "{talk}");
    assert!(talk.contains(sentence), "{talk:?} does not say {sentence:?}");
    assert!(!talk.contains("panicked") && !talk.contains("backtrace"), "{talk}");
    assert_eq!(talk.lines().count(), 1, "{talk}");
}

fn up(args: &[&str]) -> Output {
    Retrace::run(&[&["up", "--listen", "127.0.0.1:0"], args].concat())
}

#[test]
fn it_says_where_it_listens_and_where_its_data_is_and_carries_on_next_time() {
    let store = Store::sqlite();
    let first = store.up();
    let ids = first.http().create("/customer", &json!({"name": "Ann", "email": "ann@shop.example"}));
    let Store::Sqlite(folder) = &store else { unreachable!() };
    let file = folder.path().join("ordershop.db");
    let shown = first.said.join("\n");
    assert!(shown.contains(&format!("data in       sqlite://{} (empty", file.display())), "{shown}");
    assert!(shown.contains(&format!("listening on  {}", first.http().base)), "{shown}");
    assert!(shown.contains("durability    fsync"), "{shown}");
    common::until("Ann was welcomed", || {
        (first.http().get("/mails/sent").as_array().unwrap().len() == 1).then_some(())
    });
    assert!(first.stop().success());

    let second = store.up();
    let shown = second.said.join("\n");
    assert!(shown.contains("(2 events so far)"), "{shown}");
    assert_eq!(second.http().get(&format!("/customer/{}", ids[0]))["name"], "Ann");
    second.kill();

    let third = store.up();
    assert_eq!(third.http().get("/customers").as_array().unwrap().len(), 1);
}

#[test]
fn a_second_up_on_the_same_data_names_the_first() {
    let store = Store::sqlite();
    let first = store.up();
    let second = store.command(&["up", "--listen", "127.0.0.1:0"]).output().unwrap();
    says(&second, 1, "is in use by process");
    assert!(first.stop().success());
}

#[test]
fn a_store_in_use_is_exported_all_the_same() {
    let store = Store::sqlite();
    let up = store.up();
    for count in 1..=2 {
        let name = format!("customer {count}");
        up.http().create("/customer", &json!({"name": name, "email": "c@shop.example"}));
        let exported = store.command(&["export"]).output().unwrap();
        assert!(exported.status.success(), "{}", talk(&exported));
        assert!(String::from_utf8(exported.stdout).unwrap().contains(&name));
    }
    assert!(up.stop().success());
}

#[test]
fn a_busy_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let output = Retrace::run(&["up", "--listen", &address, "--data", folder.path().to_str().unwrap()]);
    says(&output, 1, &format!("can't listen on {address}"));
    says(&output, 1, "choose another with --listen");
}

#[test]
fn data_that_can_not_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "text").unwrap();
    let inside = file.join("data");
    let output = up(&["--data", inside.to_str().unwrap()]);
    says(&output, 1, inside.to_str().unwrap());
    let output = up(&["--store", &format!("sqlite://{}", file.display())]);
    says(&output, 1, file.to_str().unwrap());
}

#[test]
fn a_redis_that_is_away_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    says(&up(&["--store", &format!("redis://{free}")]), 69, &format!("store redis://{free} is unavailable"));
}

#[test]
fn a_wrong_password_is_said_and_not_shown() {
    let server = RedisServer::start_with(&["--requirepass", "right"]);
    for url in [server.url(), format!("{}?pass=wr0ng", server.url())] {
        let output = up(&["--store", &url]);
        says(&output, 69, "password");
        assert!(!talk(&output).contains("wr0ng"), "{}", talk(&output));
    }
}

#[test]
fn a_redis_that_would_evict_events_is_refused() {
    let server = RedisServer::start_with(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    says(&up(&["--store", &server.url()]), 1, "noeviction");
}

#[test]
fn a_read_only_replica_is_refused() {
    let server = RedisServer::start_with(&["--replicaof", "127.0.0.1", "1"]);
    says(&up(&["--store", &server.url()]), 1, "replica");
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    for args in
        [&["up", "--store", "http://x"][..], &["run"], &["run", "waiter"], &["fly"], &["up", "--listen", "5000"]]
    {
        assert_eq!(Retrace::run(args).status.code(), Some(64), "{args:?}");
    }
    assert_eq!(Retrace::run(&["--help"]).status.code(), Some(0));
    says(&up(&["--store", "some.jsonl"]), 64, "import it into a store to run on it");
}

#[test]
fn listening_beyond_this_machine_needs_a_token() {
    let output = Retrace::run(&["up", "--listen", "0.0.0.0:0", "--store", "memory:"]);
    says(
        &output,
        64,
        "retrace: 0.0.0.0:0 can be reached from other machines and no token is set; listen on 127.0.0.1 or give a token",
    );
    let mut command = Retrace::command();
    let up = Process::start(
        command.args(["up", "--listen", "0.0.0.0:0", "--store", "memory:"]).env("RETRACE_TOKEN", "secret"),
    );
    let port = up.http().base.rsplit(':').next().unwrap().to_owned();
    let http = common::Http::new(&format!("http://127.0.0.1:{port}"));
    assert_eq!(http.try_get("/customers").status, 401);
    let answer = http.send_with("GET", "/customers", "", &[("authorization", "Bearer secret")]);
    assert_eq!((answer.status, answer.body), (200, json!({"result": []})));
}

/// The sentence that a start with these tokens is refused with.
fn refused(args: &[&str]) -> String {
    let output = up(&[&["--store", "memory:"], args].concat());
    let said = talk(&output);
    says(&output, 64, "retrace: ");
    said.trim_end().to_owned()
}

#[test]
fn tokens_that_no_client_could_send_are_refused_with_a_sentence() {
    let empty = "is empty; give one, or leave";
    assert_eq!(
        refused(&["--token", ""]),
        format!("retrace: the token of --token {empty} --token and RETRACE_TOKEN out")
    );
    for (option, variable) in [
        ("--command-token", "RETRACE_COMMAND_TOKEN"),
        ("--read-token", "RETRACE_READ_TOKEN"),
        ("--token", "RETRACE_TOKEN"),
    ] {
        let of = format!("retrace: the token of {option}");
        assert_eq!(refused(&[option, ""]), format!("{of} {empty} {option} and {variable} out"));
        let spaced = format!("{of} begins or ends with a space, which no header keeps");
        assert_eq!((refused(&[option, " s3cret"]), refused(&[option, "s3cret "])), (spaced.clone(), spaced));
        for (token, at) in [("s3cr\u{e9}t", 5), ("s3\tcret", 3), ("s3cret\n", 7)] {
            let because = format!("can't be sent in a header because of its character {at}");
            assert_eq!(refused(&[option, token]), format!("{of} {because}; use ASCII letters, digits and signs"));
        }
        let mut command = Retrace::command();
        let output = command.args(["up", "--store", "memory:"]).env(variable, "").output().unwrap();
        says(&output, 64, &format!("the token of {option} is empty"));
    }
    let twice = "retrace: a token of --read-token is one of --token too; let them differ";
    assert_eq!(refused(&["--read-token", "same", "--token", "other", "--token", "same"]), twice);
}

#[test]
fn each_token_opens_what_its_scopes_say() {
    let mut command = Retrace::command();
    command.args(["up", "--listen", "0.0.0.0:0", "--store", "memory:"]);
    command.args(["--read-token", "reader", "--read-token", "other"]).env("RETRACE_COMMAND_TOKEN", "writer");
    let up = Process::start(command.args(["--token", "keeper"]));
    let port = up.http().base.rsplit(':').next().unwrap().to_owned();
    let http = common::Http::new(&format!("http://127.0.0.1:{port}"));
    let customer = r#"{"name": "Ann", "email": "ann@shop.example"}"#;
    for (token, reads, writes, keeps) in [
        ("reader", 200, 403, 403),
        ("other", 200, 403, 403),
        ("writer", 200, 200, 403),
        ("keeper", 200, 200, 200),
        ("guess", 401, 401, 401),
    ] {
        let bearer = format!("Bearer {token}");
        let ask = |method, path, body| http.send_with(method, path, body, &[("authorization", &bearer)]).status;
        let done = (
            ask("GET", "/customers", ""),
            ask("POST", "/customer", customer),
            ask("GET", "/api/v1/queues/order-service/dead", ""),
        );
        assert_eq!(done, (reads, writes, keeps), "{token}");
    }
    assert_eq!(http.try_get("/customers").status, 401);
}

/// Makes a SQLite file one of a format that nobody has written yet.
fn of_the_future(file: &std::path::Path) {
    use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut connection = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
        let marks = "PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)";
        sqlx::raw_sql(marks).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

#[test]
fn files_of_a_newer_format_are_refused_and_left_alone() {
    let store = Store::sqlite();
    store.import(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/happy-path.jsonl")));
    assert!(store.up().stop().success());
    let Store::Sqlite(folder) = &store else { unreachable!() };
    let run = |args: &[&str]| store.command(args).output().unwrap();
    let file = |name: &str| folder.path().join(name);
    let timeline = file("ordershop.db.timeline");
    let model = file("ordershop.db.model");

    // What was can be told from the log: everything else goes on.
    of_the_future(&timeline);
    let kept = std::fs::read(&timeline).unwrap();
    let newer = "it has format 99 of a newer Retrace, and this one knows up to 2; use the newer one, or delete the file \
                 and let this one make it again from the log";
    let said = format!("store sqlite://{} can't be used: {newer}", timeline.display());
    let asked = run(&["at", "now"]);
    let told = format!("{said}; the answer comes from the log");
    assert_eq!((asked.status.code(), talk(&asked).lines().next()), (Some(0), Some(&*told)));
    let up = store.up();
    assert_eq!(up.said[0], format!("{said}; until then, what was is told from the log, which takes longer"));
    assert!(up.stop().success());
    assert_eq!(std::fs::read(&timeline).unwrap(), kept);
    std::fs::remove_file(&timeline).unwrap();

    of_the_future(&model);
    let kept = std::fs::read(&model).unwrap();
    let said = format!("store sqlite://{} can't be used: {newer}", model.display());
    for args in [&["up", "--listen", "127.0.0.1:0"][..], &["rebuild"], &["status"]] {
        says(&run(args), 1, &said);
    }
    assert_eq!(std::fs::read(&model).unwrap(), kept);

    let log = file("ordershop.db");
    of_the_future(&log);
    let kept = std::fs::read(&log).unwrap();
    let newer = "it was written by a newer Retrace (format 99, this one knows 2)";
    for args in [&["up", "--listen", "127.0.0.1:0"][..], &["export"], &["status"], &["audit"]] {
        says(&run(args), 1, &format!("store sqlite://{} can't be used: {newer}", log.display()));
    }
    assert_eq!(std::fs::read(&log).unwrap(), kept);
}

#[test]
fn an_old_store_that_is_not_there_is_not_made_for_reading() {
    let folder = tempfile::tempdir().unwrap();
    let output = Retrace::run(&["export", "--data", folder.path().to_str().unwrap()]);
    says(&output, 69, "there is no such file");
}

#[test]
fn roles_stop_in_good_order_and_say_what_they_work_on() {
    let store = Store::redis();
    let services = store.roles(&["services", "sagas", "projector"]);
    let last = services.said.last().unwrap();
    assert!(last.starts_with("ordershop: services, sagas, projector at work on redis+unix://"), "{last}");
    assert!(last.ends_with(" (empty, waiting for its first event; durability local)"), "{last}");
    assert!(services.stop().success());
}

#[test]
fn completions_are_printed() {
    let output = Retrace::run(&["completions", "bash"]);
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("_retrace"));
}

#[test]
fn redis_url_names_the_store_and_the_command_line_beats_it() {
    let server = RedisServer::start();
    let run = |args: &[&str], url: &str| Retrace::command().args(args).env("REDIS_URL", url).output().unwrap();
    let history = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/ordershop-v2-small.jsonl");
    let imported = run(&["import", history], &server.url());
    assert!(
        talk(&imported).contains(&format!("145 of 145 events imported into {}", server.url())),
        "{}",
        talk(&imported)
    );
    let again = run(&["import", history], &server.url());
    assert!(
        again.status.success() && talk(&again).contains("has all 145 events of the history already"),
        "{}",
        talk(&again)
    );

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    for url in [&*server.url(), "", "http://not.a.store"] {
        let exported = run(&["export", "--data", data], url);
        assert_eq!(exported.status.code(), Some(69), "{}", talk(&exported));
        assert!(talk(&exported).contains("there is no such file"), "{}", talk(&exported));
    }
    says(&run(&["export"], "http://x"), 64, "REDIS_URL: \"http://x\" names no store");
    says(
        &run(&["export"], "redis://:s3cret@"),
        64,
        "REDIS_URL: \"redis://:***@\" is no URL of a server: it is not redis://[USER:PASSWORD@]HOST",
    );
    let option = run(&["export", "--store", "redis://h:x"], "");
    assert_eq!(option.status.code(), Some(64));
    let told = "'--store <URL>': \"redis://h:x\" is no URL of a server: it is not redis://[USER:PASSWORD@]HOST";
    assert!(talk(&option).contains(told), "{}", talk(&option));
}

#[test]
fn roles_of_their_own_need_a_store_that_others_can_share() {
    let folder = tempfile::tempdir().unwrap();
    says(&Retrace::run(&["run", "services", "--data", folder.path().to_str().unwrap()]), 64, "--store redis://");
    says(&Retrace::run(&["run", "gateway", "--store", "memory:"]), 64, "serves one process");
}

#[test]
fn what_can_not_be_logged_is_refused() {
    let mut command = Retrace::command();
    says(
        &command.args(["export", "--store", "memory:"]).env("RETRACE_LOG", "verbose").output().unwrap(),
        64,
        "RETRACE_LOG",
    );
}

#[test]
fn a_client_that_sends_half_a_body_keeps_nobody_from_stopping() {
    let store = Store::Memory;
    let up = store.up();
    let mut half = std::net::TcpStream::connect(up.http().base.trim_start_matches("http://")).unwrap();
    half.write_all(b"POST /customer HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n\r\n{").unwrap();
    assert!(up.stop().success());
}

#[test]
fn each_role_stops_with_exit_2_when_the_log_is_gone() {
    let server = RedisServer::start();
    let url = server.url();
    let run = |roles: &[&str]| {
        let mut command = Retrace::command();
        command.arg("run").args(roles).args(["--listen", "127.0.0.1:0", "--store", &url]);
        Process::start(&mut command)
    };
    let processes = ["services", "sagas", "projector", "gateway"].map(|role| run(&[role]));
    let http = processes[3].http().clone();
    http.create("/customer", &json!({"name": "Ann", "email": "ann@shop.example"}));
    common::until("everybody has seen it", || {
        let status = http.get("/api/v1/status");
        status["consumers"].as_array().unwrap().iter().all(|consumer| consumer["lag"] == 0).then_some(())
    });
    server.flush();
    // The log is begun again, so that even who only waits for news hears of it.
    run(&["services", "gateway", "projector"]).http().create("/customer", &json!({"name": "Bob", "email": "b@c"}));
    for process in processes {
        assert_eq!(process.ended().code(), Some(2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_takes_the_sagas_over_from_whoever_was_held_up_meanwhile() {
    let server = RedisServer::start();
    let engine = Engine::open(&server.url().parse().unwrap(), &Namespace::default(), &[]).await.unwrap();
    let step = |holder: Holder, at: &Checkpoint| {
        let advance = Advance { consumer: "saga/crm".into(), holder, from: at.clone(), to: at.clone() };
        Commit { advance: Some(advance), ..Commit::default() }
    };
    engine.commit_one(step(Holder::Taking("held up".into()), &Checkpoint::default())).await.unwrap();
    let history = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/happy-path.jsonl");
    let imported = Retrace::run(&["import", history, "--store", &server.url()]);
    assert!(imported.status.success(), "{}", talk(&imported));
    let head = engine.head().await.unwrap();
    assert_eq!(engine.checkpoint("saga/crm").await.unwrap(), Some(head.clone()));
    let late = engine.commit(&[step(Holder::Holding("held up".into()), &head)]).await.unwrap();
    assert_eq!(late, [Err(Refused::TakenOver { consumer: "saga/crm".into() })]);
}

#[test]
fn an_import_that_was_killed_is_taken_up_where_it_stopped_and_nobody_is_welcomed_again() {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("long.jsonl");
    let line = |n: usize| {
        let data = json!({"entity_id": format!("c{n}"), "name": "Ann", "email": "a@b"}).to_string();
        let fields = json!({"event_id": format!("e{n}"), "event_action": "entity_created", "event_data": data});
        json!({"stream": "events:customer", "id": format!("1795341904-{n}"), "fields": fields}).to_string() + "\n"
    };
    std::fs::write(&history, (0..50_000).map(line).collect::<String>()).unwrap();
    let store = Store::redis();
    let mut importing = store.command(&["import"]).arg(&history).stderr(std::process::Stdio::null()).spawn().unwrap();
    let Store::Redis { namespace } = &store else { unreachable!() };
    let head = format!("EXISTS {{{namespace}}}:retrace:head");
    common::until("some of it is there", || (RedisServer::shared().answer(&head) == ":1\r\n").then_some(()));
    importing.kill().unwrap();
    importing.wait().unwrap();
    let finished = common::until("the killed import's lease has run out", || {
        let again = store.command(&["import"]).arg(&history).output().unwrap();
        again.status.success().then_some(again)
    });
    assert!(talk(&finished).contains("of 50000 events imported"), "{}", talk(&finished));
    let up = store.up();
    assert_eq!(up.http().get("/api/v1/status")["read_model"]["state"]["checkpoint"]["number"], 50_000);
    up.http().create("/customer", &json!({"name": "Bob", "email": "b@c"}));
    let mails = common::until("Bob is welcomed", || {
        let mails = up.http().get("/mails/sent").as_array().unwrap().clone();
        (!mails.is_empty()).then_some(mails)
    });
    assert_eq!(mails.len(), 1, "{mails:?}");
}
