//! What a function answers: whole bytes, or a stream of pieces that go out as they are made.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use serde::Serialize;

pub use crate::channel::{Closed, Sender, channel};

use crate::FunctionError;
use crate::contract::{PRELUDE_CONTENT_TYPE, PRELUDE_END, STREAMED_RESPONSE_LIMIT, error_type};
use crate::http::is_value;

/// A handler's successful answer.
///
/// Whole bytes become one by [`From`], and nothing is copied. A streamed one comes from [`Payload::stream`] or
/// [`channel`]: it can still fail on its way, and then its caller has what was sent until then, and the failure.
///
/// ```
/// use runtime_api::{Payload, payload};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let whole = Payload::from(r#""hello""#);
/// assert!(!whole.is_streamed());
///
/// let (sender, streamed) = payload::channel();
/// tokio::spawn(async move {
///     for piece in ["first, ", "second"] {
///         sender.send(piece.into()).await?;
///     }
///     Ok::<(), payload::Closed>(())
/// });
/// assert!(streamed.is_streamed());
/// assert_eq!(streamed.bytes().await?, "first, second");
/// # Ok(()) }
/// ```
pub struct Payload {
    content_type: Option<String>,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    Whole(Bytes),
    /// So many bytes, which are still to come.
    Arriving(u64, Streamed),
    Streamed(Streamed),
}

/// The pieces of a streamed payload, in order: the prelude, a piece that was waited for already, the source's.
pub(crate) struct Streamed {
    prelude: Option<Bytes>,
    first: Option<Bytes>,
    /// `None` once it has ended or failed: it is not asked again.
    source: Option<Source>,
    /// How long the source's pieces are in all, if that was promised.
    promised: Option<Promised>,
}

struct Promised {
    length: u64,
    /// What has not come yet.
    left: u64,
}

type Source = Pin<Box<dyn Stream<Item = Result<Bytes, FunctionError>> + Send>>;

/// The HTTP response that a function URL makes of a streamed payload; its body is the payload.
///
/// ```
/// use runtime_api::{Payload, Prelude};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let page = Payload::from("<p>none</p>").prelude(Prelude {
///     status_code: 404,
///     headers: [("content-type".to_owned(), "text/html".to_owned())].into(),
///     ..Prelude::default()
/// });
/// let json = r#"{"statusCode":404,"headers":{"content-type":"text/html"},"cookies":[]}"#;
/// assert_eq!(page.bytes().await?, format!("{json}\0\0\0\0\0\0\0\0<p>none</p>"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prelude {
    /// The status.
    pub status_code: u16,
    /// Header names and values.
    pub headers: BTreeMap<String, String>,
    /// Values of `Set-Cookie`, one each.
    pub cookies: Vec<String>,
}

impl Payload {
    /// A payload of the stream's pieces, each of which is sent as soon as the stream has it. A failure ends it, and so
    /// does a panic in the stream.
    pub fn stream(body: impl Stream<Item = Result<Bytes, FunctionError>> + Send + 'static) -> Payload {
        let source: Source = Box::pin(body);
        Streamed { prelude: None, first: None, source: Some(source), promised: None }.into()
    }

    /// A payload of so many bytes that are still to come. To its caller it is as a whole one: it is never seen in part. If
    /// it fails on its way, or has not that length, the invocation has failed.
    pub fn arriving(
        length: u64,
        body: impl Stream<Item = Result<Bytes, FunctionError>> + Send + 'static,
    ) -> Payload {
        let source: Source = Box::pin(body);
        let promised = Some(Promised { length, left: length });
        let streamed = Streamed { prelude: None, first: None, source: Some(source), promised };
        Payload { content_type: None, content: Content::Arriving(length, streamed) }
    }

    /// Sets the content type that the platform is told.
    #[must_use]
    pub fn content_type(self, content_type: impl Into<String>) -> Payload {
        Payload { content_type: Some(content_type.into()), ..self }
    }

    /// Makes it the body of an HTTP response, with status and headers of its own. It is streamed then, and the content
    /// type that the platform is told says that there is a prelude; that of the body is one of the prelude's headers.
    #[must_use]
    pub fn prelude(self, prelude: Prelude) -> Payload {
        let mut head = serde_json::to_vec(&prelude).expect("numbers and strings always serialise");
        head.extend_from_slice(&PRELUDE_END);
        let streamed = match self.content {
            Content::Whole(bytes) => {
                Streamed { prelude: None, first: Some(bytes), source: None, promised: None }
            }
            Content::Arriving(_, streamed) | Content::Streamed(streamed) => streamed,
        };
        Streamed { prelude: Some(head.into()), ..streamed }.into()
    }

    /// Whether its caller may see it in pieces, as it is made.
    pub fn is_streamed(&self) -> bool {
        matches!(self.content, Content::Streamed(_))
    }

    /// All of it, gathered, a prelude included.
    ///
    /// # Errors
    /// The failure that it ends with; [`error_type::RESPONSE_TOO_LARGE`] above [`STREAMED_RESPONSE_LIMIT`].
    pub async fn bytes(self) -> Result<Bytes, FunctionError> {
        let mut streamed = match self.content {
            Content::Whole(bytes) => return Ok(bytes),
            Content::Arriving(_, streamed) | Content::Streamed(streamed) => streamed,
        };
        let Some(first) = streamed.chunk().await.transpose()? else { return Ok(Bytes::new()) };
        let mut whole = BytesMut::new();
        while let Some(chunk) = streamed.chunk().await.transpose()? {
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            if whole.len() + chunk.len() > STREAMED_RESPONSE_LIMIT {
                return Err(FunctionError::new(
                    error_type::RESPONSE_TOO_LARGE,
                    format!("the response is longer than {STREAMED_RESPONSE_LIMIT} bytes"),
                ));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(if whole.is_empty() { first } else { whole.freeze() })
    }

    /// Waits for the first piece: a payload that fails before it is a plain failure.
    pub(crate) async fn begin(mut self) -> Result<Payload, FunctionError> {
        if let Some(content_type) = &self.content_type
            && !is_value(content_type)
        {
            let message = format!("the content type {content_type:?} cannot be a header's value");
            return Err(FunctionError::new("Runtime.InvalidContentType", message));
        }
        if let Content::Arriving(_, streamed) | Content::Streamed(streamed) = &mut self.content
            && streamed.first.is_none()
        {
            streamed.first = poll_fn(|context| streamed.poll_source(context)).await.transpose()?;
        }
        Ok(self)
    }

    /// The value of the content type header, if one was set.
    pub(crate) fn content_type_header(&self) -> Option<&str> {
        match &self.content {
            Content::Streamed(Streamed { prelude: Some(_), .. }) => Some(PRELUDE_CONTENT_TYPE),
            _ => self.content_type.as_deref(),
        }
    }
}

/// Its pieces, never empty, a prelude included. A failure is the last one.
impl Stream for Payload {
    type Item = Result<Bytes, FunctionError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.content {
            Content::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            Content::Arriving(_, streamed) | Content::Streamed(streamed) => streamed.poll_chunk(context),
        }
    }
}

impl Streamed {
    /// The next piece, never empty; `None` at the end, and behind a failure.
    pub(crate) fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, FunctionError>>> {
        match self.prelude.take().or_else(|| self.first.take()).filter(|chunk| !chunk.is_empty()) {
            Some(chunk) => Poll::Ready(Some(Ok(chunk))),
            None => self.poll_source(context),
        }
    }

    fn poll_source(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, FunctionError>>> {
        let Some(source) = &mut self.source else { return Poll::Ready(None) };
        // What a panic leaves half done is dropped below, and the process is asked to end.
        let polled = catch_unwind(AssertUnwindSafe(|| source.as_mut().poll_next(context)))
            .unwrap_or_else(|panic| Poll::Ready(Some(Err(FunctionError::from_panic(panic)))));
        match ready!(polled) {
            Some(Ok(chunk)) if chunk.is_empty() => {
                // Nothing to send, but others may want to run before the stream is asked again.
                context.waker().wake_by_ref();
                Poll::Pending
            }
            polled => {
                let kept = match &mut self.promised {
                    Some(promised) => promised.keep(polled),
                    None => polled,
                };
                if !matches!(kept, Some(Ok(_))) {
                    self.source = None;
                }
                Poll::Ready(kept)
            }
        }
    }

    /// Whether all that was promised has been handed out.
    pub(crate) fn is_whole(&self) -> bool {
        self.promised.as_ref().is_some_and(|promised| promised.left == 0)
    }

    async fn chunk(&mut self) -> Option<Result<Bytes, FunctionError>> {
        poll_fn(|context| self.poll_chunk(context)).await
    }
}

impl Promised {
    /// What has come, or the failure that it is.
    fn keep(&mut self, polled: Option<Result<Bytes, FunctionError>>) -> Option<Result<Bytes, FunctionError>> {
        let length = self.length;
        let wrong = |problem| {
            let text = format!("the response is {problem} than the {length} bytes that were announced");
            Some(Err(FunctionError::new(error_type::TRUNCATED_RESPONSE, text)))
        };
        match &polled {
            Some(Ok(chunk)) => match self.left.checked_sub(chunk.len() as u64) {
                Some(left) => self.left = left,
                None => return wrong("longer"),
            },
            None if self.left > 0 => return wrong("shorter"),
            _ => {}
        }
        polled
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Payload {
        Payload { content_type: None, content: Content::Whole(bytes) }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Payload {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Payload {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Payload {
    fn from(text: &'static str) -> Payload {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<Streamed> for Payload {
    fn from(streamed: Streamed) -> Payload {
        Payload { content_type: None, content: Content::Streamed(streamed) }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Payload");
        match &self.content {
            Content::Whole(bytes) => debug.field("length", &bytes.len()),
            Content::Arriving(length, _) => debug.field("length", length),
            Content::Streamed(streamed) => debug.field("prelude", &streamed.prelude),
        };
        debug.field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

impl Default for Prelude {
    fn default() -> Self {
        Prelude { status_code: 200, headers: BTreeMap::new(), cookies: Vec::new() }
    }
}
