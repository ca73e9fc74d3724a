//! Handlers of typed events, under the names of AWS's `lambda_runtime`, and tower services as handlers.

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};
use std::task::{self, Poll};

use runtime_api::{Context, FunctionError, Invocation, Payload};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tower_service::Service;

use crate::handler::whole;
use crate::{Error, Handler, StreamResponse, failure};

/// A typed event with its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LambdaEvent<T> {
    /// The event, read from its JSON.
    pub payload: T,
    /// What the platform says of the invocation.
    pub context: Context,
}

impl<T> LambdaEvent<T> {
    /// An event as a handler gets it, for tests of handlers.
    pub fn new(payload: T, context: Context) -> LambdaEvent<T> {
        LambdaEvent { payload, context }
    }

    /// Both parts.
    pub fn into_parts(self) -> (T, Context) {
        (self.payload, self.context)
    }
}

/// What a typed handler may answer: any value that becomes JSON, or a [`StreamResponse`].
pub trait IntoPayload {
    /// The answer's bytes. A failure is the invocation's.
    fn into_payload(self) -> Result<Payload, FunctionError>;
}

impl<T: Serialize> IntoPayload for T {
    fn into_payload(self) -> Result<Payload, FunctionError> {
        // Go's name of it, as below.
        let json = serde_json::to_vec(&self);
        json.map(Payload::from).map_err(|error| FunctionError::new("MarshalerError", error.to_string()))
    }
}

/// A handler from an async function of a typed event: JSON in, JSON out. It is a [`tower_service::Service`] too, so
/// that layers can be put around it; [`service`] then makes a handler of the whole.
///
/// An event that is no JSON, or not of the type, fails the invocation with Go's names of that: `SyntaxError`,
/// `UnmarshalTypeError`. What is reported of the function's error, says [`failure`].
///
/// ```
/// use go1x::{Bytes, Context, Error, Handler, Invocation, LambdaEvent, service_fn};
///
/// #[derive(serde::Deserialize)]
/// struct Order {
///     cups: u32,
/// }
///
/// #[derive(serde::Serialize)]
/// struct Bill {
///     cents: u32,
/// }
///
/// async fn sell(order: LambdaEvent<Order>) -> Result<Bill, Error> {
///     let cents = order.payload.cups.checked_mul(250).ok_or("too much tea")?;
///     Ok(Bill { cents })
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let call = async |event: &'static str| {
///     let event = Bytes::from(event).into();
///     Handler::call(&service_fn(sell), Invocation { context: Context::default(), event }).await
/// };
/// let bill = call(r#"{"cups":3}"#).await.unwrap();
/// assert_eq!(bill.bytes().await.unwrap(), r#"{"cents":750}"#);
/// let error = call(r#"{"cups":"three"}"#).await.unwrap_err();
/// assert_eq!(error.error_type, "UnmarshalTypeError");
/// # }
/// ```
pub fn service_fn<F, T, A, R, E>(function: F) -> ServiceFn<F, T>
where
    F: Fn(LambdaEvent<T>) -> A,
    A: Future<Output = Result<R, E>>,
{
    ServiceFn { function, event: PhantomData }
}

/// See [`service_fn`].
#[derive(Debug)]
pub struct ServiceFn<F, T> {
    function: F,
    event: PhantomData<fn(T)>,
}

impl<F: Clone, T> Clone for ServiceFn<F, T> {
    fn clone(&self) -> Self {
        ServiceFn { function: self.function.clone(), event: PhantomData }
    }
}

impl<F, T, A, R, E> Handler for ServiceFn<F, T>
where
    F: Fn(LambdaEvent<T>) -> A + Send + Sync + 'static,
    T: DeserializeOwned + Send + 'static,
    A: Future<Output = Result<R, E>> + Send,
    R: IntoPayload,
    E: Into<Error> + 'static,
{
    async fn call(&self, invocation: Invocation) -> Result<Payload, FunctionError> {
        let event = typed(invocation).await?;
        (self.function)(event).await.map_err(failure)?.into_payload()
    }
}

impl<F, T, A, R, E> Service<LambdaEvent<T>> for ServiceFn<F, T>
where
    F: Fn(LambdaEvent<T>) -> A,
    A: Future<Output = Result<R, E>>,
{
    type Response = R;
    type Error = E;
    type Future = A;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, event: LambdaEvent<T>) -> A {
        (self.function)(event)
    }
}

/// A handler from a tower service of typed events. Each invocation has a clone of it, which is asked whether it is
/// ready first.
///
/// ```
/// use std::time::Duration;
///
/// use go1x::{Bytes, Context, Error, Handler, Invocation, LambdaEvent, service, service_fn};
/// use serde_json::Value;
/// use tower::ServiceBuilder;
///
/// async fn dawdle(_: LambdaEvent<Value>) -> Result<Value, Error> {
///     std::future::pending().await
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let layered = ServiceBuilder::new().timeout(Duration::from_millis(1)).service(service_fn(dawdle));
/// let invocation = Invocation { context: Context::default(), event: Bytes::from("{}").into() };
/// let error = service(layered).call(invocation).await.unwrap_err();
/// assert_eq!(error.message, "request timed out");
/// # }
/// ```
pub fn service<S, T>(service: S) -> ServiceHandler<S, T>
where
    S: Service<LambdaEvent<T>> + Clone,
{
    ServiceHandler { service: Mutex::new(service), event: PhantomData }
}

/// See [`service()`].
#[derive(Debug)]
pub struct ServiceHandler<S, T> {
    /// Few services can be shared between threads; all can be cloned by one at a time.
    service: Mutex<S>,
    event: PhantomData<fn(T)>,
}

impl<S, T> Handler for ServiceHandler<S, T>
where
    S: Service<LambdaEvent<T>> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: IntoPayload,
    S::Error: Into<Error> + 'static,
    T: DeserializeOwned + Send + 'static,
{
    async fn call(&self, invocation: Invocation) -> Result<Payload, FunctionError> {
        let event = typed(invocation).await?;
        let mut service = self.service.lock().unwrap_or_else(PoisonError::into_inner).clone();
        poll_fn(|context| service.poll_ready(context)).await.map_err(failure)?;
        let answer = service.call(event);
        answer.await.map_err(failure)?.into_payload()
    }
}

async fn typed<T: DeserializeOwned>(invocation: Invocation) -> Result<LambdaEvent<T>, FunctionError> {
    let Invocation { context, event } = invocation;
    let event = whole(event).await?;
    let payload = serde_json::from_slice(&event).map_err(|error| {
        let text = error.to_string();
        match error.classify() {
            Category::Data => FunctionError::new("UnmarshalTypeError", without_values(&text)),
            Category::Syntax | Category::Eof | Category::Io => FunctionError::new("SyntaxError", text),
        }
    })?;
    Ok(LambdaEvent { payload, context })
}

/// What was expected, without what was found: that is the caller's, and this goes to the log.
fn without_values(text: &str) -> String {
    // These quote a name of the type's own.
    if text.starts_with("missing field `") || text.starts_with("duplicate field `") {
        return text.to_owned();
    }
    // What was found comes first, and may say ", expected" too.
    let found = text.rfind(", expected").unwrap_or(text.len());
    match text[..found].find(['"', '`']) {
        Some(value) => format!("{}…{}", &text[..value], &text[found..]),
        None => text.to_owned(),
    }
}

impl<S> IntoPayload for StreamResponse<S>
where
    Payload: From<StreamResponse<S>>,
{
    fn into_payload(self) -> Result<Payload, FunctionError> {
        Ok(self.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_of_the_callers_is_told() {
        for (text, told) in [
            (
                "invalid type: string \"pin\", expected u32 at line 1",
                "invalid type: string …, expected u32 at line 1",
            ),
            ("invalid value: string \"a, expected b\", expected c", "invalid value: string …, expected c"),
            ("unknown variant `pin`, expected `a` or `b`", "unknown variant …, expected `a` or `b`"),
            ("unknown variant `pin`, there are no variants", "unknown variant …"),
            ("no order \"pin\" at line 1", "no order …"),
            ("missing field `cups` at line 1", "missing field `cups` at line 1"),
            ("invalid length 1, expected a pair", "invalid length 1, expected a pair"),
        ] {
            assert_eq!(without_values(text), told);
        }
    }
}
