//! The runtime's end of the Runtime API: one kept connection, one request at a time.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tracing::{debug, trace};

use crate::contract::{
    API_VERSION, ERROR_SUFFIX, FAILURE_LIMIT, INIT_ERROR_PATH, INVOCATION_PATH, NEXT_PATH, RESPONSE_SUFFIX,
    header,
};
use crate::error::Operation;
use crate::http::{Connection, Failed, RequestHead, is_value};
use crate::invocation::Places;
use crate::lent::{Home, Lent, at_home};
use crate::payload::Content;
use crate::sending::Unanswered;
use crate::trailers::error_type_value;
use crate::{Context, Error, Event, FunctionError, Invocation, Payload, RequestId};

/// A runtime's connection to its sandbox. Needs a tokio runtime with I/O and time.
///
/// Between requests it is kept. That it has ended meanwhile is known to tokio, and costs no more than another connection,
/// unless nothing in its thread has waited since: who blocks a runtime of one thread for longer than a proxy in between
/// keeps idle connections should let it run before the answer, with [`tokio::task::yield_now`].
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
    /// Path prefix, before every route.
    pub(crate) prefix: String,
    /// Path prefix and API version, before every route of the Runtime API.
    base: String,
    /// The request's head, in a buffer that is used again.
    pub(crate) head: RequestHead,
    /// The headers that every request has.
    common: RequestHead,
    /// The head of the request for the next invocation, which is always the same.
    next: RequestHead,
    connection: Option<Box<Connection>>,
    waits_in_read: bool,
    /// Where an event brings its connection back to.
    home: Home,
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
    /// Whether the platform has seen the start of a response that then failed. AWS's own takes no failure behind one
    /// (status 403), and hands out no other event to this runtime.
    pub broken_off: bool,
}

/// A refusal's bytes that are kept for the error's text; and no success has more to say.
const BODY_LIMIT: usize = 64 * 1024;
/// As long as this, the rest of a body is waited for.
const BODY_TIME: Duration = Duration::from_secs(1);
/// Of a server that closes a connection because no request has come.
const REQUEST_TIMEOUT: u16 = 408;
const USER_AGENT: &str = concat!("go1x/", env!("CARGO_PKG_VERSION"));

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
        if !host.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(problem("has no valid host"));
        }
        port.parse::<u16>().map_err(|_| problem("has no valid port"))?;
        let prefix = if prefix == "/" { String::new() } else { prefix };
        if !prefix.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&byte)) {
            return Err(problem("has no valid path"));
        }
        Ok(Client::at(address.to_owned(), prefix))
    }

    /// From the next connection on, what is to come is waited for in the read itself, for [`tcp::MOMENT`]: a program
    /// whose thread has nothing else to do saves the reactor's part of a wait that is short.
    pub fn wait_in_read(&mut self) {
        self.waits_in_read = true;
    }

    /// A client for the same API, with a connection of its own, which does not wait in the read.
    pub fn another(&self) -> Client {
        Client::at(self.address.clone(), self.prefix.clone())
    }

    fn at(address: String, prefix: String) -> Client {
        let base = format!("{prefix}/{API_VERSION}");
        let (mut common, mut next) = (RequestHead::default(), RequestHead::default());
        common.header("host", &address);
        common.header("user-agent", USER_AGENT);
        next.begin("GET", [&base, NEXT_PATH]);
        next.end(&common);
        Client {
            address,
            prefix,
            base,
            head: RequestHead::default(),
            common,
            next,
            connection: None,
            waits_in_read: false,
            home: Home::default(),
        }
    }

    /// Waits for the next invocation. It may take hours, with the sandbox frozen in between, so nothing limits it.
    ///
    /// A kept connection that ends without a byte of an answer, or with status 408 alone, costs another request, as with
    /// Go's net/http; a new one that ends so is [`Error::Transport`], and status 408 on it [`Error::Status`].
    ///
    /// [`Error::Header`] may name an invocation, which then has to be answered with a failure.
    pub async fn next(&mut self) -> Result<Invocation, Error> {
        let operation = Operation::Next;
        let mut places = Places::default();
        let (mut connection, status, mut head) = loop {
            let (mut connection, _) = self.send(operation, &[]).await?;
            let is_kept = connection.has_answered();
            match connection.answer_showing(|headers| places = Places::of(headers)).await {
                // A proxy that has waited long enough for a request says so unasked, and closes the connection. As Go's
                // net/http has it (`is408Message` of `net/http/transport.go`).
                Ok((REQUEST_TIMEOUT, _)) if is_kept && !connection.keeps() => {
                    debug!(%operation, "the kept connection had timed out");
                }
                Ok((status, head)) => break (connection, status, head),
                // As Go's net/http has it (`shouldRetryRequest` of `net/http/transport.go`). A fresh one is never stale.
                Err(Failed::Stale(_)) => debug!(%operation, "the kept connection had ended"),
                Err(failed) => return Err(broke(operation)(failed)),
            }
        };
        if status != 200 {
            return Err(self.refusal(operation, status, connection).await);
        }
        // Most events have come with their heads.
        let event = match connection.at_hand() {
            Some(event) => {
                self.connection = Some(connection);
                event.into()
            }
            None => {
                // Sharing it would hold what was read with it for as long as the rest takes.
                head = Bytes::copy_from_slice(&head);
                let length = connection.length();
                Event::from_wire(length, Lent::new(connection, self.home.clone()))
            }
        };
        let context = Context::read(&head, &places).map_err(Error::Header)?;
        trace!(request_id = %context.request_id, "invocation");
        Ok(Invocation { context, event })
    }

    /// Answers an invocation with its payload. Whole bytes are sent without being copied, others piece by piece as they
    /// come: a streamed payload in chunked transfer coding.
    ///
    /// A payload that is still to come is waited for here. If it fails before its first piece, the platform is told a
    /// plain failure, as by [`Client::fail`]. If it fails later, a streamed one says so in trailers; any other is broken
    /// off, so that nobody takes it for whole, and the failure told then. It is dropped, perhaps half sent, as soon as
    /// the platform refuses it.
    pub async fn respond(&mut self, request_id: &RequestId, payload: impl Into<Payload>) -> Answered {
        let operation = Operation::Response;
        let payload = match payload.into().begin().await {
            Ok(payload) => payload,
            Err(failure) => return self.respond_failed(request_id, failure, false).await,
        };
        self.begin_answer(request_id, RESPONSE_SUFFIX);
        let content_type = payload.content_type_header();
        match &payload.content {
            Content::Streamed(_) => {
                self.head.header("content-type", content_type.unwrap_or("application/octet-stream"));
            }
            _ => content_type.into_iter().for_each(|value| self.head.header("content-type", value)),
        }
        match payload.content {
            Content::Whole(bytes) => {
                Answered { told: self.post(operation, &bytes).await, failure: None, broken_off: false }
            }
            Content::Arriving(length, payload) => {
                let passed_on = self.pass_on(length, payload).await;
                self.answered(request_id, passed_on, None).await
            }
            Content::Streamed(payload) => {
                let mut failure = None;
                let streamed = self.stream(payload, &mut failure).await;
                self.answered(request_id, streamed, failure).await
            }
        }
    }

    async fn answered(
        &mut self,
        request_id: &RequestId,
        sent: Result<(), Unanswered>,
        failure: Option<FunctionError>,
    ) -> Answered {
        match sent {
            Ok(()) => Answered { told: Ok(()), failure, broken_off: false },
            Err(Unanswered::Told(error)) => Answered { told: Err(error), failure, broken_off: false },
            Err(Unanswered::Failed(failure)) => self.respond_failed(request_id, failure, false).await,
            Err(Unanswered::BrokenOff(failure)) => self.respond_failed(request_id, failure, true).await,
        }
    }

    async fn respond_failed(
        &mut self,
        request_id: &RequestId,
        failure: FunctionError,
        broken_off: bool,
    ) -> Answered {
        let told = self.fail(request_id, &failure).await;
        Answered { told, failure: Some(failure), broken_off }
    }

    /// Answers an invocation with a failure.
    pub async fn fail(&mut self, request_id: &RequestId, failure: &FunctionError) -> Result<(), Error> {
        self.begin_answer(request_id, ERROR_SUFFIX);
        let directory = std::env::current_dir().unwrap_or_default();
        let cause = failure.xray_cause(&directory.to_string_lossy());
        if is_value(&cause) {
            self.head.header(header::XRAY_ERROR_CAUSE, &cause);
        }
        self.post_failure(Operation::Error, failure).await
    }

    /// Tells that the runtime cannot start. The process is expected to exit, non-zero, right after.
    pub async fn init_error(&mut self, failure: &FunctionError) -> Result<(), Error> {
        self.head.begin("POST", [&self.base, INIT_ERROR_PATH]);
        self.post_failure(Operation::InitError, failure).await
    }

    #[inline(always)] // as that of the head's parts
    fn begin_answer(&mut self, request_id: &RequestId, suffix: &str) {
        self.head.begin("POST", [&self.base, INVOCATION_PATH, request_id.as_str(), suffix]);
        if !request_id.attempt().is_empty() {
            self.head.header(header::INVOCATION_ID, request_id.attempt());
        }
    }

    async fn post_failure(&mut self, operation: Operation, failure: &FunctionError) -> Result<(), Error> {
        self.head.header("content-type", "application/json");
        // It is the function's own text; servers refuse requests with headers of any length.
        if let Some(error_type) = error_type_value(failure) {
            self.head.header(header::FUNCTION_ERROR_TYPE, error_type);
        }
        self.post(operation, failure.to_json_within(FAILURE_LIMIT).as_bytes()).await
    }

    async fn post(&mut self, operation: Operation, body: &[u8]) -> Result<(), Error> {
        self.head.content_length(body.len() as u64);
        let (connection, _) = self.send(operation, &[body]).await?;
        self.taken(operation, connection).await
    }

    /// Whether the platform took what was sent.
    pub(crate) async fn taken(
        &mut self,
        operation: Operation,
        mut connection: Box<Connection>,
    ) -> Result<(), Error> {
        let status = connection.answer().await.map_err(broke(operation))?;
        if !matches!(status, 200 | 202) {
            return Err(self.refusal(operation, status, connection).await);
        }
        self.pass_over(operation, connection).await;
        Ok(())
    }

    /// Reads a success to its end. What it says beyond its head is nothing, so that it may break off there.
    pub(crate) async fn pass_over(&mut self, operation: Operation, connection: Box<Connection>) {
        if let Err(error) = self.rest(connection).await {
            debug!(%operation, %error, "the answer broke off behind its head");
        }
    }

    /// Ends the head, and sends it with the body, or the start of one, on the kept connection, or on a new one where that
    /// has ended in the meantime. `false`: it was refused before all of it was sent.
    pub(crate) async fn send(
        &mut self,
        operation: Operation,
        body: &[&[u8]],
    ) -> Result<(Box<Connection>, bool), Error> {
        let head = if operation == Operation::Next {
            &self.next
        } else {
            self.head.end(&self.common);
            &self.head
        };
        let mut pieces = [&[][..]; 4];
        pieces[0] = head.bytes();
        pieces[1..=body.len()].copy_from_slice(body);
        // Where it was lent and is not back yet, its event may wait for this very answer.
        let kept = self.connection.take().or_else(|| at_home(&self.home).take());
        if let Some(mut connection) = kept
            && self.is_free(operation, &mut connection).await
        {
            match connection.write(&pieces).await {
                Ok(wanted) => return Ok((connection, wanted)),
                Err(Failed::Unsent(_)) => debug!(%operation, "the kept connection had ended"),
                Err(failed) => return Err(broke(operation)(failed)),
            }
        }
        let connected = Connection::connect(&self.address).await;
        let mut connection =
            connected.map_err(|source| Error::Connect { address: self.address.clone(), source })?;
        if self.waits_in_read
            && let Err(error) = connection.wait_in_read()
        {
            debug!(%error, "waiting in the reactor");
        }
        let wanted = connection.write(&pieces).await.map_err(broke(operation))?;
        Ok((connection, wanted))
    }

    async fn is_free(&self, operation: Operation, connection: &mut Connection) -> bool {
        // To look is a system call then, and what asks for an event follows an answer at once, and can be asked again.
        if self.waits_in_read && operation == Operation::Next {
            return connection.is_done();
        }
        connection.is_free().await
    }

    pub(crate) async fn refusal(
        &mut self,
        operation: Operation,
        status: u16,
        connection: Box<Connection>,
    ) -> Error {
        let body = match self.rest(connection).await {
            Ok(body) => String::from_utf8_lossy(&body).into_owned(),
            Err(error) => error.to_string(),
        };
        Error::Status { operation, status, body }
    }

    /// Reads a body to its end, which leaves the connection free for the next request. Of one that is too long, the
    /// start; if it is still to come then, or does not come to its end, the connection is given up.
    async fn rest(&mut self, mut connection: Box<Connection>) -> io::Result<Bytes> {
        // Nearly always it has come with its head.
        if let Some(mut body) = connection.at_hand() {
            self.connection = Some(connection);
            body.truncate(BODY_LIMIT);
            return Ok(body);
        }
        let mut body = BytesMut::new();
        let ended = tokio::time::timeout(BODY_TIME, gather(&mut connection, &mut body)).await;
        if ended.unwrap_or(Ok(false))? {
            self.connection = Some(connection);
        }
        body.truncate(BODY_LIMIT);
        Ok(body.freeze())
    }
}

/// Whether it has come to its end, and is not too long.
async fn gather(connection: &mut Connection, body: &mut BytesMut) -> io::Result<bool> {
    while let Some(piece) = connection.piece().await.transpose()? {
        body.extend_from_slice(&piece);
        if body.len() > BODY_LIMIT {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(crate) fn broke(operation: Operation) -> impl Fn(Failed) -> Error {
    move |failed| {
        let (Failed::Unsent(source) | Failed::Stale(source) | Failed::Broken(source)) = failed;
        Error::Transport { operation, source }
    }
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
