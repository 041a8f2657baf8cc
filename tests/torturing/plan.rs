//! What dies next, and when: drawn from a seed.

/// Seeds that have failed once: they are always run.
pub const REGRESSIONS: &[u64] = &[];

/// The seed that is run when nobody asks for another.
const USUAL: u64 = 7;

/// The seeds to run: the one that the environment asks for, or the usual one and all that have failed.
pub fn seeds() -> Vec<u64> {
    match std::env::var("RETRACE_TEST_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => [&[USUAL], REGRESSIONS].concat(),
    }
}

/// How many kills there are to be in the long run.
pub fn kills() -> u64 {
    std::env::var("RETRACE_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(500)
}

/// A small generator.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// A generator of its own for each part of a run.
    pub fn of(seed: u64, part: &str) -> Self {
        let mut dice = Self(seed);
        for byte in part.bytes() {
            dice.0 ^= u64::from(byte);
            dice.below(2);
        }
        dice
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }

    /// The same, in an order of its own.
    pub fn shuffled<T>(&mut self, mut all: Vec<T>) -> Vec<T> {
        for at in (1..all.len()).rev() {
            all.swap(at, usize::try_from(self.below(at as u64 + 1)).unwrap());
        }
        all
    }
}

/// The points of one part of the system: those whose names begin so.
pub fn points(part: &str) -> Vec<&'static str> {
    let names = runtime::fault::POINTS.iter().map(|point| point.name);
    names.filter(|name| name.split_once('.').is_some_and(|(of, _)| of == part)).collect()
}
