//! The same three names in a build without RPC.

use std::convert::Infallible;

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

/// There is no worker in this build, and no value of this type.
#[derive(Debug)]
pub enum Worker {}

impl Worker {
    /// Never starts: refuses in aws-lambda-go's words.
    pub async fn start(_command: ChildCommand) -> Result<Worker, FunctionError> {
        Err(FunctionError::new("Runtime.Go1xNoRpc", REFUSAL))
    }

    /// See the worker of the other build.
    pub async fn terminate(&self) {
        match *self {}
    }

    /// See the worker of the other build.
    pub async fn polls_itself(&self) -> Option<std::process::ExitStatus> {
        match *self {}
    }
}

impl Handler for Worker {
    async fn call(&self, _: Invocation) -> Result<Bytes, FunctionError> {
        match *self {}
    }
}
