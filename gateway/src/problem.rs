//! Every error that a client is told: a problem document (RFC 9457) with the key `error` besides.

mod rebuild;

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use kernel::{Rejection, RejectionKind, canonical::Complaint};
use runtime::StoreError;
use serde::Serialize;

use crate::reply;

/// What kind of problem it is; each has one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    MalformedRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    SlowRequest,
    InProgress,
    Conflict,
    ReadOnly,
    TooLarge,
    Refused,
    KeyReused,
    Internal,
    CommandFailed,
    Unavailable,
    OutcomeUnknown,
}

impl Kind {
    /// Every kind, for the description of the interface.
    pub(crate) const ALL: [Self; 16] = [
        Self::MalformedRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::SlowRequest,
        Self::InProgress,
        Self::Conflict,
        Self::ReadOnly,
        Self::TooLarge,
        Self::Refused,
        Self::KeyReused,
        Self::Internal,
        Self::CommandFailed,
        Self::Unavailable,
        Self::OutcomeUnknown,
    ];

    /// Status, last part of the type, title.
    pub(crate) const fn about(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::MalformedRequest => (StatusCode::BAD_REQUEST, "malformed-request", "Malformed request"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "A token is needed"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
            Self::SlowRequest => (StatusCode::REQUEST_TIMEOUT, "slow-request", "The request came too slowly"),
            Self::InProgress => (StatusCode::CONFLICT, "in-progress", "The first request is still in progress"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "Not as things are now"),
            Self::ReadOnly => (StatusCode::CONFLICT, "read-only", "The store is read only"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large"),
            Self::Refused => (StatusCode::UNPROCESSABLE_ENTITY, "refused", "Refused"),
            Self::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "key-reused", "Idempotency-Key used before"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "A defect in the gateway"),
            Self::CommandFailed => (StatusCode::INTERNAL_SERVER_ERROR, "command-failed", "The command failed"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable for now"),
            Self::OutcomeUnknown => (StatusCode::GATEWAY_TIMEOUT, "outcome-unknown", "No outcome yet"),
        }
    }
}

/// What a client is told instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    about: Box<About>,
}

/// What a problem is about, as far as it can be named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct About {
    field: Option<String>,
    member: Option<usize>,
    command: Option<String>,
    place: Option<(usize, usize)>,
    retry_after: Option<u32>,
}

/// The document as it is sent.
#[derive(Serialize)]
struct Document<'p> {
    error: &'p str,
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

/// The type of a problem, as a URI.
pub(crate) fn type_uri(slug: &str) -> String {
    format!("urn:retrace:problem:{slug}")
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), about: Box::default() }
    }

    /// The text is not JSON, from this line and column on, both counted from 1.
    pub(crate) fn not_json(error: &serde_json::Error) -> Self {
        let problem = Self::new(Kind::MalformedRequest, format!("the body is not JSON: {error}"));
        problem.with(|about| about.place = Some((error.line(), error.column())))
    }

    /// The store, or a queue on the way to it, can't take the request now.
    pub(crate) fn unavailable(detail: impl Into<String>, retry_after: u32) -> Self {
        Self::new(Kind::Unavailable, detail).retry_after(retry_after)
    }

    /// The store at `url` did not answer within `most`.
    pub(crate) fn silent(url: &str, most: Duration) -> Self {
        Self::unavailable(format!("store {url} did not answer within {most:?}"), 1)
    }

    /// Names the seconds after which it may be worth trying again.
    #[must_use]
    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        self.with(|about| about.retry_after = Some(seconds))
    }

    fn with(mut self, name: impl FnOnce(&mut About)) -> Self {
        name(&mut self.about);
        self
    }

    /// Names the field at fault.
    #[must_use]
    pub(crate) fn field(self, field: impl Into<String>) -> Self {
        self.with(|about| about.field = Some(field.into()))
    }

    /// Names the member of the batch at fault.
    #[must_use]
    pub(crate) fn member(self, member: Option<usize>) -> Self {
        self.with(|about| about.member = member)
    }

    /// Names the command that the problem is about.
    #[must_use]
    pub(crate) fn command(self, command: impl Into<String>) -> Self {
        self.with(|about| about.command = Some(command.into()))
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.kind.about().0
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    fn document(&self) -> Document<'_> {
        let (status, slug, title) = self.kind.about();
        let about = &self.about;
        Document {
            error: &self.detail,
            r#type: type_uri(slug),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            field: about.field.as_deref(),
            member: about.member,
            command: about.command.as_deref(),
            line: about.place.map(|(line, _)| line),
            column: about.place.map(|(_, column)| column),
        }
    }
}

impl From<Complaint> for Problem {
    fn from(complaint: Complaint) -> Self {
        Self::new(Kind::Refused, complaint.message).with(|about| about.field = complaint.field)
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let kind = match rejection.kind {
            RejectionKind::NotFound => Kind::NotFound,
            RejectionKind::Refused => Kind::Refused,
        };
        Self::new(kind, rejection.message).with(|about| {
            about.field = rejection.field;
            about.member = rejection.member;
        })
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::Unavailable { .. } => Self::unavailable(detail, 1),
            StoreError::Full { .. } => Self::unavailable(detail, 5),
            StoreError::Unusable { .. } => Self::unavailable(detail, 30),
            StoreError::ReadOnly(_) => Self::new(Kind::ReadOnly, detail),
            StoreError::AfterHead { .. } | StoreError::NumberAfterHead { .. } | StoreError::Unnumbered { .. } => {
                Self::new(Kind::Refused, detail)
            }
            StoreError::Diverged { .. } | StoreError::Corrupt { .. } => Self::new(Kind::Internal, detail),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // A document of texts and numbers always serialises.
        let body = serde_json::to_string(&self.document()).unwrap_or_default();
        let content = [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
        let mut response = (self.status(), content, body).into_response();
        if let Some(seconds) = self.about.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(command) = &self.about.command {
            reply::set(&mut response, reply::COMMAND, command);
        }
        if self.kind == Kind::Unauthorized {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(error: StoreError) -> (u16, Option<u32>) {
        let problem = Problem::from(error);
        (problem.status().as_u16(), problem.about.retry_after)
    }

    #[test]
    fn what_is_wrong_with_a_store_has_its_status() {
        let (url, reason) = (String::from("memory:"), String::from("gone"));
        assert_eq!(problem(StoreError::Unavailable { url: url.clone(), reason: reason.clone() }), (503, Some(1)));
        assert_eq!(problem(StoreError::Full { url: url.clone(), reason: reason.clone() }), (503, Some(5)));
        assert_eq!(problem(StoreError::Unusable { url: url.clone(), reason: reason.clone() }), (503, Some(30)));
        assert_eq!(problem(StoreError::ReadOnly("a.jsonl".into())), (409, None));
        let (position, head) = (kernel::Position::new(2, 0), kernel::Position::new(1, 0));
        assert_eq!(problem(StoreError::AfterHead { position, head }), (422, None));
        assert_eq!(problem(StoreError::Corrupt { url, at: "x".into(), reason: reason.clone() }), (500, None));
        assert_eq!(problem(StoreError::Diverged { checkpoint: kernel::Checkpoint::default(), reason }), (500, None));
    }

    #[test]
    fn a_document_says_it_for_old_and_new_clients() {
        let problem = Problem::from(Rejection::field("price", "price must be a number")).member(Some(3)).command("c-1");
        assert_eq!(
            serde_json::to_string(&problem.document()).unwrap(),
            r#"{"error":"price must be a number","type":"urn:retrace:problem:refused","title":"Refused","status":422,"detail":"price must be a number","field":"price","member":3,"command":"c-1"}"#
        );
    }
}
