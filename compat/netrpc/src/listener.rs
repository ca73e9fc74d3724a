//! Where connections come from: TCP or Unix sockets, accepted for as long as there is a listener.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, tcp, unix};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::{Error, Server};

/// After a connection that could not be accepted: out of descriptors, mostly, and others may be given back. Twice as
/// long after the next one, and so on.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// So long is a peer told that there are too many before it; then its connection is closed.
const REFUSING: Duration = Duration::from_secs(5);

/// What [`Server::serve`](crate::Server::serve) accepts connections from: [`TcpListener`] and [`UnixListener`].
pub trait Listener: sealed::Halves {}

impl Listener for TcpListener {}
impl Listener for UnixListener {}

mod sealed {
    use super::*;

    pub trait Halves: Send {
        type Read: AsyncRead + Send + Unpin + 'static;
        type Write: AsyncWrite + Send + Unpin + 'static;

        fn accept(&self) -> impl Future<Output = io::Result<(Self::Read, Self::Write)>> + Send;
    }

    impl Halves for TcpListener {
        type Read = tcp::OwnedReadHalf;
        type Write = tcp::OwnedWriteHalf;

        async fn accept(&self) -> io::Result<(Self::Read, Self::Write)> {
            let (stream, _) = TcpListener::accept(self).await?;
            _ = stream.set_nodelay(true); // slower without, and no more than that
            Ok(stream.into_split())
        }
    }

    impl Halves for UnixListener {
        type Read = unix::OwnedReadHalf;
        type Write = unix::OwnedWriteHalf;

        async fn accept(&self) -> io::Result<(Self::Read, Self::Write)> {
            Ok(UnixListener::accept(self).await?.0.into_split())
        }
    }
}

/// Serves each connection in a task of its own, if there is a place for it; or else refuses it there.
pub(crate) async fn accept<L, F>(
    server: &Server,
    listener: L,
    serve: impl Fn(Server, L::Read, L::Write) -> F,
) -> Infallible
where
    L: Listener,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let limit = server.connections() as usize;
    let (places, refusals) = (Arc::new(Semaphore::new(limit)), Arc::new(Semaphore::new(limit)));
    let refusing = server.refusing();
    let mut pause = PAUSE;
    loop {
        match listener.accept().await {
            Ok((read, write)) => {
                pause = PAUSE;
                match places.clone().try_acquire_owned() {
                    Ok(place) => {
                        let serving = serve(server.clone(), read, write);
                        tokio::spawn(async move {
                            if let Err(error) = serving.await {
                                debug!(%error, "connection ended");
                            }
                            drop(place);
                        });
                    }
                    Err(_) => {
                        debug!(limit, "connection refused");
                        // Those that come while as many are being refused wait to be accepted: that ends soon.
                        let refusal = refusals.clone().acquire_owned().await;
                        let serving = serve(refusing.clone(), read, write);
                        tokio::spawn(async move {
                            _ = timeout(REFUSING, serving).await;
                            drop(refusal);
                        });
                    }
                }
            }
            Err(error) => {
                warn!(%error, "no connection accepted");
                tokio::time::sleep(pause).await;
                pause = LONGEST_PAUSE.min(2 * pause);
            }
        }
    }
}
