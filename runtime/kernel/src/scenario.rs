//! How a domain drives traffic at itself: requests as data, answers as data, nothing sent from here.

use std::fmt;

use serde_json::Value;

/// One simulated client of a domain: hands out requests one at a time and is told each one's answer.
///
/// A state machine like everything else here: the same seed, index, times and answers give the same requests
/// again. Whoever drives it owns the connection, the pace and the clock.
pub trait Scenario: Send {
    /// Client number `index` (counted from 0) of a run whose chance starts from `seed`.
    ///
    /// There is always a client 0, so what must be done once for all of them is its duty.
    fn new(seed: u64, index: u64) -> Self
    where
        Self: Sized;

    /// The next request; `now_ms` is the time in Unix milliseconds.
    fn next(&mut self, now_ms: u64) -> Request;

    /// What the last request came to: its HTTP status, and its body or null where that is no JSON.
    ///
    /// A request that nobody answered is told as 504 with null.
    fn answered(&mut self, status: u16, body: &Value);
}

/// A request to the domain's own gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What the client is doing, for reports: `place order`.
    pub label: &'static str,
    /// What is asked for.
    pub method: Method,
    /// Where: `/order/17`.
    pub path: String,
    /// JSON to send along.
    pub body: Option<Value>,
}

/// The methods that a gateway knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Create.
    Post,
    /// Replace.
    Put,
    /// End.
    Delete,
}

impl Request {
    /// A read.
    #[must_use]
    pub fn get(label: &'static str, path: impl Into<String>) -> Self {
        Self { label, method: Method::Get, path: path.into(), body: None }
    }

    /// A creation.
    #[must_use]
    pub fn post(label: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self { label, method: Method::Post, path: path.into(), body: Some(body) }
    }

    /// A replacement.
    #[must_use]
    pub fn put(label: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self { label, method: Method::Put, path: path.into(), body: Some(body) }
    }

    /// An end.
    #[must_use]
    pub fn delete(label: &'static str, path: impl Into<String>) -> Self {
        Self { label, method: Method::Delete, path: path.into(), body: None }
    }
}

impl Method {
    /// As HTTP spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Chance that a seed decides: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", OOPSLA 2014), the same on every machine and in every version.
///
/// For simulated clients only: a service or saga has no chance to take (R6).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// The chance of client `index` of a run.
    #[must_use]
    pub const fn new(seed: u64, index: u64) -> Self {
        Self(mixed(mixed(seed.wrapping_add(Self::STEP)).wrapping_add(index)))
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(Self::STEP);
        mixed(self.0)
    }

    /// A number from 0 up to and without `end`; 0 when `end` is 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        // The upper half of a product spreads evenly enough for a simulation: the bias is below end / 2^64.
        ((self.next() as u128 * end as u128) >> 64) as u64
    }

    /// Yes in `percent` of 100 cases.
    pub const fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `items`; nothing when there are none.
    pub fn pick<'i, T>(&mut self, items: &'i [T]) -> Option<&'i T> {
        let index = self.below(items.len() as u64);
        items.get(usize::try_from(index).unwrap_or_default())
    }
}

const fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests;
