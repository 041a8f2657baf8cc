//! Commands as they stand in a queue.

use super::state::State;
use crate::{Listed, Listing, Queued, Standing};

impl State {
    pub(super) fn listed(&self, service: &str, listing: &Listing) -> Listed {
        let Listing { only, after, limit } = listing;
        let asked = Standing::ALL.into_iter().filter(|standing| only.is_none_or(|only| only == *standing));
        let ids: Vec<_> = asked.flat_map(|standing| self.standing(service, standing)).collect();
        let found = after.as_ref().and_then(|after| ids.iter().position(|(_, id, _)| *id == after));
        let start = found.map_or(0, |place| place + 1);
        let end = ids.len().min(start.saturating_add(*limit));
        let queued = |(standing, id, worker): &(Standing, &String, Option<&String>)| {
            let stored = self.commands.get(*id);
            let body = stored.and_then(|stored| serde_json::to_string(&stored.command).ok());
            Queued {
                id: (*id).clone(),
                standing: *standing,
                body: body.unwrap_or_default(),
                failed: stored.map_or(0, |stored| stored.failed),
                error: stored.and_then(|stored| stored.error.clone()),
                worker: worker.cloned(),
                lease_ends_ms: worker.and_then(|worker| self.leases.get(worker).copied()),
            }
        };
        let commands = ids[start..end].iter().map(queued).collect();
        Listed { status: self.queue(service), commands, more: end < ids.len() }
    }

    /// Commands that stand there, in order, and who has them.
    fn standing<'s>(
        &'s self,
        service: &str,
        standing: Standing,
    ) -> Box<dyn Iterator<Item = (Standing, &'s String, Option<&'s String>)> + 's> {
        let unclaimed = move |id| (standing, id, None);
        match standing {
            Standing::Claimed => {
                let service = service.to_owned();
                let claimed = self.claimed.iter().filter(move |((of, _), _)| *of == service);
                Box::new(
                    claimed.flat_map(move |((_, worker), ids)| ids.iter().map(move |id| (standing, id, Some(worker)))),
                )
            }
            Standing::Waiting => Box::new(self.waiting.get(service).into_iter().flatten().map(unclaimed)),
            Standing::Dead => Box::new(self.dead.get(service).into_iter().flatten().map(unclaimed)),
        }
    }
}
