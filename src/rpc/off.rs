//! The same names in a build without RPC.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::ExitStatus;
use std::sync::Arc;

use runtime_api::{FunctionError, Invocation, Payload};

use crate::Handler;
use crate::bootstrap::{ChildCommand, Sharing};
use crate::stop::Stop;

/// This build does not look at `_LAMBDA_SERVER_PORT`.
pub const VARIABLE: Option<&str> = None;

/// aws-lambda-go's own words for it (`lambda/rpc_function.go` before v1.34.0, built with `lambda.norpc`).
const REFUSAL: &str = "_LAMBDA_SERVER_PORT was present but the function was compiled without RPC support";

/// Never serves: refuses in aws-lambda-go's words.
pub async fn serve<H: Handler>(_port: &str, _handler: H) -> std::io::Result<Infallible> {
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, REFUSAL))
}

/// A listener that there is none of.
#[derive(Debug)]
pub enum Listener {}

impl Listener {
    /// Never listens: refuses in aws-lambda-go's words.
    pub async fn bind(_address: SocketAddr) -> std::io::Result<Listener> {
        Err(std::io::Error::new(std::io::ErrorKind::Unsupported, REFUSAL))
    }

    pub(crate) async fn serve<H: Handler>(self, _handler: Arc<H>, _stop: Arc<Stop>) -> Infallible {
        match self {}
    }
}

/// Workers that never start.
#[derive(Debug)]
pub struct Workers;

impl Workers {
    /// See the other build.
    pub fn new(_command: ChildCommand, _slots: NonZeroUsize, _sharing: Sharing) -> Workers {
        Workers
    }

    /// Never starts: refuses in aws-lambda-go's words.
    pub async fn start(&self) -> Result<Option<ExitStatus>, FunctionError> {
        Err(FunctionError::new("Runtime.Go1xNoRpc", REFUSAL))
    }

    /// There is nobody to ask.
    pub fn ask_to_end(&self) {}

    /// There is nothing to end.
    pub async fn terminate(&self) {}
}

impl Handler for Workers {
    async fn call(&self, _: Invocation) -> Result<Payload, FunctionError> {
        Err(FunctionError::new("Runtime.Go1xNoRpc", REFUSAL))
    }
}
