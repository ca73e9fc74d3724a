//! The same three names in a build without RPC.

use std::convert::Infallible;
use std::process::ExitStatus;

use bytes::Bytes;
use runtime_api::{FunctionError, Invocation};

use crate::Handler;
use crate::bootstrap::ChildCommand;

/// This build does not look at `_LAMBDA_SERVER_PORT`.
pub const VARIABLE: Option<&str> = None;

/// aws-lambda-go's own words for it (`lambda/rpc_function.go` before v1.34.0, built with `lambda.norpc`).
const REFUSAL: &str = "_LAMBDA_SERVER_PORT was present but the function was compiled without RPC support";

/// Never serves: refuses in aws-lambda-go's words.
pub async fn serve<H: Handler>(_port: &str, _handler: H) -> std::io::Result<Infallible> {
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, REFUSAL))
}

/// A worker that never starts.
#[derive(Debug)]
pub struct Worker;

impl Worker {
    /// See the worker of the other build.
    pub fn new(_command: ChildCommand) -> Worker {
        Worker
    }

    /// Never starts: refuses in aws-lambda-go's words.
    pub async fn start(&self) -> Result<Option<ExitStatus>, FunctionError> {
        Err(FunctionError::new("Runtime.Go1xNoRpc", REFUSAL))
    }

    /// There is nothing to end.
    pub async fn terminate(&self) {}
}

impl Handler for Worker {
    async fn call(&self, _: Invocation) -> Result<Bytes, FunctionError> {
        Err(FunctionError::new("Runtime.Go1xNoRpc", REFUSAL))
    }
}
