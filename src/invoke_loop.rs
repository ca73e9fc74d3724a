//! One invocation, top to bottom. The loop does not know who the handler is.

use std::convert::Infallible;
use std::io::Write as _;

use bytes::Bytes;
use runtime_api::{Answered, Client, FunctionError, Invocation, RequestId};
use tracing::{Instrument as _, debug_span, warn};

use crate::{Error, Handler, handler};

/// Serves invocations one after the other, until something stops the runtime.
pub async fn run(client: &mut Client, handler: &impl Handler) -> Result<Infallible, Error> {
    if let Err(failure) = handler.ready().await {
        return Err(init_failed(client, failure).await);
    }
    loop {
        // An invocation whose headers make no sense is failed, if it can be named, and nothing more.
        let invocation = match client.next().await {
            Ok(invocation) => invocation,
            Err(runtime_api::Error::Header(error)) if error.request_id.is_some() => {
                let request_id = error.request_id.clone().unwrap_or_default();
                let failure = FunctionError::new("Runtime.Go1xBadHeader", error.to_string());
                report(client, &request_id, Err(failure)).await?;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        one(client, handler, invocation).await?;
        // Whatever was lost with this invocation is replaced before the next event is asked for.
        handler.ready().await.map_err(Error::Init)?;
    }
}

/// Tells the platform that there will be no first `next`.
pub(crate) async fn init_failed(client: &mut Client, failure: FunctionError) -> Error {
    if let Err(error) = client.init_error(&failure).await {
        warn!(%error, "the platform was not told of the failed start");
    }
    Error::Init(failure)
}

/// An event comes in, the handler answers, the answer goes out.
async fn one(client: &mut Client, handler: &impl Handler, invocation: Invocation) -> Result<(), Error> {
    let request_id = invocation.context.request_id.clone();
    let span = debug_span!("invocation", %request_id);
    let outcome = handler::call(handler, invocation).instrument(span).await;
    report(client, &request_id, outcome).await
}

/// Answers the invocation. An answer that the platform refuses is not tried again in another form: the
/// invocation is over, and only this one was concerned.
async fn report(
    client: &mut Client,
    request_id: &RequestId,
    outcome: Result<Bytes, FunctionError>,
) -> Result<(), Error> {
    let (answered, failure) = match outcome {
        Ok(payload) => {
            let Answered { told, failure } = client.respond(request_id, payload).await;
            if let Some(failure) = &failure {
                log(failure);
            }
            (told, failure)
        }
        Err(failure) => {
            log(&failure);
            (client.fail(request_id, &failure).await, Some(failure))
        }
    };
    match answered {
        Err(error) if error.concerns_one_answer() => warn!(%request_id, %error, "the answer was refused"),
        answered => answered?,
    }
    match failure {
        Some(failure) if failure.should_exit => Err(Error::ShouldExit(failure)),
        _ => Ok(()),
    }
}

/// In one write, since the handler's own output goes to the same place; and whether anybody reads it or not.
fn log(failure: &FunctionError) {
    _ = std::io::stderr().write_all(format!("{}\n", failure.log_line()).as_bytes());
}
