//! Whatever arrives, in whatever parts, the reader of the wire answers and never reads beyond what came; and an
//! answer reads the same however it was cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use runtime::wire::Page;

/// Takes an answer in, so many bytes at a time; how many entries came of it, or why none.
fn read(answer: &[u8], at_a_time: usize) -> Result<(bool, Vec<String>), String> {
    let mut page = Page::default();
    let mut whole = false;
    for part in answer.chunks(at_a_time) {
        page.room()[..part.len()].copy_from_slice(part);
        whole = page.arrived(part.len()).map_err(|error| error.to_string())?;
        if whole {
            break;
        }
    }
    Ok((whole, (0..page.len()).map(|index| format!("{:?}", page.seen(index, "topic"))).collect()))
}

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (cut, answer) = input;
    let at_once = read(&answer, answer.len().max(1));
    let in_parts = read(&answer, usize::from(cut).max(1));
    if let (Ok(at_once), Ok(in_parts)) = (at_once, in_parts) {
        assert_eq!(at_once, in_parts);
    }
});
