//! A ready process and the connection to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use netrpc::{Client, Streamed};
use runtime_api::FunctionError;
use tracing::debug;

use super::arriving::Arriving;
use super::messages::{InvokeRequest, InvokeResponse};
use super::process::{Process, describe};
use crate::bootstrap::Sharing;

const METHOD: &str = "Function.Invoke";

/// A sandbox is not frozen and thawed within this.
const JUST_NOW: Duration = Duration::from_millis(5);

/// A process and its connection end together, nearly always: so long the end of one is waited for after that of the other.
const EXIT_WAIT: Duration = Duration::from_secs(1);

/// A ready process and the connection to it.
#[derive(Debug)]
pub(super) struct Connection {
    process: Arc<Process>,
    client: Client,
    /// A call on it was given up, and the handler may still be at it.
    given_up: AtomicBool,
    /// When it answered last, its first ping included, in microseconds from `since`.
    answered: AtomicU64,
    since: Instant,
}

impl Connection {
    pub(super) fn new(process: Arc<Process>, client: Client) -> Connection {
        let (given_up, answered) = (AtomicBool::new(false), AtomicU64::new(0));
        Connection { process, client, given_up, answered, since: Instant::now() }
    }

    /// A long answer can be had as it comes, unless others wait behind it for theirs.
    ///
    /// The connection of a process that has ended may stay: what the process has left behind can have it too.
    pub(super) async fn invoke(
        &self,
        request: &InvokeRequest<'_>,
        event: &mut Arriving,
        sharing: Sharing,
    ) -> Result<Streamed<InvokeResponse>, netrpc::Error> {
        let call = async {
            match sharing {
                Sharing::Process => {
                    self.client.call_streamed(METHOD, request, event, InvokeResponse::PAYLOAD).await
                }
                Sharing::Shared => self.client.call_with(METHOD, request, event).await.map(Streamed::Whole),
            }
        };
        let ended = async {
            self.process.wait().await;
            tokio::time::sleep(EXIT_WAIT).await;
        };
        let answer = tokio::select! {
            biased;
            answer = call => answer,
            () = ended => Err(netrpc::Error::UnexpectedEof),
        };
        if answer.is_ok() {
            self.answered.store(self.now(), Relaxed);
        }
        answer
    }

    /// The kernel need not be asked of a process that has answered just now: its connection ended with it, which the call
    /// sees when it begins. After a freeze, that may be news which the reactor has yet to tell.
    pub(super) fn is_alive(&self) -> bool {
        self.is_usable()
            && (self.now() < self.answered.load(Relaxed) + JUST_NOW.as_micros() as u64
                || self.process.is_alive())
    }

    fn now(&self) -> u64 {
        self.since.elapsed().as_micros() as u64
    }

    /// Without asking the kernel.
    pub(super) fn is_usable(&self) -> bool {
        !self.given_up.load(Relaxed) && !self.client.is_closed() && self.process.status().is_none()
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.load(Relaxed)
    }

    /// No further call goes to this process, and its end is not news.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Relaxed);
        self.process.end();
    }

    pub(super) async fn stop(&self) {
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

/// A call under way. Whoever gives it up leaves a handler at work that was written for one call at a time: it must
/// not get another.
pub(super) struct Busy<'c> {
    pub(super) connection: &'c Connection,
    pub(super) sharing: Sharing,
}

impl Busy<'_> {
    pub(super) fn done(self) {
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

/// What the platform says of a payload that is too large, for one that it never saw.
pub(super) const TOO_LARGE: (&str, &str) = (
    "Function.ResponseSizeTooLarge",
    "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
);
const BAD_REPLY: &str = "Runtime.Go1xBadReply";
pub(super) const CONNECTION_LOST: &str = "Runtime.Go1xConnectionLost";
pub(super) const RPC_ERROR: &str = "Runtime.Go1xRpcError";

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is awaited in between, so that the kernel alone can say that the process has ended.
    #[tokio::test]
    async fn the_kernel_is_asked_unless_the_process_has_answered_just_now() {
        let child = tokio::process::Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let process = Arc::new(Process::watch(child).unwrap());
        let (ours, _theirs) = tokio::io::duplex(64);
        let since = Instant::now() - Duration::from_secs(1);
        let connection = Connection { since, ..Connection::new(process.clone(), Client::new(ours)) };
        assert!(connection.is_alive());
        process.end();
        while process.is_alive() {
            std::thread::yield_now();
        }
        assert!(connection.is_usable(), "nobody has heard of it");
        assert!(!connection.is_alive());
        let answered_at = |micros| connection.answered.store(micros, Relaxed);
        answered_at(connection.now() - JUST_NOW.as_micros() as u64);
        assert!(!connection.is_alive(), "that was not just now");
        answered_at(connection.now() + 3_600_000_000);
        assert!(connection.is_alive(), "it was not asked");
        process.wait().await;
        assert!(!connection.is_alive(), "whenever it answered");
    }
}
