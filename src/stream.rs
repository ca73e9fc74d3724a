//! Streamed responses under the names of AWS's `lambda_runtime`.

use bytes::Bytes;
use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};

use runtime_api::{FunctionError, Payload};

use crate::{Error, failure};

pub use runtime_api::Prelude as MetadataPrelude;

/// Payloads to be filled by another task.
pub mod streaming {
    pub use runtime_api::payload::{Closed, Sender, channel};

    /// What fills a response.
    pub type Body = runtime_api::Payload;
    /// A response with such a body.
    pub type Response = super::StreamResponse<Body>;
}

/// A response whose pieces go out as they are made. A piece that is an error fails it, behind those that were sent.
///
/// Over the legacy socket, which has no way to send a part, it is gathered first, as in aws-lambda-go.
///
/// ```
/// use go1x::{Error, LambdaEvent, service_fn, streaming};
///
/// async fn count(_: LambdaEvent<serde_json::Value>) -> Result<streaming::Response, Error> {
///     let (sender, body) = streaming::channel();
///     tokio::spawn(async move {
///         for number in 1..=3 {
///             sender.send(format!("{number}\n").into()).await?;
///         }
///         Ok::<(), Error>(())
///     });
///     Ok(body.into())
/// }
/// # use go1x::{Bytes, Context, Handler, Invocation};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let invocation = Invocation { context: Context::default(), event: Bytes::from("{}").into() };
/// # let payload = Handler::call(&service_fn(count), invocation).await.unwrap();
/// # assert_eq!(payload.bytes().await.unwrap(), "1\n2\n3\n");
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct StreamResponse<S> {
    /// The HTTP response that a function URL makes of it; without one, its bytes are all that the caller gets.
    pub metadata_prelude: Option<MetadataPrelude>,
    /// The pieces.
    pub stream: S,
}

impl<S, D, E> From<S> for StreamResponse<S>
where
    S: Stream<Item = Result<D, E>> + Send + 'static,
    D: Into<Bytes>,
    E: Into<Error> + 'static,
{
    fn from(stream: S) -> StreamResponse<S> {
        StreamResponse { metadata_prelude: None, stream }
    }
}

impl<S, D, E> From<StreamResponse<S>> for Payload
where
    S: Stream<Item = Result<D, E>> + Send + 'static,
    D: Into<Bytes>,
    E: Into<Error> + 'static,
{
    fn from(response: StreamResponse<S>) -> Payload {
        let payload = Payload::stream(Pieces(Box::pin(response.stream)));
        match response.metadata_prelude {
            Some(prelude) => payload.prelude(prelude),
            None => payload,
        }
    }
}

/// The stream's items as bytes and failures.
struct Pieces<S>(Pin<Box<S>>);

impl<S, D, E> Stream for Pieces<S>
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
    E: Into<Error> + 'static,
{
    type Item = Result<Bytes, FunctionError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.0.as_mut().poll_next(context);
        next.map(|next| next.map(|piece| piece.map(D::into).map_err(failure)))
    }
}
