//! What the server's and the client's errors mean for a store.

use redis::{ErrorKind, RedisError, ServerError};

use crate::StoreError;

/// The store error that a client error is; `url` has its password masked.
pub(super) fn of(url: &str, error: &RedisError) -> StoreError {
    let unavailable = |reason: String| StoreError::Unavailable { url: url.to_owned(), reason };
    if error.kind() == ErrorKind::AuthenticationFailed {
        return unavailable("it refuses the password".to_owned());
    }
    match error.code() {
        Some(code) => of_code(url, code, error.detail().unwrap_or_default()),
        // It may be renewed meanwhile, so it is asked again.
        None if text_of(error).contains("invalid peer certificate") => unavailable(untrusted(&text_of(error))),
        None if error.is_timeout() => unavailable("it did not answer in time".to_owned()),
        None if error.is_connection_refusal() => unavailable(format!("nothing listens there: {error}")),
        None if error.is_connection_dropped() => unavailable(format!("the connection broke: {error}")),
        None => unavailable(error.to_string()),
    }
}

fn text_of(error: &RedisError) -> String {
    error.to_string()
}

/// What to say of a certificate that was not taken.
fn untrusted(error: &str) -> String {
    let why = error.split_once("invalid peer certificate: ").map_or(error, |(_, why)| why);
    let why = why.trim_end_matches(" - Io");
    format!("its certificate is not to be trusted: {why}; of an authority of your own, name the file in SSL_CERT_FILE")
}

/// What went wrong, without the store's name.
pub(super) fn reason_of(error: &StoreError) -> String {
    if let StoreError::Unavailable { reason, .. } | StoreError::Unusable { reason, .. } = error {
        reason.clone()
    } else {
        error.to_string()
    }
}

/// Whether an answer tells that the server is not, or no longer, the one to ask.
pub(super) fn is_elsewhere(error: &ServerError) -> bool {
    let detail = error.details().unwrap_or_default();
    let codes = ["MOVED", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "LOADING", "UNBLOCKED", "NOREPLICAS"];
    codes.iter().any(|code| error.code() == *code || detail.contains(&format!("-{code} ")))
        || detail.contains("the cluster is down")
}

/// Whether the server does not have a command, or not by this name.
pub(super) fn is_unknown_command(error: &ServerError) -> bool {
    error.code() == "ERR" && error.details().is_some_and(|detail| detail.starts_with("unknown command"))
}

/// The store error that one answer of a pipeline is.
pub(super) fn of_answer(url: &str, error: &ServerError) -> StoreError {
    of_code(url, error.code(), error.details().unwrap_or_default())
}

/// The store error that an answer with this code is.
pub(super) fn of_code(url: &str, code: &str, detail: &str) -> StoreError {
    let url = url.to_owned();
    let full = |reason: &str| StoreError::Full { url: url.clone(), reason: reason.to_owned() };
    let unavailable = |reason: &str| StoreError::Unavailable { url: url.clone(), reason: reason.to_owned() };
    let unusable = |reason: String| StoreError::Unusable { url: url.clone(), reason };
    // Servers before 7.0 hide the code of an error inside a script in its text.
    let says = |known: &str| code == known || detail.contains(&format!("-{known} "));
    if says("OOM") || detail.contains("OOM command not allowed") {
        full("its memory is full (maxmemory)")
    } else if says("MISCONF") {
        full("it can't write to its disk (MISCONF)")
    } else if says("NOREPLICAS") {
        full("too few of its replicas answer (NOREPLICAS)")
    } else if says("READONLY") {
        unavailable("it is a replica now and takes no writes")
    } else if says("MOVED") {
        unavailable("its slot has moved to another node")
    } else if says("ASK") || says("TRYAGAIN") || detail.contains("non local key") {
        unavailable("its slot is on the way to another node")
    } else if says("CLUSTERDOWN") || detail.contains("the cluster is down") {
        unavailable("its cluster is down, or this part of it (CLUSTERDOWN)")
    } else if says("MASTERDOWN") {
        unavailable("it is a replica that has lost its master (MASTERDOWN)")
    } else if says("UNBLOCKED") {
        unavailable("it became a replica while it was waited for (UNBLOCKED)")
    } else if says("LOADING") {
        unavailable("it is still loading its data")
    } else if says("BUSY") {
        unavailable("a script keeps it busy")
    } else if says("WRONGPASS") {
        unavailable("it refuses the password")
    } else if says("NOAUTH") {
        unavailable("it wants a password and the URL has none")
    } else if says("NOPERM") {
        unusable(format!("its user may not do what is needed: {detail}"))
    } else if says("WRONGTYPE") {
        unusable("one of its keys has been overwritten by another program: WRONGTYPE".to_owned())
    } else if detail.contains("Invalid stream ID") || detail.contains("exhausted the last possible ID") {
        unusable("another program has used up the positions of a stream".to_owned())
    } else if detail.contains("user_script") {
        unusable(format!("its data is not what it should be, a script failed: {detail}"))
    } else {
        unavailable(&format!("it answered {code} {detail}"))
    }
}
