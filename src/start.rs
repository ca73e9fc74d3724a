//! Which door: the environment variables, tried in aws-lambda-go's order (`lambda/entry.go`).

use std::convert::Infallible;
use std::env;
use std::sync::Arc;

pub(crate) use runtime_api::contract::RUNTIME_API_VARIABLE as RUNTIME_API;
use runtime_api::{Client, FunctionError};

use crate::runtime::{self, init_failed};
use crate::{Error, Handler, Plan, RuntimeError, rpc};

/// Serves `handler` through the door that the environment asks for, until something stops it:
///
/// 1. `_LAMBDA_SERVER_PORT` is set: over net/rpc as `Function`, as go1.x expects it (not in a `norpc` build);
/// 2. `AWS_LAMBDA_RUNTIME_API` is set: called by the Runtime API loop in this process. With
///    `AWS_LAMBDA_MAX_CONCURRENCY` there are so many invocations at a time; with `GO1X_RPC_LISTEN` the handler is
///    also served as `Function` there;
/// 3. neither: [`RuntimeError::NoDoor`].
pub fn start(handler: impl Handler) -> impl Future<Output = Result<Infallible, RuntimeError>> + Send {
    open(handler)
}

/// As [`start`], for a `main` that returns [`Error`].
pub async fn run(handler: impl Handler) -> Result<(), Error> {
    match start(handler).await? {}
}

async fn open(handler: impl Handler) -> Result<Infallible, RuntimeError> {
    if let Some(port) = rpc::VARIABLE.map(variable).transpose()?.flatten() {
        return rpc::serve(&port, handler).await.map_err(RuntimeError::Serve);
    }
    let Some(runtime_api) = variable(RUNTIME_API)? else {
        return Err(RuntimeError::NoDoor { variables: doors() });
    };
    let mut client = Client::new(&runtime_api)?;
    match Plan::read(variable) {
        Ok(plan) => runtime::run(&mut client, plan, Arc::new(handler)).await,
        Err(error) => {
            init_failed(&mut client, FunctionError::new("Runtime.Go1xSetting", error.to_string())).await;
            Err(error)
        }
    }
}

/// The variables that this build looks at.
fn doors() -> Vec<&'static str> {
    rpc::VARIABLE.into_iter().chain([RUNTIME_API]).collect()
}

/// An empty variable counts as none, as in Go.
fn variable(name: &'static str) -> Result<Option<String>, RuntimeError> {
    let Some(value) = env::var_os(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    value.into_string().map(Some).map_err(|value| RuntimeError::not_text(name, &value))
}

/// The variable of the legacy door, in every build: a program that is started to poll the Runtime API must not
/// see it.
pub(crate) const SERVER_PORT: &str = "_LAMBDA_SERVER_PORT";
