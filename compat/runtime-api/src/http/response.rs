//! What a response's head says, and how its body is framed.

use std::io;
use std::mem::MaybeUninit;
use std::ops::Range;

use httparse::{Header, ParserConfig, Status};

use super::incoming::Incoming;

/// More headers than these are no response of any server that is meant here.
const HEADERS_LIMIT: usize = 100;

/// A response's headers, where they came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Headers<'h> {
    head: &'h [u8],
    headers: &'h [Header<'h>],
}

impl<'h> Headers<'h> {
    /// The first value of that name.
    pub(crate) fn get(self, name: &str) -> Option<&'h [u8]> {
        self.headers.iter().find(|header| is_name(header.name, name)).map(|header| header.value)
    }

    /// Names, and where in the head their values are, in their order.
    pub(crate) fn places(self) -> impl Iterator<Item = (&'h str, Range<usize>)> {
        let first = self.head.as_ptr().addr();
        self.headers.iter().map(move |header| {
            let start = header.value.as_ptr().addr() - first;
            (header.name, start..start + header.value.len())
        })
    }
}

/// Whether a header is the one of that name, of letters and `-`, in whatever case: what differs from those in that bit
/// alone is no other character of a name (RFC 9110, section 5.6.2). All bytes are compared, so that it is many at a time.
pub(crate) fn is_name(found: &str, name: &str) -> bool {
    let differences = || found.bytes().zip(name.bytes()).fold(0, |found, (a, b)| found | (a ^ b));
    found.len() == name.len() && differences() & !0x20 == 0
}

/// A head that has come whole.
pub(super) struct Head {
    /// Its bytes.
    pub(super) size: usize,
    pub(super) status: u16,
    pub(super) incoming: Incoming,
    /// Whether the server lets another request follow.
    pub(super) keeps: bool,
}

/// Reads a head and shows its headers; `None` if it has not come whole.
pub(super) fn parse(bytes: &[u8], show: impl FnOnce(Headers<'_>)) -> io::Result<Option<Head>> {
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
    let headers = Headers { head: bytes, headers: response.headers };
    let framing = Framing::read(headers)?;
    let keeps = if is_old { framing.keeps == Some(true) } else { framing.keeps != Some(false) };
    let incoming = if matches!(status, 100..=199 | 204 | 304) { Incoming::Ended } else { framing.incoming() };
    show(headers);
    Ok(Some(Head { size, status, incoming, keeps }))
}

/// What a head says of what follows it.
#[derive(Default)]
struct Framing {
    length: Option<u64>,
    /// The last transfer coding; whether it is `chunked`.
    chunked: Option<bool>,
    keeps: Option<bool>,
}

impl Framing {
    fn read(headers: Headers<'_>) -> io::Result<Framing> {
        let mut framing = Framing::default();
        for Header { name, value } in headers.headers {
            // Of most headers, the name's length says that it is none of these.
            if is_name(name, "content-length") {
                for word in words(value) {
                    let length = digits(word).ok_or_else(|| invalid("a content length that is none"))?;
                    if framing.length.is_some_and(|before| before != length) {
                        return Err(invalid("two content lengths"));
                    }
                    framing.length = Some(length);
                }
            } else if is_name(name, "transfer-encoding") {
                let last = words(value).last().unwrap_or_default();
                framing.chunked = Some(last.eq_ignore_ascii_case(b"chunked"));
            } else if is_name(name, "connection") {
                for word in words(value) {
                    if word.eq_ignore_ascii_case(b"close") {
                        framing.keeps = Some(false);
                    } else if word.eq_ignore_ascii_case(b"keep-alive") {
                        framing.keeps.get_or_insert(true);
                    }
                }
            }
        }
        Ok(framing)
    }

    /// RFC 9112, section 6.3.
    fn incoming(&self) -> Incoming {
        match (self.chunked, self.length) {
            (Some(true), _) => Incoming::ChunkHead,
            (Some(false), _) | (None, None) => Incoming::UntilEnd,
            (None, Some(length)) => Incoming::of_length(length),
        }
    }
}

fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// A number in digits alone: `parse` would take a sign.
fn digits(value: &[u8]) -> Option<u64> {
    let (first, rest) = value.split_first()?;
    rest.iter().try_fold(digit(first)?, |number, byte| number.checked_mul(10)?.checked_add(digit(byte)?))
}

fn digit(byte: &u8) -> Option<u64> {
    byte.is_ascii_digit().then(|| u64::from(byte - b'0'))
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
            let parsed = parse(format!("{head}\r\n\r\nrest").as_bytes(), |_| {});
            let found = parsed.ok().map(Option::unwrap).map(|head| (head.status, head.incoming, head.keeps));
            assert_eq!(found, expected, "{head}");
        };
        let length = |length| Incoming::of_length(length);
        check("HTTP/1.1 200 OK\r\nContent-Length: 3", Some((200, length(3), true)));
        check("HTTP/1.1 200\r\nContent-Length: 0", Some((200, Incoming::Ended, true)));
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\ncontent-length: 3, 3", Some((200, length(3), true)));
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4", None);
        check("HTTP/1.1 200 OK\r\nContent-Length: +3", None);
        check("HTTP/1.1 200 OK\r\nContent-Length:", None);
        check("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616", None);
        check("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615", Some((200, length(u64::MAX), true)));
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
        assert!(parse(b"HTTP/1.1 200 OK\r\nA: b\r\n", |_| {}).unwrap().is_none());
    }

    #[test]
    fn names_are_found_in_any_case_and_the_first_value_counts() {
        let head =
            b"HTTP/1.1 200 OK\r\nLambda-Runtime-Trace-Id: \xc3\xa9 \r\nlambda-runtime-trace-id: b\r\n\r\n";
        let mut value = None;
        let parsed =
            parse(head, |headers| value = headers.get("lambda-runtime-trace-id").map(<[u8]>::to_vec));
        assert!(parsed.unwrap().is_some());
        assert_eq!(value.unwrap(), "é".as_bytes());
        let parsed = parse(head, |headers| {
            let places: Vec<_> = headers.places().map(|(name, place)| (name, &head[place])).collect();
            let expected: [(_, &[u8]); 2] =
                [("Lambda-Runtime-Trace-Id", "é".as_bytes()), ("lambda-runtime-trace-id", b"b")];
            assert_eq!(places, expected);
        });
        assert!(parsed.unwrap().is_some());
    }

    #[test]
    fn a_name_is_told_from_all_that_are_not() {
        assert!(is_name("Content-LENGTH", "content-length") && !is_name("content-lengt", "content-length"));
        for at in 0.."connection".len() {
            for byte in (b'!'..=b'~').filter(|byte| !b"()<>@,;:\\\"/[]?={}".contains(byte)) {
                let mut name = b"connection".to_vec();
                name[at] = byte;
                let name = String::from_utf8(name).unwrap();
                assert_eq!(is_name(&name, "connection"), name.eq_ignore_ascii_case("connection"), "{name}");
            }
        }
        // The bit's other half of `-` is a line's end, which httparse lets into no name.
        assert!(!is_name("content_length", "content-length"));
    }

    /// Every byte of a head is hostile: with any other in its place it is refused, not whole, or whole up to an empty line,
    /// with values that are in it.
    #[test]
    fn a_damaged_head_is_refused_or_stays_within_its_bytes() {
        let head = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: id-1\r\nContent-Length: 14\r\n\
                     Lambda-Runtime-Trace-Id: Root=1;Sampled=1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n{\"name\":\"A\"}";
        let whole = parse(head, |_| {}).unwrap().unwrap().size;
        for cut in 0..whole {
            assert!(matches!(parse(&head[..cut], |_| {}), Ok(None)), "{cut}");
        }
        let (mut accepted, mut refused) = (0, 0);
        for at in 0..whole {
            for byte in 0..=u8::MAX {
                let mut damaged = *head;
                damaged[at] = byte;
                let mut values = Vec::new();
                let show = |headers: Headers<'_>| values.extend(headers.places().map(|(_, place)| place));
                match parse(&damaged, show) {
                    Ok(Some(Head { size, incoming, .. })) => {
                        assert!(damaged[..size].ends_with(b"\n"), "{at} {byte}");
                        assert!(values.iter().all(|place| place.end < size), "{at} {byte}: {values:?}");
                        assert!(incoming.length().is_none_or(|length| length <= 99), "{at} {byte}");
                        accepted += 1;
                    }
                    Ok(None) => {}
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(accepted > 1_000 && refused > 1_000, "{accepted} {refused}");
    }
}
