//! One invocation, top to bottom. The loop does not know who the handler is.

use std::pin::pin;

use runtime_api::{Answered, Client, FunctionError, Invocation, Payload, RequestId};
use tracing::warn;

use crate::stop::Stop;
use crate::{Handler, LogFormat, RuntimeError, handler};

/// Serves invocations one after the other, until something stops the runtime, here or elsewhere.
pub(crate) async fn serve(client: &mut Client, handler: &impl Handler, log: LogFormat, stop: &Stop) {
    let mut stopped = pin!(stop.asked());
    loop {
        let next = tokio::select! {
            biased;
            () = &mut stopped => return,
            next = client.next() => next,
        };
        let served = match next {
            Ok(invocation) => one(client, handler, log, invocation).await,
            Err(error) => lost(client, log, error).await,
        };
        // Whatever was lost with this invocation is replaced before the next event is asked for.
        let ready = match served {
            Ok(()) => handler.ready().await.map_err(RuntimeError::Init),
            failed => failed,
        };
        if let Err(reason) = ready {
            return stop.ask(reason);
        }
    }
}

/// An event comes in, the handler answers, the answer goes out.
async fn one(
    client: &mut Client,
    handler: &impl Handler,
    log: LogFormat,
    invocation: Invocation,
) -> Result<(), RuntimeError> {
    let request_id = invocation.context.request_id.clone();
    let outcome = handler::call(handler, invocation).await;
    report(client, log, &request_id, outcome).await
}

/// An invocation whose headers make no sense is failed, if it can be named, and nothing more.
async fn lost(client: &mut Client, log: LogFormat, error: runtime_api::Error) -> Result<(), RuntimeError> {
    let runtime_api::Error::Header(header) = &error else { return Err(error.into()) };
    let Some(request_id) = header.request_id.clone() else { return Err(error.into()) };
    let failure = FunctionError::new("Runtime.Go1xBadHeader", header.to_string());
    report(client, log, &request_id, Err(failure)).await
}

/// Answers the invocation. An answer that the platform refuses is not tried again in another form: the
/// invocation is over, and only this one was concerned.
async fn report(
    client: &mut Client,
    log: LogFormat,
    request_id: &RequestId,
    outcome: Result<Payload, FunctionError>,
) -> Result<(), RuntimeError> {
    let (told, failure) = match outcome {
        Ok(payload) => {
            let Answered { told, failure, broken_off } = client.respond(request_id, payload).await;
            if let Some(failure) = &failure {
                log.failed(request_id, failure);
            }
            match (told, failure) {
                (Err(error), Some(failure)) if broken_off && error.status() == Some(403) => {
                    return Err(RuntimeError::BrokenOff(failure));
                }
                answered => answered,
            }
        }
        Err(failure) => {
            log.failed(request_id, &failure);
            (client.fail(request_id, &failure).await, Some(failure))
        }
    };
    match told {
        Err(error) if error.concerns_one_answer() => warn!(%request_id, %error, "the answer was refused"),
        told => told?,
    }
    match failure {
        Some(failure) if failure.should_exit => Err(RuntimeError::ShouldExit(failure)),
        _ => Ok(()),
    }
}
