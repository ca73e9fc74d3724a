//! How a request's head is written.

/// A request's head, in a buffer that is used again.
#[derive(Debug, Default)]
pub(crate) struct RequestHead {
    bytes: Vec<u8>,
}

impl RequestHead {
    /// Begins a request for the path that these parts make. None of them holds a blank or a line end.
    // So that parts which are constants are written by a few instructions, and not by calls.
    #[inline(always)]
    pub(crate) fn begin<const PARTS: usize>(&mut self, method: &str, path: [&str; PARTS]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(method.as_bytes());
        self.bytes.push(b' ');
        for part in path {
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self.bytes.extend_from_slice(b" HTTP/1.1\r\n");
    }

    /// Adds a header. Its value is known to be one: see [`is_value`].
    #[inline(always)]
    pub(crate) fn header(&mut self, name: &str, value: &str) {
        debug_assert!(is_value(value), "{name}: {value:?}");
        for part in [name, ": ", value, "\r\n"] {
            self.bytes.extend_from_slice(part.as_bytes());
        }
    }

    /// Says how long the body is.
    pub(crate) fn content_length(&mut self, length: u64) {
        self.header("content-length", itoa::Buffer::new().format(length));
    }

    /// Ends it with headers that are written already, and their end.
    pub(crate) fn end(&mut self, headers: &RequestHead) {
        self.bytes.extend_from_slice(&headers.bytes);
        self.bytes.extend_from_slice(b"\r\n");
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Whether a text can be a header's value: visible ASCII, blanks and tabs.
pub(crate) fn is_value(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}
