//! Inputs that nobody would have thought of: those that are kept, and mutations of them.
//!
//! A check gets bytes, asserts what must hold of any, and tells in which way it went. An input that went a way of its
//! own is gone on from, so that mutations pile up to where chance alone never gets; no instrumented compiler is needed.
//! What fails is made small and kept among the others, for ever.

use std::{
    collections::BTreeSet,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

/// How long inputs are made up for, unless `RETRACE_FUZZ_MS` says otherwise, and with `RETRACE_TEST_LONG`.
const LASTING: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How many bytes an input has at most.
const LONGEST: usize = 4 << 10;

/// How much of what is told about a way makes it another one, in characters.
const LONGEST_WAY: usize = 100;

/// How many inputs are gone on from at most.
const MOST: usize = 4_096;

/// How many times it is tried to make a failing input smaller.
const TRIES: u32 = 4_000;

/// Numbers at which something ends.
const NUMBERS: [&str; 10] = [
    "0",
    "-1",
    "1",
    "255",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999",
];

/// One at a time, so that a check can measure what its process does.
static TURN: Mutex<()> = Mutex::new(());

/// Something that takes any bytes.
#[derive(Debug)]
pub struct Fuzz {
    kept: PathBuf,
    words: Vec<Vec<u8>>,
}

impl Fuzz {
    /// What is fed with the files of a folder, and with what comes of them.
    #[must_use]
    pub fn with(kept: impl AsRef<Path>) -> Self {
        Self { kept: kept.as_ref().to_owned(), words: Vec::new() }
    }

    /// Words that mean something to it.
    #[must_use]
    pub fn words(mut self, words: &[&str]) -> Self {
        self.words.extend(words.iter().map(|word| word.as_bytes().to_vec()));
        self
    }

    /// Runs `check` over everything that is kept, and over what is made of it for a while.
    ///
    /// # Panics
    /// When `check` does, with the file in which the input is kept from now on; when nothing is kept.
    pub fn run(self, check: impl Fn(&[u8]) -> String) {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let name = self.kept.file_name().expect("a folder for each target").to_string_lossy().into_owned();
        let seed = seed();
        let mut pool = Pool { chance: Chance(seed), words: self.words, inputs: Vec::new(), ways: BTreeSet::new() };
        let mut kept: Vec<_> =
            fs::read_dir(&self.kept).expect("what is kept").map(|file| file.unwrap().path()).collect();
        kept.sort();
        assert!(!kept.is_empty(), "nothing is kept in {}", self.kept.display());
        for file in &kept {
            let input = fs::read(file).unwrap();
            pool.ways.insert(way(&check(&input)));
            pool.inputs.push(input);
        }
        let (until, mut runs) = (Instant::now() + lasting(), 0_u64);
        while Instant::now() < until {
            for _ in 0..64 {
                let input = pool.mutation();
                let Ok(told) = panic::catch_unwind(AssertUnwindSafe(|| check(&input))) else {
                    let small = shrunk(input, &check);
                    let file = self.kept.join(format!("failed-{:016x}", hash(&small)));
                    fs::write(&file, &small).unwrap();
                    let shown = String::from_utf8_lossy(&small).into_owned();
                    panic!("{name}, RETRACE_TEST_SEED={seed}: {shown:?} fails; it is kept in {}", file.display());
                };
                if pool.inputs.len() < MOST && pool.ways.insert(way(&told)) {
                    pool.inputs.push(input);
                }
            }
            runs += 64;
        }
        let (kept, ways) = (kept.len(), pool.ways.len());
        println!("{name}: {kept} inputs kept, {runs} made up, {ways} ways, RETRACE_TEST_SEED={seed}");
    }
}

fn lasting() -> Duration {
    let asked = std::env::var("RETRACE_FUZZ_MS").ok().and_then(|ms| ms.parse().ok()).map(Duration::from_millis);
    let is_long = std::env::var_os("RETRACE_TEST_LONG").is_some();
    asked.unwrap_or(if is_long { LASTING.1 } else { LASTING.0 })
}

fn seed() -> u64 {
    let given = std::env::var("RETRACE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let nanos = || SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos() as u64);
    given.unwrap_or_else(nanos)
}

/// A way, whatever numbers are told with it and whatever is quoted.
fn way(told: &str) -> String {
    let mut way = String::new();
    for (index, part) in told.split(['"', '`']).enumerate() {
        for c in part.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }) {
            if index % 2 == 0 && (c != '0' || !way.ends_with('0')) {
                way.push(c);
            }
        }
    }
    way.chars().take(LONGEST_WAY).collect()
}

fn hash(input: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    hasher.finish()
}

/// The same failure with less.
fn shrunk(mut input: Vec<u8>, check: impl Fn(&[u8]) -> String) -> Vec<u8> {
    let said = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let fails = |input: &[u8]| panic::catch_unwind(AssertUnwindSafe(|| check(input))).is_err();
    let (mut tries, mut part) = (0, input.len().div_ceil(2));
    while part > 0 && tries < TRIES {
        let mut at = 0;
        while at < input.len() && tries < TRIES {
            let end = (at + part).min(input.len());
            let less = [&input[..at], &input[end..]].concat();
            tries += 1;
            if fails(&less) {
                input = less;
            } else {
                at = end;
            }
        }
        part /= 2;
    }
    panic::set_hook(said);
    // Said once more, of the small one.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| check(&input)));
    input
}

/// Chance that can be repeated: SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }
}

/// What is gone on from.
struct Pool {
    chance: Chance,
    words: Vec<Vec<u8>>,
    inputs: Vec<Vec<u8>>,
    ways: BTreeSet<String>,
}

impl Pool {
    /// One of the inputs, changed in a few places.
    fn mutation(&mut self) -> Vec<u8> {
        let mut input = self.inputs[self.chance.below(self.inputs.len())].clone();
        for _ in 0..=self.chance.below(6) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let Self { chance, words, inputs, .. } = self;
        let at = chance.below(input.len() + 1);
        let end = (at + 1 + chance.below(16)).min(input.len());
        match chance.below(10) {
            0 if at < input.len() => input[at] ^= 1 << chance.below(8),
            1 if at < input.len() => input[at] = chance.next() as u8,
            2 => input.insert(at, chance.next() as u8),
            3 => drop(input.drain(at..end)),
            4 => drop(input.splice(at..at, input[at..end].to_vec())),
            5 if !words.is_empty() => drop(input.splice(at..at, words[chance.below(words.len())].clone())),
            6 if !words.is_empty() => drop(input.splice(at..end, words[chance.below(words.len())].clone())),
            7 => {
                let other = &inputs[chance.below(inputs.len())];
                let from = chance.below(other.len() + 1);
                let part = other[from..(from + chance.below(64)).min(other.len())].to_vec();
                drop(input.splice(at..at, part));
            }
            8 => input.truncate(at),
            _ => {
                let digits = input[at..].iter().position(u8::is_ascii_digit).map_or(at, |from| at + from);
                let length = input[digits..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                drop(input.splice(digits..digits + length, NUMBERS[chance.below(NUMBERS.len())].bytes()));
            }
        }
    }
}
