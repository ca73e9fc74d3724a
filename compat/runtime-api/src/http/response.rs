//! What a response's head says, and how its body is framed.

use std::io;
use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Status};

use super::incoming::Incoming;

/// More headers than these are no response of any server that is meant here.
const HEADERS_LIMIT: usize = 100;

/// A response whose body is still to be read.
#[derive(Debug)]
pub(crate) struct Response<H> {
    pub(crate) status: u16,
    /// What was made of its headers.
    pub(crate) headers: H,
    /// How long its body is, if the head says that.
    pub(crate) length: Option<u64>,
}

/// A response's headers, where they came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Headers<'h>(pub(crate) &'h [Header<'h>]);

impl<'h> Headers<'h> {
    /// The first value of that name.
    pub(crate) fn get(self, name: &str) -> Option<&'h [u8]> {
        self.all(name).next()
    }

    fn all(self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.0.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
    }

    /// The comma-separated words of all values of that name.
    fn words(self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.all(name).flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
    }
}

/// A head that has come whole.
pub(super) struct Head<H> {
    /// Its bytes.
    pub(super) size: usize,
    pub(super) status: u16,
    pub(super) headers: H,
    pub(super) incoming: Incoming,
    /// Whether the server lets another request follow.
    pub(super) keeps: bool,
}

/// Reads a head and has something made of its headers; `None` if it has not come whole.
pub(super) fn parse<H>(bytes: &[u8], read: impl FnOnce(Headers<'_>) -> H) -> io::Result<Option<Head<H>>> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_LIMIT];
    let mut response = httparse::Response::new(&mut []);
    let parsed =
        ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut headers);
    let Status::Complete(size) = parsed.map_err(|error| invalid(format!("no HTTP response: {error}")))?
    else {
        return Ok(None);
    };
    let status = response.code.unwrap_or_default();
    let is_old = response.version == Some(0);
    let headers = Headers(response.headers);
    let says = |word: &str| headers.words("connection").any(|it| it.eq_ignore_ascii_case(word.as_bytes()));
    let keeps = if is_old { says("keep-alive") } else { !says("close") };
    Ok(Some(Head { size, status, incoming: framing(status, headers)?, keeps, headers: read(headers) }))
}

/// RFC 9112, section 6.3.
fn framing(status: u16, headers: Headers<'_>) -> io::Result<Incoming> {
    if matches!(status, 100..=199 | 204 | 304) {
        return Ok(Incoming::Ended);
    }
    if let Some(coding) = headers.words("transfer-encoding").last() {
        let chunked = coding.eq_ignore_ascii_case(b"chunked");
        return Ok(if chunked { Incoming::ChunkHead } else { Incoming::UntilEnd });
    }
    let mut length = None;
    for value in headers.words("content-length") {
        let digits =
            std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|it| it.is_ascii_digit()));
        let value = digits.and_then(|text| text.parse::<u64>().ok());
        if value.is_none() || (length.is_some() && length != value) {
            return Err(invalid("a content length that is none"));
        }
        length = value;
    }
    Ok(length.map_or(Incoming::UntilEnd, Incoming::of_length))
}

pub(super) fn invalid(text: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_is_as_the_head_says() {
        let check = |head: &str, expected: Option<(u16, Incoming, bool)>| {
            let parsed = parse(format!("{head}\r\n\r\nrest").as_bytes(), |_| ());
            let found = parsed.ok().map(Option::unwrap).map(|head| (head.status, head.incoming, head.keeps));
            assert_eq!(found, expected, "{head}");
        };
        let length = |length| Incoming::of_length(length);
        check("HTTP/1.1 200 OK\r\nContent-Length: 3", Some((200, length(3), true)));
        check("HTTP/1.1 200\r\nContent-Length: 0", Some((200, Incoming::Ended, true)));
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\ncontent-length: 3, 3", Some((200, length(3), true)));
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4", None);
        check("HTTP/1.1 200 OK\r\nContent-Length: +3", None);
        check("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999", None);
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked", Some((200, Incoming::ChunkHead, true)));
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: gzip, chunked",
            Some((200, Incoming::ChunkHead, true)),
        );
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip", Some((200, Incoming::UntilEnd, true)));
        check("HTTP/1.1 202 Accepted\r\nConnection: Close", Some((202, Incoming::UntilEnd, false)));
        check("HTTP/1.0 200 OK\r\nContent-Length: 1", Some((200, length(1), false)));
        check("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive", Some((200, length(1), true)));
        check("HTTP/1.1 204 No Content\r\nContent-Length: 5", Some((204, Incoming::Ended, true)));
        check("HTTP/1.1 100 Continue", Some((100, Incoming::Ended, true)));
        check("SSH-2.0-OpenSSH", None);
        check(&format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(101).trim_end()), None);
        assert!(parse(b"HTTP/1.1 200 OK\r\nA: b\r\n", |_| ()).unwrap().is_none());
    }

    #[test]
    fn names_are_found_in_any_case_and_the_first_value_counts() {
        let head =
            b"HTTP/1.1 200 OK\r\nLambda-Runtime-Trace-Id: \xc3\xa9 \r\nlambda-runtime-trace-id: b\r\n\r\n";
        let value = parse(head, |headers| headers.get("lambda-runtime-trace-id").map(<[u8]>::to_vec));
        assert_eq!(value.unwrap().unwrap().headers.unwrap(), "é".as_bytes());
    }
}
