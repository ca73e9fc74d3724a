//! The runtime's end of the Runtime API: one kept connection, one request at a time.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, TRAILER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tracing::{debug, trace};

use crate::contract::{
    API_VERSION, ERROR_SUFFIX, INIT_ERROR_PATH, INVOCATION_PATH, NEXT_PATH, RESPONSE_SUFFIX, STREAMING_MODE,
    header,
};
use crate::error::Operation;
use crate::outgoing::{Outgoing, error_type_value};
use crate::payload::{Content, Streamed};
use crate::{Context, Error, Event, FunctionError, Invocation, Payload, RequestId};

/// A runtime's connection to its sandbox.
///
/// ```
/// use runtime_api::emulator::{Emulator, Settings};
/// use runtime_api::Client;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let emulator = Emulator::start(Settings::default()).await?;
/// let caller = tokio::spawn({
///     let emulator = emulator.clone();
///     async move { emulator.invoke("\"hello\"").await }
/// });
///
/// let mut client = Client::new(emulator.runtime_api())?;
/// let invocation = client.next().await?;
/// let answer = invocation.event.bytes().await?;
/// client.respond(&invocation.context.request_id, answer).await.told?;
///
/// assert_eq!(caller.await?.payload, "\"hello\"");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Client {
    /// `host:port`.
    address: String,
    host: HeaderValue,
    /// Path prefix, before every route.
    pub(crate) prefix: String,
    /// Path prefix and API version, before every route of the Runtime API.
    base: String,
    connection: Option<Connection>,
    /// Shared with the event that came last, as long as somebody has it.
    event: Arc<()>,
}

/// What became of an answer.
#[derive(Debug)]
#[must_use = "the platform may not have taken it, and the payload may have failed"]
pub struct Answered {
    /// Whether the platform took it.
    pub told: Result<(), Error>,
    /// What the payload failed with, if it did: a streamed one can, and one whose content type is none. Whatever `told`
    /// is, this is for the log, and its `should_exit` counts.
    pub failure: Option<FunctionError>,
}

#[derive(Debug)]
struct Connection {
    sender: SendRequest<Outgoing>,
    /// What reads and writes.
    task: AbortHandle,
}

/// Events are read in pieces of up to this size: what is read into memory that the processor's cache still holds,
/// and written from there, is copied faster.
const READ_BUFFER: usize = 128 * 1024;
/// Bytes of a refusal that are kept for the error's text.
const REFUSAL_LIMIT: usize = 64 * 1024;

impl Client {
    /// A client for the API at `host:port`, perhaps with a path prefix: the value of `AWS_LAMBDA_RUNTIME_API`.
    /// Connects on first use.
    pub fn new(runtime_api: &str) -> Result<Client, Error> {
        let problem = |problem| Error::Address { value: runtime_api.to_owned(), problem };
        let (address, prefix) = match runtime_api.split_once('/') {
            Some((address, prefix)) => (address, format!("/{}", prefix.trim_end_matches('/'))),
            None => (runtime_api, String::new()),
        };
        let (host, port) = address.rsplit_once(':').ok_or_else(|| problem("has no port"))?;
        if host.is_empty() {
            return Err(problem("has no host"));
        }
        port.parse::<u16>().map_err(|_| problem("has no valid port"))?;
        let prefix = if prefix == "/" { String::new() } else { prefix };
        let base = format!("{prefix}/{API_VERSION}");
        base.parse::<hyper::Uri>().map_err(|_| problem("has no valid path"))?;
        Ok(Client {
            address: address.to_owned(),
            host: HeaderValue::from_str(address).map_err(|_| problem("has no valid host"))?,
            prefix,
            base,
            connection: None,
            event: Arc::default(),
        })
    }

    /// A client for the same API, with a connection of its own.
    pub fn another(&self) -> Client {
        Client {
            address: self.address.clone(),
            host: self.host.clone(),
            prefix: self.prefix.clone(),
            base: self.base.clone(),
            connection: None,
            event: Arc::default(),
        }
    }

    /// Waits for the next invocation. It may take hours, with the sandbox frozen in between, so nothing limits it.
    ///
    /// [`Error::Header`] may name an invocation, which then has to be answered with a failure.
    pub async fn next(&mut self) -> Result<Invocation, Error> {
        let path = format!("{}{NEXT_PATH}", self.base);
        let request = self.request(Method::GET, &path, Bytes::new());
        let response = self.send(Operation::Next, request).await?;
        if response.status() != StatusCode::OK {
            return Err(refusal(Operation::Next, response).await);
        }
        let (parts, body) = response.into_parts();
        let context = Context::from_headers(&parts.headers).map_err(Error::Header)?;
        trace!(request_id = %context.request_id, "invocation");
        if Arc::strong_count(&self.event) > 1 {
            self.event = Arc::default();
        }
        Ok(Invocation { context, event: Event::from_wire(body, self.event.clone()) })
    }

    /// Answers an invocation with its payload. Whole bytes are sent without being copied, a streamed payload piece by
    /// piece as it is made, in chunked transfer coding.
    ///
    /// A streamed payload is waited for here. If it fails before its first piece, the platform is told a plain failure,
    /// as by [`Client::fail`]; if it fails later, in trailers. It is dropped, perhaps half sent, as soon as the
    /// platform refuses it.
    pub async fn respond(&mut self, request_id: &RequestId, payload: impl Into<Payload>) -> Answered {
        let payload = match payload.into().begin().await {
            Ok(payload) => payload,
            Err(failure) => {
                let told = self.fail(request_id, &failure).await;
                return Answered { told, failure: Some(failure) };
            }
        };
        let path = format!("{}{INVOCATION_PATH}{request_id}{RESPONSE_SUFFIX}", self.base);
        let content_type = payload.content_type_header();
        match payload.content {
            Content::Whole(bytes) => {
                let mut request = self.request(Method::POST, &path, bytes);
                if let Some(content_type) = content_type {
                    request.headers_mut().insert(CONTENT_TYPE, content_type);
                }
                Answered { told: self.post(Operation::Response, request).await, failure: None }
            }
            Content::Streamed(streamed) => self.stream(&path, content_type, streamed).await,
        }
    }

    async fn stream(&mut self, path: &str, content_type: Option<HeaderValue>, payload: Streamed) -> Answered {
        let (body, mut ended) = Outgoing::streamed(payload);
        let mut request = self.request(Method::POST, path, body);
        let headers = request.headers_mut();
        let binary = HeaderValue::from_static("application/octet-stream");
        headers.insert(CONTENT_TYPE, content_type.unwrap_or(binary));
        headers.insert(header::RESPONSE_MODE, HeaderValue::from_static(STREAMING_MODE));
        for trailer in [header::FUNCTION_ERROR_TYPE, header::FUNCTION_ERROR_BODY] {
            headers.append(TRAILER, HeaderValue::from_static(trailer));
        }
        let told = self.post(Operation::Response, request).await;
        let failure = match &told {
            // Even if it was taken before it had ended: its failure is still to come.
            Ok(()) => ended.await.unwrap_or_default(),
            Err(_) => ended.try_recv().unwrap_or_default(),
        };
        Answered { told, failure }
    }

    /// Answers an invocation with a failure.
    pub async fn fail(&mut self, request_id: &RequestId, failure: &FunctionError) -> Result<(), Error> {
        let path = format!("{}{INVOCATION_PATH}{request_id}{ERROR_SUFFIX}", self.base);
        let mut request = self.failure(&path, failure);
        let directory = std::env::current_dir().unwrap_or_default();
        let cause = failure.xray_cause(&directory.to_string_lossy());
        if let Ok(cause) = HeaderValue::from_str(&cause) {
            request.headers_mut().insert(header::XRAY_ERROR_CAUSE, cause);
        }
        self.post(Operation::Error, request).await
    }

    /// Tells that the runtime cannot start. The process is expected to exit, non-zero, right after.
    pub async fn init_error(&mut self, failure: &FunctionError) -> Result<(), Error> {
        let request = self.failure(&format!("{}{INIT_ERROR_PATH}", self.base), failure);
        self.post(Operation::InitError, request).await
    }

    pub(crate) fn request(&self, method: Method, path: &str, body: impl Into<Outgoing>) -> Request<Outgoing> {
        let mut request = Request::new(body.into());
        *request.method_mut() = method;
        // The base was parsed in `new`, and a request id holds nothing that a path could not.
        *request.uri_mut() = path.parse().unwrap_or_default();
        request.headers_mut().insert(HOST, self.host.clone());
        request
            .headers_mut()
            .insert(USER_AGENT, HeaderValue::from_static(concat!("go1x/", env!("CARGO_PKG_VERSION"))));
        request
    }

    fn failure(&self, path: &str, failure: &FunctionError) -> Request<Outgoing> {
        let mut request = self.request(Method::POST, path, Bytes::from(failure.to_json()));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // It is the function's own text; servers refuse requests with headers of any length.
        if let Some(error_type) = error_type_value(failure) {
            request.headers_mut().insert(header::FUNCTION_ERROR_TYPE, error_type);
        }
        request
    }

    async fn post(&mut self, operation: Operation, request: Request<Outgoing>) -> Result<(), Error> {
        let response = self.send(operation, request).await?;
        if response.status() != StatusCode::ACCEPTED && response.status() != StatusCode::OK {
            let refusal = refusal(operation, response).await;
            // It may have come before the request had gone out: then nothing can follow it on this connection.
            if let Some(connection) = self.connection.take() {
                connection.task.abort();
            }
            return Err(refusal);
        }
        // Read to its end, the answer leaves the connection free for the next request.
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            frame.map_err(|source| Error::Transport { operation, source })?;
        }
        Ok(())
    }

    /// Sends a request on the kept connection, or on a new one where that has ended in the meantime.
    pub(crate) async fn send(
        &mut self,
        operation: Operation,
        mut request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, Error> {
        let mut kept = self.connection.take();
        loop {
            let fresh = kept.is_none();
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            // The connection is free only once the event on it was read, which may wait for this very answer.
            if !fresh && Arc::strong_count(&self.event) > 1 && !connection.sender.is_ready() {
                continue;
            }
            if connection.sender.ready().await.is_err() && !fresh {
                continue;
            }
            match connection.sender.try_send_request(request).await {
                Ok(response) => {
                    self.connection = Some(connection);
                    return Ok(response);
                }
                Err(mut error) => match error.take_message() {
                    // Not a byte of it was sent.
                    Some(unsent) if !fresh => {
                        debug!(%operation, "the kept connection had ended");
                        request = unsent;
                    }
                    _ => return Err(Error::Transport { operation, source: error.into_error() }),
                },
            }
        }
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let failed = |source| Error::Connect { address: self.address.clone(), source };
        let stream = TcpStream::connect(&self.address).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(READ_BUFFER)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed(std::io::Error::other(error)))?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "the connection to the Runtime API ended");
            }
        });
        Ok(Connection { sender, task: task.abort_handle() })
    }
}

pub(crate) async fn refusal(operation: Operation, response: Response<Incoming>) -> Error {
    let status = response.status();
    let body = match Limited::new(response.into_body(), REFUSAL_LIMIT).collect().await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(error) => error.to_string(),
    };
    Error::Status { operation, status, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_leniently_but_not_blindly() {
        for (value, address, base) in [
            ("127.0.0.1:9001", "127.0.0.1:9001", "/2018-06-01"),
            ("169.254.100.1:9001", "169.254.100.1:9001", "/2018-06-01"),
            ("localhost:9001/", "localhost:9001", "/2018-06-01"),
            ("[::1]:80/a/b", "[::1]:80", "/a/b/2018-06-01"),
            ("host:1/a/", "host:1", "/a/2018-06-01"),
        ] {
            let client = Client::new(value).unwrap();
            assert_eq!((client.address.as_str(), client.base.as_str()), (address, base), "{value}");
        }
        for value in ["", "localhost", ":9001", "host:port", "host:70000", "host:1/a b", "ho\nst:1"] {
            assert!(matches!(Client::new(value), Err(Error::Address { .. })), "{value:?}");
        }
    }
}
