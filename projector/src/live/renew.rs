//! A read model that another version of the projection made is made anew beside the one served.

use std::time::Duration;

use runtime::StoreError;

use super::{Ending, Projection, Until, VERSION};
use crate::ModelState;

impl Projection {
    /// Builds the next generation, or goes on building it, and serves it once it has come to the head.
    pub(super) async fn renew(&self, served: &ModelState) -> Result<Ending, StoreError> {
        // A log that the served rows were not made of, or that has lost events, is no ground to build on (R3).
        self.tail.next(&served.checkpoint, 1, Duration::ZERO).await?;
        let generation = served.generation + 1;
        tracing::warn!(
            version = served.version,
            generation = served.generation,
            "the read model was made by another version of the projection than {VERSION}; it is served until \
             generation {generation} has caught up"
        );
        let mut building = self.model.begin(generation, "").await?;
        let begun = building.state().await?;
        let of_this_log = begun.checkpoint.epoch.0.is_empty() || begun.checkpoint.epoch == self.tail.head().epoch;
        if (begun.version != VERSION && begun.version != 0) || !of_this_log {
            self.model.discard(generation).await?;
            building = self.model.begin(generation, "").await?;
        }
        let ending = self.follow(&building, Until::Head).await?;
        if ending != Ending::Head {
            return Ok(ending);
        }
        let built = building.state().await?;
        if !self.model.serve(served, &built).await? {
            return Ok(Ending::Fenced);
        }
        tracing::info!(generation, position = %built.checkpoint, "the new generation is served");
        self.model.discard(served.generation).await?;
        Ok(Ending::Head)
    }
}
