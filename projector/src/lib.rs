//! Read models: projections to rows, live and rebuilt.
