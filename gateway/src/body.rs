//! Request bodies: read within limits, and cut into members without taking them apart.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use futures_util::StreamExt as _;
use serde_json::value::RawValue;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::{
    problem::{Kind, Problem},
    settings::Settings,
};

/// How much of a body that is too large is still taken in, so that the client gets to read why.
const DRAINED: usize = 16 << 20;

/// How long that may take.
const DRAINING: Duration = Duration::from_secs(2);

/// A body as text; `room` bounds what all requests together hold.
///
/// The permit that comes with it gives the room back when it is dropped.
pub(crate) async fn text<'r>(
    body: Body,
    headers: &HeaderMap,
    settings: &Settings,
    room: &'r Semaphore,
) -> Result<(String, SemaphorePermit<'r>), Problem> {
    let (body, expected) = expected(body, headers, settings.most_body).await?;
    let permits = u32::try_from(expected).unwrap_or(u32::MAX);
    let busy = || Problem::unavailable("too many large requests at once", 1);
    let permit = timeout(settings.store_timeout, room.acquire_many(permits)).await;
    let permit = permit.map_err(|_| busy())?.map_err(|_| busy())?;
    let bytes = read(body, expected, settings.most_body, settings.body_timeout).await?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Problem::new(Kind::MalformedRequest, format!("the body is not UTF-8: byte {at} does not fit"))
    })?;
    if text.trim_ascii().is_empty() {
        return Err(Problem::new(Kind::MalformedRequest, "the body is empty; expected JSON"));
    }
    Ok((text, permit))
}

/// A body as it is, of `most` bytes; whoever reads more than one at once must have room for them.
pub(crate) async fn bytes(
    body: Body,
    headers: &HeaderMap,
    settings: &Settings,
    most: usize,
) -> Result<Vec<u8>, Problem> {
    let (body, expected) = expected(body, headers, most).await?;
    read(body, expected, most, settings.body_timeout).await
}

/// A body, and how large it may be: as it was announced.
async fn expected(body: Body, headers: &HeaderMap, most: usize) -> Result<(Body, usize), Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let expected = announced.unwrap_or(most);
    if expected > most {
        drain(body).await;
        return Err(too_large(most));
    }
    Ok((body, expected))
}

async fn read(body: Body, expected: usize, most: usize, patience: Duration) -> Result<Vec<u8>, Problem> {
    let slow = || Problem::new(Kind::SlowRequest, format!("the body took longer than {patience:?}"));
    timeout(patience, collect(body, expected, most)).await.map_err(|_| slow())?
}

async fn collect(body: Body, expected: usize, most: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::with_capacity(expected.min(64 << 10));
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk: Bytes = chunk
            .map_err(|error| Problem::new(Kind::MalformedRequest, format!("the body broke off: {}", root(&error))))?;
        if bytes.len() + chunk.len() > most {
            drain(Body::from_stream(chunks)).await;
            return Err(too_large(most));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The innermost reason: the outer ones only say that there was an error.
fn root<'e>(error: &'e (dyn std::error::Error + 'static)) -> &'e (dyn std::error::Error + 'static) {
    std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error)
}

async fn drain(body: Body) {
    let mut chunks = body.into_data_stream();
    let mut left = DRAINED;
    let draining = async {
        while let Some(Ok(chunk)) = chunks.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                return;
            }
        }
    };
    // Whoever sends for longer than this does not want to know.
    let _ = timeout(DRAINING, draining).await;
}

fn too_large(most: usize) -> Problem {
    Problem::new(Kind::TooLarge, format!("the body is larger than {most} bytes"))
}

/// What a body holds: one thing or a list of them, each as it was written.
#[derive(Debug)]
pub(crate) enum Members {
    /// Something that is no list.
    One(Box<RawValue>),
    /// A list's members.
    Many(Vec<Box<RawValue>>),
}

impl Members {
    /// Reads JSON text.
    pub(crate) fn read(json: &str, settings: &Settings) -> Result<Self, Problem> {
        let shape = Shape::of(json);
        if shape.depth > settings.most_depth {
            let detail = format!("the body is nested deeper than {} levels", settings.most_depth);
            return Err(Problem::new(Kind::Refused, detail));
        }
        if !json.trim_ascii_start().starts_with('[') {
            return serde_json::from_str(json).map(Self::One).map_err(|error| Problem::not_json(&error));
        }
        if shape.commas >= settings.most_members {
            let detail = format!("the list has more than {} members", settings.most_members);
            return Err(Problem::new(Kind::TooLarge, detail));
        }
        serde_json::from_str(json).map(Self::Many).map_err(|error| Problem::not_json(&error))
    }
}

/// How deep a text is nested, and how many commas its outermost level has, if it is JSON.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    depth: usize,
    commas: usize,
}

impl Shape {
    fn of(json: &str) -> Self {
        let mut shape = Self::default();
        let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
        for byte in json.bytes() {
            match (in_text, byte) {
                (true, _) if escaped => escaped = false,
                (true, b'\\') => escaped = true,
                (_, b'"') => in_text = !in_text,
                (false, b'[' | b'{') => {
                    depth += 1;
                    shape.depth = shape.depth.max(depth);
                }
                (false, b']' | b'}') => depth = depth.saturating_sub(1),
                (false, b',') if depth == 1 => shape.commas += 1,
                _ => {}
            }
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str, settings: &Settings) -> (u16, String) {
        let problem = Members::read(json, settings).unwrap_err();
        (problem.status().as_u16(), problem.detail().to_owned())
    }

    #[test]
    fn brackets_and_commas_inside_texts_do_not_count() {
        assert_eq!(Shape::of(r#"[{"a":"[[[,\"{","b":[1,2]},3]"#), Shape { depth: 3, commas: 1 });
        assert_eq!(Shape::of("]]]]["), Shape { depth: 1, commas: 0 });
        assert_eq!(Shape::of(""), Shape::default());
    }

    #[test]
    fn members_are_kept_as_they_were_written() {
        let settings = Settings::default();
        let Members::Many(members) = Members::read(" [ {\"a\" : 1.50}, 2 ] ", &settings).unwrap() else {
            panic!("a list");
        };
        assert_eq!(members.iter().map(|member| member.get()).collect::<Vec<_>>(), ["{\"a\" : 1.50}", "2"]);
        assert!(matches!(Members::read("{}", &settings), Ok(Members::One(_))));
    }

    #[test]
    fn limits_are_kept() {
        let settings = Settings { most_depth: 3, most_members: 2, ..Settings::default() };
        assert_eq!(refused("[[[[]]]]", &settings), (422, "the body is nested deeper than 3 levels".into()));
        assert_eq!(refused("[1,2,3]", &settings), (413, "the list has more than 2 members".into()));
        assert!(Members::read("[1,2]", &settings).is_ok());
        assert!(Members::read("{\"a\":1,\"b\":2,\"c\":3}", &settings).is_ok());
        let deep = "[".repeat(1 << 20);
        assert_eq!(refused(&deep, &settings).0, 422, "and no stack overflow");
    }

    #[test]
    fn malformed_json_is_placed() {
        let refused = |json| refused(json, &Settings::default());
        assert_eq!(refused("{\"a\":\n  x}"), (400, "the body is not JSON: expected value at line 2 column 3".into()));
        assert_eq!(refused("{} {}"), (400, "the body is not JSON: trailing characters at line 1 column 4".into()));
        assert_eq!(refused("[1,"), (400, "the body is not JSON: EOF while parsing a value at line 1 column 3".into()));
    }
}
