//! One invocation as the Runtime API hands it out: the event's bytes and what the headers say of it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use serde_json::value::RawValue;

use crate::ClientContext;
use crate::contract::{EVENT_LIMIT, header};
use crate::http::{Headers, is_name, is_value};
use crate::lent::Lent;

/// An event with its metadata.
#[derive(Debug)]
pub struct Invocation {
    /// What the headers said.
    pub context: Context,
    /// What the caller sent.
    pub event: Event,
}

/// The metadata of an invocation. An absent header and an empty one mean the same.
///
/// Texts share the memory that they came in, with an event that came with them, and keep it: what is to outlive the
/// invocation is better copied (`to_string`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// Names the invocation in its answer and in the log.
    pub request_id: RequestId,
    /// When the platform gives up on it: milliseconds since the Unix epoch.
    pub deadline_ms: u64,
    /// The function's ARN as the caller named it.
    pub invoked_function_arn: ByteString,
    /// X-Ray's trace header, or empty.
    pub trace_id: ByteString,
    /// The caller's client context, raw JSON, or empty.
    pub client_context: ByteString,
    /// The caller's Cognito identity; both parts empty when there was none.
    pub identity: Identity,
    /// The tenant id, or empty.
    pub tenant_id: ByteString,
}

/// What is read of a `next` answer's headers.
const NAMES: [&str; 8] = [
    header::REQUEST_ID,
    header::DEADLINE_MS,
    header::INVOKED_FUNCTION_ARN,
    header::TRACE_ID,
    header::CLIENT_CONTEXT,
    header::COGNITO_IDENTITY,
    header::TENANT_ID,
    header::INVOCATION_ID,
];

/// Where in the head of a `next` answer the values of [`NAMES`] are. Of several of one name, the first counts.
#[derive(Debug, Default)]
pub(crate) struct Places([Option<Range<usize>>; NAMES.len()]);

impl Places {
    pub(crate) fn of(headers: Headers<'_>) -> Places {
        let mut places = Places::default();
        for (name, place) in headers.places() {
            // Most names differ in length already.
            if let Some(known) = NAMES.iter().position(|known| is_name(name, known)) {
                places.0[known].get_or_insert(place);
            }
        }
        places
    }
}

/// JSON in headers is UTF-8, and so is everything else.
const NOT_UTF8: &str = "is not UTF-8 text";

/// A Cognito identity. The three spellings in use of its two keys are all read, in any case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// The identity's id.
    pub id: String,
    /// The identity pool's id.
    pub pool_id: String,
}

/// A request id that is safe to put into a path: visible ASCII that needs no escape there, at most
/// 256 bytes. That of an event shares its memory, as [`Context`] says.
///
/// It is the id of one attempt: a caller may choose a request's id, and a retry keeps it, and what a runtime says late of
/// an attempt whose time is up is not to be taken for the answer to another. Lambda names the attempt since July 2026
/// (`Lambda-Runtime-Invocation-Id`), and is told it with the answer. Ids of two attempts are not equal, though their texts
/// are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RequestId {
    text: ByteString,
    /// Empty if there is none.
    attempt: ByteString,
}

impl RequestId {
    /// Checks the text; `None` if it could not stand in a path.
    pub fn parse(text: impl Into<ByteString>) -> Option<RequestId> {
        let text = text.into();
        ((1..=256).contains(&text.len()) && text.bytes().all(|byte| FITS_IN_PATH[usize::from(byte)]))
            .then_some(RequestId { text, attempt: ByteString::new() })
    }

    /// What could be no header's value is not sent back.
    fn of_attempt(self, attempt: ByteString) -> RequestId {
        if is_value(&attempt) { RequestId { attempt, ..self } } else { self }
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn attempt(&self) -> &str {
        &self.attempt
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Visible ASCII without `/?#%<>"\^`{|}`.
const FITS_IN_PATH: [bool; 256] = {
    let mut fits = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        fits[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'_' | b'!' | b'$' | b'&'..=b'.' | b':' | b';' | b'=' | b'@' | b'[' | b']' | b'~'
            );
        byte += 1;
    }
    fits
};

/// A header of `next` that cannot be what the contract says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderError {
    /// The header's name.
    pub header: &'static str,
    /// What is wrong with its value.
    pub problem: String,
    /// The invocation it belongs to, when that much is known: it can still be answered, with a failure.
    pub request_id: Option<RequestId>,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "header {} of the invocation {}", self.header, self.problem)
    }
}

impl std::error::Error for HeaderError {}

impl Context {
    /// Reads the head of a `next` answer.
    pub(crate) fn read(head: &Bytes, places: &Places) -> Result<Context, HeaderError> {
        let text = |at: usize| {
            let value = places.0[at].clone().and_then(|place| head.get(place)).unwrap_or_default();
            ByteString::try_from(head.slice_ref(value)).map_err(|_| (NAMES[at], NOT_UTF8.to_owned()))
        };
        let request_id = match text(0) {
            Ok(id) if id.is_empty() => Err((NAMES[0], "is missing".to_owned())),
            Ok(id) => RequestId::parse(id.clone())
                .map(|id| id.of_attempt(text(7).unwrap_or_default()))
                .ok_or_else(|| (NAMES[0], format!("is {id:?}, which no path can hold"))),
            Err(error) => Err(error),
        };
        let error = |id| move |(header, problem)| HeaderError { header, problem, request_id: id };
        let request_id = request_id.map_err(error(None))?;
        match Context::without_id(text) {
            Ok(context) => Ok(Context { request_id, ..context }),
            Err(problem) => Err(error(Some(request_id))(problem)),
        }
    }

    fn without_id(
        text: impl Fn(usize) -> Result<ByteString, (&'static str, String)>,
    ) -> Result<Context, (&'static str, String)> {
        let deadline = text(1)?;
        let deadline_ms =
            deadline.parse().map_err(|_| format!("is {deadline:?}, not milliseconds since 1970"));
        Ok(Context {
            request_id: RequestId::default(),
            deadline_ms: deadline_ms.map_err(|problem| (NAMES[1], problem))?,
            invoked_function_arn: text(2)?,
            trace_id: text(3)?,
            client_context: text(4)?,
            identity: Identity::from_json(&text(5)?).map_err(|problem| (NAMES[5], problem))?,
            tenant_id: text(6)?,
        })
    }

    /// The client context, parsed; `None` if the caller sent none.
    ///
    /// ```
    /// use runtime_api::Context;
    ///
    /// let json = r#"{"client":{"app_title":"shop"},"custom":{"colour":"blue"}}"#;
    /// let context = Context { client_context: json.into(), ..Context::default() };
    /// let client = context.client()?.expect("there is one");
    /// assert_eq!((client.client.app_title.as_str(), client.custom["colour"].as_str()), ("shop", "blue"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// If it is not what AWS's mobile SDKs send: the text is then still in `client_context`.
    pub fn client(&self) -> Result<Option<ClientContext>, serde_json::Error> {
        if self.client_context.is_empty() { Ok(None) } else { serde_json::from_str(&self.client_context) }
    }

    /// The deadline as a point in time.
    pub fn deadline(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.deadline_ms)).unwrap_or(UNIX_EPOCH)
    }

    /// The time left until the deadline; zero once it has passed.
    pub fn remaining(&self) -> Duration {
        self.deadline().duration_since(SystemTime::now()).unwrap_or_default()
    }
}

impl Identity {
    /// Reads the identity header's JSON; an empty text is no identity, nor is `null`, as in aws-lambda-go
    /// (`lambda/invoke_loop.go`, `parseCognitoIdentity`).
    pub fn from_json(json: &str) -> Result<Identity, String> {
        if json.is_empty() {
            return Ok(Identity::default());
        }
        // Values are left as they are: whatever they may be, only texts count.
        let entries: Option<BTreeMap<String, Box<RawValue>>> =
            serde_json::from_str(json).map_err(|error| format!("is not an identity: {error}"))?;
        let mut identity = Identity::default();
        for (key, value) in entries.unwrap_or_default() {
            let value = serde_json::from_str(value.get()).unwrap_or_default();
            // Go matches JSON keys without case, and so do we.
            match key.to_ascii_lowercase().as_str() {
                "cognitoidentityid" | "identityid" | "identity_id" => identity.id = value,
                "cognitoidentitypoolid" | "identitypoolid" | "identity_pool_id" => identity.pool_id = value,
                _ => {}
            }
        }
        Ok(identity)
    }
}

/// The bytes of an event: in memory already, or still arriving.
///
/// They are handed on in the pieces they came in, so that nothing has to put them together unless it
/// asks for one buffer.
pub struct Event {
    length: Option<u64>,
    source: Source,
}

enum Source {
    Memory(Memory),
    /// With its connection, which is given back once all of it was read.
    Wire(Lent),
}

/// Most events are one piece.
enum Memory {
    One(Bytes),
    Many(VecDeque<Bytes>),
}

impl Memory {
    fn pop(&mut self) -> Option<Bytes> {
        match self {
            Memory::One(chunk) => {
                let chunk = std::mem::take(chunk);
                (!chunk.is_empty()).then_some(chunk)
            }
            Memory::Many(chunks) => chunks.pop_front(),
        }
    }
}

/// Smaller pieces are gathered by copying, since each would keep all of what was read with it in memory.
const SMALL: usize = 4 * 1024;

impl Event {
    /// An event whose bytes are read from the connection as they are asked for.
    pub(crate) fn from_wire(length: Option<u64>, lent: Lent) -> Event {
        Event { length, source: Source::Wire(lent) }
    }

    /// Bytes that are left, if known: an event that comes in chunked transfer coding says so only by its end.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next piece, never empty; `None` at the end. An error means that the rest will not come.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, EventError>> {
        let chunk = match &mut self.source {
            Source::Memory(memory) => memory.pop()?,
            Source::Wire(lent) => match lent.piece().await? {
                Ok(piece) => piece,
                Err(error) => return Some(Err(EventError::Broken(error))),
            },
        };
        self.length = self.length.map(|length| length.saturating_sub(chunk.len() as u64));
        Some(Ok(chunk))
    }

    /// Refuses one that is announced longer than [`EVENT_LIMIT`], before any of it is waited for.
    pub fn check_length(&self) -> Result<(), EventError> {
        match self.length {
            Some(length) if length > EVENT_LIMIT as u64 => Err(EventError::TooLong),
            _ => Ok(()),
        }
    }

    /// Reads the event to its end, so that its length is known.
    pub async fn collect(mut self) -> Result<Event, EventError> {
        self.check_length()?;
        let (mut chunks, mut small, mut size) = (VecDeque::new(), BytesMut::new(), 0);
        while let Some(chunk) = self.chunk().await.transpose()? {
            size += chunk.len();
            if size > EVENT_LIMIT {
                return Err(EventError::TooLong);
            }
            if chunk.len() < SMALL {
                small.extend_from_slice(&chunk);
                continue;
            }
            chunks.extend((!small.is_empty()).then(|| small.split().freeze()));
            chunks.push_back(chunk);
        }
        chunks.extend((!small.is_empty()).then(|| small.freeze()));
        Ok(Event::from_chunks(chunks))
    }

    /// The whole event as one buffer; pieces are copied together only if there are several.
    pub async fn bytes(mut self) -> Result<Bytes, EventError> {
        self.check_length()?;
        let Some(first) = self.chunk().await.transpose()? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await.transpose()? else { return Ok(first) };
        let rest = usize::try_from(self.length.unwrap_or_default()).unwrap_or_default();
        // The length is only a header's word until the bytes have come.
        let mut whole =
            BytesMut::with_capacity(first.len() + second.len() + rest.min(crate::contract::RESPONSE_LIMIT));
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&second);
        while let Some(chunk) = self.chunk().await.transpose()? {
            if whole.len() + chunk.len() > EVENT_LIMIT {
                return Err(EventError::TooLong);
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    fn from_chunks(chunks: VecDeque<Bytes>) -> Event {
        Event {
            length: Some(chunks.iter().map(|chunk| chunk.len() as u64).sum()),
            source: Source::Memory(Memory::Many(chunks)),
        }
    }
}

impl From<Bytes> for Event {
    fn from(bytes: Bytes) -> Event {
        Event { length: Some(bytes.len() as u64), source: Source::Memory(Memory::One(bytes)) }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Why an event cannot be had in full.
#[derive(Debug)]
#[non_exhaustive]
pub enum EventError {
    /// The connection ended, or broke HTTP's rules, before the event was complete.
    Broken(io::Error),
    /// It is longer than [`EVENT_LIMIT`].
    TooLong,
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventError::Broken(_) => f.write_str("the event did not arrive in full"),
            EventError::TooLong => write!(f, "the event is longer than {EVENT_LIMIT} bytes"),
        }
    }
}

impl std::error::Error for EventError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            EventError::Broken(error) => Some(error),
            EventError::TooLong => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Context, HeaderError> {
        let mut head = BytesMut::new();
        let mut places = Places::default();
        for (name, value) in pairs {
            let at = NAMES.iter().position(|known| known == name).unwrap();
            places.0[at] = Some(head.len()..head.len() + value.len());
            head.extend_from_slice(value.as_bytes());
        }
        Context::read(&head.freeze(), &places)
    }

    #[test]
    fn every_header_is_read() {
        let context = read(&[
            (header::REQUEST_ID, "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
            (header::DEADLINE_MS, "1542409706888"),
            (header::INVOKED_FUNCTION_ARN, "arn:aws:lambda:us-east-2:123456789012:function:f:live"),
            (header::TRACE_ID, "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1"),
            (header::CLIENT_CONTEXT, r#"{"custom":{"k":"v"}}"#),
            (header::COGNITO_IDENTITY, r#"{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}"#),
            (header::TENANT_ID, "blue"),
        ])
        .unwrap();
        assert_eq!(context.request_id.as_str(), "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
        assert_eq!(context.deadline_ms, 1_542_409_706_888);
        assert_eq!(context.identity, Identity { id: "i".into(), pool_id: "p".into() });
        assert_eq!(context.client_context, r#"{"custom":{"k":"v"}}"#);
        assert_eq!(context.tenant_id, "blue");
    }

    #[test]
    fn bad_headers_name_themselves_and_the_invocation() {
        let check = |pairs: &[(&'static str, &str)], header: &str, id: Option<&str>| {
            let error = read(pairs).unwrap_err();
            assert_eq!(error.header, header, "{error}");
            assert_eq!(error.request_id.as_ref().map(RequestId::as_str), id, "{error}");
        };
        check(&[], header::REQUEST_ID, None);
        check(&[(header::REQUEST_ID, "")], header::REQUEST_ID, None);
        check(&[(header::REQUEST_ID, "../init/error?")], header::REQUEST_ID, None);
        check(&[(header::REQUEST_ID, &"x".repeat(257))], header::REQUEST_ID, None);
        check(&[(header::REQUEST_ID, "a")], header::DEADLINE_MS, Some("a"));
        check(&[(header::REQUEST_ID, "a"), (header::DEADLINE_MS, "-1")], header::DEADLINE_MS, Some("a"));
        check(&[(header::REQUEST_ID, "a"), (header::DEADLINE_MS, "soon")], header::DEADLINE_MS, Some("a"));
        check(
            &[(header::REQUEST_ID, "a"), (header::DEADLINE_MS, "1"), (header::COGNITO_IDENTITY, "[")],
            header::COGNITO_IDENTITY,
            Some("a"),
        );
    }

    #[test]
    fn identity_in_every_spelling() {
        for json in [
            r#"{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}"#,
            r#"{"identityId":"i","identityPoolId":"p"}"#,
            r#"{"identity_id":"i","identity_pool_id":"p"}"#,
            r#"{"CognitoIdentityID":"i","COGNITOIDENTITYPOOLID":"p","other":3}"#,
        ] {
            assert_eq!(
                Identity::from_json(json).unwrap(),
                Identity { id: "i".into(), pool_id: "p".into() },
                "{json}"
            );
        }
        assert_eq!(Identity::from_json("null").unwrap(), Identity::default());
        assert_eq!(Identity::from_json("3").unwrap_err().split(':').next(), Some("is not an identity"));
        assert_eq!(Identity::from_json(r#"{"identityId":null}"#).unwrap(), Identity::default());
    }

    #[tokio::test]
    async fn chunks_are_joined_only_on_demand() {
        let event = Event::from_chunks(VecDeque::from([Bytes::from("ab"), Bytes::from("c")]));
        assert_eq!(event.length(), Some(3));
        assert_eq!(event.bytes().await.unwrap(), "abc");
        let mut event = Event::from(Bytes::from("xyz"));
        assert_eq!(event.chunk().await.unwrap().unwrap(), "xyz");
        assert_eq!(event.length(), Some(0));
        assert!(event.chunk().await.is_none());
        assert_eq!(Event::from(Bytes::new()).bytes().await.unwrap(), "");
    }

    #[tokio::test]
    async fn small_pieces_are_gathered() {
        let small = || std::iter::repeat_n(Bytes::from_static(b"x"), 10_000);
        let large = Bytes::from(vec![b'y'; SMALL]);
        let chunks: VecDeque<_> = small().chain([large.clone(), large]).chain(small()).collect();
        let mut event = Event::from_chunks(chunks).collect().await.unwrap();
        assert_eq!(event.length(), Some(20_000 + 2 * SMALL as u64));
        let mut lengths = Vec::new();
        while let Some(chunk) = event.chunk().await {
            lengths.push(chunk.unwrap().len());
        }
        assert_eq!(lengths, [10_000, SMALL, SMALL, 10_000]);
    }

    #[tokio::test]
    async fn an_event_that_goes_on_and_on_is_given_up() {
        let endless = || Event {
            length: None,
            ..Event::from_chunks(vec![Bytes::from_static(&[b'x'; 1 << 20]); 65].into())
        };
        assert!(matches!(endless().collect().await, Err(EventError::TooLong)));
        assert!(matches!(endless().bytes().await, Err(EventError::TooLong)));
        let announced = |length| Event { length: Some(length), ..Event::from(Bytes::new()) };
        assert!(matches!(announced(EVENT_LIMIT as u64 + 1).check_length(), Err(EventError::TooLong)));
        assert!(announced(EVENT_LIMIT as u64).check_length().is_ok());
    }
}
