//! A go1.x program as a child process, driven over net/rpc.

use std::pin::pin;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use netrpc::{LongReply, Streamed};
use runtime_api::{Context, FunctionError, Invocation};
use tokio::sync;
use tracing::{debug, info, warn};

use super::arriving::Arriving;
use super::connection::{Busy, CONNECTION_LOST, Connection, RPC_ERROR, TOO_LARGE};
use super::convert;
use super::overdue::{self, Watch};
use super::process::{Process, Slot, describe};
use super::readiness::{self, Ready};
use crate::bootstrap::{ChildCommand, Sharing};
use crate::handler::EVENT_LOST;

/// How often a process is started in another's place before that fails.
const ATTEMPTS: usize = 3;

/// The child. A lost one is replaced before the next event is asked for, or else before it is handed on.
#[derive(Debug, Default)]
pub(super) struct Worker {
    process: Slot,
    current: Mutex<Option<Arc<Connection>>>,
    /// Held by who replaces it.
    replacing: sync::Mutex<()>,
}

/// What a handler answers.
pub(super) enum Answer {
    Whole(Bytes),
    /// Boxed, since most answers are not, and are passed from hand to hand.
    Long(Box<Long>),
}

/// An answer that is still coming.
pub(super) struct Long {
    pub(super) connection: Arc<Connection>,
    pub(super) context: Context,
    pub(super) reply: LongReply,
}

impl Worker {
    /// Starts the program and waits until it serves `Function`. A failure says what is wrong and what to do. A
    /// program that polls the Runtime API itself never gets there: then this waits for its end, and returns it.
    pub(super) async fn start(&self, command: &ChildCommand) -> Result<Option<ExitStatus>, FunctionError> {
        let _replacing = self.replacing.lock().await;
        self.replace(command).await
    }

    /// Whether there is a process that can take a call, as far as that is known.
    pub(super) fn is_ready(&self) -> bool {
        self.current().as_ref().is_some_and(|connection| connection.is_usable())
    }

    /// Sees to it that there is one.
    pub(super) async fn ready(&self, command: &ChildCommand) -> Result<(), FunctionError> {
        if self.is_ready() {
            return Ok(());
        }
        self.connection(command).await.map(drop)
    }

    /// The process that was started last, if one was.
    pub(super) fn process(&self) -> Option<Arc<Process>> {
        self.process.get()
    }

    /// Asks the process to end, and starts no other in its place.
    pub(super) fn ask_to_end(&self) {
        self.process.close();
        if let Some(process) = self.process() {
            process.terminate();
        }
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
        // gob is to be told the length before anything has come, and it is only a header's word.
        event.check_length().map_err(event_lost)?;
        // Chunked, it says how long it is only by its end, and gob has to know before. On a connection that others share,
        // one that is slow or breaks off must be nobody else's business.
        if event.length().is_none() || sharing == Sharing::Shared {
            let whole = watch.within(event.collect()).await;
            event = whole.ok_or_else(|| overdue::never_came(&context))?.map_err(event_lost)?;
        }
        let mut arriving = Arriving::from(event);
        let mut attempt = 1;
        loop {
            let request = convert::request(&context, arriving.length());
            let connection = watch.within(pin!(self.connection(command))).await;
            let connection = connection.ok_or_else(|| overdue::never_ready(&context))??;
            let busy = Busy { connection: &connection, sharing };
            let answer = {
                let invoked = pin!(connection.invoke(&request, &mut arriving, sharing));
                watch.within(invoked).await
            };
            let Some(answer) = answer else {
                drop(busy);
                self.retire(&connection, sharing).await;
                return Err(overdue::still_at_it(&context));
            };
            busy.done();
            let failure = match answer {
                Ok(Streamed::Long(reply)) => {
                    return Ok(Answer::Long(Box::new(Long { connection, context, reply })));
                }
                Ok(Streamed::Whole(response)) => match convert::outcome(response) {
                    // go1.x started a fresh process then, and so do we.
                    Err(failure) if failure.should_exit => FunctionError { should_exit: false, ..failure },
                    outcome => return outcome.map(Answer::Whole),
                },
                // The method's own error, or a request that it could not read: the process and the connection are well.
                Err(netrpc::Error::Server(text)) => {
                    return Err(FunctionError::new(RPC_ERROR, convert::cut(text)));
                }
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
        if let Some(connection) = self.alive() {
            return Ok(connection);
        }
        let _replacing = self.replacing.lock().await;
        // Somebody else may have replaced it meanwhile.
        if let Some(connection) = self.alive() {
            return Ok(connection);
        }
        if let Some(connection) = &*self.current()
            && !connection.is_given_up()
        {
            // It ended while nobody called: the event, if there is one, is still ours, and goes to a fresh one.
            warn!("the handler had ended since the last invocation");
        }
        // The program is known to serve. What keeps a process of it from that may be over soon.
        let mut attempt = 1;
        loop {
            // Calls on the legacy socket may still come, or wait for their turn.
            if self.process.is_closed() {
                return Err(FunctionError::new(
                    CONNECTION_LOST,
                    "bootstrap ends, and starts no other handler",
                ));
            }
            match self.fresh(command).await {
                Err(failure) if attempt < ATTEMPTS => warn!(attempt, "{}", failure.message),
                started => return started,
            }
            attempt += 1;
        }
    }

    async fn fresh(&self, command: &ChildCommand) -> Result<Arc<Connection>, FunctionError> {
        if let Some(status) = self.replace(command).await? {
            let text = format!("{}: the handler ended, and did not listen before", describe(status));
            return Err(FunctionError::new("Runtime.Go1xHandlerExited", text));
        }
        self.alive()
            .ok_or_else(|| FunctionError::new(CONNECTION_LOST, "the handler ended as soon as it was ready"))
    }

    async fn replace(&self, command: &ChildCommand) -> Result<Option<ExitStatus>, FunctionError> {
        let before = self.current().take();
        if let Some(connection) = before {
            connection.stop().await;
        }
        match readiness::start(command, &self.process).await? {
            Ready::Serves(process, client) => {
                info!("handler ready");
                if command.waits_in_read
                    && let Err(error) = client.wait_in_read()
                {
                    debug!(%error, "waiting in the reactor");
                }
                *self.current() = Some(Arc::new(Connection::new(process, client)));
                Ok(None)
            }
            Ready::Ended(status) => Ok(Some(status)),
        }
    }

    /// No further call goes to this process. Where others are still at work in it, it ends with the last of them.
    async fn retire(&self, connection: &Arc<Connection>, sharing: Sharing) {
        self.current().take_if(|current| Arc::ptr_eq(current, connection));
        if sharing == Sharing::Process {
            connection.stop().await;
        }
    }

    fn alive(&self) -> Option<Arc<Connection>> {
        self.current().as_ref().filter(|connection| connection.is_alive()).cloned()
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Connection>>> {
        // Nothing panics while it is held, and its data would be whole if something did.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn event_lost(error: impl std::fmt::Display) -> FunctionError {
    FunctionError::new(EVENT_LOST, error.to_string())
}
