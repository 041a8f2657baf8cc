//! What reads what others have written takes any bytes: it never panics, never asks for much memory, and what it has
//! read is what it would write. `tests/corpus/` keeps what each target begins with, and all that ever failed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "fuzz/events.rs"]
mod events;
#[path = "fuzz/histories.rs"]
mod histories;
#[path = "fuzz/moments.rs"]
mod moments;
#[path = "fuzz/origins.rs"]
mod origins;
#[path = "fuzz/wire.rs"]
mod wire;

use peak_alloc::PeakAlloc;
use testkit::fuzz::Fuzz;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What may be taken whatever comes, in bytes: a reader's buffers.
const GROUND: usize = 1 << 20;

/// What is kept for a target.
fn fuzz(target: &str) -> Fuzz {
    Fuzz::with(format!("{}/tests/corpus/{target}", env!("CARGO_MANIFEST_DIR")))
}

/// What `reading` gives, which may take so many bytes of memory for each of the input's.
#[track_caller]
fn bounded<T>(input: &[u8], for_each: usize, reading: impl FnOnce() -> T) -> T {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let read = reading();
    let taken = MEMORY.peak_usage().saturating_sub(before);
    let most = GROUND + for_each * input.len();
    assert!(taken <= most, "{taken} bytes of memory for {} bytes of input, more than {most}", input.len());
    read
}
