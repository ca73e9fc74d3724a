//! A go1.x program as a child process, driven over net/rpc: a handler like any other.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use netrpc::Client;
use runtime_api::{Event, FunctionError, Invocation};
use tokio::sync::Mutex;
use tracing::{debug, info, warn};

use super::convert;
use super::messages::InvokeResponse;
use super::process::{Process, describe};
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
    /// Held throughout a call: go1.x handlers were written for one at a time.
    child: Mutex<Option<Child>>,
}

#[derive(Debug)]
enum Child {
    Serves(Process, Client),
    PollsItself(Process),
}

impl Worker {
    /// Starts the program and waits until it serves `Function`. A failure says what is wrong and what to do.
    ///
    /// The kernel ends the program together with the thread that started it: a runtime's own thread, not a
    /// short-lived one.
    pub async fn start(command: ChildCommand) -> Result<Worker, FunctionError> {
        let child = start(&command).await?;
        Ok(Worker { command, child: Mutex::new(Some(child)) })
    }

    /// Asks the child to end, with all that it started, and sees to it that it does.
    pub async fn terminate(&self) {
        // A call in progress holds the child; the platform is about to end us all the same.
        let Ok(child) = tokio::time::timeout(TERMINATE_WAIT, self.child.lock()).await else { return };
        let Some(Child::Serves(process, _) | Child::PollsItself(process)) = &*child else { return };
        process.terminate();
        if tokio::time::timeout(TERMINATE_WAIT, process.wait()).await.is_err() {
            debug!("the handler did not end when asked to");
            process.kill().await;
        }
    }

    /// If the child turned out to poll the Runtime API itself: waits for its end.
    pub async fn polls_itself(&self) -> Option<ExitStatus> {
        match &*self.child.lock().await {
            Some(Child::PollsItself(process)) => Some(process.wait().await),
            _ => None,
        }
    }

    /// What to say of a connection that broke during a call: nearly always the process ended, and how it did
    /// is what the user wants to know. The words are the platform's for a runtime that ended.
    async fn lost(&self, process: &Process, request_id: &str, error: &netrpc::Error) -> FunctionError {
        let failure =
            |text| FunctionError::new("Runtime.ExitError", format!("RequestId: {request_id} Error: {text}"));
        match tokio::time::timeout(EXIT_WAIT, process.wait()).await {
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
        let mut child = self.child.lock().await;
        if !child.as_ref().is_some_and(Child::is_alive) {
            replace(&self.command, &mut child).await?;
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
        let mut child = self.child.lock().await;
        if !child.as_ref().is_some_and(Child::is_alive) {
            // It ended while nobody called: the event is still ours, and goes to a fresh one.
            warn!("the handler had ended since the last invocation");
            replace(&self.command, &mut child).await?;
        }
        let Some(Child::Serves(process, client)) = &*child else {
            return Err(FunctionError::new(RPC_ERROR, "the handler polls the Runtime API itself"));
        };

        let failure =
            match client.call_with::<InvokeResponse>("Function.Invoke", &request, &mut Arriving(event)).await
            {
                Ok(response) => match convert::outcome(response) {
                    // go1.x started a fresh process then, and so do we.
                    Err(failure) if failure.should_exit => FunctionError { should_exit: false, ..failure },
                    outcome => return outcome,
                },
                // The method's own error, or a request that it could not read: the process and the connection are well.
                Err(netrpc::Error::Server(text)) => return Err(FunctionError::new(RPC_ERROR, text)),
                Err(netrpc::Error::Payload(error)) => event_lost(error),
                Err(error) => self.lost(process, context.request_id.as_str(), &error).await,
            };
        stop(&mut child).await;
        Err(failure)
    }
}

impl Child {
    fn is_alive(&self) -> bool {
        match self {
            Child::Serves(process, client) => process.status().is_none() && !client.is_closed(),
            Child::PollsItself(process) => process.status().is_none(),
        }
    }
}

async fn start(command: &ChildCommand) -> Result<Child, FunctionError> {
    match readiness::start(command).await? {
        Ready::Serves(process, client) => {
            info!(pid = process.pid(), "handler ready");
            Ok(Child::Serves(process, client))
        }
        Ready::PollsItself(process) => {
            info!(pid = process.pid(), "handler polls the Runtime API itself");
            Ok(Child::PollsItself(process))
        }
    }
}

async fn replace(command: &ChildCommand, child: &mut Option<Child>) -> Result<(), FunctionError> {
    stop(child).await;
    *child = Some(start(command).await?);
    Ok(())
}

async fn stop(child: &mut Option<Child>) {
    if let Some(Child::Serves(process, _) | Child::PollsItself(process)) = child.take() {
        let status = process.kill().await;
        debug!(pid = process.pid(), status = describe(status), "handler stopped");
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
