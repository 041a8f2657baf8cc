//! The HTTP and WebSocket surface of a domain.
