//! The messages of `Function.Ping` and `Function.Invoke`, field for field as aws-lambda-go declares them
//! (`lambda/messages/messages.go`, unchanged on the wire since v1.0.0). Payloads are never copied: a sent
//! one fills a hole in the message, a received one is a part of it.

use std::sync::LazyLock;

use bytes::Bytes;
use gob::{Decode, Encode, Received, Schema, StructWriter};

/// Argument of `Function.Ping`, a struct without fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PingRequest;

/// Reply of `Function.Ping`, a struct without fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PingResponse;

/// Argument of `Function.Invoke`, as it is sent: its payload follows by reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct InvokeRequest<'a> {
    pub(super) payload_length: u64,
    pub(super) request_id: &'a str,
    pub(super) x_amzn_trace_id: &'a str,
    pub(super) deadline: Timestamp,
    pub(super) invoked_function_arn: &'a str,
    pub(super) cognito_identity_id: &'a str,
    pub(super) cognito_identity_pool_id: &'a str,
    pub(super) client_context: &'a [u8],
}

/// The same argument, as it is received.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ReceivedInvokeRequest {
    pub(super) payload: Bytes,
    pub(super) request_id: String,
    pub(super) x_amzn_trace_id: String,
    pub(super) deadline: Timestamp,
    pub(super) invoked_function_arn: String,
    pub(super) cognito_identity_id: String,
    pub(super) cognito_identity_pool_id: String,
    pub(super) client_context: String,
}

/// `InvokeRequest_Timestamp`: a Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Timestamp {
    pub(super) seconds: i64,
    pub(super) nanos: i64,
}

/// Reply of `Function.Invoke`. Sent, its payload follows by reference.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct InvokeResponse {
    pub(super) payload: Bytes,
    pub(super) error: Option<InvokeError>,
}

impl InvokeResponse {
    /// Of an answer that is no failure, the one field that is sent.
    pub(super) const PAYLOAD: &str = "Payload";
}

/// `InvokeResponse_Error`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct InvokeError {
    pub(super) message: String,
    pub(super) error_type: String,
    pub(super) stack_trace: Vec<StackFrame>,
    pub(super) should_exit: bool,
}

/// `InvokeResponse_Error_StackFrame`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct StackFrame {
    pub(super) path: String,
    pub(super) line: i32,
    pub(super) label: String,
}

/// Frames of a stack trace that are kept; aws-lambda-go itself sends 32 at most.
const FRAMES_LIMIT: usize = 10_000;

static PING_REQUEST: LazyLock<Schema> =
    LazyLock::new(|| Schema::build(|types| types.structure("PingRequest", [])));

static PING_RESPONSE: LazyLock<Schema> =
    LazyLock::new(|| Schema::build(|types| types.structure("PingResponse", [])));

static INVOKE_REQUEST: LazyLock<Schema> = LazyLock::new(|| {
    Schema::build(|types| {
        let (bytes, string, int) = (types.bytes(), types.string(), types.int());
        let timestamp = types.structure("InvokeRequest_Timestamp", [("Seconds", int), ("Nanos", int)]);
        types.structure(
            "InvokeRequest",
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
        let (bytes, string, int) = (types.bytes(), types.string(), types.int());
        let bool = types.bool();
        let frame = types.structure(
            "messages.InvokeResponse_Error_StackFrame",
            [("Path", string), ("Line", int), ("Label", string)],
        );
        let frame = types.pointer(frame);
        let stack = types.slice(frame);
        let error = types.structure(
            "InvokeResponse_Error",
            [("Message", string), ("Type", string), ("StackTrace", stack), ("ShouldExit", bool)],
        );
        let error = types.pointer(error);
        types.structure("InvokeResponse", [(InvokeResponse::PAYLOAD, bytes), ("Error", error)])
    })
});

impl Encode for PingRequest {
    fn schema(&self) -> &Schema {
        &PING_REQUEST
    }

    fn encode(&self, _: &mut StructWriter<'_>) {}
}

impl Decode for PingRequest {
    fn decode(value: Received<'_>, _: &Bytes) -> Result<Self, gob::Error> {
        value.skip().map(|()| PingRequest)
    }
}

impl Encode for PingResponse {
    fn schema(&self) -> &Schema {
        &PING_RESPONSE
    }

    fn encode(&self, _: &mut StructWriter<'_>) {}
}

impl Decode for PingResponse {
    fn decode(value: Received<'_>, _: &Bytes) -> Result<Self, gob::Error> {
        value.skip().map(|()| PingResponse)
    }
}

impl Encode for InvokeRequest<'_> {
    fn schema(&self) -> &Schema {
        &INVOKE_REQUEST
    }

    fn encode(&self, fields: &mut StructWriter<'_>) {
        fields.hole(0, self.payload_length);
        fields.bytes(1, self.request_id.as_bytes());
        fields.bytes(2, self.x_amzn_trace_id.as_bytes());
        fields.structure(3, |deadline| {
            deadline.int(0, self.deadline.seconds);
            deadline.int(1, self.deadline.nanos);
        });
        fields.bytes(4, self.invoked_function_arn.as_bytes());
        fields.bytes(5, self.cognito_identity_id.as_bytes());
        fields.bytes(6, self.cognito_identity_pool_id.as_bytes());
        fields.bytes(7, self.client_context);
    }
}

impl Decode for ReceivedInvokeRequest {
    fn decode(value: Received<'_>, message: &Bytes) -> Result<Self, gob::Error> {
        let mut request = ReceivedInvokeRequest::default();
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

impl Encode for InvokeResponse {
    fn schema(&self) -> &Schema {
        &INVOKE_RESPONSE
    }

    fn encode(&self, fields: &mut StructWriter<'_>) {
        fields.hole(0, self.payload.len() as u64);
        let Some(error) = &self.error else { return };
        fields.structure(1, |fields| {
            fields.bytes(0, error.message.as_bytes());
            fields.bytes(1, error.error_type.as_bytes());
            fields.slice(2, error.stack_trace.len(), |frames| {
                for frame in &error.stack_trace {
                    frames.structure(|fields| {
                        fields.bytes(0, frame.path.as_bytes());
                        fields.int(1, i64::from(frame.line));
                        fields.bytes(2, frame.label.as_bytes());
                    });
                }
            });
            fields.bool(3, error.should_exit);
        });
    }
}

impl Decode for InvokeResponse {
    fn decode(value: Received<'_>, message: &Bytes) -> Result<Self, gob::Error> {
        let (mut payload, mut error) = (None, None);
        value.structure(|name, field| {
            match name {
                InvokeResponse::PAYLOAD => payload = Some(field.shared_bytes(message)?),
                "Error" => error = Some(InvokeError::read(field)?),
                _ => field.skip()?,
            }
            Ok(())
        })?;
        Ok(InvokeResponse { payload: payload.unwrap_or_default(), error })
    }
}

impl InvokeError {
    fn read(field: gob::Field<'_, '_>) -> Result<Self, gob::Error> {
        let mut error = InvokeError::default();
        field.structure(|name, field| {
            match name {
                "Message" => error.message = field.string()?,
                "Type" => error.error_type = field.string()?,
                "StackTrace" => field.list(|element| {
                    if error.stack_trace.len() == FRAMES_LIMIT {
                        return element.skip();
                    }
                    error.stack_trace.push(StackFrame::read(element)?);
                    Ok(())
                })?,
                "ShouldExit" => error.should_exit = field.bool()?,
                _ => field.skip()?,
            }
            Ok(())
        })?;
        Ok(error)
    }
}

impl StackFrame {
    fn read(field: gob::Field<'_, '_>) -> Result<Self, gob::Error> {
        let mut frame = StackFrame::default();
        field.structure(|name, field| {
            match name {
                "Path" => frame.path = field.string()?,
                "Line" => frame.line = field.int32("Line")?,
                "Label" => frame.label = field.string()?,
                _ => field.skip()?,
            }
            Ok(())
        })?;
        Ok(frame)
    }
}
