//! The Runtime API over HTTP: which route is what, and how its answers look.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::Framing;
use super::http::{self, Answer, Received, Whole};
use super::sandbox::{Handout, Sandbox};
use super::state::{Content, Kind, Refusal};
use crate::contract::{
    API_VERSION, ERROR_SUFFIX, INIT_ERROR_PATH, INVOCATION_PATH, NEXT_PATH, PING_PATH, RESPONSE_LIMIT,
    RESPONSE_SUFFIX, STREAMED_RESPONSE_LIMIT, STREAMING_MODE, header,
};

/// AWS's emulator sends larger events chunked: so much does Go's HTTP server gather before it decides.
const RIE_SIZED_LIMIT: usize = 2048;

enum Route {
    Next,
    Answer(Kind, String),
    InitError,
    Ping,
}

/// Answers one request to the Runtime API.
pub(super) async fn answer(sandbox: Arc<Sandbox>, request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let Some(route) = Route::parse(&sandbox.settings.path_prefix, parts.uri.path()) else {
        return error(StatusCode::NOT_FOUND, "NotFound", &format!("No route {}", parts.uri.path()));
    };
    if parts.method != route.method() {
        let mut answer = error(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            &format!("{} allows {} only", parts.uri.path(), route.method()),
        );
        answer.headers_mut().insert(ALLOW, http::header_value(route.method().as_str()));
        return answer;
    }
    match route {
        Route::Ping => {
            let mut answer = Response::new(Whole::sized(Bytes::from_static(b"pong")));
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            answer
        }
        Route::Next => match sandbox.next().await {
            Ok(handout) => event(&sandbox, handout),
            Err(refusal) => refused(refusal),
        },
        Route::Answer(Kind::Response, id) if is_streamed(&parts.headers) => {
            let attempt = text(&parts.headers, header::INVOCATION_ID);
            let read = http::read_each(body, STREAMED_RESPONSE_LIMIT, |piece| {
                sandbox.piece(&id, attempt.as_deref(), piece)
            });
            let (received, trailers) = read.await;
            // A failure on the way leaves the caller with what has arrived.
            let failed = text(&trailers, header::FUNCTION_ERROR_TYPE).is_some();
            let kind = if failed { Kind::Error } else { Kind::Response };
            let content = content(received, STREAMED_RESPONSE_LIMIT);
            accept(&sandbox, kind, &id, content, parts.headers, &trailers)
        }
        Route::Answer(kind, id) => {
            let (received, trailers) = http::read(body, RESPONSE_LIMIT).await;
            let (kind, content) = whole(kind, content(received, RESPONSE_LIMIT), &parts.headers, &trailers);
            accept(&sandbox, kind, &id, content, parts.headers, &trailers)
        }
        Route::InitError => {
            let (received, _) = http::read(body, RESPONSE_LIMIT).await;
            let error_type = text(&parts.headers, header::FUNCTION_ERROR_TYPE);
            told(sandbox.init_error(error_type, content(received, RESPONSE_LIMIT)))
        }
    }
}

impl Route {
    /// Prefix and suffix decide, not the segments between them: a request id that a test made up may
    /// hold anything.
    fn parse(prefix: &str, path: &str) -> Option<Route> {
        let path = path.strip_prefix(prefix)?.strip_prefix('/')?.strip_prefix(API_VERSION)?;
        match path {
            NEXT_PATH => return Some(Route::Next),
            INIT_ERROR_PATH => return Some(Route::InitError),
            PING_PATH => return Some(Route::Ping),
            _ => {}
        }
        let invocation = path.strip_prefix(INVOCATION_PATH)?;
        if let Some(id) = invocation.strip_suffix(RESPONSE_SUFFIX) {
            return Some(Route::Answer(Kind::Response, id.to_owned()));
        }
        Some(Route::Answer(Kind::Error, invocation.strip_suffix(ERROR_SUFFIX)?.to_owned()))
    }

    fn method(&self) -> Method {
        match self {
            Route::Next | Route::Ping => Method::GET,
            Route::Answer(..) | Route::InitError => Method::POST,
        }
    }
}

fn is_streamed(headers: &HeaderMap) -> bool {
    headers.get(header::RESPONSE_MODE).is_some_and(|mode| mode == STREAMING_MODE)
}

/// An answer that its caller gets as a whole: a response that broke off is a failure and no response.
fn whole(mut kind: Kind, mut content: Content, headers: &HeaderMap, trailers: &HeaderMap) -> (Kind, Content) {
    if kind == Kind::Response {
        if headers.get(header::RESPONSE_MODE).is_some_and(|mode| !mode.is_empty()) {
            content = Content::UnknownMode;
        } else if let (Content::Whole(_), Some(failure)) = (&content, failure_in(trailers)) {
            kind = Kind::Error;
            content = Content::Whole(failure);
        }
    }
    (kind, content)
}

fn accept(
    sandbox: &Arc<Sandbox>,
    kind: Kind,
    id: &str,
    content: Content,
    mut headers: HeaderMap,
    trailers: &HeaderMap,
) -> Answer {
    for (name, value) in trailers {
        if !value.is_empty() {
            headers.insert(name, value.clone());
        }
    }
    let attempt = text(&headers, header::INVOCATION_ID);
    let result = sandbox.answer(id, attempt.as_deref(), kind, content, headers);
    match sandbox.take_forced_status() {
        Some(status) => error(status, "Forced", "This status was asked for"),
        None => told(result),
    }
}

/// The failure of a response that broke off in its middle, as aws-lambda-go tells it.
fn failure_in(trailers: &HeaderMap) -> Option<Bytes> {
    text(trailers, header::FUNCTION_ERROR_TYPE)?;
    let body = trailers.get(header::FUNCTION_ERROR_BODY).map_or(&[][..], HeaderValue::as_bytes);
    Some(BASE64.decode(body).unwrap_or_default().into())
}

fn event(sandbox: &Sandbox, handout: Handout) -> Answer {
    let settings = &sandbox.settings;
    let request = &handout.request;
    let bytes = request.payload.clone();
    let chunked = match settings.framing {
        Framing::ContentLength => false,
        Framing::Chunked => true,
        Framing::LikeRie => bytes.len() > RIE_SIZED_LIMIT,
    };
    let mut answer = Response::new(Whole::event(bytes, chunked, handout.undelivered));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::DEADLINE_MS, HeaderValue::from(handout.deadline_ms));
    for (name, value) in [
        (header::REQUEST_ID, &handout.id),
        (header::INVOCATION_ID, &handout.attempt),
        (header::INVOKED_FUNCTION_ARN, &settings.function_arn),
        (header::TRACE_ID, &request.trace_id),
        (header::CLIENT_CONTEXT, &request.client_context),
        (header::COGNITO_IDENTITY, &request.cognito_identity),
        (header::TENANT_ID, &request.tenant_id),
    ] {
        if !value.is_empty() {
            headers.insert(name, http::header_value(value));
        }
    }
    for (name, value) in &request.header_overrides {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            tracing::warn!(name, "not a header name, left out");
            continue;
        };
        match value {
            Some(value) => headers.insert(name, http::header_value(value)),
            None => headers.remove(name),
        };
    }
    answer
}

fn told(result: Result<(), Refusal>) -> Answer {
    match result {
        Ok(()) => http::json(StatusCode::ACCEPTED, &br#"{"status":"OK"}"#[..]),
        Err(refusal) => refused(refusal),
    }
}

fn refused(refusal: Refusal) -> Answer {
    // If some of the body was left unread, hyper closes the connection behind the answer.
    error(refusal.status(), refusal.error_type(), &refusal.message())
}

fn error(status: StatusCode, error_type: &str, message: &str) -> Answer {
    http::json(status, serde_json::json!({ "errorMessage": message, "errorType": error_type }).to_string())
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name).filter(|value| !value.is_empty())?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn content(received: Received, limit: usize) -> Content {
    match received {
        Received::Whole(bytes) => Content::Whole(bytes),
        Received::TooLarge => Content::TooLarge { limit },
        Received::Truncated => Content::Truncated,
    }
}
