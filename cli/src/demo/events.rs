//! What is sent, and what has to come back.

use bytes::Bytes;
use runtime_api::emulator::Outcome;
use serde::Deserialize;
use serde_json::Value;

use super::handlers::Handler;

/// An event with its promise.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) payload: Bytes,
    promise: Promise,
}

#[derive(Debug, Clone, Copy)]
enum Promise {
    /// The same bytes.
    Echo,
    /// The proxy response to the API Gateway event.
    Proxy,
    /// A failure of this type and text.
    Failure { error_type: &'static str, message: &'static str },
    /// A failure with this text, of the language's own type for it.
    Panic { message: &'static str },
    /// The handler's account of itself.
    Context,
}

/// A failure as the caller sees it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    error_type: String,
    error_message: String,
}

/// Lambda's megabyte, of which a payload may have six.
const MEGABYTE: usize = 1024 * 1024;

impl Event {
    pub(super) fn echo() -> Event {
        let payload = Bytes::from_static(br#"{"order":1017,"items":["tea","cups"]}"#);
        Event { name: "echo", payload, promise: Promise::Echo }
    }

    pub(super) fn api_gateway() -> Event {
        let payload = Bytes::from_static(include_bytes!("apigateway.json"));
        Event { name: "API Gateway", payload, promise: Promise::Proxy }
    }

    pub(super) fn error() -> Event {
        let promise = Promise::Failure { error_type: "customError", message: "no such user" };
        let payload = Bytes::from_static(br#"{"do":"error","message":"no such user"}"#);
        Event { name: "error", payload, promise }
    }

    pub(super) fn panic() -> Event {
        let payload = Bytes::from_static(br#"{"do":"panic","message":"out of tea"}"#);
        Event { name: "panic", payload, promise: Promise::Panic { message: "out of tea" } }
    }

    pub(super) fn context() -> Event {
        let payload = Bytes::from_static(br#"{"do":"context"}"#);
        Event { name: "context", payload, promise: Promise::Context }
    }

    pub(super) fn megabyte() -> Event {
        let letters = (b'a'..=b'z').cycle().take(MEGABYTE - 2);
        let payload = [b'"'].into_iter().chain(letters).chain([b'"']).collect();
        Event { name: "1 MB echo", payload, promise: Promise::Echo }
    }

    /// What to show of an outcome, or what is wrong with it.
    pub(super) fn check(&self, handler: &Handler, outcome: &Outcome) -> Result<String, String> {
        let answer = || serde_json::from_slice::<Value>(&outcome.payload).unwrap_or_default();
        let found = match self.promise {
            Promise::Echo if outcome.function_error.is_none() => {
                (outcome.payload == self.payload).then(|| match self.payload.len() {
                    MEGABYTE => "the same 1 048 576 bytes".to_owned(),
                    _ => String::from_utf8_lossy(&outcome.payload).into_owned(),
                })
            }
            Promise::Proxy if outcome.function_error.is_none() => proxied(&answer()),
            Promise::Context if outcome.function_error.is_none() => described(&answer()),
            Promise::Failure { error_type, message } => failed(outcome, error_type, message),
            Promise::Panic { message } => failed(outcome, handler.panic_type, message),
            _ => None,
        };
        found.ok_or_else(|| {
            let kind = if outcome.function_error.is_some() { "the failure " } else { "" };
            format!("the answer to {:?} is {kind}{}", self.name, excerpt(&outcome.payload))
        })
    }
}

fn proxied(answer: &Value) -> Option<String> {
    let body = answer["body"].as_str()?;
    let expected = serde_json::json!({"method": "GET", "path": "/users/42", "name": "Ada Lovelace"});
    let same = serde_json::from_str::<Value>(body).is_ok_and(|body| body == expected);
    (answer["statusCode"] == 200 && same).then(|| format!("200 {body}"))
}

/// The handler believes that it is on go1.x, and knows its invocation.
fn described(answer: &Value) -> Option<String> {
    let runtime = answer["env"]["AWS_EXECUTION_ENV"].as_str()?;
    let known = answer["requestId"].as_str().is_some_and(|id| !id.is_empty())
        && answer["remainingMs"].as_u64().is_some_and(|left| left > 0);
    (runtime == "AWS_Lambda_go1.x" && known).then(|| format!("pid {}, on {runtime}", answer["pid"]))
}

fn failed(outcome: &Outcome, error_type: &str, message: &str) -> Option<String> {
    outcome.function_error.as_ref()?;
    let failure: Failure = serde_json::from_slice(&outcome.payload).ok()?;
    let promised = failure.error_type == error_type && failure.error_message == message;
    promised.then(|| format!("{error_type}: {message}"))
}

/// Enough of a payload to recognise it.
fn excerpt(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(&payload[..payload.len().min(200)]);
    if payload.len() > 200 { format!("{text}… ({} bytes)", payload.len()) } else { text.into_owned() }
}
