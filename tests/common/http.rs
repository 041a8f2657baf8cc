//! A client that knows the original's HTTP contract and nothing else.

use std::time::Duration;

use serde_json::Value;
use ureq::{Agent, Body, http::Response};

use super::DEADLINE;

/// A client of one gateway. Clones share connections.
#[derive(Clone, Debug)]
pub struct Http {
    agent: Agent,
    pub base: String,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub headers: ureq::http::HeaderMap,
}

impl Answer {
    /// What stands under `result`; anything but a 200 with a result fails the test.
    #[track_caller]
    pub fn result(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body.get("result").unwrap_or_else(|| panic!("no result: {}", self.body)).clone()
    }

    /// The status and the sentence of an error.
    #[track_caller]
    pub fn error(&self) -> (u16, &str) {
        let sentence = self.body["error"].as_str().unwrap_or_else(|| panic!("no error: {self:?}"));
        assert_eq!(self.headers["content-type"], "application/problem+json");
        (self.status, sentence)
    }
}

impl Http {
    pub fn new(base: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(DEADLINE)).build();
        Self { agent: config.into(), base: base.to_owned() }
    }

    /// A client of the same gateway that takes no answer later than this.
    pub fn within(&self, most: Duration) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(most)).build();
        Self { agent: config.into(), base: self.base.clone() }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.try_get(path).result()
    }

    pub fn try_get(&self, path: &str) -> Answer {
        read(self.agent.get(self.url(path)).call().unwrap())
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.send("POST", path, &body.to_string()).result()
    }

    /// Creates entities, one or a list, and gives their ids.
    #[track_caller]
    pub fn create(&self, path: &str, body: &Value) -> Vec<String> {
        serde_json::from_value(self.post(path, body)).unwrap()
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Value {
        self.send("PUT", path, &body.to_string()).result()
    }

    #[track_caller]
    pub fn delete(&self, path: &str) -> Value {
        read(self.agent.delete(self.url(path)).call().unwrap()).result()
    }

    pub fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send_with(method, path, body, &[])
    }

    pub fn send_with(&self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        self.try_send(method, path, body, headers).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// As [`Http::send_with`], where the gateway may be gone.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(self.url(path));
        request = request.header("content-type", "application/json; charset=utf-8");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(read(self.agent.run(request.body(body.to_owned())?)?))
    }
}

fn read(mut response: Response<Body>) -> Answer {
    let text = response.body_mut().with_config().limit(u64::MAX).read_to_string().unwrap_or_default();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status: response.status().as_u16(), body, headers: response.headers().clone() }
}
