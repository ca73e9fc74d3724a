//! The public Invoke path over HTTP: what a caller with an AWS SDK, or curl, sees of a function.
//!
//! Source: "Invoke" in the AWS Lambda API reference. Log tails and qualifiers are not served.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::http::{self, Answer, Received, Whole};
use super::sandbox::Sandbox;
use super::{InvokeRequest, Outcome};

const PATH_START: &str = "/2015-03-31/functions/";
const PATH_END: &str = "/invocations";
/// The name that AWS's own emulator gives every function.
const ANY_FUNCTION: &str = "function";

const CLIENT_CONTEXT: &str = "x-amz-client-context";
const COGNITO_IDENTITY: &str = "x-amz-cognito-identity";
const ERROR_TYPE: &str = "x-amzn-errortype";
const EXECUTED_VERSION: &str = "x-amz-executed-version";
const FUNCTION_ERROR: &str = "x-amz-function-error";
const INVOCATION_TYPE: &str = "x-amz-invocation-type";
const REQUEST_ID: &str = "x-amzn-requestid";
const TENANT_ID: &str = "x-amz-tenant-id";
const TRACE_ID: &str = "x-amzn-trace-id";

/// "Lambda quotas": the payload of a synchronous invocation, 6 MB.
const EVENT_LIMIT: usize = 6 * 1024 * 1024;
/// "Lambda quotas": the payload of an asynchronous invocation, 1 MB.
const ASYNC_EVENT_LIMIT: usize = 1024 * 1024;
/// The client context's limit, in base64.
const CLIENT_CONTEXT_LIMIT: usize = 3583;

#[derive(Clone, Copy, PartialEq, Eq)]
enum InvocationType {
    RequestResponse,
    Event,
    DryRun,
}

/// An error of the Invoke API itself: no invocation came of the call.
struct Fault {
    status: StatusCode,
    error_type: &'static str,
    message: String,
}

/// Answers one request to the public endpoint.
pub(super) async fn answer(sandbox: Arc<Sandbox>, request: Request<Incoming>) -> Answer {
    match invoke(&sandbox, request).await {
        Ok(answer) => answer,
        Err(fault) => fault.answer(),
    }
}

async fn invoke(sandbox: &Arc<Sandbox>, request: Request<Incoming>) -> Result<Answer, Fault> {
    let (parts, body) = request.into_parts();
    check_function(sandbox, parts.uri.path())?;
    if parts.method != Method::POST {
        return Err(Fault {
            status: StatusCode::METHOD_NOT_ALLOWED,
            error_type: "MethodNotAllowedException",
            message: "An invocation is a POST".to_owned(),
        });
    }
    let invocation_type = InvocationType::of(&parts.headers)?;
    let mut request = InvokeRequest {
        client_context: client_context(&parts.headers)?,
        cognito_identity: cognito_identity(&parts.headers)?,
        trace_id: text(&parts.headers, TRACE_ID),
        tenant_id: text(&parts.headers, TENANT_ID),
        ..InvokeRequest::default()
    };
    let limit = match invocation_type {
        InvocationType::Event => ASYNC_EVENT_LIMIT,
        _ => EVENT_LIMIT,
    };
    request.payload = match http::read(body, limit).await.0 {
        Received::Whole(payload) => payload,
        Received::TooLarge => {
            return Err(Fault {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                error_type: "RequestTooLargeException",
                message: format!(
                    "Request must be smaller than {limit} bytes for the InvokeFunction operation"
                ),
            });
        }
        Received::Truncated => return Err(bad_content("The request's body is incomplete".to_owned())),
    };
    let version = &sandbox.settings.function_version;
    match invocation_type {
        InvocationType::DryRun => Ok(empty(StatusCode::NO_CONTENT, version)),
        InvocationType::Event => {
            let ticket = sandbox.enqueue(request, None);
            let mut answer = empty(StatusCode::ACCEPTED, version);
            answer.headers_mut().insert(REQUEST_ID, http::header_value(&ticket.id));
            Ok(answer)
        }
        InvocationType::RequestResponse => {
            Ok(outcome(sandbox.enqueue(request, None).outcome().await, version))
        }
    }
}

/// Name, ARN, or the name that every function has for AWS's emulator.
fn check_function(sandbox: &Sandbox, path: &str) -> Result<(), Fault> {
    let settings = &sandbox.settings;
    let name = path.strip_prefix(PATH_START).and_then(|rest| rest.strip_suffix(PATH_END));
    let Some(name) = name.filter(|name| !name.is_empty() && !name.contains('/')) else {
        return Err(Fault {
            status: StatusCode::NOT_FOUND,
            error_type: "UnknownOperationException",
            message: format!("No operation at {path}"),
        });
    };
    // Clients escape the colons of an ARN, and nothing else can occur in one that is ours.
    let name = name.replace("%3A", ":").replace("%3a", ":");
    if name == settings.function_name || name == settings.function_arn || name == ANY_FUNCTION {
        return Ok(());
    }
    Err(Fault {
        status: StatusCode::NOT_FOUND,
        error_type: "ResourceNotFoundException",
        message: format!("Function not found: {name}; this is {}", settings.function_name),
    })
}

impl InvocationType {
    fn of(headers: &HeaderMap) -> Result<InvocationType, Fault> {
        match text(headers, INVOCATION_TYPE).as_str() {
            "" | "RequestResponse" => Ok(InvocationType::RequestResponse),
            "Event" => Ok(InvocationType::Event),
            "DryRun" => Ok(InvocationType::DryRun),
            other => Err(Fault {
                status: StatusCode::BAD_REQUEST,
                error_type: "InvalidParameterValueException",
                message: format!("Invocation type {other} is none of RequestResponse, Event, DryRun"),
            }),
        }
    }
}

fn client_context(headers: &HeaderMap) -> Result<String, Fault> {
    let encoded = text(headers, CLIENT_CONTEXT);
    if encoded.is_empty() {
        return Ok(encoded);
    }
    if encoded.len() > CLIENT_CONTEXT_LIMIT {
        return Err(bad_content(format!(
            "Client context must be no more than {CLIENT_CONTEXT_LIMIT} bytes."
        )));
    }
    BASE64
        .decode(encoded)
        .ok()
        .and_then(|json| String::from_utf8(json).ok())
        .filter(|json| is_object(json))
        .ok_or_else(|| bad_content("Client context must be a valid Base64-encoded JSON object.".to_owned()))
}

/// AWS takes the identity from the caller's credentials; without them, it is given as the JSON that the
/// runtime is to see.
fn cognito_identity(headers: &HeaderMap) -> Result<String, Fault> {
    let json = text(headers, COGNITO_IDENTITY);
    if json.is_empty() || is_object(&json) {
        return Ok(json);
    }
    Err(bad_content("Cognito identity must be a JSON object.".to_owned()))
}

fn is_object(json: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json).is_ok()
}

fn bad_content(message: String) -> Fault {
    Fault { status: StatusCode::BAD_REQUEST, error_type: "InvalidRequestContentException", message }
}

fn outcome(outcome: Outcome, version: &str) -> Answer {
    let mut answer = http::json(StatusCode::OK, outcome.payload);
    let headers = answer.headers_mut();
    headers.insert(REQUEST_ID, http::header_value(&outcome.request_id));
    headers.insert(EXECUTED_VERSION, http::header_value(version));
    if let Some(error) = outcome.function_error {
        headers.insert(FUNCTION_ERROR, http::header_value(&error));
    }
    answer
}

fn empty(status: StatusCode, version: &str) -> Answer {
    let mut answer = Response::new(Whole::sized(Bytes::new()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(EXECUTED_VERSION, http::header_value(version));
    answer
}

impl Fault {
    fn answer(self) -> Answer {
        let body = serde_json::json!({ "Type": "User", "Message": self.message });
        let mut answer = http::json(self.status, body.to_string());
        let headers = answer.headers_mut();
        headers.insert(ERROR_TYPE, HeaderValue::from_static(self.error_type));
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        answer
    }
}

fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}
