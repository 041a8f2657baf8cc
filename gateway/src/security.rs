//! Who may ask: the `Host` allow-list, the `Origin` check, and tokens.
//!
//! A page on the web can make a browser send requests to a loopback address. It can't choose the `Host`
//! that goes with them (so a rebound name is refused) and can't hide its `Origin` from a request that
//! changes something or opens a WebSocket.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, Method, Uri, header};
use data_encoding::BASE64URL_NOPAD;

use crate::{
    problem::{Kind, Problem},
    request,
    routes::listing,
    settings::{Scope, Settings},
};

/// The WebSocket protocol that is spoken here.
pub(crate) const PROTOCOL: &str = "retrace";

/// What the protocol begins with that is no protocol but a token, in base64url without padding.
const BEARER: &str = "bearer.";

/// Parameters by which people give a token in a URL.
const IN_URL: [&str; 2] = ["token", "access_token"];

/// Where entries that were set aside are told of.
const PARKED: &str = "/api/v1/parked";

/// What takes the scope admin to change: what is started there costs time and memory.
const KEPT: [&str; 4] = ["/api/v1/rebuilds", "/api/v1/replays", "/api/v1/audits", "/api/v1/histories"];

/// A request's outside.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'r> {
    pub(crate) method: &'r Method,
    pub(crate) uri: &'r Uri,
    pub(crate) headers: &'r HeaderMap,
}

/// Whether the request may be looked at.
pub(crate) fn check(settings: &Settings, asked: Asked<'_>) -> Result<(), Problem> {
    let authority = authority(asked)?;
    check_host(settings, authority)?;
    if !asked.method.is_safe() || asked.headers.contains_key(header::UPGRADE) {
        check_origin(settings, asked.headers, authority)?;
    }
    refuse_token_in_url(asked.uri)?;
    match needed(asked.method, asked.uri) {
        Some(scope) if !settings.tokens.is_empty() => check_token(settings, asked.headers, scope),
        _ => Ok(()),
    }
}

/// A token in a URL has been written down by whatever is in between: nobody should get used to that.
fn refuse_token_in_url(uri: &Uri) -> Result<(), Problem> {
    if IN_URL.iter().all(|name| request::parameter(uri, name).is_none()) {
        return Ok(());
    }
    let detail = "a token does not belong in a URL, where it is written down; send it as Authorization: Bearer \
                  <token>, or with a WebSocket as the protocol bearer.<token in base64url>";
    Err(Problem::new(Kind::MalformedRequest, detail))
}

/// What a request's bearer must be allowed to do; probes, and the workbench without the data that it asks for, tell
/// nothing that needs a token.
fn needed(method: &Method, uri: &Uri) -> Option<Scope> {
    match uri.path() {
        "/" | "/livez" | "/readyz" if method.is_safe() => None,
        path if method.is_safe() && path.starts_with("/assets/") => None,
        path if method.is_safe() && is_queue(path) && !listing::may_show_dead(uri) => Some(Scope::Read),
        path if path.starts_with("/api/v1/queues/") => Some(Scope::Admin),
        // A reason may quote what could not be read, as a dead letter does.
        path if path == PARKED || path.strip_prefix(PARKED).is_some_and(|rest| rest.starts_with('/')) => {
            Some(Scope::Admin)
        }
        _ if method.is_safe() => Some(Scope::Read),
        path if KEPT.iter().any(|kept| *kept == path || path.starts_with(&format!("{kept}/"))) => Some(Scope::Admin),
        _ => Some(Scope::Command),
    }
}

/// Whether it is one service's queue that is asked about, and nothing in it.
fn is_queue(path: &str) -> bool {
    path.strip_prefix("/api/v1/queues/").is_some_and(|service| !service.contains('/'))
}

/// The host and port that the client believes it talks to.
fn authority<'r>(asked: Asked<'r>) -> Result<&'r str, Problem> {
    if let Some(authority) = asked.uri.authority() {
        return Ok(authority.as_str());
    }
    let mut hosts = asked.headers.get_all(header::HOST).iter();
    match (hosts.next().map(|host| host.to_str()), hosts.next()) {
        (Some(Ok(host)), None) if !host.is_empty() => Ok(host),
        _ => Err(Problem::new(Kind::MalformedRequest, "the request must have one Host header")),
    }
}

fn check_host(settings: &Settings, authority: &str) -> Result<(), Problem> {
    let host = split(authority).0;
    let known = is_loopback(host) || settings.hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
    if known {
        return Ok(());
    }
    Err(Problem::new(
        Kind::Forbidden,
        format!("this gateway does not answer for the host {host:?}; who runs it can allow it with --allow-host"),
    ))
}

fn is_loopback(host: &str) -> bool {
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match literal {
        Some(inside) => inside.parse::<Ipv6Addr>().is_ok_and(|ip| IpAddr::V6(ip).to_canonical().is_loopback()),
        None => {
            host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
                || host.eq_ignore_ascii_case("localhost")
                || host.eq_ignore_ascii_case("localhost.")
        }
    }
}

/// Host and port of an authority; user information makes it a host that nobody knows.
fn split(authority: &str) -> (&str, Option<&str>) {
    let end_of_literal = authority.rfind(']').unwrap_or(0);
    match authority[end_of_literal..].rfind(':') {
        Some(colon) => (&authority[..end_of_literal + colon], Some(&authority[end_of_literal + colon + 1..])),
        None => (authority, None),
    }
}

fn check_origin(settings: &Settings, headers: &HeaderMap, authority: &str) -> Result<(), Problem> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let refused = |origin: &str| {
        Problem::new(Kind::Forbidden, format!("pages of the origin {origin:?} may not change anything here"))
    };
    match (origins.next(), origins.next()) {
        // Not a page: browsers always say where such requests come from.
        (None, _) => Ok(()),
        (Some(origin), None) => {
            let origin = origin.to_str().unwrap_or("?");
            let own = is_own(origin, authority);
            let known = own || settings.origins.iter().any(|known| known.eq_ignore_ascii_case(origin));
            if known { Ok(()) } else { Err(refused(origin)) }
        }
        (Some(_), Some(_)) => Err(refused("more than one")),
    }
}

/// Whether a page of `origin` came from the gateway itself, by the name that the request calls it.
fn is_own(origin: &str, authority: &str) -> bool {
    let (rest, default) = match (origin.strip_prefix("http://"), origin.strip_prefix("https://")) {
        (Some(rest), _) => (rest, "80"),
        (_, Some(rest)) => (rest, "443"),
        _ => return false,
    };
    let (host, port) = split(rest);
    let (own_host, own_port) = split(authority);
    host.eq_ignore_ascii_case(own_host) && port.unwrap_or(default) == own_port.unwrap_or(default)
}

fn check_token(settings: &Settings, headers: &HeaderMap, scope: Scope) -> Result<(), Problem> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    let Some(given) = given.map(str::to_owned).or_else(|| offered(headers)) else {
        return Err(Problem::new(Kind::Unauthorized, "the request must carry a token: Authorization: Bearer <token>"));
    };
    // All are compared, so that the time tells nothing about which came close.
    let known = settings.tokens.iter().fold(None, |known, token| if token.is(&given) { Some(token) } else { known });
    match known {
        None => Err(Problem::new(Kind::Unauthorized, "the token is not known here")),
        Some(token) if token.allows(scope) => Ok(()),
        Some(_) => Err(Problem::new(Kind::Forbidden, format!("the token lacks the scope {scope}"))),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token among the protocols that a WebSocket's client offers: a page can give it no other header. In a URL it would
/// be written down by whatever is in between.
fn offered(headers: &HeaderMap) -> Option<String> {
    if !headers.contains_key(header::UPGRADE) {
        return None;
    }
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let token = offered.flat_map(|value| value.split(',')).find_map(|protocol| protocol.trim().strip_prefix(BEARER))?;
    String::from_utf8(BASE64URL_NOPAD.decode(token.as_bytes()).ok()?).ok()
}

#[cfg(test)]
mod tests;
