//! The local other end of the Runtime API: one function's sandbox, without AWS and without Docker.
//!
//! [`Emulator::start`] serves the Runtime API on a port of its own; a runtime process, or a client in the
//! same process, is pointed at it with `AWS_LAMBDA_RUNTIME_API`. Events come from [`Emulator::invoke`] or
//! from the public Invoke path ([`Emulator::listen_invoke`]). It starts no process: whoever does tells it
//! when one ended ([`Emulator::runtime_exited`]).
//!
//! ```
//! use runtime_api::emulator::{Emulator, InvokeRequest, Settings};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::TcpStream;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let emulator = Emulator::start(Settings::default()).await?;
//!
//! // A runtime by hand: it asks for an event, …
//! let mut runtime = TcpStream::connect(emulator.runtime_api()).await?;
//! runtime.write_all(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n").await?;
//! emulator.wait_ready().await.expect("it has asked, so its init is over");
//!
//! // … somebody invokes the function, …
//! let request = InvokeRequest { request_id: Some("id-1".into()), ..InvokeRequest::from(r#""ping""#) };
//! let invocation = tokio::spawn({
//!     let emulator = emulator.clone();
//!     async move { emulator.invoke(request).await }
//! });
//! let mut event = vec![0; 4096];
//! let length = runtime.read(&mut event).await?;
//! let event = String::from_utf8_lossy(&event[..length]).to_lowercase();
//! assert!(event.contains("lambda-runtime-aws-request-id: id-1\r\n"), "{event}");
//! assert!(event.ends_with("\r\n\r\n\"ping\""), "{event}");
//!
//! // … and the runtime answers.
//! let answer = "POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\n\
//!               Host: x\r\nContent-Length: 6\r\n\r\n\"pong\"";
//! runtime.write_all(answer.as_bytes()).await?;
//! let outcome = invocation.await?;
//! assert_eq!(outcome.payload, r#""pong""#);
//! assert_eq!(outcome.function_error, None);
//! # Ok(())
//! # }
//! ```
//!
//! With [`Settings::max_concurrency`] it is a sandbox of Lambda Managed Instances, which holds several invocations at
//! once. Whoever starts a runtime for it sets `AWS_LAMBDA_MAX_CONCURRENCY`. A streamed response can be had as it
//! arrives ([`Emulator::invoke_stream`]).
//!
//! What it does not do: extensions, telemetry, several functions in one sandbox, streamed responses over the public
//! Invoke path (there, a response is gathered before its caller gets it), the limits on a streamed response's speed.
//! Where AWS refuses an invocation because no worker is idle, it waits in the queue.

mod http;
mod invoke;
mod routes;
mod sandbox;
mod state;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
pub use hyper::StatusCode;
use hyper::header::HeaderMap;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use sandbox::{Sandbox, Ticket};

/// A handle on one emulated sandbox; clones share it. Dropping the last one closes its listeners and
/// connections.
#[derive(Clone)]
pub struct Emulator {
    sandbox: Arc<Sandbox>,
    runtime_api: Arc<str>,
    tasks: Arc<Tasks>,
}

/// What the emulated function is like. The defaults are those of AWS's own emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The function's name in the public Invoke path, which also knows it as `function`.
    pub function_name: String,
    /// The version that callers are told has run.
    pub function_version: String,
    /// The ARN that the runtime is told.
    pub function_arn: String,
    /// The time from handing out an event to its answer.
    pub timeout: Duration,
    /// How events are framed for the runtime.
    pub framing: Framing,
    /// How many invocations the runtime may hold at once, each with a `next` of its own; 0 is as 1.
    ///
    /// With more than one, an invocation that times out is failed to its caller and nothing else happens: the others
    /// go on, and its answer is told that it comes too late (status 410).
    pub max_concurrency: usize,
    /// Path below which the Runtime API is served, as `/prefix`; empty for none.
    pub path_prefix: String,
}

/// How the body of a `next` answer is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// With `Content-Length`, always.
    #[default]
    ContentLength,
    /// In chunked transfer coding, always.
    Chunked,
    /// As AWS's own emulator: `Content-Length` up to 2 048 bytes, chunked above.
    LikeRie,
}

/// An event and what comes with it. Empty texts mean that there is none, and the header is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InvokeRequest {
    /// The event, handed to the runtime as it is.
    pub payload: Bytes,
    /// The client context: raw JSON.
    pub client_context: String,
    /// The Cognito identity: JSON, with the keys that the runtime is to see.
    pub cognito_identity: String,
    /// X-Ray's trace header, `Root=…;Parent=…;Sampled=…`.
    pub trace_id: String,
    /// The tenant id.
    pub tenant_id: String,
    /// The request id, not checked in any way; a fresh UUID if `None`.
    pub request_id: Option<String>,
    /// Applied last to the headers of the `next` answer: a value replaces, `None` removes. For tests of
    /// what a runtime makes of bad ones. The emulator goes by what it would have sent.
    pub header_overrides: Vec<(String, Option<String>)>,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The request id, as the runtime was told it.
    pub request_id: String,
    /// `Unhandled` if the invocation failed, be it by the function, the runtime or the platform.
    pub function_error: Option<String>,
    /// The response, or the failure's JSON with `errorType` and `errorMessage`. Of a streamed response that the runtime
    /// failed on its way, what had come until then: the failure's JSON is in `headers` only, in base64.
    pub payload: Bytes,
    /// The error type that the runtime gave in the header, or trailer, made for it.
    pub error_type_header: Option<String>,
    /// The X-Ray cause that came with a failure: one line of JSON.
    pub xray_cause: Option<String>,
    /// All headers and trailers of the runtime's answer; none if it did not answer.
    pub headers: HeaderMap,
    /// From handing out the event to having read the last byte of the answer; zero if no runtime saw it.
    pub duration: Duration,
}

/// An invocation under way whose response, if it is a streamed one, can be seen as it arrives.
pub struct InvocationStream {
    pieces: mpsc::UnboundedReceiver<Bytes>,
    ticket: Ticket,
    /// It lives as long as its invocation is waited for.
    _emulator: Emulator,
}

/// Why the runtime did not come as far as its first `next`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitFailure {
    /// The error type header of `/init/error`, or `Runtime.ExitError` if the process just ended.
    pub error_type: Option<String>,
    /// The failure's JSON, as posted by the runtime or made by the platform.
    pub payload: Bytes,
}

impl Emulator {
    /// Serves the Runtime API on a free port of 127.0.0.1, on the current tokio runtime, which needs its
    /// I/O and time drivers.
    ///
    /// # Errors
    /// If the port cannot be bound.
    pub async fn start(settings: Settings) -> io::Result<Emulator> {
        let prefix = settings.path_prefix.trim_matches('/');
        let path_prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let runtime_api = format!("{}{path_prefix}", listener.local_addr()?).into();
        let sandbox = Arc::new(Sandbox::new(Settings { path_prefix, ..settings }));
        let emulator = Emulator { sandbox, runtime_api, tasks: Arc::default() };

        let sandbox = Arc::clone(&emulator.sandbox);
        emulator.tasks.spawn(async move { sandbox.run_clock().await });
        let sandbox = Arc::clone(&emulator.sandbox);
        emulator
            .tasks
            .spawn(http::serve(listener, move |request| routes::answer(Arc::clone(&sandbox), request)));
        Ok(emulator)
    }

    /// The value for `AWS_LAMBDA_RUNTIME_API`: `host:port`, with the path prefix if there is one.
    pub fn runtime_api(&self) -> &str {
        &self.runtime_api
    }

    /// Serves `POST /2015-03-31/functions/{name}/invocations` on the address, and returns the address with
    /// the port that was chosen if it was 0. May be called for several addresses.
    ///
    /// Headers read: `X-Amz-Invocation-Type` (`RequestResponse`, `Event`, `DryRun`), `X-Amz-Client-Context`
    /// (base64), `X-Amz-Cognito-Identity` (JSON; not AWS's, which has credentials to go by),
    /// `X-Amzn-Trace-Id`, `X-Amz-Tenant-Id`.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn listen_invoke(&self, addr: SocketAddr) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let sandbox = Arc::clone(&self.sandbox);
        self.tasks.spawn(http::serve(listener, move |request| invoke::answer(Arc::clone(&sandbox), request)));
        Ok(addr)
    }

    /// Invokes the function and waits for the end of it, whatever that is.
    ///
    /// Invocations are handed out in the order of their calls, once this future is first polled, and one by one
    /// but for [`Settings::max_concurrency`]. One that is dropped still takes place. The timeout runs from handing out the event; an
    /// event that is first in the queue and not asked for within 10 seconds (an init's limit) plus the
    /// timeout ends as timed out as well.
    pub async fn invoke(&self, event: impl Into<InvokeRequest>) -> Outcome {
        self.sandbox.enqueue(event.into(), None).outcome().await
    }

    /// Invokes the function, as [`Emulator::invoke`] does, but at once, and for a caller who wants to see a streamed
    /// response as it arrives.
    ///
    /// ```
    /// use runtime_api::emulator::{Emulator, Settings};
    /// use runtime_api::{Client, payload};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let emulator = Emulator::start(Settings::default()).await?;
    /// let mut invocation = emulator.invoke_stream("{}");
    ///
    /// let mut client = Client::new(emulator.runtime_api())?;
    /// let id = client.next().await?.context.request_id;
    /// let (sender, payload) = payload::channel();
    /// let answered = tokio::spawn(async move { client.respond(&id, payload).await });
    ///
    /// sender.send("first, ".into()).await?;
    /// assert_eq!(invocation.chunk().await.expect("it is on its way"), "first, ");
    /// sender.send("second".into()).await?;
    /// assert_eq!(invocation.chunk().await.expect("it is on its way"), "second");
    /// drop(sender);
    /// assert_eq!(invocation.chunk().await, None);
    /// assert_eq!(invocation.outcome().await.payload, "first, second");
    /// answered.await?.told?;
    /// # Ok(()) }
    /// ```
    pub fn invoke_stream(&self, event: impl Into<InvokeRequest>) -> InvocationStream {
        let (sender, pieces) = mpsc::unbounded_channel();
        InvocationStream {
            pieces,
            ticket: self.sandbox.enqueue(event.into(), Some(sender)),
            _emulator: self.clone(),
        }
    }

    /// Waits for the runtime's first `next`.
    ///
    /// # Errors
    /// If it posted `/init/error` instead, or [`Emulator::runtime_exited`] was called before either. This
    /// stays the answer until another runtime has come as far as its `next`.
    pub async fn wait_ready(&self) -> Result<(), InitFailure> {
        self.sandbox.ready().await
    }

    /// Tells that the runtime process has ended: `None` with success, else how, in Go's words: `exit
    /// status 2`, `signal: killed`. What it held fails with `Runtime.ExitError`; the sandbox then waits
    /// for another runtime.
    pub fn runtime_exited(&self, status_text: Option<String>) {
        self.sandbox.runtime_exited(status_text.as_deref());
    }

    /// Answers the next `/response` or `/error` with this status, whatever it would have been. The
    /// invocation itself ends as usual. For tests of how a runtime takes it.
    pub fn answer_next_response_with(&self, status: StatusCode) {
        self.sandbox.force_status(status);
    }
}

impl InvocationStream {
    /// The next piece of the response, as it was sent or cut by the network; `None` once the invocation is over.
    ///
    /// A response that is not in streaming mode has none, and neither has a failure: they are in the outcome.
    pub async fn chunk(&mut self) -> Option<Bytes> {
        self.pieces.recv().await
    }

    /// Waits for the invocation's end. The payload has all the pieces, whether they were taken or not.
    pub async fn outcome(self) -> Outcome {
        self.ticket.outcome().await
    }
}

impl fmt::Debug for InvocationStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvocationStream").field("request_id", &self.ticket.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("runtime_api", &self.runtime_api).finish_non_exhaustive()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            function_name: "test_function".to_owned(),
            function_version: "$LATEST".to_owned(),
            function_arn: "arn:aws:lambda:us-east-1:012345678912:function:test_function".to_owned(),
            timeout: Duration::from_secs(300),
            framing: Framing::default(),
            max_concurrency: 1,
            path_prefix: String::new(),
        }
    }
}

impl From<Bytes> for InvokeRequest {
    fn from(payload: Bytes) -> Self {
        InvokeRequest { payload, ..InvokeRequest::default() }
    }
}

impl From<Vec<u8>> for InvokeRequest {
    fn from(payload: Vec<u8>) -> Self {
        Bytes::from(payload).into()
    }
}

impl From<&str> for InvokeRequest {
    fn from(payload: &str) -> Self {
        Bytes::copy_from_slice(payload.as_bytes()).into()
    }
}

impl From<String> for InvokeRequest {
    fn from(payload: String) -> Self {
        Bytes::from(payload).into()
    }
}

impl fmt::Display for InitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the runtime failed to start: {}", String::from_utf8_lossy(&self.payload))
    }
}

impl std::error::Error for InitFailure {}

/// The tasks of an emulator, which end with it.
#[derive(Default)]
struct Tasks(Mutex<Vec<AbortHandle>>);

impl Tasks {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = tokio::spawn(task).abort_handle();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in self.0.get_mut().unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}
