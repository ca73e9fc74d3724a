//! What both listeners need of HTTP: accepting, bounded bodies in, whole bodies out. It knows no route.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, server::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::sandbox::Undelivered;
use crate::contract::RESPONSE_LIMIT;

/// How much is still read of a body that is not wanted.
const DRAIN_LIMIT: usize = 64 * 1024 * 1024;
/// A body of unknown length starts with a buffer of this size.
const FIRST_BUFFER: usize = 64 * 1024;

pub(super) type Answer = Response<Whole>;

/// Serves every connection until the future is dropped; then they are closed.
pub(super) async fn serve<F, A>(listener: TcpListener, answer: F)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // An answer is one write; it must not wait for the acknowledgement of the last one.
                    let _ = stream.set_nodelay(true);
                    let answer = answer.clone();
                    connections.spawn(async move {
                        let service = service_fn(move |request| {
                            let answer = answer(request);
                            async { Ok::<_, Infallible>(answer.await) }
                        });
                        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "connection ended early");
                        }
                    });
                }
                // Out of descriptors, most likely; some come back as connections end.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// What came of reading a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    Whole(Bytes),
    TooLarge,
    Truncated,
}

/// Reads a body of at most `limit` bytes, and the trailers behind it.
pub(super) async fn read(body: Incoming, limit: usize) -> (Received, HeaderMap) {
    read_each(body, limit, |_| true).await
}

/// The same for one whose pieces are looked at as they come. If one is refused, with `false`, the rest is not wanted.
pub(super) async fn read_each(
    mut body: Incoming,
    limit: usize,
    mut piece: impl FnMut(&Bytes) -> bool,
) -> (Received, HeaderMap) {
    let mut trailers = HeaderMap::new();
    let announced = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|announced| announced > limit) {
        drain(body);
        return (Received::TooLarge, trailers);
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return (Received::Truncated, trailers) };
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                trailers = frame.into_trailers().unwrap_or_default();
                continue;
            }
        };
        length += data.len();
        if length > limit {
            drain(body);
            return (Received::TooLarge, trailers);
        }
        if !piece(&data) {
            drain(body);
            return (Received::Truncated, trailers);
        }
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                whole.reserve(announced.unwrap_or(FIRST_BUFFER).min(RESPONSE_LIMIT).max(length));
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&data);
        }
    }
    let received = if whole.is_empty() { first } else { whole.freeze() };
    (Received::Whole(received), trailers)
}

/// Reads on while the body is answered: if its sender were cut off, it might not get to read the answer.
fn drain(mut body: Incoming) {
    tokio::spawn(async move {
        let mut length = 0;
        while let Some(Ok(frame)) = body.frame().await {
            length += frame.data_ref().map_or(0, Bytes::len);
            if length > DRAIN_LIMIT {
                break;
            }
        }
    });
}

/// An answer with a JSON body.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Whole::sized(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// Text as a header's value. What a header cannot hold becomes a space, as in Go's HTTP server; JSON with
/// line breaks stays the same JSON.
pub(super) fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text)
        .or_else(|_| HeaderValue::from_bytes(text.as_bytes()))
        .or_else(|_| {
            let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            HeaderValue::from_bytes(spaced.as_bytes())
        })
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A body in one piece, sent with its length or in chunked transfer coding.
pub(super) struct Whole {
    bytes: Option<Bytes>,
    chunked: bool,
    /// What was handed out with it, until it goes out.
    undelivered: Option<Undelivered>,
}

impl Whole {
    pub(super) fn sized(bytes: Bytes) -> Whole {
        Whole { bytes: Some(bytes), chunked: false, undelivered: None }
    }

    pub(super) fn event(bytes: Bytes, chunked: bool, undelivered: Option<Undelivered>) -> Whole {
        let mut event = Whole { bytes: Some(bytes), chunked, undelivered };
        if event.is_end_stream() {
            // It goes out with its head, and nobody asks for it.
            event.deliver();
        }
        event
    }

    fn deliver(&mut self) {
        self.undelivered.take().map(Undelivered::disarm);
    }

    fn length(&self) -> usize {
        self.bytes.as_ref().map_or(0, Bytes::len)
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.deliver();
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        if self.chunked { self.bytes.is_none() } else { self.length() == 0 }
    }

    fn size_hint(&self) -> SizeHint {
        if self.chunked { SizeHint::default() } else { SizeHint::with_exact(self.length() as u64) }
    }
}
