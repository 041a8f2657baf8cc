//! What a gateway's owner may decide: limits, times, and who may ask for what.

use std::{collections::BTreeSet, fmt, net::SocketAddr, time::Duration};

use subtle::ConstantTimeEq;

/// Limits and times of a gateway. Everything that can grow or wait has its limit here.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a request waits for its command's outcome before it is answered with 504.
    pub command_timeout: Duration,
    /// How long a request that is done waits for the read model to show it.
    pub model_timeout: Duration,
    /// How long one call of the store may take before it counts as away.
    pub store_timeout: Duration,
    /// How long a client may take to send a request's head, and again to send its body.
    pub body_timeout: Duration,
    /// How long a connection may take nothing of what is being sent to it.
    pub stall: Duration,
    /// How often a WebSocket is pinged; after three that nobody answered it is closed.
    pub ping: Duration,
    /// How long requests may go on after the gateway was told to stop.
    pub grace: Duration,
    /// Bytes in a request's body.
    pub most_body: usize,
    /// Bytes in all bodies that are being read, history files aside; more requests wait their turn.
    pub most_bodies: usize,
    /// Bytes of a history file that is opened here, one at a time; its events take about as much memory again, and twice.
    pub most_history: usize,
    /// Members in a list of entities to create.
    pub most_members: usize,
    /// Levels of nesting in a request's JSON.
    pub most_depth: usize,
    /// How soon commands should have their outcome: while that takes longer, fewer are taken at once.
    pub patience: Duration,
    /// Commands that may be under way at once however soon they have their outcome; more are turned away.
    pub most_under_way: usize,
    /// Changed rows in one answer of `/api/v1/diff`; more are counted and left out.
    pub most_changes: usize,
    /// Rows that are looked through for those that refer to one; where there are more, some are left out.
    pub most_referring: usize,
    /// Clients of live events, by WebSocket or server-sent events.
    pub most_live: usize,
    /// Connections; more wait to be accepted.
    pub most_connections: usize,
    /// Events that the read model may be behind before the gateway calls itself not ready.
    pub most_lag: u64,
    /// Names that a request's `Host` may give, besides those of the loopback.
    pub hosts: Vec<String>,
    /// Origins whose pages may change things here, besides the gateway's own: `https://shop.example`.
    pub origins: Vec<String>,
    /// Who may ask for what; with none, everybody may ask for everything.
    pub tokens: Vec<AccessToken>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            command_timeout: Duration::from_secs(10),
            model_timeout: Duration::from_secs(5),
            store_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(30),
            stall: Duration::from_secs(10),
            ping: Duration::from_secs(20),
            grace: Duration::from_secs(20),
            most_body: 1 << 20,
            most_bodies: 256 << 20,
            most_history: 64 << 20,
            most_members: 10_000,
            most_depth: 64,
            patience: Duration::from_secs(1),
            most_under_way: 8_192,
            most_changes: 1_000,
            most_referring: 200_000,
            most_live: 10_000,
            most_connections: 20_000,
            most_lag: 10_000,
            hosts: Vec::new(),
            origins: Vec::new(),
            tokens: Vec::new(),
        }
    }
}

/// A listener that others can reach, with no token to tell who they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} can be reached from other machines and no token is set; listen on 127.0.0.1 or give a token")]
pub struct Exposed(pub SocketAddr);

impl Settings {
    /// Whether it is safe to listen on `address`.
    ///
    /// # Errors
    /// When other machines can reach it and no token keeps them out.
    pub fn check_bind(&self, address: SocketAddr) -> Result<(), Exposed> {
        let safe = address.ip().to_canonical().is_loopback() || !self.tokens.is_empty();
        if safe { Ok(()) } else { Err(Exposed(address)) }
    }
}

/// What a token lets its bearer do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Look at anything but dead letters.
    Read,
    /// Send commands.
    Command,
    /// Look at, requeue and drop dead letters; have the read model rebuilt or audited, decisions replayed, and history
    /// files opened.
    Admin,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Command => "command",
            Self::Admin => "admin",
        })
    }
}

/// A secret that stands for somebody, and what they may do.
#[derive(Clone)]
pub struct AccessToken {
    secret: String,
    scopes: BTreeSet<Scope>,
}

/// Why a text can't be a token. It does not say which text, for that is meant to be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitToken {
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// A client could not send it.
    #[error("can't be sent in a header because of its character {0}; use ASCII letters, digits and signs")]
    Unsendable(usize),
    /// A space at the beginning or the end does not arrive.
    #[error("begins or ends with a space, which no header keeps")]
    Spaced,
}

impl AccessToken {
    /// A token with this secret.
    ///
    /// # Errors
    /// When no client could send it.
    pub fn new(secret: impl Into<String>, scopes: impl IntoIterator<Item = Scope>) -> Result<Self, UnfitToken> {
        let secret = secret.into();
        let unsendable = |c: char| !matches!(c, ' '..='~');
        if let Some(at) = secret.chars().position(unsendable) {
            return Err(UnfitToken::Unsendable(at + 1));
        }
        match secret.trim_matches(' ').len() {
            _ if secret.is_empty() => Err(UnfitToken::Empty),
            kept if kept < secret.len() => Err(UnfitToken::Spaced),
            _ => Ok(Self { secret, scopes: scopes.into_iter().collect() }),
        }
    }

    /// Whether `given` is the secret, in time that does not depend on where the two differ.
    pub(crate) fn is(&self, given: &str) -> bool {
        self.secret.as_bytes().ct_eq(given.as_bytes()).into()
    }

    pub(crate) fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loopback_is_open_without_a_token() {
        let open = Settings::default();
        let closed =
            Settings { tokens: vec![AccessToken::new("s3cret", [Scope::Read]).unwrap()], ..Settings::default() };
        for safe in ["127.0.0.1:5000", "127.9.9.9:1", "[::1]:5000", "[::ffff:127.0.0.1]:5000"] {
            assert_eq!(open.check_bind(safe.parse().unwrap()), Ok(()));
        }
        for exposed in ["0.0.0.0:5000", "[::]:5000", "192.168.0.4:5000"] {
            let address = exposed.parse().unwrap();
            assert_eq!(open.check_bind(address), Err(Exposed(address)));
            assert_eq!(closed.check_bind(address), Ok(()));
        }
    }

    #[test]
    fn secrets_are_never_shown() {
        let token = AccessToken::new("s3cret", [Scope::Admin]).unwrap();
        assert!(!format!("{token:?}").contains("s3cret"));
        assert!(token.is("s3cret") && !token.is("s3cre") && !token.is("S3cret") && !token.is(""));
        assert!(token.allows(Scope::Admin) && !token.allows(Scope::Read));
    }

    #[test]
    fn what_no_header_can_carry_is_no_token() {
        let refused =
            |secret: &str| AccessToken::new(secret, [Scope::Read]).map(drop).map_err(|error| error.to_string());
        let unsendable = |at| {
            Err(format!("can't be sent in a header because of its character {at}; use ASCII letters, digits and signs"))
        };
        assert_eq!(refused(""), Err("is empty".into()));
        for secret in [" s3cret", "s3cret ", " "] {
            assert_eq!(refused(secret), Err("begins or ends with a space, which no header keeps".into()), "{secret:?}");
        }
        for (secret, at) in
            [("s3cr\u{e9}t", 5), ("a\tb", 2), ("s3cret\n", 7), ("\u{7f}", 1), ("\0", 1), ("\u{20ac}\u{20ac}", 1)]
        {
            assert_eq!(refused(secret), unsendable(at), "{secret:?}");
        }
        for secret in ["s3cret", "a b", "~!*'();:@&=+$,/?#[]", "\"\\"] {
            assert_eq!(refused(secret), Ok(()), "{secret:?}");
        }
    }
}
