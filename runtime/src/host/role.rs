//! Roles: of several processes that could do a job on a log, one does it and the others wait.
//!
//! A role keeps two workers from doing the same work; it does not keep a late one from writing. That is for
//! what its commit rests on: of a saga's steps the holder (ADR 18), of a read model's where it stood (R2).

use crate::{Engine, StoreError, Trouble, host::LEASE};

/// One process's claim to a role. When it is dropped, the role is given up all the same.
#[derive(Debug)]
pub struct Role {
    engine: Engine,
    name: String,
    holder: String,
    given_up: bool,
    trouble: Trouble,
}

impl Role {
    /// A claim to the role `name`, not taken yet.
    #[must_use]
    pub fn new(engine: &Engine, name: &str) -> Self {
        let trouble = Trouble::new(format!("the role {name} can't be renewed"));
        Self { engine: engine.clone(), name: name.to_owned(), holder: engine.unique(), given_up: false, trouble }
    }

    /// Takes or renews the role; tells who else holds it if somebody does.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn take(&self) -> Result<Option<String>, StoreError> {
        let held = self.engine.hold(&self.name, &self.holder, LEASE).await;
        if held.is_ok() {
            self.trouble.over();
        }
        held
    }

    /// Renews the role; returns when somebody else has it.
    pub async fn keep(&self) {
        loop {
            tokio::time::sleep(LEASE / 4).await;
            match self.take().await {
                Ok(None) => {}
                Ok(Some(_)) => return,
                Err(error) => self.trouble.failed(&error),
            }
        }
    }

    /// Gives the role up, so that the next need not wait for the lease to run out.
    pub async fn give_up(mut self) {
        self.given_up = true;
        if let Err(error) = self.engine.let_go(&self.name, &self.holder).await {
            tracing::debug!(%error, role = self.name, "role not given up; its lease will run out");
        }
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        if self.given_up {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (engine, name, holder) = (self.engine.clone(), self.name.clone(), self.holder.clone());
        runtime.spawn(async move {
            // Nobody is left to tell; the lease will run out.
            let _ = engine.let_go(&name, &holder).await;
        });
    }
}
