//! The readers of where an event came from: the one that owns what it has read, and the one that borrows it.

use kernel::{Meta, MetaRef};

use crate::{bounded, fuzz};

fn check(input: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(input) else { return "no text".to_owned() };
    let owned = bounded(input, 64, || serde_json::from_str::<Meta>(text));
    let borrowed = bounded(input, 64, || serde_json::from_str::<MetaRef<'_>>(text));
    match (owned, borrowed) {
        (Ok(owned), Ok(borrowed)) => {
            assert_eq!(owned.as_ref(), borrowed);
            let written = serde_json::to_string(&owned).unwrap();
            assert_eq!(serde_json::from_str::<Meta>(&written).unwrap(), owned, "{written}");
            written
        }
        (Err(owned), Err(borrowed)) => {
            assert_eq!(owned.to_string(), borrowed.to_string());
            owned.to_string()
        }
        (owned, borrowed) => panic!("{owned:?} and {borrowed:?}"),
    }
}

#[test]
fn both_readers_of_an_origin_read_the_same() {
    let words = ["{", "}", "\"", ":", ",", "null", "true", "\\u00e4", "\\ud800", "1e400", "[", "]", "\"command\":"];
    let more =
        ["\"cause\":", "\"handler\":", "\"as_of\":\"17-3\"", "\"schema\":1", "\"given\":true", "\"more\":", "\n"];
    fuzz("origins").words(&words).words(&more).run(check);
}
