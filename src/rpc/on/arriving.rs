//! An event on its way to the handler.

use std::io;

use bytes::Bytes;
use runtime_api::Event;

/// An event on its way from one connection to the other, never whole in memory but where it came in one piece.
pub(super) struct Arriving {
    event: Event,
    /// What was passed on, if that is all of it.
    passed: Option<Bytes>,
}

impl Arriving {
    pub(super) fn length(&self) -> u64 {
        self.event.length().unwrap_or_default()
    }

    /// Makes it an event that is still to come, if all of what was passed on is at hand.
    pub(super) fn rewind(&mut self) -> bool {
        match self.passed.take() {
            Some(passed) if passed.is_empty() || self.length() == 0 => {
                if !passed.is_empty() {
                    self.event = passed.into();
                }
                self.passed = Some(Bytes::new());
                true
            }
            _ => false,
        }
    }
}

impl From<Event> for Arriving {
    fn from(event: Event) -> Arriving {
        Arriving { event, passed: Some(Bytes::new()) }
    }
}

impl netrpc::Payload for Arriving {
    async fn chunk(&mut self) -> Option<io::Result<Bytes>> {
        match self.event.chunk().await? {
            Ok(chunk) => {
                // Kept beyond the first, the pieces of a long event would be in memory all at once.
                self.passed = self.passed.take().filter(|passed| passed.is_empty()).map(|_| chunk.clone());
                Some(Ok(chunk))
            }
            Err(error) => Some(Err(io::Error::other(error))),
        }
    }
}
