//! Where connections come from: TCP or Unix sockets, accepted for as long as there is a listener.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, tcp, unix};
use tracing::{debug, warn};

use crate::Error;

/// After a connection that could not be accepted: out of descriptors, mostly, and others may be given back. Twice as
/// long after the next one, and so on.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

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

/// Serves each connection in a task of its own.
pub(crate) async fn accept<L, F>(listener: L, serve: impl Fn(L::Read, L::Write) -> F) -> Infallible
where
    L: Listener,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let mut pause = PAUSE;
    loop {
        match listener.accept().await {
            Ok((read, write)) => {
                pause = PAUSE;
                let serving = serve(read, write);
                tokio::spawn(async move {
                    if let Err(error) = serving.await {
                        debug!(%error, "connection ended");
                    }
                });
            }
            Err(error) => {
                warn!(%error, "no connection accepted");
                tokio::time::sleep(pause).await;
                pause = LONGEST_PAUSE.min(2 * pause);
            }
        }
    }
}
