//! How many files, and so connections, this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many as the system lets it have: what a shell grants at first is soon used up by clients that only listen.
pub(super) fn take_all() {
    let limit = getrlimit(Resource::Nofile);
    // Where that is refused, there are as many as there were.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
