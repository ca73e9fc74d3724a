//! What crossed the RPC socket, told by the events of the net/rpc client that the bridge uses.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The calls of one bridge. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Wire(Arc<Mutex<Vec<Call>>>);

/// A call and its reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) service_method: String,
    seq: u64,
    /// The request's gob messages: header, definitions, argument.
    pub(super) request_messages: u64,
    /// Their bytes, lengths included.
    pub(super) request_bytes: u64,
    /// The reply's messages; 0 as long as there is none.
    pub(super) reply_messages: u64,
    /// Their bytes, lengths included.
    pub(super) reply_bytes: u64,
}

impl Wire {
    /// The calls since the last time, in order.
    pub(super) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls())
    }

    /// Collects from the thread that it is set for.
    pub(super) fn layer<S>(self) -> impl Layer<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        Collect(self).with_filter(Targets::new().with_target("netrpc", Level::TRACE))
    }

    fn calls(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Collect(Wire);

impl<S: Subscriber> Layer<S> for Collect {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut calls = self.0.calls();
        match &*fields.message {
            "request" => calls.push(Call {
                service_method: fields.service_method,
                seq: fields.seq,
                request_messages: fields.messages,
                request_bytes: fields.bytes,
                reply_messages: 0,
                reply_bytes: 0,
            }),
            "reply" => {
                // The newest: a new connection counts from the start again.
                if let Some(call) = calls.iter_mut().rev().find(|call| call.seq == fields.seq) {
                    call.reply_messages = fields.messages;
                    call.reply_bytes = fields.bytes;
                }
            }
            _ => {}
        }
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    service_method: String,
    seq: u64,
    messages: u64,
    bytes: u64,
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "seq" => self.seq = value,
            "messages" => self.messages = value,
            "bytes" => self.bytes = value,
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "service_method" {
            value.clone_into(&mut self.service_method);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::trace;
    use tracing_subscriber::prelude::*;

    use super::*;

    #[test]
    fn requests_meet_their_replies() {
        let wire = Wire::default();
        let collect = tracing_subscriber::registry().with(wire.clone().layer());
        tracing::subscriber::with_default(collect, || {
            trace!(target: "netrpc::client", service_method = "A.B", seq = 0_u64, messages = 4_u64, bytes = 7_u64, "request");
            trace!(target: "netrpc::client", seq = 0_u64, messages = 3_u64, bytes = 5_u64, "reply");
            trace!(target: "netrpc::client", service_method = "A.B", seq = 0_u64, messages = 2_u64, bytes = 9_u64, "request");
            trace!(target: "elsewhere", seq = 0_u64, bytes = 5_usize, "reply");
        });
        let numbers =
            |call: &Call| [call.request_messages, call.request_bytes, call.reply_messages, call.reply_bytes];
        assert_eq!(wire.take().iter().map(numbers).collect::<Vec<_>>(), [[4, 7, 3, 5], [2, 9, 0, 0]]);
        assert_eq!(wire.take(), []);
    }
}
