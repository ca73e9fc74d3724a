//! A handler served as `Function`, as a go1.x program serves itself (aws-lambda-go `lambda/rpc_function.go`).

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use netrpc::{Reply, Server};
use tokio::net::TcpListener;
use tracing::{debug, warn};

use super::messages::{PingRequest, PingResponse, ReceivedInvokeRequest};
use super::{SERVER_PORT, convert};
use crate::{Handler, handler};

/// Listens on `localhost:port` and serves `handler` to every connection. Ends only if it cannot listen.
pub async fn serve<H: Handler>(port: &str, handler: H) -> io::Result<Infallible> {
    let Ok(number) = port.parse::<u16>() else {
        let text = format!("{SERVER_PORT} is {port:?}, not a port");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    let listener = TcpListener::bind(("127.0.0.1", number)).await?;
    let server = function(Arc::new(handler));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, mostly: others may be given back.
                warn!(%error, "no connection accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        _ = stream.set_nodelay(true);
        let server = server.clone();
        tokio::spawn(async move {
            if let Err(error) = server.serve_connection(stream).await {
                debug!(%error, "connection ended");
            }
        });
    }
}

fn function<H: Handler>(handler: Arc<H>) -> Server {
    Server::new().method("Function.Ping", |_: PingRequest| async { Ok(Reply::new(PingResponse)) }).method(
        "Function.Invoke",
        move |request: ReceivedInvokeRequest| {
            let handler = handler.clone();
            async move {
                let response =
                    convert::response(handler::call(&*handler, convert::invocation(request)).await);
                let payload = response.payload.clone();
                Ok(Reply::with_payload(response, payload))
            }
        },
    )
}
