//! Long looks at a log, on a thread of their own.

use runtime::{Engine, StoreError};

/// Does what looks at a log for long on a thread that may block ([`Engine::scan`]); `doing` says what, should it die.
pub(crate) async fn apart<T: Send + 'static>(
    engine: &Engine,
    doing: &str,
    work: impl FnOnce(&Engine) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let reader = engine.clone();
    let ended = tokio::task::spawn_blocking(move || work(&reader)).await;
    ended.map_err(|error| StoreError::Unavailable { url: engine.url(), reason: format!("{doing} died: {error}") })?
}
