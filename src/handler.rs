//! The one contract for code that answers invocations, whichever door they come through.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use runtime_api::{Context, FunctionError, Invocation};

/// Code that answers invocations. A panic in it becomes a failure that asks for a fresh process, as in Go.
///
/// The invoke loop calls it in-process, the legacy socket calls it over
/// net/rpc, and a child process behind the bridge is one itself.
pub trait Handler: Send + Sync + 'static {
    /// Answers one invocation with its payload or with a failure.
    fn call(&self, invocation: Invocation) -> impl Future<Output = Result<Bytes, FunctionError>> + Send;

    /// Waits until the handler can take an invocation. Called before each event is asked for, so that what was
    /// lost during one invocation is replaced before the next. A failure here ends the runtime.
    fn ready(&self) -> impl Future<Output = Result<(), FunctionError>> + Send {
        async { Ok(()) }
    }
}

/// A handler from an async function of the event's bytes and the context.
///
/// ```
/// use go1x::{Bytes, Context, FunctionError, Handler, Invocation, handler_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let shout = handler_fn(|event: Bytes, _: Context| async move {
///     if event.is_empty() {
///         return Err(FunctionError::new("EmptyEvent", "nothing to shout"));
///     }
///     Ok(Bytes::from(event.to_ascii_uppercase()))
/// });
///
/// let invocation = Invocation { context: Context::default(), event: Bytes::from("hey").into() };
/// assert_eq!(shout.call(invocation).await.unwrap(), "HEY");
/// # }
/// ```
pub fn handler_fn<F, A>(function: F) -> HandlerFn<F>
where
    F: Fn(Bytes, Context) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Bytes, FunctionError>> + Send,
{
    HandlerFn { function }
}

/// See [`handler_fn`].
#[derive(Debug, Clone, Copy)]
pub struct HandlerFn<F> {
    function: F,
}

impl<F, A> Handler for HandlerFn<F>
where
    F: Fn(Bytes, Context) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Bytes, FunctionError>> + Send,
{
    async fn call(&self, invocation: Invocation) -> Result<Bytes, FunctionError> {
        let Invocation { context, event } = invocation;
        let event = event.bytes().await.map_err(|error| FunctionError::new(EVENT_LOST, error.to_string()))?;
        (self.function)(event, context).await
    }
}

/// Calls a handler, and makes a failure of its panic. Both doors do it, so that a handler need not.
pub(crate) async fn call(handler: &impl Handler, invocation: Invocation) -> Result<Bytes, FunctionError> {
    catch_panic(|| handler.call(invocation)).await
}

/// The type of failures of invocations whose event did not arrive in full.
pub(crate) const EVENT_LOST: &str = "Runtime.Go1xEventLost";

async fn catch_panic<A>(start: impl FnOnce() -> A) -> Result<Bytes, FunctionError>
where
    A: Future<Output = Result<Bytes, FunctionError>>,
{
    // What a panic leaves half done is not seen again: the process is asked to end.
    let future = catch_unwind(AssertUnwindSafe(start)).map_err(FunctionError::from_panic)?;
    let mut future = pin!(future);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)))
            .unwrap_or_else(|panic| Poll::Ready(Err(FunctionError::from_panic(panic))))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn fail(handler: impl Handler) -> FunctionError {
        let invocation = Invocation { context: Context::default(), event: Bytes::from("e").into() };
        call(&handler, invocation).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_that_ends_the_process() {
        let early = handler_fn(|_, _| -> std::future::Ready<_> { panic!("before the first await") });
        let failure = fail(early).await;
        assert_eq!((failure.message.as_str(), failure.should_exit), ("before the first await", true));
        let late = handler_fn(|event: Bytes, _| async move {
            tokio::task::yield_now().await;
            if event == "e" {
                panic!("after {}", "one");
            }
            Ok(event)
        });
        let failure = fail(late).await;
        assert_eq!((failure.message.as_str(), failure.error_type.as_str()), ("after one", "string"));
    }
}
