//! Wakes this process after a sleep: the first contestant to be timed would pay for that.

use bytes::Bytes;
use runtime_api::Client;
use runtime_api::emulator::{Emulator, Settings};
use tokio::task::JoinHandle;

use crate::error::Error;

/// An emulator, and a function in this process that answers whatever it is sent. Ends when it is dropped.
pub(super) struct Waker {
    emulator: Emulator,
    function: JoinHandle<()>,
}

impl Waker {
    pub(super) async fn start() -> Result<Waker, Error> {
        let emulator = Emulator::start(Settings::default()).await?;
        let mut client = Client::new(emulator.runtime_api()).map_err(Error::failed)?;
        let function = tokio::spawn(async move {
            while let Ok(invocation) = client.next().await {
                _ = client.respond(&invocation.context.request_id, Bytes::from_static(b"null")).await;
            }
        });
        Ok(Waker { emulator, function })
    }

    /// The whole way of an invocation, with no contestant on it.
    pub(super) async fn wake(&self) -> Result<(), Error> {
        let outcome = self.emulator.invoke(Bytes::from_static(b"null")).await;
        match outcome.function_error {
            None => Ok(()),
            Some(_) => Err(Error::failed("go1x's own function does not answer").with_help("measure again")),
        }
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.function.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_wakes_as_often_as_it_is_asked_to() {
        let waker = Waker::start().await.unwrap();
        for _ in 0..3 {
            waker.wake().await.unwrap();
        }
    }
}
