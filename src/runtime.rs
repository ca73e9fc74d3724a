//! A handler at work by its plan: as many loops as invocations may be in flight, and the legacy socket beside them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use runtime_api::{Client, FunctionError};
use tokio::task::JoinSet;
use tracing::warn;

use crate::plan::RPC_LISTEN;
use crate::stop::Stop;
use crate::{Handler, Plan, RuntimeError, invoke_loop, rpc};

/// Serves the handler until something stops it. Then nothing new is begun, and what runs is finished first.
///
/// With several slots, each has a connection of its own, on which it asks for events, as aws-lambda-go's loops do
/// (`lambda/invoke_loop_gte_go122.go`): the platform decides which of them gets the next one.
pub fn run<H: Handler>(
    client: &mut Client,
    plan: Plan,
    handler: Arc<H>,
    // Written out, so that it can be spawned whatever the handler's types are: rust-lang/rust#64552.
) -> impl Future<Output = Result<Infallible, RuntimeError>> + Send {
    serve(client, plan, handler)
}

async fn serve<H: Handler>(
    client: &mut Client,
    plan: Plan,
    handler: Arc<H>,
) -> Result<Infallible, RuntimeError> {
    let listener = listen(client, plan).await?;
    if let Err(failure) = handler.ready().await {
        return Err(init_failed(client, failure).await);
    }

    let stop = Arc::new(Stop::default());
    // Whatever is still at work ends with this function.
    let mut beside = JoinSet::new();
    if let Some(listener) = listener {
        let (handler, stop) = (handler.clone(), stop.clone());
        beside.spawn(async move { match listener.serve(handler, stop).await {} });
    }
    let mut loops = JoinSet::new();
    for _ in 1..plan.slots.get() {
        let (mut client, handler, stop) = (client.another(), handler.clone(), stop.clone());
        loops.spawn(async move { invoke_loop::serve(&mut client, &*handler, plan.log, &stop).await });
    }
    let polling = async {
        let first = invoke_loop::serve(client, &*handler, plan.log, &stop);
        tokio::join!(first, watch(&mut loops, &stop, RuntimeError::LoopLost));
    };
    beside_each_other(polling, &mut beside, &stop).await;
    Err(stop.reason().expect("a loop ends when somebody has asked for it"))
}

/// Binds the legacy socket, if there is to be one. The platform is told if it cannot be had.
pub(crate) async fn listen(client: &mut Client, plan: Plan) -> Result<Option<rpc::Listener>, RuntimeError> {
    let Some(address) = plan.rpc_listen else { return Ok(None) };
    match rpc::Listener::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) => {
            let text = format!("{RPC_LISTEN} is {address}: {error}");
            Err(init_failed(client, FunctionError::new("Runtime.Go1xSetting", text)).await)
        }
    }
}

/// Runs the loops to their end. The socket beside them has none, but that it panics: then they are asked to end.
async fn beside_each_other(polling: impl Future<Output = ()>, beside: &mut JoinSet<()>, stop: &Stop) {
    let watching = async {
        watch(beside, stop, RuntimeError::SocketLost).await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        biased;
        () = polling => {}
        never = watching => match never {}
    }
}

/// Waits for the tasks. One that panicked takes all along: what it served would be missing from then on, without a word.
async fn watch(tasks: &mut JoinSet<()>, stop: &Stop, lost: impl Fn(String) -> RuntimeError) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            stop.ask(lost(error.to_string()));
        }
    }
}

/// So long the platform may take to say that it was told. The process is to end right after, and that is what matters.
const INIT_ERROR_TIME: Duration = Duration::from_secs(2);

/// Tells the platform that there will be no first `next`.
pub(crate) async fn init_failed(client: &mut Client, failure: FunctionError) -> RuntimeError {
    match tokio::time::timeout(INIT_ERROR_TIME, client.init_error(&failure)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(%error, "the platform was not told of the failed start"),
        Err(_) => warn!("the platform did not answer to the failed start"),
    }
    RuntimeError::Init(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_loop_that_panics_stops_the_others() {
        let stop = Arc::new(Stop::default());
        let mut loops = JoinSet::new();
        let others = stop.clone();
        loops.spawn(async move { others.asked().await });
        loops.spawn(async { panic!("lost") });
        watch(&mut loops, &stop, RuntimeError::LoopLost).await;
        assert!(matches!(stop.reason(), Some(RuntimeError::LoopLost(text)) if text.contains("lost")));
    }

    /// The clock stands still: it would end a wait for nothing at once.
    #[tokio::test(start_paused = true)]
    async fn a_legacy_socket_that_panics_stops_the_loops() {
        let stop = Stop::default();
        let mut beside = JoinSet::new();
        beside.spawn(async { panic!("no door") });
        let ended = beside_each_other(stop.asked(), &mut beside, &stop);
        tokio::time::timeout(Duration::from_secs(1), ended).await.expect("the loops are asked to end");
        assert!(matches!(stop.reason(), Some(RuntimeError::SocketLost(text)) if text.contains("no door")));
    }
}
