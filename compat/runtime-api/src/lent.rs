//! A client's connection while an event is still read from it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::http::Connection;

/// Where an event brings its connection back to.
pub(crate) type Home = Arc<Mutex<Option<Box<Connection>>>>;

/// A connection whose response an event still reads.
pub(crate) struct Lent {
    connection: Option<Box<Connection>>,
    home: Home,
}

impl Lent {
    pub(crate) fn new(connection: Box<Connection>, home: Home) -> Lent {
        Lent { connection: Some(connection), home }
    }

    /// The event's next piece; `None` at its end.
    pub(crate) async fn piece(&mut self) -> Option<io::Result<Bytes>> {
        let piece = self.connection.as_mut()?.piece().await;
        if self.connection.as_ref().is_some_and(|connection| connection.length() == Some(0)) {
            *at_home(&self.home) = self.connection.take();
        }
        piece
    }
}

pub(crate) fn at_home(home: &Home) -> MutexGuard<'_, Option<Box<Connection>>> {
    // It only ever holds a connection or none.
    home.lock().unwrap_or_else(PoisonError::into_inner)
}
