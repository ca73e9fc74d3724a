//! Which attempt of a request was handed out last. Of two with the same request id (callers choose it, and retries keep it)
//! the first may still be at work when it is long over, and its answer is not to be taken for the second's.

use crate::RequestId;
use crate::contract::header;
use crate::http::is_value;
use crate::invocation::Places;

/// The ids of an invocation, in memory that is used again.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    request_id: String,
    invocation_id: String,
}

impl Attempt {
    /// Reads the head of a `next` answer. Servers of before July 2026 send no invocation id, and what could be no header's
    /// value is not sent back.
    pub(crate) fn read(&mut self, head: &[u8], places: &Places) {
        let Attempt { request_id, invocation_id } = self;
        for (text, name) in [(request_id, header::REQUEST_ID), (invocation_id, header::INVOCATION_ID)] {
            let value = std::str::from_utf8(places.value(head, name)).unwrap_or_default();
            text.clear();
            text.push_str(value);
        }
    }

    /// What is to go back with this request's answer.
    pub(crate) fn id_of(&self, request_id: &RequestId) -> Option<&str> {
        Some(&*self.invocation_id)
            .filter(|id| !id.is_empty() && is_value(id) && self.request_id == request_id.as_str())
    }
}
