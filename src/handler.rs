//! The one contract for code that answers invocations, whichever door they come through.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use runtime_api::{Context, FunctionError, Invocation, Payload};
use tracing::debug_span;

use crate::{Error, failure, panic};

/// Code that answers invocations. A panic in it becomes a failure that asks for a fresh process, as in Go.
///
/// The invoke loop calls it in-process, the legacy socket calls it over
/// net/rpc, and a child process behind the bridge is one itself.
pub trait Handler: Send + Sync + 'static {
    /// Answers one invocation with its payload or with a failure.
    fn call(&self, invocation: Invocation) -> impl Future<Output = Result<Payload, FunctionError>> + Send;

    /// Waits until the handler can take an invocation. Called before each event is asked for, so that what was
    /// lost during one invocation is replaced before the next. A failure here ends the runtime.
    fn ready(&self) -> impl Future<Output = Result<(), FunctionError>> + Send {
        async { Ok(()) }
    }
}

impl<H: Handler> Handler for Arc<H> {
    async fn call(&self, invocation: Invocation) -> Result<Payload, FunctionError> {
        H::call(self, invocation).await
    }

    async fn ready(&self) -> Result<(), FunctionError> {
        H::ready(self).await
    }
}

/// A handler from an async function of the event's bytes and the context. It answers with bytes, or with a streamed
/// [`Payload`]; what is reported of its error, says [`failure`].
///
/// ```
/// use go1x::{Bytes, Context, Error, Handler, Invocation, handler_fn};
///
/// async fn shout(event: Bytes, _: Context) -> Result<Bytes, Error> {
///     if event.is_empty() {
///         return Err("nothing to shout".into());
///     }
///     Ok(event.to_ascii_uppercase().into())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let invocation = Invocation { context: Context::default(), event: Bytes::from("hey").into() };
/// let payload = handler_fn(shout).call(invocation).await.unwrap();
/// assert_eq!(payload.bytes().await.unwrap(), "HEY");
/// # }
/// ```
pub fn handler_fn<F, A, P, E>(function: F) -> HandlerFn<F>
where
    F: Fn(Bytes, Context) -> A + Send + Sync + 'static,
    A: Future<Output = Result<P, E>> + Send,
    P: Into<Payload>,
    E: Into<Error> + 'static,
{
    HandlerFn { function }
}

/// See [`handler_fn`].
#[derive(Debug, Clone, Copy)]
pub struct HandlerFn<F> {
    function: F,
}

impl<F, A, P, E> Handler for HandlerFn<F>
where
    F: Fn(Bytes, Context) -> A + Send + Sync + 'static,
    A: Future<Output = Result<P, E>> + Send,
    P: Into<Payload>,
    E: Into<Error> + 'static,
{
    async fn call(&self, invocation: Invocation) -> Result<Payload, FunctionError> {
        let Invocation { context, event } = invocation;
        let event = whole(event).await?;
        (self.function)(event, context).await.map(P::into).map_err(failure)
    }
}

/// All of an event.
pub(crate) async fn whole(event: runtime_api::Event) -> Result<Bytes, FunctionError> {
    event.bytes().await.map_err(|error| FunctionError::new(EVENT_LOST, error.to_string()))
}

/// The type of failures of invocations whose event did not arrive in full.
pub(crate) const EVENT_LOST: &str = "Runtime.Go1xEventLost";

/// Calls a handler, and makes a failure of its panic. Both doors do it, so that a handler need not.
pub(crate) async fn call(handler: &impl Handler, invocation: Invocation) -> Result<Payload, FunctionError> {
    let span = debug_span!("invocation", request_id = %invocation.context.request_id);
    // It is begun in its place, and polled there: what a handler's future holds is not moved about.
    let mut future = pin!(async move { handler.call(invocation).await });
    poll_fn(|context| {
        let _entered = span.enter();
        panic::catch(|| future.as_mut().poll(context)).unwrap_or_else(|failure| Poll::Ready(Err(failure)))
    })
    .await
}
