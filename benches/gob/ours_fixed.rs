//! This project's codec as `bootstrap` uses it: the two invocation messages written out by hand, payloads by
//! reference. They are those of `src/rpc/on/messages.rs`, which are private.

use std::sync::LazyLock;

use anyhow::Context as _;
use bytes::Bytes;
use gob::{Decode, Decoder, Encode, Encoder, Hole, Received, Schema, StructWriter};

use crate::contestant::{Answer, Codec};
use crate::workloads::{InvokeRequest, InvokeResponse, Timestamp, payload_answer};

static INVOKE_REQUEST: LazyLock<Schema> = LazyLock::new(|| {
    Schema::build(|types| {
        let (bytes, string, int) = (types.bytes(), types.string(), types.int());
        let timestamp =
            types.structure("messages.InvokeRequest_Timestamp", [("Seconds", int), ("Nanos", int)]);
        types.structure(
            "messages.InvokeRequest",
            [
                ("Payload", bytes),
                ("RequestId", string),
                ("XAmznTraceId", string),
                ("Deadline", timestamp),
                ("InvokedFunctionArn", string),
                ("CognitoIdentityId", string),
                ("CognitoIdentityPoolId", string),
                ("ClientContext", bytes),
            ],
        )
    })
});

static INVOKE_RESPONSE: LazyLock<Schema> = LazyLock::new(|| {
    Schema::build(|types| {
        let (bytes, string, int, bool) = (types.bytes(), types.string(), types.int(), types.bool());
        let frame = [("Path", string), ("Line", int), ("Label", string)];
        let frame = types.structure("messages.InvokeResponse_Error_StackFrame", frame);
        let frame = types.pointer(frame);
        let stack = types.slice(frame);
        let error = types.structure(
            "messages.InvokeResponse_Error",
            [("Message", string), ("Type", string), ("StackTrace", stack), ("ShouldExit", bool)],
        );
        let error = types.pointer(error);
        types.structure("messages.InvokeResponse", [("Payload", bytes), ("Error", error)])
    })
});

/// A request as it is sent.
struct SentRequest<'a>(&'a InvokeRequest);

impl Encode for SentRequest<'_> {
    fn schema(&self) -> &Schema {
        &INVOKE_REQUEST
    }

    fn encode(&self, fields: &mut StructWriter<'_>) {
        fields.hole(0, self.0.payload.len() as u64);
        fields.bytes(1, self.0.request_id.as_bytes());
        fields.bytes(2, self.0.x_amzn_trace_id.as_bytes());
        fields.structure(3, |deadline| {
            deadline.int(0, self.0.deadline.seconds);
            deadline.int(1, self.0.deadline.nanos);
        });
        fields.bytes(4, self.0.invoked_function_arn.as_bytes());
        fields.bytes(5, self.0.cognito_identity_id.as_bytes());
        fields.bytes(6, self.0.cognito_identity_pool_id.as_bytes());
        fields.bytes(7, &self.0.client_context);
    }
}

/// A response as it is sent: the benchmark's have no error.
struct SentResponse<'a>(&'a InvokeResponse);

impl Encode for SentResponse<'_> {
    fn schema(&self) -> &Schema {
        &INVOKE_RESPONSE
    }

    fn encode(&self, fields: &mut StructWriter<'_>) {
        fields.hole(0, self.0.payload.len() as u64);
    }
}

/// A request as it is received: its payload is a part of the message.
#[derive(Default)]
pub(crate) struct ReceivedRequest {
    payload: Bytes,
    request_id: String,
    x_amzn_trace_id: String,
    deadline: Timestamp,
    invoked_function_arn: String,
    cognito_identity_id: String,
    cognito_identity_pool_id: String,
    client_context: String,
}

impl Decode for ReceivedRequest {
    fn decode(value: Received<'_>, message: &Bytes) -> Result<Self, gob::Error> {
        let mut request = ReceivedRequest::default();
        value.structure(|name, field| {
            match name {
                "Payload" => request.payload = field.shared_bytes(message)?,
                "RequestId" => request.request_id = field.string()?,
                "XAmznTraceId" => request.x_amzn_trace_id = field.string()?,
                "Deadline" => field.structure(|name, field| {
                    match name {
                        "Seconds" => request.deadline.seconds = field.int()?,
                        "Nanos" => request.deadline.nanos = field.int()?,
                        _ => field.skip()?,
                    }
                    Ok(())
                })?,
                "InvokedFunctionArn" => request.invoked_function_arn = field.string()?,
                "CognitoIdentityId" => request.cognito_identity_id = field.string()?,
                "CognitoIdentityPoolId" => request.cognito_identity_pool_id = field.string()?,
                "ClientContext" => {
                    request.client_context = String::from_utf8_lossy(field.bytes()?).into_owned();
                }
                _ => field.skip()?,
            }
            Ok(())
        })?;
        Ok(request)
    }
}

impl PartialEq<InvokeRequest> for ReceivedRequest {
    fn eq(&self, sent: &InvokeRequest) -> bool {
        self.payload == sent.payload
            && self.request_id == sent.request_id
            && self.x_amzn_trace_id == sent.x_amzn_trace_id
            && self.deadline == sent.deadline
            && self.invoked_function_arn == sent.invoked_function_arn
            && self.cognito_identity_id == sent.cognito_identity_id
            && self.cognito_identity_pool_id == sent.cognito_identity_pool_id
            && self.client_context.as_bytes() == sent.client_context
    }
}

impl Answer for ReceivedRequest {
    fn answer(&self) -> u64 {
        payload_answer(&self.payload)
            + self.request_id.len() as u64
            + self.x_amzn_trace_id.len() as u64
            + self.deadline.seconds as u64
            + self.invoked_function_arn.len() as u64
    }
}

/// A response as it is received: the benchmark's have no error.
pub(crate) struct ReceivedResponse {
    payload: Bytes,
    failed: bool,
}

impl Decode for ReceivedResponse {
    fn decode(value: Received<'_>, message: &Bytes) -> Result<Self, gob::Error> {
        let (mut payload, mut failed) = (None, false);
        value.structure(|name, field| {
            match name {
                "Payload" => payload = Some(field.shared_bytes(message)?),
                "Error" => {
                    failed = true;
                    field.skip()?;
                }
                _ => field.skip()?,
            }
            Ok(())
        })?;
        Ok(ReceivedResponse { payload: payload.unwrap_or_default(), failed })
    }
}

impl PartialEq<InvokeResponse> for ReceivedResponse {
    fn eq(&self, sent: &InvokeResponse) -> bool {
        self.payload == sent.payload && self.failed == sent.error.is_some()
    }
}

impl Answer for ReceivedResponse {
    fn answer(&self) -> u64 {
        if self.failed { 0 } else { payload_answer(&self.payload) }
    }
}

pub(crate) struct Request;
pub(crate) struct Response;

macro_rules! fixed {
    ($codec:ident: $value:ident as $sent:ident, $received:ident) => {
        impl Codec for $codec {
            type Value = $value;
            type Received = $received;
            type Encoder = Encoder;
            type Decoder = Decoder;

            const NAME: &'static str = "ours, fixed";

            fn encoder() -> Encoder {
                Encoder::new()
            }

            fn encode(
                encoder: &mut Encoder,
                value: &$value,
                out: &mut Vec<u8>,
            ) -> anyhow::Result<Option<Hole>> {
                Ok(encoder.encode(&$sent(value), out))
            }

            fn payload(value: &$value) -> &[u8] {
                &value.payload
            }

            fn decoder() -> Decoder {
                Decoder::new()
            }

            fn decode(decoder: &mut Decoder, stream: &Bytes) -> anyhow::Result<$received> {
                received(decoder, stream)
            }
        }
    };
}

fixed!(Request: InvokeRequest as SentRequest, ReceivedRequest);
fixed!(Response: InvokeResponse as SentResponse, ReceivedResponse);

/// The payload is a counted reference to the stream's bytes.
fn received<T: Decode>(decoder: &mut Decoder, stream: &Bytes) -> anyhow::Result<T> {
    let mut rest = &stream[..];
    loop {
        let frame = gob::frame(rest)?.context("the stream ends before its value")?;
        if let Some(value) = decoder.message(frame.message(rest))? {
            return Ok(T::decode(value, stream)?);
        }
        rest = frame.after(rest);
    }
}
