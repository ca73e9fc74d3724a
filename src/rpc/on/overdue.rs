//! The time that an invocation has, by the platform's clock.

use std::time::Duration;

use runtime_api::{Context, FunctionError};

/// How long after the deadline a handler is left at an invocation that its caller was told has failed: an answer may
/// be on its way, and clocks differ.
const GRACE: Duration = Duration::from_millis(250);
/// The clock is looked at so often: while a sandbox is frozen it goes on, and a timer may not.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Knows when an invocation's time is over.
pub(super) struct Overdue<'c> {
    context: &'c Context,
    /// There is none, or it had passed before the event came, as with old tools that send any.
    endless: bool,
}

impl<'c> Overdue<'c> {
    /// To be made when the event comes.
    pub(super) fn new(context: &'c Context) -> Overdue<'c> {
        Overdue { context, endless: context.remaining().is_zero() }
    }

    /// Ends when nobody waits for an answer any more.
    pub(super) async fn wait(&self) {
        if self.endless {
            return std::future::pending().await;
        }
        loop {
            let left = self.context.remaining();
            if left.is_zero() {
                break;
            }
            tokio::time::sleep(left.min(LOOK_EVERY)).await;
        }
        tokio::time::sleep(GRACE).await;
    }

    /// What is told of the invocation, should anybody still want to know.
    pub(super) fn failure(&self) -> FunctionError {
        let text = format!(
            "RequestId: {} Error: the handler was still at it {} ms after the deadline. A new one is started",
            self.context.request_id,
            GRACE.as_millis()
        );
        FunctionError::new("Runtime.Go1xTimedOut", text)
    }
}
