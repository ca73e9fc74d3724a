//! What AWS fixed: routes, header names, limits and error types. They are spelled here and nowhere else.
//!
//! Source: "Using the Lambda runtime API for custom runtimes" and "Lambda quotas" in the AWS Lambda
//! Developer Guide; where the guide is silent, aws/aws-lambda-runtime-interface-emulator.

/// The Runtime API's version, the first segment of every route.
pub const API_VERSION: &str = "2018-06-01";

/// `host:port` of the Runtime API, perhaps with a path prefix; set by the platform.
pub const RUNTIME_API_VARIABLE: &str = "AWS_LAMBDA_RUNTIME_API";
/// How many invocations the runtime may hold at once; set by the platform only where it is more than one
/// (Lambda Managed Instances).
pub const MAX_CONCURRENCY_VARIABLE: &str = "AWS_LAMBDA_MAX_CONCURRENCY";

/// Route of the long poll for the next invocation, below [`API_VERSION`].
pub const NEXT_PATH: &str = "/runtime/invocation/next";
/// Route of a failure before the first `next`, below [`API_VERSION`].
pub const INIT_ERROR_PATH: &str = "/runtime/init/error";
/// Answers `pong`; kept by the platform for old clients. Below [`API_VERSION`].
pub const PING_PATH: &str = "/ping";
/// Routes of one invocation start with this, below [`API_VERSION`]; the request id follows.
pub const INVOCATION_PATH: &str = "/runtime/invocation/";
/// Ends the route of an invocation's payload.
pub const RESPONSE_SUFFIX: &str = "/response";
/// Ends the route of an invocation's failure.
pub const ERROR_SUFFIX: &str = "/error";

/// The Extensions API's version, the first segment of its routes ("Using the Lambda Extensions API to create
/// extensions").
pub const EXTENSIONS_VERSION: &str = "2020-01-01";
/// Route on which an extension makes itself known, below [`EXTENSIONS_VERSION`].
pub const REGISTER_PATH: &str = "/extension/register";
/// Route of an extension's long poll, below [`EXTENSIONS_VERSION`].
pub const EVENT_NEXT_PATH: &str = "/extension/event/next";

/// Header names, in lower case as HTTP libraries keep them.
pub mod header {
    /// The invocation's id, to be used verbatim in the routes of its answer.
    pub const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
    /// This attempt of it, in the answer to `next`, and to be sent back on `/response` and `/error`: the platform then
    /// refuses the answer of an attempt that is over. Not in the guide; AWS's own runtimes have it since July 2026
    /// (aws/aws-lambda-rust-runtime, pull request 1159).
    pub const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
    /// The moment the function times out: milliseconds since the Unix epoch, decimal.
    pub const DEADLINE_MS: &str = "lambda-runtime-deadline-ms";
    /// The ARN the caller used, with version or alias if there was one.
    pub const INVOKED_FUNCTION_ARN: &str = "lambda-runtime-invoked-function-arn";
    /// X-Ray's trace header, `Root=…;Parent=…;Sampled=…`.
    pub const TRACE_ID: &str = "lambda-runtime-trace-id";
    /// The mobile SDK's client context: raw JSON, not base64.
    pub const CLIENT_CONTEXT: &str = "lambda-runtime-client-context";
    /// The caller's Cognito identity: JSON.
    pub const COGNITO_IDENTITY: &str = "lambda-runtime-cognito-identity";
    /// The tenant, of functions in tenant isolation mode.
    pub const TENANT_ID: &str = "lambda-runtime-aws-tenant-id";
    /// On `/error` and `/init/error`: the error type, for metrics.
    pub const FUNCTION_ERROR_TYPE: &str = "lambda-runtime-function-error-type";
    /// As a trailer of `/response`: the failure's JSON in base64, for a response that failed on its way.
    pub const FUNCTION_ERROR_BODY: &str = "lambda-runtime-function-error-body";
    /// On `/error`: X-Ray's account of the failure, one line of JSON below [`super::XRAY_CAUSE_LIMIT`].
    pub const XRAY_ERROR_CAUSE: &str = "lambda-runtime-function-xray-error-cause";
    /// On `/extension/register`: what the extension is called.
    pub const EXTENSION_NAME: &str = "lambda-extension-name";
    /// What the platform calls it, in the answer, and to be sent with its further calls.
    pub const EXTENSION_IDENTIFIER: &str = "lambda-extension-identifier";
    /// On `/response`: `streaming` for a response streaming function.
    pub const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
}

/// The value of [`header::RESPONSE_MODE`] for a response that is sent as it is made.
pub const STREAMING_MODE: &str = "streaming";
/// The content type of a streamed response that starts with an HTTP prelude: JSON, then [`PRELUDE_END`].
pub const PRELUDE_CONTENT_TYPE: &str = "application/vnd.awslambda.http-integration-response";
/// Stands between an HTTP prelude and the body behind it.
pub const PRELUDE_END: [u8; 8] = [0; 8];

/// The largest response in bytes: 6 MiB + 100. A larger one is answered with status 413.
pub const RESPONSE_LIMIT: usize = 6 * 1024 * 1024 + 100;
/// A failure's JSON is cut to so many bytes: to a longer one Lambda Managed Instances answer 413.
pub const FAILURE_LIMIT: usize = 1024 * 1024;
/// The largest streamed response in bytes: 200 MB, and 20 MB until 2025.
pub const STREAMED_RESPONSE_LIMIT: usize = 200 * 1024 * 1024;
/// What follows a response as trailers has to stay below this many bytes, names included: servers in Go read no more.
pub const TRAILERS_LIMIT: usize = 4096;
/// Events above this many bytes are not taken in: ten times what Lambda hands out (6 MB), so that an API that never
/// stops sending ends in an error and not in all of the memory.
pub const EVENT_LIMIT: usize = 64 * 1024 * 1024;
/// The X-Ray cause header is cut or dropped by the platform from here on.
pub const XRAY_CAUSE_LIMIT: usize = 64 * 1024;

/// Error types that the platform itself gives, as the caller and the metrics see them.
pub mod error_type {
    /// The runtime process ended while it held an invocation.
    pub const EXIT: &str = "Runtime.ExitError";
    /// The response ended before it was complete.
    pub const TRUNCATED_RESPONSE: &str = "Runtime.TruncatedResponse";
    /// The response mode header has a value that is none.
    pub const INVALID_RESPONSE_MODE: &str = "Runtime.InvalidResponseModeHeader";
    /// The function gave no error type that could be passed on.
    pub const UNKNOWN: &str = "Runtime.Unknown";
    /// The invocation ran into the function's timeout.
    pub const TIMEOUT: &str = "Sandbox.Timedout";
    /// The response was larger than [`super::RESPONSE_LIMIT`], or [`super::STREAMED_RESPONSE_LIMIT`].
    pub const RESPONSE_TOO_LARGE: &str = "Function.ResponseSizeTooLarge";
}
