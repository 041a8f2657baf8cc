//! What can be done about an entry that a consumer has set aside.
//!
//! A saga's host decides about it again when it finds it marked. The read model has nothing to decide: what its fold
//! passed over it takes in when the rows are made anew, by a program that can read it.

use kernel::{Domain, Entry};
use runtime::{CommitError, Engine, Parked, ParkedId, Refused, StoreError, host::sagas};

use crate::live::CONSUMER;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum ParkedError {
    /// It is not set aside, or not any more.
    #[error("{consumer} has not set aside {topic} {position}", consumer = _0.consumer, topic = _0.topic, position = _0.position)]
    NotParked(ParkedId),
    /// The read model passed over it, and would not any more.
    #[error(
        "the read model has passed over {topic} {position}, and this program can read it: `retrace rebuild` makes the \
         rows anew with it, and it is set aside no more", topic = _0.topic, position = _0.position
    )]
    Rebuild(ParkedId),
    /// The read model would pass over it again.
    #[error(
        "the read model still can't read {topic} {position}: {reason}; drop it, or make the rows anew with a program \
         that can", topic = id.topic, position = id.position
    )]
    Unreadable {
        /// The entry.
        id: ParkedId,
        /// Why it can't be read.
        reason: String,
    },
    /// Nobody would try it again.
    #[error("{0} is no saga of this program: it can only be dropped here")]
    NoSaga(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Has a saga's host try an entry again, which it does within about a second where one runs.
///
/// # Errors
/// When it is not set aside, or trying again would change nothing: the error tells what would.
pub async fn retry(domain: &Domain, engine: &Engine, id: &ParkedId) -> Result<(), ParkedError> {
    let parked = engine.parked_one(id).await?.ok_or_else(|| ParkedError::NotParked(id.clone()))?;
    if id.consumer == CONSUMER {
        return Err(match unreadable(domain, engine, id).await? {
            None => ParkedError::Rebuild(id.clone()),
            Some(reason) => ParkedError::Unreadable { id: id.clone(), reason },
        });
    }
    if !domain.sagas().iter().any(|saga| sagas::consumer(saga.name) == id.consumer) {
        return Err(ParkedError::NoSaga(id.consumer.clone()));
    }
    let marked = engine.commit_one(parked.wanted_again()).await;
    marked.map(drop).or_else(|error| refused(error, id))
}

/// Drops an entry for good: nobody will react to it. The log keeps it.
///
/// # Errors
/// When it is not set aside, or the store failed.
pub async fn discard(engine: &Engine, id: &ParkedId) -> Result<(), ParkedError> {
    let parked = engine.parked_one(id).await?.ok_or_else(|| ParkedError::NotParked(id.clone()))?;
    engine.commit_one(Parked::dropped(id.clone())).await.map(drop).or_else(|error| refused(error, id))?;
    let Parked { consumer, topic, position, reason, .. } = parked;
    tracing::warn!(consumer, topic, %position, reason, "parked entry dropped: nobody will react to it");
    Ok(())
}

fn refused(error: CommitError, id: &ParkedId) -> Result<(), ParkedError> {
    match error {
        CommitError::Refused(Refused::NotParked { .. }) => Err(ParkedError::NotParked(id.clone())),
        // Nothing else is expected of the log.
        CommitError::Refused(_) => Ok(()),
        CommitError::Store(error) => Err(error.into()),
    }
}

/// Why this program's fold can't read an entry, if it can't.
async fn unreadable(domain: &Domain, engine: &Engine, id: &ParkedId) -> Result<Option<String>, StoreError> {
    let found = engine.entries_at(&[id.position]).await?;
    Ok(match found.into_iter().find(|entry| **entry.topic() == *id.topic) {
        None => Some("the log does not hold it any more".to_owned()),
        Some(Entry::Junk(junk)) => Some(junk.reason),
        Some(Entry::Event(event)) => {
            domain.topic(&event.topic).and_then(|topic| topic.step(&event).err()).map(|unreadable| unreadable.0)
        }
    })
}
