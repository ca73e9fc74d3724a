//! Any bytes, as the answer of a Runtime API, are a response or an error, the same however they are cut.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;

use incoming::{Incoming, Step};
use response::Headers;

// What reads them is nobody else's: it is taken from where it lies.
#[path = "../../compat/runtime-api/src/http/incoming.rs"]
mod incoming;
#[path = "../../compat/runtime-api/src/http/response.rs"]
mod response;

fuzz_target!(|bytes: &[u8]| {
    let Some((&step, bytes)) = bytes.split_first() else { return };
    let mut status = None;
    let show = |headers: Headers<'_>| {
        status = headers.get("status").map(<[u8]>::to_vec);
        for (name, place) in headers.places() {
            assert!(!name.is_empty() && bytes.get(place).is_some(), "{name}");
        }
    };
    let Ok(Some(head)) = response::parse(bytes, show) else { return };
    assert!(bytes[..head.size].ends_with(b"\n") && head.status < 1000);

    // What comes behind a head is no part of it, and with less of it there is none: so it may come in pieces.
    let mut same = None;
    let again =
        response::parse(&bytes[..head.size], |headers| same = headers.get("status").map(<[u8]>::to_vec));
    let again = again.unwrap().unwrap();
    assert_eq!((again.size, again.status, again.incoming), (head.size, head.status, head.incoming));
    assert_eq!((again.keeps, same), (head.keeps, status));
    for cut in (0..head.size).filter(|cut| *cut == 0 || bytes[cut - 1] == b'\n') {
        assert!(matches!(response::parse(&bytes[..cut], |_| {}), Ok(None)), "{cut}");
    }

    let behind = &bytes[head.size..];
    assert_eq!(read(head.incoming, behind, behind.len()), read(head.incoming, behind, usize::from(step)));
});

/// Reads a body that comes in pieces of some size: its bytes and how many were taken for it, or `None` if it is none.
fn read(mut incoming: Incoming, mut bytes: &[u8], step: usize) -> Option<(Vec<u8>, usize)> {
    let (mut buffer, mut body, whole) = (BytesMut::new(), Vec::new(), bytes.len());
    loop {
        match incoming.step(&mut buffer).ok()? {
            Step::Piece(piece) => {
                assert!(!piece.is_empty() && incoming.length().is_none_or(|left| left < u64::MAX));
                body.extend_from_slice(&piece);
            }
            Step::End => return Some((body, whole - bytes.len() - buffer.len())),
            Step::More if bytes.is_empty() => {
                if !incoming.may_end() {
                    return None;
                }
            }
            Step::More => {
                let (now, later) = bytes.split_at(step.clamp(1, bytes.len()));
                buffer.extend_from_slice(now);
                bytes = later;
            }
        }
    }
}
