//! `retrace rebuild`: what it builds, what it says, how it ends.

use std::{
    net::TcpListener,
    path::Path,
    process::Output,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::common::{Http, Retrace, Store, process::talk, until};
use crate::rebuilding::{Sink, counts, digest, fixture, fold, lines, rebuild, report, whole};
use projector::{Change, Changes, ModelState};
use serde_json::{Value, json};
use testkit::RedisServer;

/// A text that a command line can hold.
fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// Leaves out what is another one each time.
fn is_told(mut report: Value, expected: &Value) {
    for figure in ["seconds", "events_per_second", "peak_memory_bytes"] {
        assert!(report.as_object_mut().unwrap().remove(figure).unwrap().is_number(), "{figure}");
    }
    let phases = report.as_object_mut().unwrap().remove("phases").unwrap();
    assert!(phases["read"].is_number() && phases["swap"].is_number(), "{phases}");
    assert_eq!(report, *expected);
}

#[tokio::test]
async fn the_histories_are_rebuilt_as_their_fold_wherever_to() {
    for name in ["ordershop-v2-small", "ordershop-v2-busy"] {
        let history = fixture(name);
        let lines = lines(&history);
        let rows = fold(&lines);
        let told = |into: &str, generation: u64| {
            let mut told = json!({
                "into": into,
                "generation": generation,
                "served": true,
                "checkpoint": { "epoch": "", "position": lines.last().unwrap().0, "number": 0 },
                "digest": digest(&rows).to_string(),
                "version": ordershop::domain().projection(),
                "events": lines.len(),
                "rows": counts(&rows),
                "resumed": false,
                "unreadable": { "count": 0, "first": [] },
            });
            if generation > 1 {
                told["replaced"] = json!(generation - 1);
            }
            told
        };
        is_told(report(&["--store", arg(&history), "--into", "memory"]), &told("memory:", 1));
        for sink in [Sink::sqlite(), Sink::redis(&format!("into-{name}"))] {
            let args = sink.args();
            for generation in 1..3 {
                let report = report(&[&["--store", arg(&history)], &*strs(&args)].concat());
                let model = sink.open().await;
                is_told(report, &told(&model.place(), generation));
                let (served, state) = whole(&model).await;
                assert_eq!((served, state.generation), (rows.clone(), generation));
            }
        }
        // Imported, they have numbers and an epoch, and the same rows.
        for store in [Store::sqlite(), Store::redis()] {
            store.import(&history);
            let args = store.args();
            let own = report(&strs(&args));
            let elsewhere = report(&[&*strs(&args), &["--into", "memory"]].concat());
            for report in [own, elsewhere] {
                assert_eq!(report["digest"], digest(&rows).to_string());
                assert_eq!(report["rows"], counts(&rows));
                assert_eq!(report["checkpoint"]["number"], lines.len());
            }
        }
    }
}

#[test]
fn a_time_cuts_a_history_at_the_right_event() {
    let history = fixture("ordershop-v2-small");
    let lines = lines(&history);
    for cut in [1, 60, 100, 143] {
        let at = lines[cut].0;
        let micros = i64::try_from(at.unix_micros()).unwrap();
        let moments = [(micros, cut + 1), (micros - 1, cut), (micros + 1, cut + 1)];
        for (micros, count) in moments.into_iter().filter(|(_, count)| lines[*count].0 > lines[*count - 1].0) {
            let time = jiff::Timestamp::from_microsecond(micros).unwrap();
            let clock = time.to_zoned(jiff::tz::TimeZone::system()).datetime();
            for moment in [time.to_string(), clock.to_string()] {
                let report = report(&["--store", arg(&history), "--into", "memory", "--to", &moment]);
                assert_eq!(report["checkpoint"]["position"], json!(lines[count - 1].0), "{moment}");
                assert_eq!(report["digest"], digest(&fold(&lines[..count])).to_string(), "{moment}");
                assert_eq!(report["events"], count);
            }
        }
        let from = report(&["--store", arg(&history), "--into", "memory", "--from", &at.to_string()]);
        assert_eq!(from["digest_from"], digest(&fold(&lines[..=cut])).to_string());
        assert_eq!(from["digest"], digest(&fold(&lines)).to_string());
        let rest = report(&["--store", arg(&history), "--into", "memory", "--from", &at.to_string(), "--empty"]);
        assert_eq!(rest["digest"], digest(&fold(&lines[cut + 1..])).to_string());
        assert_eq!(rest["events"], lines.len() - cut - 1);
    }
    let all = report(&["--store", arg(&history), "--into", "memory", "--to", "-1m", "--from", "-1h30m"]);
    assert_eq!(all["checkpoint"]["position"], json!(lines.last().unwrap().0), "the history is older than that");
    let topics = ["--topic", "order", "--topic", "mail"];
    let some = report(&[&["--store", arg(&history), "--into", "memory"][..], &topics].concat());
    assert_eq!(
        (&some["rows"]["order"], &some["rows"]["mail"], &some["rows"]["cart"]),
        (&json!(9), &json!(22), &json!(0))
    );
}

/// Standard output, with the figures of the run left out.
fn said(output: &Output, folder: &Path) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap().replace(arg(folder), "FOLDER");
    let line = |line: &str| match line.split_once(" events in ") {
        Some((read, figures)) if line.starts_with("  read ") => {
            assert!(figures.contains(" s, ") && figures.ends_with("/s"), "{line}");
            format!("{read} events in TIME\n")
        }
        _ => format!("{line}\n"),
    };
    text.lines().filter(|line| !line.starts_with("  of that ")).map(line).collect()
}

fn kept(generation: u64) -> String {
    format!("  kept        generation {generation}; `retrace rebuild --rollback` goes back to it\n")
}

#[tokio::test]
async fn it_tells_what_it_has_built_and_what_differs() {
    let history = fixture("ordershop-v2-small");
    let (lines, sink) = (lines(&history), Sink::sqlite());
    let rows = fold(&lines);
    let folder = sink.file().parent().unwrap().to_owned();
    let version = ordershop::domain().projection();
    let args = sink.args();
    let run = |more: &[&str]| rebuild(&[&["--store", arg(&history)], &*strs(&args), more].concat());
    let text = |generation: u64, is: &str, read: usize| {
        format!(
            "generation {generation} of read model sqlite://FOLDER/shop.model is {is}\n  log         {}\n  position    \
             1795341913-640795, 2026-11-22T10:05:13.640795Z\n  rows        73: billing 1, cart 10, customer \
             10, inventory 10, mail 22, order 9, product 10, shipping 1\n  digest      {}\n  version     \
             {version:08x}\n  read        {read} events in TIME\n",
            history.display(),
            digest(&rows),
        )
    };
    let first = run(&[]);
    assert_eq!((said(&first, &folder), talk(&first)), (text(1, "served", 145), String::new()));
    let same = run(&["--approve"]);
    assert_eq!(said(&same, &folder), text(2, "served", 145) + &kept(1) + "  no row differs\n");

    let model = sink.open().await;
    let from = model.state().await.unwrap();
    let (key, row) = rows["billing"].first_key_value().unwrap();
    let by_hand = row.replace("\"amount\":", "\"amount\":1");
    let mut to = from.clone();
    to.digest.remove("billing", key, row);
    to.digest.add("billing", key, &by_hand);
    to.digest.add("customer", "nobody", "{}");
    let changes = vec![
        Change { topic: "billing", key: key.as_str().into(), row: Some(by_hand.as_str().into()) },
        Change { topic: "customer", key: "nobody".into(), row: Some("{}".into()) },
    ];
    assert!(model.write(&Changes { from, to, rows: changes }).await.unwrap());
    let differences = format!(
        "  2 rows differ:\n    billing {key}\n      served   {by_hand}\n      rebuilt  {row}\n    customer nobody\n      \
         served   {{}}\n      rebuilt  no such row\n"
    );
    let before = whole(&model).await;
    for (generation, read, held) in
        [(3, 145, "held back"), (3, 0, "held back, going on with what an earlier run had begun")]
    {
        let output = run(&["--approve"]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(said(&output, &folder), text(generation, held, read) + &differences);
        assert_eq!(
            talk(&output),
            "retrace: generation 3 is held back, because its rows differ from the served ones; serve it by the same \
             command with --allow-differences, or drop it with --discard; `retrace audit` tells which of the two is \
             right\n"
        );
        assert_eq!(whole(&model).await, before, "the served one stays");
    }
    let json: Value = serde_json::from_slice(&run(&["--approve", "--json"]).stdout).unwrap();
    let expected = json!({ "count": 2, "first": [
        { "topic": "billing", "key": key, "found": by_hand, "expected": row },
        { "topic": "customer", "key": "nobody", "found": "{}", "expected": null },
    ] });
    assert_eq!((&json["differences"], &json["served"]), (&expected, &json!(false)));
    let allowed = run(&["--approve", "--allow-differences"]);
    assert_eq!(allowed.status.code(), Some(0));
    let served = "served, going on with what an earlier run had begun";
    assert_eq!(said(&allowed, &folder), text(3, served, 0) + &kept(2) + &differences);
    assert_eq!(whole(&model).await.0, rows);
    let back = run(&["--rollback"]);
    assert_eq!(back.status.code(), Some(0));
    assert!(said(&back, &folder).starts_with("generation 2 of read model sqlite://FOLDER/shop.model is served\n"));
    assert_eq!(whole(&model).await.0, before.0);
}

/// One sentence and the exit code, and nothing on standard output.
#[track_caller]
fn ends(args: &[&str], code: i32, sentence: &str) {
    let output = rebuild(args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", talk(&output));
    assert!(talk(&output).contains(sentence), "{args:?}: {:?} does not say {sentence:?}", talk(&output));
    assert!(!talk(&output).contains("panicked"), "{args:?}: {}", talk(&output));
    assert_eq!(output.stdout, b"", "{args:?}");
}

#[test]
fn wrong_usage_and_what_is_not_there_have_their_exit_codes() {
    let history = fixture("ordershop-v2-small");
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite://{}", folder.path().join("shop.db").display());
    assert!(Retrace::run(&["import", arg(&history), "--store", &store]).status.success());
    assert!(rebuild(&["--store", &store]).status.success());
    let first = lines(&history)[0].0.to_string();
    let on = |args: &[&'static str]| [&["--store", &store], args].concat();
    let cases: [(&[&str], i32, &str); 19] = [
        (&["--to", "soon"], 64, "\"soon\" is no moment; expected a position like 1795341904815-0"),
        (&["--from", "-10"], 64, "\"-10\" is no moment"),
        (&["--to", "tomorrow 15:00"], 3, "the head of the log"),
        (&["--empty"], 64, "--from"),
        (&["--allow-differences"], 64, "--approve"),
        (&["--approve", "--to", "1-0"], 64, "--to"),
        (&["--rollback", "--from", "1-0"], 64, "--from"),
        (&["--commit-every", "0"], 64, "0"),
        (&["--into", "nowhere"], 64, "expected redis, redis://HOST, sqlite:FILE or memory"),
        (&["--into", "sqlite:"], 64, "expected redis, redis://HOST, sqlite:FILE or memory"),
        (&["--into", "redis"], 64, "which Redis? set REDIS_URL, or say --into redis://HOST"),
        (
            &["--topic", "wood"],
            64,
            "the domain has no topic wood; it has billing, cart, customer, inventory, mail, order, product, shipping",
        ),
        (&["--from", "1-0", "--empty"], 64, "a rebuild from nothing gives a part of the read model, which "),
        (&["--to", "1-0"], 64, "stands at 1795341913-640795 and would go back to 1-0; build it elsewhere"),
        (&["--from", "9-0", "--to", "8-0", "--into", "memory"], 64, "would start at 9-0 and stop before that, at 8-0"),
        (&["--rollback"], 3, " keeps no earlier generation to go back to"),
        (&["--to", "1795341913-640796"], 3, "lies after 1795341913-640795, the head of the log"),
        (&["--from", "2999-01-01T00:00:00Z"], 3, "the head of the log"),
        (&["--store", "sqlite://twice.db"], 64, "--store"),
    ];
    for (args, code, sentence) in cases {
        ends(&on(args), code, sentence);
    }
    ends(&[&on(&[])[..], &["--to", &first]].concat(), 64, "would go back to");
    // The log's own read model is known by whatever name it is called.
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    let roundabout = format!("sqlite:{}/../{name}/shop.db.model", folder.path().display());
    ends(&[&on(&[])[..], &["--into", &roundabout, "--to", &first]].concat(), 64, "would go back to");
    ends(&on(&["--discard"]), 3, "has no generation that is not served or kept");
    ends(&["--store", arg(&history), "--into", "memory", "--to", "1795341913-640796"], 3, "the head of the log");

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    ends(&["--store", &format!("redis://{free}")], 69, &format!("store redis://{free} is unavailable"));
    ends(&["--store", arg(&history), "--into", &format!("redis://{free}")], 69, "is unavailable");
    ends(&["--data", arg(&folder.path().join("none"))], 69, "there is no such file");
    ends(&["--store", "none.jsonl"], 69, "none.jsonl");
    let taken = Store::redis();
    taken.import(&history);
    let Store::Redis { namespace } = &taken else { unreachable!() };
    ends(
        &["--store", arg(&history), "--into", &RedisServer::shared().url(), "--namespace", namespace],
        64,
        "holds a log of its own, and the read model there belongs to it; name another --namespace",
    );
}

#[tokio::test]
async fn one_rebuilds_at_a_time() {
    let history = fixture("ordershop-v2-small");
    for sink in [Sink::sqlite(), Sink::redis("held")] {
        let model = sink.open().await;
        let hold = model.hold("retrace rebuild (process 1)").await.unwrap().unwrap();
        let expected = format!(
            "retrace: read model {} is being rebuilt by retrace rebuild (process 1); wait for it, `retrace status` shows how far it is\n",
            model.place()
        );
        for more in [&[][..], &["--rollback"]] {
            let args = [["--store", arg(&history)].map(str::to_owned).to_vec(), sink.args()].concat();
            let args = [&*strs(&args), more].concat();
            let args: Vec<_> = args.into_iter().map(str::to_owned).collect();
            let output = tokio::task::spawn_blocking(move || rebuild(&strs(&args))).await.unwrap();
            assert_eq!((output.status.code(), talk(&output)), (Some(1), expected.clone()));
        }
        hold.give_up().await;
        assert_eq!(model.state().await.unwrap(), ModelState::default());
    }
}

/// Asks for the customers again and again; each answer must have them all.
fn reads(http: &Http, stop: &AtomicBool) -> usize {
    let mut answers = 0;
    while !stop.load(Ordering::Relaxed) {
        let customers = http.get("/customers").as_array().unwrap().len();
        assert!((10..=11).contains(&customers), "{customers} customers");
        answers += 1;
    }
    answers
}

/// Whoever reads stops when this is dropped: also when a test has failed.
struct Stop<'s>(&'s AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn served(http: &Http) -> (Value, Value) {
    let state = &http.get("/api/v1/status")["read_model"]["state"];
    (state["generation"].clone(), state["digest"].clone())
}

fn rebuilds_while_it_is_served(store: &Store) {
    let history = fixture("ordershop-v2-small");
    store.import(&history);
    let expected = digest(&fold(&lines(&history))).to_string();
    let up = store.up();
    let http = up.http();
    until("the read model has the whole history", || (http.try_get("/readyz").status == 200).then_some(()));
    assert_eq!(served(http), (json!(1), json!(expected)));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| reads(http, &stop));
        let told = Stop(&stop);
        for generation in 2..5 {
            let report = report(&[&*strs(&store.args()), &["--approve", "--commit-every", "10"]].concat());
            assert_eq!((&report["generation"], &report["served"]), (&json!(generation), &json!(true)));
            assert_eq!((&report["digest"], &report["differences"]["count"]), (&json!(expected), &json!(0)));
            assert_eq!(served(http), (json!(generation), json!(expected)), "the gateway serves it");
        }
        // What is written now goes into the generation that is served now, and into the other when that is again.
        let id = http.create("/customer", &json!({ "name": "Ann", "email": "ann@shop.example" })).remove(0);
        assert_eq!(http.get(&format!("/customer/{id}"))["name"], "Ann", "its own write is read");
        until("Ann was welcomed", || (http.get("/mails/sent").as_array().unwrap().len() == 23).then_some(()));
        let after = served(http);
        assert_eq!(after.0, 4);
        for generation in [3, 4] {
            let back = report(&[&*strs(&store.args()), &["--rollback"]].concat());
            assert_eq!((&back["generation"], &back["digest"]), (&json!(generation), &after.1));
            assert_eq!(http.get(&format!("/customer/{id}"))["name"], "Ann");
            assert_eq!(served(http), (json!(generation), after.1.clone()));
        }
        http.put(&format!("/customer/{id}"), &json!({ "name": "Bob", "email": "bob@shop.example" }));
        assert_eq!(http.get(&format!("/customer/{id}"))["name"], "Bob");
        drop(told);
        assert!(reading.join().unwrap() > 0);
    });
    let fresh = report(&[&*strs(&store.args()), &["--into", "memory"]].concat());
    until("the projector is at the head", || (served(http).1 == fresh["digest"]).then_some(()));
    assert!(up.stop().success());
}

#[test]
fn an_embedded_store_is_rebuilt_while_it_is_served() {
    rebuilds_while_it_is_served(&Store::sqlite());
}

#[test]
fn a_store_on_redis_is_rebuilt_while_it_is_served() {
    rebuilds_while_it_is_served(&Store::redis());
}
