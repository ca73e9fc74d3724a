//! The body of a request on its way: whole, or piece by piece with a failure behind it in trailers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{HeaderMap, HeaderValue};
use tokio::sync::oneshot;

use crate::FunctionError;
use crate::contract::{TRAILERS_LIMIT, error_type, header};
use crate::payload::Streamed;

/// A longer error type is left out of headers and trailers, and is in the JSON alone.
pub(crate) const ERROR_TYPE_LIMIT: usize = 1024;
/// Room for a failure's JSON in the trailers, beside their names and the longest error type.
const ERROR_JSON_LIMIT: usize = (TRAILERS_LIMIT - ERROR_TYPE_LIMIT - 256) / 4 * 3;

pub(crate) enum Outgoing {
    Whole(Full<Bytes>),
    Streamed {
        payload: Streamed,
        /// Told once the payload has been read to its end: the failure there, if there was one.
        end: Option<oneshot::Sender<Option<FunctionError>>>,
    },
}

impl Outgoing {
    pub(crate) fn streamed(payload: Streamed) -> (Outgoing, oneshot::Receiver<Option<FunctionError>>) {
        let (end, ended) = oneshot::channel();
        (Outgoing::Streamed { payload, end: Some(end) }, ended)
    }
}

impl From<Bytes> for Outgoing {
    fn from(bytes: Bytes) -> Outgoing {
        Outgoing::Whole(Full::new(bytes))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let (payload, end) = match self.get_mut() {
            Outgoing::Whole(whole) => return Pin::new(whole).poll_frame(context),
            Outgoing::Streamed { payload, end } => (payload, end),
        };
        let failure = match ready!(payload.poll_chunk(context)) {
            Some(Ok(chunk)) => return Poll::Ready(Some(Ok(Frame::data(chunk)))),
            Some(Err(failure)) => Some(failure),
            None => None,
        };
        let trailers = failure.as_ref().map(|failure| Ok(Frame::trailers(trailers(failure))));
        if let Some(end) = end.take() {
            // Whoever sent the request may have given it up.
            let _ = end.send(failure);
        }
        Poll::Ready(trailers)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Outgoing::Whole(whole) => whole.is_end_stream(),
            Outgoing::Streamed { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Outgoing::Whole(whole) => whole.size_hint(),
            Outgoing::Streamed { .. } => SizeHint::default(),
        }
    }
}

/// The failure's type as a header's value, if it is fit for one.
pub(crate) fn error_type_value(failure: &FunctionError) -> Option<HeaderValue> {
    let error_type = Some(&failure.error_type).filter(|text| text.len() <= ERROR_TYPE_LIMIT)?;
    HeaderValue::from_str(error_type).ok()
}

/// It is the type's presence that makes a failure of a response.
fn trailers(failure: &FunctionError) -> HeaderMap {
    // Blanks around a value are not its own in HTTP, and of blanks nothing would be left.
    let error_type = error_type_value(failure).filter(|_| !failure.error_type.trim().is_empty());
    let json = BASE64.encode(failure.to_json_within(ERROR_JSON_LIMIT));
    let json = HeaderValue::from_str(&json).expect("base64 is visible ASCII");
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert(
        header::FUNCTION_ERROR_TYPE,
        error_type.unwrap_or_else(|| HeaderValue::from_static(error_type::UNKNOWN)),
    );
    trailers.insert(header::FUNCTION_ERROR_BODY, json);
    trailers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_are_short_enough_for_servers_in_go() {
        for failure in [
            FunctionError::new("", ""),
            FunctionError::new("größe", "m"),
            FunctionError::new("E".repeat(ERROR_TYPE_LIMIT), "ü".repeat(100_000)),
            FunctionError::new("E".repeat(100_000), "m".repeat(100_000)),
        ] {
            let trailers = trailers(&failure);
            let length: usize =
                trailers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum();
            assert!(length + "\r\n".len() < TRAILERS_LIMIT, "{length}");
            assert!(!trailers[header::FUNCTION_ERROR_TYPE].is_empty());
            let json = BASE64.decode(&trailers[header::FUNCTION_ERROR_BODY]).unwrap();
            serde_json::from_slice::<serde_json::Value>(&json).unwrap();
        }
    }
}
