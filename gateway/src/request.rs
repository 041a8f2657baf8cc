//! What requests carry besides their body: ids in paths, parameters, keys, trace context.

use axum::http::{HeaderMap, Uri};
use percent_encoding::percent_decode_str;
use runtime::Idempotency;

use crate::problem::{Kind, Problem};

/// The longest Idempotency-Key, in bytes.
const LONGEST_KEY: usize = 255;

/// The last segment of the path, decoded. What is not UTF-8 becomes an id that nothing has.
pub(crate) fn id(uri: &Uri) -> String {
    let segment = uri.path().rsplit('/').next().unwrap_or_default();
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// The value of a query parameter, decoded.
pub(crate) fn parameter(uri: &Uri, name: &str) -> Option<String> {
    raw_parameter(uri, name).map(decoded)
}

/// The value of a query parameter by either reading of `+`: as it stands, and as a space.
pub(crate) fn readings(uri: &Uri, name: &str) -> Option<[String; 2]> {
    let value = raw_parameter(uri, name)?;
    Some([percent_decode_str(value).decode_utf8_lossy().into_owned(), decoded(value)])
}

fn raw_parameter<'u>(uri: &'u Uri, name: &str) -> Option<&'u str> {
    let mut pairs = uri.query()?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find(|(key, _)| decoded(key) == name).map(|(_, value)| value)
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Refuses parameters that are not known: what they ask for would be left out in silence.
pub(crate) fn only(uri: &Uri, known: &[&str]) -> Result<(), Problem> {
    let names =
        uri.query().unwrap_or_default().split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    let decoded = names.map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned());
    match decoded.into_iter().find(|name| !name.is_empty() && !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            let detail = format!("there is no parameter {unknown} here; there are {}", known.join(", "));
            Err(Problem::new(Kind::MalformedRequest, detail))
        }
    }
}

/// How many of something an answer has at most: the parameter `limit`, or `usual`.
pub(crate) fn limit(uri: &Uri, usual: usize, most: usize) -> Result<usize, Problem> {
    let Some(asked) = parameter(uri, "limit") else { return Ok(usual) };
    let limit = asked.parse().ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| {
        let detail = format!("limit is \"{asked}\"; expected a whole number from 1 to {most}");
        Problem::new(Kind::MalformedRequest, detail).field("limit")
    })
}

/// How a repeat of the request would be recognised, if the client wants it to be.
pub(crate) fn idempotency(headers: &HeaderMap, fingerprint: Fingerprint) -> Result<Option<Idempotency>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let fits = |key: &&str| (1..=LONGEST_KEY).contains(&key.len());
    let key = key.to_str().ok().filter(fits).ok_or_else(|| {
        let detail = format!("Idempotency-Key must be 1 to {LONGEST_KEY} visible ASCII characters");
        Problem::new(Kind::MalformedRequest, detail)
    })?;
    Ok(Some(Idempotency { key: key.to_owned(), fingerprint: format!("{:032x}", fingerprint.0) }))
}

/// A digest of method, path and body: what must be the same in a repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u128);

impl Fingerprint {
    pub(crate) fn of(method: &str, path: &str, body: &str) -> Self {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        for part in [method, path, body] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self(hasher.digest128())
    }
}

/// W3C trace context, if it has the form of one: `00-<trace>-<span>-<flags>`.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("traceparent")?.to_str().ok()?;
    let lengths = value.split('-').map(str::len);
    let hexadecimal = value.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'));
    (hexadecimal && lengths.eq([2, 32, 16, 2])).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_decoded() {
        let id = |uri: &'static str| super::id(&Uri::from_static(uri));
        assert_eq!(id("/order/a%20b%2Fc?x=1"), "a b/c");
        assert_eq!(id("/order/%ff"), "\u{fffd}");
        assert_eq!(id("/order/100%"), "100%");
    }

    #[test]
    fn parameters_are_found_by_their_whole_name() {
        let uri = Uri::from_static("/ws?xafter=1&after=1%2D0&b&c=d+e");
        assert_eq!(parameter(&uri, "after").as_deref(), Some("1-0"));
        assert_eq!(parameter(&uri, "b").as_deref(), Some(""));
        assert_eq!(parameter(&uri, "c").as_deref(), Some("d e"));
        assert_eq!(parameter(&uri, "d"), None);
        assert_eq!(parameter(&Uri::from_static("/ws"), "after"), None);
        assert_eq!(readings(&uri, "c"), Some(["d+e".to_owned(), "d e".to_owned()]));
        assert_eq!(readings(&Uri::from_static("/?a=%2B1"), "a"), Some(["+1".to_owned(), "+1".to_owned()]));
    }

    #[test]
    fn parameters_that_are_not_known_are_refused() {
        let only = |uri: &'static str| only(&Uri::from_static(uri), &["from", "to"]).map_err(|p| p.detail().to_owned());
        assert_eq!(
            [only("/x"), only("/x?"), only("/x?to=1&from=2"), only("/x?%66rom=2&")],
            [Ok(()), Ok(()), Ok(()), Ok(())]
        );
        let refused = Err("there is no parameter key here; there are from, to".to_owned());
        assert_eq!([only("/x?from=1&key=2"), only("/x?key")], [refused.clone(), refused]);
    }

    #[test]
    fn a_trace_is_passed_on_only_if_it_looks_like_one() {
        let trace = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", value.parse().unwrap());
            traceparent(&headers)
        };
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace(good).as_deref(), Some(good));
        for bad in ["", "00-1-2-3", &good.to_uppercase(), &format!("{good}-00"), &good.replace('4', "\"")] {
            assert_eq!(trace(bad), None, "{bad}");
        }
    }

    #[test]
    fn parts_of_a_fingerprint_do_not_run_together() {
        assert_eq!(Fingerprint::of("POST", "/a", "b"), Fingerprint::of("POST", "/a", "b"));
        assert_ne!(Fingerprint::of("POST", "/a", "b"), Fingerprint::of("POST", "/ab", ""));
        assert_ne!(Fingerprint::of("POST", "/a", "b"), Fingerprint::of("PUT", "/a", "b"));
    }
}
