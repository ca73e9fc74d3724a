//! The legacy door's messages against connections that real Go recorded: each value decodes to what Go meant,
//! and encodes to Go's bytes.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use bytes::Bytes;
use gob::{Decode, Decoder, Encode, Encoder, ErrorKind, TypeId};
use netrpc::header::{Placeholder, Request, Response};
use serde_json::Value as Json;
use support::{Case, check, content, next_message};

use super::messages::{
    InvokeError, InvokeRequest, InvokeResponse, PingRequest, PingResponse, ReceivedInvokeRequest, StackFrame,
    Timestamp,
};

#[path = "../../../compat/gob/tests/support/mod.rs"]
mod support;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/compat/gob/tests/golden");

/// Captures with arguments of other types than aws-lambda-go's. They have tests of their own below.
const STRANGE_ARGUMENTS: &[(&str, &str)] = &[
    ("lambda_other_versions.c2s", "requests with fewer and with more fields"),
    ("lambda_wrong_argument.c2s", "requests whose fields are of the wrong types"),
];

/// 25 connections, both directions, of both versions of Go.
const CAPTURES: usize = 50;

#[test]
fn recorded_values_are_decoded() {
    let cases = lambda_cases();
    check(&cases, STRANGE_ARGUMENTS, |case| {
        let mut reader = Messages::new(&case.stream);
        for sent in case.list("encode") {
            let (expected, message) = (Message::meant(sent)?, reader.next_value());
            let found = expected.decode_same(&mut reader.decoder, &message).map_err(|e| e.to_string())?;
            if found != expected {
                return Err(format!("{found:?}, not {expected:?}"));
            }
            if let Some(payload) = found.payload().filter(|payload| !payload.is_empty()) {
                assert!(message.as_ptr_range().contains(&payload.as_ptr()), "the payload was copied");
            }
        }
        assert!(reader.rest.is_empty());
        Ok(())
    });
}

#[test]
fn values_are_encoded_as_recorded() {
    let cases = lambda_cases();
    let exact = cases.iter().filter(|case| case.index["exact"] == true);
    assert_eq!(exact.clone().count(), CAPTURES);
    check(exact, STRANGE_ARGUMENTS, |case| {
        let first = case.index["firstId"].as_i64().ok_or("no type is defined")?;
        let mut encoder = Encoder::with_first_id(TypeId(first as i32));
        let mut stream = Vec::new();
        for sent in case.list("encode") {
            Message::meant(sent)?.encode(&mut encoder, &mut stream);
        }
        match stream.iter().zip(&case.stream).position(|(ours, gos)| ours != gos) {
            None if stream.len() == case.stream.len() => Ok(()),
            None => Err(format!("{} bytes, not {}", stream.len(), case.stream.len())),
            Some(at) => Err(format!("differs from byte {at} on")),
        }
    });
}

#[test]
fn older_and_newer_requests_are_decoded() {
    let cases = lambda_cases();
    let case = cases.iter().find(|case| case.name == "lambda_other_versions.c2s").unwrap();
    let mut reader = Messages::new(&case.stream);
    for (seq, payload, request_id) in [(0, "old", "r1"), (1, "new", "ptr")] {
        assert_eq!(reader.decode::<Request>().unwrap().seq, seq);
        // The newer one embeds its time, which makes that a field of another name.
        let expected = ReceivedInvokeRequest {
            payload: payload.into(),
            request_id: request_id.into(),
            ..ReceivedInvokeRequest::default()
        };
        assert_eq!(reader.decode::<ReceivedInvokeRequest>().unwrap(), expected);
    }
    assert!(reader.rest.is_empty());
}

#[test]
fn requests_of_the_wrong_types_are_refused_and_the_next_one_is_read() {
    let cases = lambda_cases();
    let case = cases.iter().find(|case| case.name == "lambda_wrong_argument.c2s").unwrap();
    let mut reader = Messages::new(&case.stream);
    for seq in [0, 1] {
        assert_eq!(reader.decode::<Request>().unwrap().seq, seq);
        let error = reader.decode::<ReceivedInvokeRequest>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TypeMismatch, "{error}");
    }
    assert_eq!(reader.decode::<Request>().unwrap().seq, 2);
    assert_eq!(reader.decode::<ReceivedInvokeRequest>().unwrap().payload, "fine");
    assert!(reader.rest.is_empty());
}

fn lambda_cases() -> Vec<Case> {
    let cases: Vec<Case> =
        support::cases(FOLDER).into_iter().filter(|case| case.text("group") == "lambda").collect();
    assert_eq!(cases.len(), CAPTURES);
    cases
}

/// A recorded stream, one value after the other.
struct Messages<'b> {
    decoder: Decoder,
    rest: &'b [u8],
}

impl<'b> Messages<'b> {
    fn new(stream: &'b [u8]) -> Self {
        Messages { decoder: Decoder::new(), rest: stream }
    }

    /// Takes in definitions, and gives the message that holds the next value.
    fn next_value(&mut self) -> Bytes {
        loop {
            let message = next_message(&mut self.rest).unwrap().unwrap();
            let holds_value = match self.decoder.message(message) {
                Ok(value) => value.is_some(),
                Err(error) => panic!("{error}"),
            };
            if holds_value {
                return Bytes::copy_from_slice(message);
            }
        }
    }

    fn decode<T: Decode>(&mut self) -> Result<T, gob::Error> {
        let message = self.next_value();
        decode(&mut self.decoder, &message)
    }
}

fn decode<T: Decode>(decoder: &mut Decoder, message: &Bytes) -> Result<T, gob::Error> {
    T::decode(decoder.message(message)?.unwrap(), message)
}

/// Any value on a connection to a Lambda function.
#[derive(Debug, PartialEq)]
enum Message {
    Request(Request),
    Response(Response),
    Placeholder,
    PingRequest,
    PingResponse,
    InvokeRequest(ReceivedInvokeRequest),
    InvokeResponse(InvokeResponse),
}

impl Message {
    /// The value that Go's program had.
    fn meant(sent: &Json) -> Result<Message, String> {
        let value = &sent["value"];
        let text = |member: &str| String::from_utf8(content(&value[member], false)).unwrap();
        Ok(match sent["type"]["ref"].as_str().unwrap_or_default() {
            "rpc.Request" => Message::Request(Request {
                service_method: text("ServiceMethod"),
                seq: number(&value["Seq"]) as u64,
            }),
            "rpc.Response" => Message::Response(Response {
                service_method: text("ServiceMethod"),
                seq: number(&value["Seq"]) as u64,
                error: text("Error"),
            }),
            "messages.PingRequest" => Message::PingRequest,
            "messages.PingResponse" => Message::PingResponse,
            "messages.InvokeRequest" => Message::InvokeRequest(ReceivedInvokeRequest {
                payload: content(&value["Payload"], true).into(),
                request_id: text("RequestId"),
                x_amzn_trace_id: text("XAmznTraceId"),
                deadline: Timestamp {
                    seconds: number(&value["Deadline"]["Seconds"]),
                    nanos: number(&value["Deadline"]["Nanos"]),
                },
                invoked_function_arn: text("InvokedFunctionArn"),
                cognito_identity_id: text("CognitoIdentityId"),
                cognito_identity_pool_id: text("CognitoIdentityPoolId"),
                client_context: String::from_utf8(content(&value["ClientContext"], true)).unwrap(),
            }),
            "messages.InvokeResponse" => Message::InvokeResponse(InvokeResponse {
                payload: content(&value["Payload"], true).into(),
                error: value["Error"].get("ptr").map(invoke_error),
            }),
            "" if sent["type"]["go"] == "struct {}" => Message::Placeholder,
            other => return Err(format!("a value of the type {other}")),
        })
    }

    /// Decodes a message into the same type.
    fn decode_same(&self, decoder: &mut Decoder, message: &Bytes) -> Result<Message, gob::Error> {
        Ok(match self {
            Message::Request(_) => Message::Request(decode(decoder, message)?),
            Message::Response(_) => Message::Response(decode(decoder, message)?),
            Message::PingRequest => decode(decoder, message).map(|PingRequest| Message::PingRequest)?,
            Message::PingResponse => decode(decoder, message).map(|PingResponse| Message::PingResponse)?,
            Message::InvokeRequest(_) => Message::InvokeRequest(decode(decoder, message)?),
            Message::InvokeResponse(_) => Message::InvokeResponse(decode(decoder, message)?),
            Message::Placeholder => {
                let value = decoder.message(message)?.unwrap();
                assert_eq!(value.type_name(), "");
                value.structure(|name, _| panic!("a placeholder with a field {name}"))?;
                Message::Placeholder
            }
        })
    }

    fn payload(&self) -> Option<&Bytes> {
        match self {
            Message::InvokeRequest(request) => Some(&request.payload),
            Message::InvokeResponse(response) => Some(&response.payload),
            _ => None,
        }
    }

    /// Appends the value, with its payload where its hole is.
    fn encode(&self, encoder: &mut Encoder, stream: &mut Vec<u8>) {
        let hole = match self {
            Message::Request(request) => encoder.encode(request, stream),
            Message::Response(response) => encoder.encode(response, stream),
            Message::Placeholder => encoder.encode(&Placeholder, stream),
            Message::PingRequest => encoder.encode(&PingRequest, stream),
            Message::PingResponse => encoder.encode(&PingResponse, stream),
            Message::InvokeRequest(request) => encoder.encode(&sent(request), stream),
            Message::InvokeResponse(response) => encoder.encode(response, stream),
        };
        let payload = self.payload().map_or(&[][..], |payload| payload);
        assert_eq!(hole.map_or(0, |hole| hole.length), payload.len() as u64);
        if let Some(hole) = hole {
            stream.splice(hole.at..hole.at, payload.iter().copied());
        }
    }
}

fn sent(request: &ReceivedInvokeRequest) -> impl Encode + '_ {
    InvokeRequest {
        payload_length: request.payload.len() as u64,
        request_id: &request.request_id,
        x_amzn_trace_id: &request.x_amzn_trace_id,
        deadline: request.deadline,
        invoked_function_arn: &request.invoked_function_arn,
        cognito_identity_id: &request.cognito_identity_id,
        cognito_identity_pool_id: &request.cognito_identity_pool_id,
        client_context: request.client_context.as_bytes(),
    }
}

fn invoke_error(value: &Json) -> InvokeError {
    let text = |value: &Json| String::from_utf8(content(value, false)).unwrap();
    let frame = |frame: &Json| StackFrame {
        path: text(&frame["ptr"]["Path"]),
        line: number(&frame["ptr"]["Line"]) as i32,
        label: text(&frame["ptr"]["Label"]),
    };
    InvokeError {
        message: text(&value["Message"]),
        error_type: text(&value["Type"]),
        stack_trace: value["StackTrace"]
            .as_array()
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .map(frame)
            .collect(),
        should_exit: value["ShouldExit"].as_bool().unwrap_or_default(),
    }
}

/// Integers are text in the index. All recorded ones fit.
fn number(value: &Json) -> i64 {
    value.as_str().unwrap_or("0").parse().unwrap()
}
