//! Why a rebuild did not happen, for clients.

use projector::rebuild::RebuildError;

use super::{Kind, Problem};

impl From<&RebuildError> for Problem {
    fn from(error: &RebuildError) -> Self {
        let detail = error.to_string();
        match error {
            RebuildError::Store(error) => Self::from(error),
            RebuildError::Partial { .. } => Self::new(Kind::Refused, detail),
            RebuildError::Backwards { .. } => Self::new(Kind::Refused, detail).field("to"),
            RebuildError::Reversed { .. } => Self::new(Kind::Refused, detail).field("from"),
            RebuildError::UnknownTopic { .. } => Self::new(Kind::Refused, detail).field("topics"),
            RebuildError::NothingKept(_) => Self::new(Kind::NotFound, detail),
            RebuildError::Held { .. }
            | RebuildError::OtherVersion { .. }
            | RebuildError::Stale(_)
            | RebuildError::Fenced(_)
            | RebuildError::Interrupted(_) => Self::new(Kind::Conflict, detail),
            RebuildError::Outrun(_) => Self::unavailable(detail, 5),
            RebuildError::Died(_) => Self::new(Kind::Internal, detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Position;
    use runtime::StoreError;

    use super::*;

    #[test]
    fn what_keeps_a_rebuild_from_happening_has_its_status() {
        let place = || "memory:".to_owned();
        let (position, head) = (Position::new(2, 0), Position::new(1, 0));
        for (error, status) in [
            (RebuildError::Store(StoreError::AfterHead { position, head }), 422),
            (RebuildError::Partial { what: "a rebuild from nothing", place: place() }, 422),
            (RebuildError::Backwards { place: place(), served: position, to: head }, 422),
            (RebuildError::Reversed { from: position, to: head }, 422),
            (RebuildError::UnknownTopic { topic: "x".into(), known: "book".into() }, 422),
            (RebuildError::NothingKept(place()), 404),
            (RebuildError::Held { place: place(), holder: "process 1".into() }, 409),
            (RebuildError::OtherVersion { generation: 1, version: 2, current: 3 }, 409),
            (RebuildError::Stale(place()), 409),
            (RebuildError::Fenced(place()), 409),
            (RebuildError::Interrupted(head), 409),
            (RebuildError::Outrun(Duration::from_secs(30)), 503),
            (RebuildError::Died("a defect".into()), 500),
        ] {
            assert_eq!(Problem::from(&error).status().as_u16(), status, "{error}");
        }
    }
}
