//! A go1.x program as a child process, driven over net/rpc.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use netrpc::{Client, LongReply, Streamed};
use runtime_api::{Context, Event, FunctionError, Invocation};
use tokio::sync::Mutex;
use tracing::{debug, info, warn};

use super::convert;
use super::messages::{InvokeRequest, InvokeResponse};
use super::overdue::{self, Watch};
use super::process::{Process, Slot, describe};
use super::readiness::{self, Ready};
use crate::bootstrap::{ChildCommand, Sharing};
use crate::handler::EVENT_LOST;

const METHOD: &str = "Function.Invoke";

/// A sandbox is not frozen and thawed within this.
const JUST_NOW: Duration = Duration::from_millis(5);

/// How long a broken connection may wait for the end of the process that it most likely announces.
const EXIT_WAIT: Duration = Duration::from_secs(1);

/// How often a process is started in another's place before that fails.
const ATTEMPTS: usize = 3;

/// The child. A lost one is replaced before the next event is asked for, or else before it is handed on.
#[derive(Debug, Default)]
pub(super) struct Worker {
    process: Slot,
    current: Mutex<Option<Arc<Connection>>>,
}

/// What a handler answers.
pub(super) enum Answer {
    Whole(Bytes),
    Long(Long),
}

/// An answer that is still coming.
pub(super) struct Long {
    pub(super) connection: Arc<Connection>,
    pub(super) context: Context,
    pub(super) reply: LongReply,
}

/// A ready process and the connection to it.
#[derive(Debug)]
pub(super) struct Connection {
    process: Arc<Process>,
    client: Client,
    /// A call on it was given up, and the handler may still be at it.
    given_up: AtomicBool,
    /// When it answered last, in microseconds from `since`.
    answered: AtomicU64,
    since: Instant,
}

impl Worker {
    /// Starts the program and waits until it serves `Function`. A failure says what is wrong and what to do. A
    /// program that polls the Runtime API itself never gets there: then this waits for its end, and returns it.
    pub(super) async fn start(&self, command: &ChildCommand) -> Result<Option<ExitStatus>, FunctionError> {
        let mut current = self.current.lock().await;
        self.replace(command, &mut current).await
    }

    /// Sees to it that there is a process that can take a call, as far as that is known.
    pub(super) async fn ready(&self, command: &ChildCommand) -> Result<(), FunctionError> {
        if self.current.lock().await.as_ref().is_some_and(|connection| connection.is_usable()) {
            return Ok(());
        }
        self.connection(command).await.map(drop)
    }

    /// The process that was started last, if one was.
    pub(super) fn process(&self) -> Option<Arc<Process>> {
        self.process.get()
    }

    /// One invocation, from the event to the handler's answer.
    pub(super) async fn call(
        &self,
        command: &ChildCommand,
        sharing: Sharing,
        invocation: Invocation,
        watch: &Watch,
    ) -> Result<Answer, FunctionError> {
        let Invocation { context, mut event } = invocation;
        // Chunked, it says how long it is only by its end, and gob has to know before.
        if event.length().is_none() {
            event = event.collect().await.map_err(event_lost)?;
        }
        let mut arriving = Arriving::from(event);
        let mut attempt = 1;
        loop {
            let request = convert::request(&context, arriving.length());
            let connection = self.connection(command).await?;
            let busy = Busy { connection: &connection, sharing };
            let answer = tokio::select! {
                biased;
                answer = connection.invoke(&request, &mut arriving, sharing) => answer,
                () = watch.over() => {
                    drop(busy);
                    self.retire(&connection, sharing).await;
                    return Err(overdue::still_at_it(&context));
                }
            };
            busy.done();
            let failure = match answer {
                Ok(Streamed::Long(reply)) => {
                    return Ok(Answer::Long(Long { connection, context, reply }));
                }
                Ok(Streamed::Whole(response)) => match convert::outcome(response) {
                    // go1.x started a fresh process then, and so do we.
                    Err(failure) if failure.should_exit => FunctionError { should_exit: false, ..failure },
                    outcome => return outcome.map(Answer::Whole),
                },
                // The method's own error, or a request that it could not read: the process and the connection are well.
                Err(netrpc::Error::Server(text)) => return Err(FunctionError::new(RPC_ERROR, text)),
                Err(netrpc::Error::Payload(error)) => event_lost(error),
                Err(netrpc::Error::TooLong(_)) => FunctionError::new(TOO_LARGE.0, TOO_LARGE.1),
                // It cannot have been run, so that it may go to a fresh process.
                Err(netrpc::Error::Shutdown | netrpc::Error::Send(_))
                    if attempt < ATTEMPTS && arriving.rewind() =>
                {
                    warn!("the handler ended before it had the event");
                    self.retire(&connection, sharing).await;
                    attempt += 1;
                    continue;
                }
                Err(error) => connection.lost(context.request_id.as_str(), &error).await,
            };
            self.retire(&connection, sharing).await;
            return Err(failure);
        }
    }

    /// The connection to a process that can take a call; a fresh one if need be.
    async fn connection(&self, command: &ChildCommand) -> Result<Arc<Connection>, FunctionError> {
        let mut current = self.current.lock().await;
        if let Some(connection) = current.as_ref().filter(|connection| connection.is_alive()) {
            return Ok(connection.clone());
        }
        if let Some(connection) = &*current
            && !connection.given_up.load(Relaxed)
        {
            // It ended while nobody called: the event, if there is one, is still ours, and goes to a fresh one.
            warn!("the handler had ended since the last invocation");
        }
        // The program is known to serve. What keeps a process of it from that may be over soon.
        let mut attempt = 1;
        loop {
            match self.fresh(command, &mut current).await {
                Err(failure) if attempt < ATTEMPTS => warn!(attempt, "{}", failure.message),
                started => return started,
            }
            attempt += 1;
        }
    }

    async fn fresh(
        &self,
        command: &ChildCommand,
        current: &mut Option<Arc<Connection>>,
    ) -> Result<Arc<Connection>, FunctionError> {
        if let Some(status) = self.replace(command, current).await? {
            let text = format!("{}: the handler ended, and did not listen before", describe(status));
            return Err(FunctionError::new("Runtime.Go1xHandlerExited", text));
        }
        let alive = current.clone().filter(|connection| connection.is_alive());
        alive.ok_or_else(|| FunctionError::new(CONNECTION_LOST, "the handler ended as soon as it was ready"))
    }

    async fn replace(
        &self,
        command: &ChildCommand,
        current: &mut Option<Arc<Connection>>,
    ) -> Result<Option<ExitStatus>, FunctionError> {
        if let Some(connection) = current.take() {
            connection.stop().await;
        }
        match readiness::start(command, &self.process).await? {
            Ready::Serves(process, client) => {
                info!("handler ready");
                *current = Some(Arc::new(Connection::new(process, client)));
                Ok(None)
            }
            Ready::Ended(status) => Ok(Some(status)),
        }
    }

    /// No further call goes to this process. Where others are still at work in it, it ends with the last of them.
    async fn retire(&self, connection: &Arc<Connection>, sharing: Sharing) {
        let mut current = self.current.lock().await;
        current.take_if(|current| Arc::ptr_eq(current, connection));
        if sharing == Sharing::Process {
            connection.stop().await;
        }
    }
}

impl Connection {
    fn new(process: Arc<Process>, client: Client) -> Connection {
        let (given_up, answered) = (AtomicBool::new(false), AtomicU64::new(0));
        Connection { process, client, given_up, answered, since: Instant::now() }
    }

    /// A long answer can be had as it comes, unless others wait behind it for theirs.
    async fn invoke(
        &self,
        request: &InvokeRequest<'_>,
        event: &mut Arriving,
        sharing: Sharing,
    ) -> Result<Streamed<InvokeResponse>, netrpc::Error> {
        let answer = match sharing {
            Sharing::Process => {
                self.client.call_streamed(METHOD, request, event, InvokeResponse::PAYLOAD).await
            }
            Sharing::Shared => self.client.call_with(METHOD, request, event).await.map(Streamed::Whole),
        };
        if answer.is_ok() {
            self.answered.store(self.now(), Relaxed);
        }
        answer
    }

    /// The kernel need not be asked of a process that has answered just now: of its end since then, which nothing was
    /// frozen to hide, the reactor tells with the next event.
    fn is_alive(&self) -> bool {
        self.is_usable()
            && (self.now() < self.answered.load(Relaxed) + JUST_NOW.as_micros() as u64
                || self.process.is_alive())
    }

    fn now(&self) -> u64 {
        self.since.elapsed().as_micros() as u64
    }

    /// Without asking the kernel.
    fn is_usable(&self) -> bool {
        !self.given_up.load(Relaxed) && !self.client.is_closed() && self.process.status().is_none()
    }

    /// No further call goes to this process, and its end is not news.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Relaxed);
        self.process.end();
    }

    async fn stop(&self) {
        let status = self.process.kill().await;
        debug!(pid = self.process.pid(), status = describe(status), "handler stopped");
    }

    /// What to say of a connection that broke during a call: nearly always the process ended, and how it did
    /// is what the user wants to know. The words are the platform's for a runtime that ended.
    pub(super) async fn lost(&self, request_id: &str, error: &netrpc::Error) -> FunctionError {
        let failure =
            |text| FunctionError::new("Runtime.ExitError", format!("RequestId: {request_id} Error: {text}"));
        // Noise is no sign of an end.
        let wait = if matches!(error, netrpc::Error::Gob { .. }) { Duration::ZERO } else { EXIT_WAIT };
        match tokio::time::timeout(wait, self.process.wait()).await {
            Ok(status) if status.success() => failure("Runtime exited without providing a reason".to_owned()),
            Ok(status) => failure(format!("Runtime exited with error: {}", describe(status))),
            Err(_) => {
                let source =
                    std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
                FunctionError::new(
                    if matches!(error, netrpc::Error::Gob { .. }) { BAD_REPLY } else { CONNECTION_LOST },
                    format!(
                        "the handler runs, but its answer to {request_id} was lost: {error}{source}. A new one is started"
                    ),
                )
            }
        }
    }
}

/// What the platform says of a payload that is too large, for one that it never saw.
const TOO_LARGE: (&str, &str) = (
    "Function.ResponseSizeTooLarge",
    "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
);
const BAD_REPLY: &str = "Runtime.Go1xBadReply";
const CONNECTION_LOST: &str = "Runtime.Go1xConnectionLost";
const RPC_ERROR: &str = "Runtime.Go1xRpcError";

/// A call under way. Whoever gives it up leaves a handler at work that was written for one call at a time: it must
/// not get another.
struct Busy<'c> {
    connection: &'c Connection,
    sharing: Sharing,
}

impl Busy<'_> {
    fn done(self) {
        std::mem::forget(self);
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        if self.sharing == Sharing::Process && !self.connection.process.is_asked_to_end() {
            self.connection.give_up();
        }
    }
}

fn event_lost(error: impl std::fmt::Display) -> FunctionError {
    FunctionError::new(EVENT_LOST, error.to_string())
}

/// An event on its way from one connection to the other, never whole in memory but where it came in one piece.
struct Arriving {
    event: Event,
    /// What was passed on, if that is all of it.
    passed: Option<Bytes>,
}

impl Arriving {
    fn length(&self) -> u64 {
        self.event.length().unwrap_or_default()
    }

    /// Makes it an event that is still to come, if all of what was passed on is at hand.
    fn rewind(&mut self) -> bool {
        match self.passed.take() {
            Some(passed) if passed.is_empty() || self.length() == 0 => {
                if !passed.is_empty() {
                    self.event = passed.into();
                }
                self.passed = Some(Bytes::new());
                true
            }
            _ => false,
        }
    }
}

impl From<Event> for Arriving {
    fn from(event: Event) -> Arriving {
        Arriving { event, passed: Some(Bytes::new()) }
    }
}

impl netrpc::Payload for Arriving {
    async fn chunk(&mut self) -> Option<io::Result<Bytes>> {
        match self.event.chunk().await? {
            Ok(chunk) => {
                // Kept beyond the first, the pieces of a long event would be in memory all at once.
                self.passed = self.passed.take().filter(|passed| passed.is_empty()).map(|_| chunk.clone());
                Some(Ok(chunk))
            }
            Err(error) => Some(Err(io::Error::other(error))),
        }
    }
}
