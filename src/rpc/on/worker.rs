//! A go1.x program as a child process, driven over net/rpc: a handler like any other.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use netrpc::Client;
use runtime_api::{Event, FunctionError, Invocation};
use tokio::sync::Mutex;
use tracing::{debug, info, warn};

use super::convert;
use super::messages::InvokeResponse;
use super::process::{Process, Slot, describe};
use super::readiness::{self, Ready};
use crate::Handler;
use crate::bootstrap::ChildCommand;
use crate::handler::EVENT_LOST;

/// How long a broken connection may wait for the end of the process that it most likely announces.
const EXIT_WAIT: Duration = Duration::from_secs(1);
/// How long a child may take to end when asked to. The platform's own window is 300 ms.
const TERMINATE_WAIT: Duration = Duration::from_millis(250);

/// The child. A lost one is replaced before the next event is asked for, or else before it is handed on.
#[derive(Debug)]
pub struct Worker {
    command: ChildCommand,
    process: Slot,
    /// The connection to the current process, once it is ready. Held throughout a call: go1.x handlers were
    /// written for one at a time.
    client: Mutex<Option<Client>>,
}

impl Worker {
    /// Nothing is started yet.
    pub fn new(command: ChildCommand) -> Worker {
        Worker { command, process: Slot::default(), client: Mutex::new(None) }
    }

    /// Starts the program and waits until it serves `Function`. A failure says what is wrong and what to do. A
    /// program that polls the Runtime API itself never gets there: then this waits for its end, and returns it.
    ///
    /// The kernel ends the program together with the thread that started it: a runtime's own thread, not a
    /// short-lived one.
    pub async fn start(&self) -> Result<Option<ExitStatus>, FunctionError> {
        let mut client = self.client.lock().await;
        self.replace(&mut client).await
    }

    /// Asks the child to end, with all that it started, and sees to it that it does.
    pub async fn terminate(&self) {
        let Some(process) = self.process.get() else { return };
        process.terminate();
        if tokio::time::timeout(TERMINATE_WAIT, process.wait()).await.is_err() {
            debug!("the handler did not end when asked to");
            process.kill().await;
        }
    }

    /// The current process, if it can take a call.
    fn alive<'c>(&self, client: &'c Option<Client>) -> Option<(Arc<Process>, &'c Client)> {
        let process = self.process.get().filter(|process| process.status().is_none())?;
        client.as_ref().filter(|client| !client.is_closed()).map(|client| (process, client))
    }

    async fn replace(&self, client: &mut Option<Client>) -> Result<Option<ExitStatus>, FunctionError> {
        self.stop(client).await;
        match readiness::start(&self.command, &self.process).await? {
            Ready::Serves(connection) => {
                info!("handler ready");
                *client = Some(connection);
                Ok(None)
            }
            Ready::Ended(status) => Ok(Some(status)),
        }
    }

    /// A replacement has to serve, since the one before it did.
    async fn revive(&self, client: &mut Option<Client>) -> Result<(), FunctionError> {
        match self.replace(client).await? {
            None => Ok(()),
            Some(status) => {
                let text = format!("{}: the handler ended, and did not listen before", describe(status));
                Err(FunctionError::new("Runtime.Go1xHandlerExited", text))
            }
        }
    }

    async fn stop(&self, client: &mut Option<Client>) {
        *client = None;
        if let Some(process) = self.process.get() {
            let status = process.kill().await;
            debug!(pid = process.pid(), status = describe(status), "handler stopped");
        }
    }

    /// What to say of a connection that broke during a call: nearly always the process ended, and how it did
    /// is what the user wants to know. The words are the platform's for a runtime that ended.
    async fn lost(&self, process: &Process, request_id: &str, error: &netrpc::Error) -> FunctionError {
        let failure =
            |text| FunctionError::new("Runtime.ExitError", format!("RequestId: {request_id} Error: {text}"));
        // Noise is no sign of an end.
        let wait = if matches!(error, netrpc::Error::Gob { .. }) { Duration::ZERO } else { EXIT_WAIT };
        match tokio::time::timeout(wait, process.wait()).await {
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

const BAD_REPLY: &str = "Runtime.Go1xBadReply";
const CONNECTION_LOST: &str = "Runtime.Go1xConnectionLost";
const RPC_ERROR: &str = "Runtime.Go1xRpcError";

impl Handler for Worker {
    async fn ready(&self) -> Result<(), FunctionError> {
        let mut client = self.client.lock().await;
        if self.alive(&client).is_none() {
            self.revive(&mut client).await?;
        }
        Ok(())
    }

    async fn call(&self, invocation: Invocation) -> Result<Bytes, FunctionError> {
        let Invocation { context, mut event } = invocation;
        // Chunked, it says how long it is only by its end, and gob has to know before.
        if event.length().is_none() {
            event = event.collect().await.map_err(event_lost)?;
        }
        let request = convert::request(&context, event.length().unwrap_or_default());
        let mut client = self.client.lock().await;
        if self.alive(&client).is_none() {
            // It ended while nobody called: the event is still ours, and goes to a fresh one.
            warn!("the handler had ended since the last invocation");
            self.revive(&mut client).await?;
        }
        let Some((process, connection)) = self.alive(&client) else {
            return Err(FunctionError::new(CONNECTION_LOST, "the handler ended as soon as it was ready"));
        };

        let mut event = Arriving(event);
        let failure =
            match connection.call_with::<InvokeResponse>("Function.Invoke", &request, &mut event).await {
                Ok(response) => match convert::outcome(response) {
                    // go1.x started a fresh process then, and so do we.
                    Err(failure) if failure.should_exit => FunctionError { should_exit: false, ..failure },
                    outcome => return outcome,
                },
                // The method's own error, or a request that it could not read: the process and the connection are well.
                Err(netrpc::Error::Server(text)) => return Err(FunctionError::new(RPC_ERROR, text)),
                Err(netrpc::Error::Payload(error)) => event_lost(error),
                Err(error) => self.lost(&process, context.request_id.as_str(), &error).await,
            };
        self.stop(&mut client).await;
        Err(failure)
    }
}

fn event_lost(error: impl std::fmt::Display) -> FunctionError {
    FunctionError::new(EVENT_LOST, error.to_string())
}

/// An event on its way from one connection to the other, never whole in memory.
struct Arriving(Event);

impl netrpc::Payload for Arriving {
    async fn chunk(&mut self) -> Option<io::Result<Bytes>> {
        Some(self.0.chunk().await?.map_err(io::Error::other))
    }
}
