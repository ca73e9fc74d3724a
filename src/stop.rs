//! One reason for all of a runtime to stop: what runs is finished, and nothing new is begun.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::RuntimeError;

/// Asked by whoever meets an error that ends the runtime, and heard by all.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    reason: Mutex<Option<RuntimeError>>,
    asked: watch::Sender<bool>,
}

impl Stop {
    /// Asks everybody to stop. The first reason is kept.
    pub(crate) fn ask(&self, reason: RuntimeError) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        self.asked.send_replace(true);
    }

    /// Waits until somebody has asked.
    pub(crate) async fn asked(&self) {
        // It cannot fail: the sender is here.
        _ = self.asked.subscribe().wait_for(|asked| *asked).await;
    }

    /// The reason, once and if somebody has asked.
    pub(crate) fn reason(&self) -> Option<RuntimeError> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
