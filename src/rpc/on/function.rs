//! A handler served as `Function`, as a go1.x program serves itself (aws-lambda-go `lambda/rpc_function.go`).

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use gob::{Encode, Schema, StructWriter};
use netrpc::{Reply, Server};
use tokio::net::TcpListener;

use super::messages::{InvokeResponse, PingRequest, PingResponse, ReceivedInvokeRequest};
use super::{SERVER_PORT, convert};
use crate::stop::Stop;
use crate::{Handler, RuntimeError, handler};

/// Listens on `localhost:port` and serves `handler` to every connection. Ends only if it cannot listen.
pub async fn serve<H: Handler>(port: &str, handler: H) -> io::Result<Infallible> {
    let Ok(number) = port.parse::<u16>() else {
        let text = format!("{SERVER_PORT} is {port:?}, not a port");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], number))).await?;
    // As on go1.x, it is the caller's business to end a process that asks for it, and how many calls it makes at once.
    Ok(function(Arc::new(handler), None).message_limit(LIMIT).serve(listener.0).await)
}

/// The legacy socket of a handler that is served by the Runtime API as well.
#[derive(Debug)]
pub struct Listener(TcpListener);

impl Listener {
    /// Listens, and serves nobody yet.
    pub async fn bind(address: SocketAddr) -> io::Result<Listener> {
        TcpListener::bind(address).await.map(Listener)
    }

    /// Serves the handler to every connection. A failure that asks for a fresh process is answered, and then `stop`
    /// is asked.
    pub(crate) async fn serve<H: Handler>(self, handler: Arc<H>, stop: Arc<Stop>) -> Infallible {
        let server = function(handler, Some(stop)).message_limit(REQUEST_LIMIT).call_limit(CALL_LIMIT);
        server.connection_limit(CONNECTION_LIMIT).serve(self.0).await
    }
}

/// Longer requests are answered with an error: ten times what Lambda hands out.
const LIMIT: usize = 64 * 1024 * 1024;
/// And of a tool, longer than these: Lambda hands out events of up to 6 MiB, and there are names
/// beside one.
const REQUEST_LIMIT: usize = 8 * 1024 * 1024;
/// So many calls of a tool's connection at once; who sends more has to wait.
const CALL_LIMIT: u32 = 8;
/// Calls on more connections are answered with an error. To wait, instead, for one of the others to be closed could be
/// for ever, and nobody would know why.
const CONNECTION_LIMIT: u32 = 16;

fn function<H: Handler>(handler: Arc<H>, stop: Option<Arc<Stop>>) -> Server {
    Server::new().method("Function.Ping", |_: PingRequest| async { Ok(Reply::new(PingResponse)) }).method(
        "Function.Invoke",
        move |request: ReceivedInvokeRequest| {
            let (handler, stop) = (handler.clone(), stop.clone());
            async move {
                // net/rpc has no way to send a part of a reply.
                let outcome = match handler::call(&*handler, convert::invocation(request)).await {
                    Ok(payload) => payload.bytes().await,
                    Err(failure) => Err(failure),
                };
                let end = outcome.as_ref().err().filter(|failure| failure.should_exit).cloned();
                let then = stop.zip(end).map(|(stop, failure)| Then { stop, failure });
                let response = convert::response(outcome);
                let payload = response.payload.clone();
                Ok(Reply::with_payload(Answer { response, _then: then }, payload))
            }
        },
    )
}

/// A response, and what happens when it was sent.
struct Answer {
    response: InvokeResponse,
    _then: Option<Then>,
}

impl Encode for Answer {
    fn schema(&self) -> &Schema {
        self.response.schema()
    }

    fn encode(&self, fields: &mut StructWriter<'_>) {
        self.response.encode(fields);
    }
}

/// Ends the runtime when it is dropped, with the reply.
struct Then {
    stop: Arc<Stop>,
    failure: runtime_api::FunctionError,
}

impl Drop for Then {
    fn drop(&mut self) {
        self.stop.ask(RuntimeError::ShouldExit(std::mem::take(&mut self.failure)));
    }
}
