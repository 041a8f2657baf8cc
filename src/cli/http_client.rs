//! A small HTTP client: one connection kept alive, one request at a time.

use std::{fmt, io, str::FromStr, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response, Uri,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use kernel::Method;
use runtime::location::masked;
use tokio::net::TcpStream;

use super::{exit, failure::Failure};

/// How long an answer may take; gateways give up sooner by themselves.
const PATIENCE: Duration = Duration::from_secs(30);

/// How large an answer may be.
const MOST_BODY: usize = 1 << 30;

/// Where a gateway listens, and the token that it knows us by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    authority: String,
    address: (String, u16),
    token: Option<String>,
}

/// A text that is no gateway's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no gateway's address; expected http://HOST or http://HOST:PORT")]
pub(super) struct MalformedTarget(String);

impl FromStr for Target {
    type Err = MalformedTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || MalformedTarget(masked(text));
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(malformed)?;
        if uri.scheme_str() != Some("http") || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(malformed());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let address = (host, authority.port_u16().unwrap_or(80));
        Ok(Self { authority: authority.as_str().to_owned(), address, token: None })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

impl Target {
    /// The same with a token to show.
    pub(super) fn with_token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    fn request(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<Request<Full<Bytes>>, HttpError> {
        let mut request = Request::builder().method(method.name()).uri(path).header(header::HOST, &self.authority);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(body.unwrap_or_default()));
        request.map_err(|error| HttpError::Unspeakable { path: path.to_owned(), reason: error.to_string() })
    }
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// Nobody listens.
    #[error("nothing answers at {target}: {reason}")]
    Away { target: String, reason: io::Error },
    /// What listens does not speak HTTP, or the connection broke.
    #[error("no answer from {target}: {reason}")]
    Broken { target: String, reason: String },
    /// The answer took too long.
    #[error("no answer from {target} within {} s", PATIENCE.as_secs())]
    TooLate { target: String },
    /// The path or token can't be sent.
    #[error("can't ask for {path}: {reason}")]
    Unspeakable { path: String, reason: String },
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        let code = match error {
            HttpError::Away { .. } => exit::UNAVAILABLE,
            HttpError::Broken { .. } | HttpError::TooLate { .. } | HttpError::Unspeakable { .. } => exit::FAILED,
        };
        Self::new(code, error.to_string())
    }
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// A client of one gateway; connects when it has to.
#[derive(Debug)]
pub(super) struct Client {
    target: Target,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub(super) const fn new(target: Target) -> Self {
        Self { target, connection: None }
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// After an error it is not known whether the request was done; the next one gets a new connection.
    pub(super) async fn send(&mut self, method: Method, path: &str, body: Option<Bytes>) -> Result<Answer, HttpError> {
        let answered = async {
            let response = self.begin(method, path, body).await?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), MOST_BODY).collect().await;
            let body = body.map_err(|error| self.broken(error.to_string()))?.to_bytes();
            Ok(Answer { status, body })
        };
        let answered = tokio::time::timeout(PATIENCE, answered).await;
        let answered = answered.unwrap_or_else(|_| Err(HttpError::TooLate { target: self.target.to_string() }));
        if answered.is_err() {
            self.connection = None;
        }
        answered
    }

    /// Sends a request and gives the answer as soon as it begins.
    pub(super) async fn begin(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Response<Incoming>, HttpError> {
        let mut request = self.target.request(method, path, body)?;
        if let Some(connection) = &mut self.connection
            && connection.ready().await.is_ok()
        {
            match connection.try_send_request(request).await {
                Ok(response) => return Ok(response),
                Err(mut error) => match error.take_message() {
                    // It never left: the other side had closed an idle connection.
                    Some(unsent) => request = unsent,
                    None => return Err(self.broken(error.into_error().to_string())),
                },
            }
        }
        let connection = self.connection.insert(connect(&self.target).await?);
        let response = connection.send_request(request).await;
        response.map_err(|error| self.broken(error.to_string()))
    }

    fn broken(&self, reason: String) -> HttpError {
        HttpError::Broken { target: self.target.to_string(), reason }
    }
}

async fn connect(target: &Target) -> Result<SendRequest<Full<Bytes>>, HttpError> {
    let away = |reason| HttpError::Away { target: target.to_string(), reason };
    let (host, port) = &target.address;
    let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(away)?;
    stream.set_nodelay(true).map_err(away)?;
    let broken = |error: hyper::Error| HttpError::Broken { target: target.to_string(), reason: error.to_string() };
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // Its errors are told to whoever waits for an answer.
    tokio::spawn(async { drop(connection.await) });
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_host_and_maybe_a_port() {
        let target = |text: &str| text.parse::<Target>().map(|target| (target.to_string(), target.address));
        let at = |shown: &str, host: &str, port| Ok((shown.to_owned(), (host.to_owned(), port)));
        assert_eq!(target("http://127.0.0.1:5000"), at("http://127.0.0.1:5000", "127.0.0.1", 5000));
        assert_eq!(target("http://shop.example/"), at("http://shop.example", "shop.example", 80));
        assert_eq!(target("http://[::1]:5000"), at("http://[::1]:5000", "::1", 5000));
        for text in ["", "127.0.0.1:5000", "https://h", "http://", "http://h/shop", "http://h/?a"] {
            assert_eq!(target(text), Err(MalformedTarget(text.into())));
        }
        assert_eq!(target("http://u:p@h"), Err(MalformedTarget("http://u:***@h".into())));
    }

    #[test]
    fn a_request_carries_host_token_and_type() {
        let target = "http://h:1".parse::<Target>().unwrap().with_token(Some("s3cret".into()));
        let request = target.request(Method::Post, "/order", Some("{}".into())).unwrap();
        let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/order"));
        assert_eq!(header("host"), Some("h:1"));
        assert_eq!(header("authorization"), Some("Bearer s3cret"));
        assert_eq!(header("content-type"), Some("application/json"));
        let bare = "http://h:1".parse::<Target>().unwrap().request(Method::Get, "/orders", None).unwrap();
        assert_eq!(bare.headers().len(), 1);
    }
}
