//! Retrace.
