//! Which door: the environment variables, tried in aws-lambda-go's order (`lambda/entry.go`).

use std::convert::Infallible;
use std::env;

use runtime_api::Client;
use runtime_api::contract::RUNTIME_API_VARIABLE;

use crate::{Error, Handler, invoke_loop, rpc};

/// Serves `handler` through the door that the environment asks for, until something stops it:
///
/// 1. `_LAMBDA_SERVER_PORT` is set: over net/rpc as `Function`, as go1.x expects it (not in a `norpc` build);
/// 2. `AWS_LAMBDA_RUNTIME_API` is set: called by the Runtime API loop in this process;
/// 3. neither: [`Error::NoDoor`].
pub async fn start(handler: impl Handler) -> Result<Infallible, Error> {
    if let Some(port) = rpc::VARIABLE.and_then(variable) {
        return rpc::serve(&port, handler).await.map_err(Error::Serve);
    }
    let Some(runtime_api) = variable(RUNTIME_API_VARIABLE) else {
        return Err(Error::NoDoor { variables: doors() });
    };
    invoke_loop::run(&mut Client::new(&runtime_api)?, &handler).await
}

/// The variables that this build looks at.
fn doors() -> Vec<&'static str> {
    rpc::VARIABLE.into_iter().chain([RUNTIME_API_VARIABLE]).collect()
}

/// An empty variable counts as none, as in Go.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The variable of the legacy door, in every build: a program that is started to poll the Runtime API must not
/// see it.
pub(crate) const SERVER_PORT: &str = "_LAMBDA_SERVER_PORT";
