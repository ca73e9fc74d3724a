//! The few lines of HTTP before net/rpc, where a server shares its port with a web server (`rpc.HandleHTTP`).

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::Error;

/// Where servers in Go answer, unless they are told otherwise: `rpc.DefaultRPCPath`.
pub const RPC_PATH: &str = "/_goRPC_";

/// The status that says that from here on it is net/rpc.
const CONNECTED: &str = "200 Connected to Go RPC";
/// Heads are a line or a few; this is for what is none.
const HEAD_LIMIT: usize = 64 * 1024;
/// As much of a refused request's body is taken in.
const BODY_LIMIT: usize = 256 * 1024;

/// Asks for net/rpc. What the peer has sent behind its answer is returned.
pub(crate) async fn connect(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    path: &str,
) -> Result<BytesMut, Error> {
    let not_sent = |error| Error::Send(Arc::new(error));
    let request = format!("CONNECT {path} HTTP/1.0\n\n");
    stream.write_all(request.as_bytes()).await.map_err(not_sent)?;
    stream.flush().await.map_err(not_sent)?;
    let mut read = BytesMut::new();
    match read_head(stream, &mut read).await? {
        Head::Whole(head) => check(&first_line(&head)).map(|()| read).map_err(Error::Http),
        Head::Ended => Err(Error::UnexpectedEof),
        Head::TooLong => Err(Error::Http(format!("an HTTP response's head of more than {HEAD_LIMIT} bytes"))),
    }
}

/// Answers a request for net/rpc, and returns what the peer has sent behind it. `None`: it was no such request, and
/// was answered as one of HTTP.
pub(crate) async fn accept(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    path: &str,
) -> Result<Option<BytesMut>, Error> {
    let not_sent = |error| Error::Send(Arc::new(error));
    let mut read = BytesMut::new();
    let (status, text) = match read_head(stream, &mut read).await? {
        Head::Ended if read.is_empty() => return Ok(None),
        Head::Ended => return Err(Error::Truncated),
        Head::TooLong => ("431 Request Header Fields Too Large", "431 Request Header Fields Too Large\n"),
        Head::Whole(head) => match request(&first_line(&head)) {
            None => ("400 Bad Request", "400 Bad Request\n"),
            Some((_, target)) if target.split('?').next() != Some(path) => {
                ("404 Not Found", "404 page not found\n")
            }
            Some(("CONNECT", _)) => {
                let answer = format!("HTTP/1.0 {CONNECTED}\n\n");
                stream.write_all(answer.as_bytes()).await.map_err(not_sent)?;
                stream.flush().await.map_err(not_sent)?;
                return Ok(Some(read));
            }
            Some(_) => ("405 Method Not Allowed", "405 must CONNECT\n"),
        },
    };
    let answer = format!(
        "HTTP/1.0 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(answer.as_bytes()).await.map_err(not_sent)?;
    stream.shutdown().await.map_err(not_sent)?;
    Ok(None)
}

/// Takes in what follows a request that was refused, so that its sender gets to read why.
pub(crate) async fn pass_over(stream: &mut (impl AsyncRead + Unpin)) -> Result<(), Error> {
    let mut read = BytesMut::new();
    for _ in 0..BODY_LIMIT / 4096 {
        read.clear();
        read.reserve(4096);
        if stream.read_buf(&mut read).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// What came before the net/rpc.
enum Head {
    Whole(Bytes),
    /// The stream ended before it did.
    Ended,
    TooLong,
}

/// Reads until an empty line. What came behind it stays in the buffer.
async fn read_head(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> Result<Head, Error> {
    let (mut line, mut searched) = (0, 0);
    loop {
        while let Some(length) = buffer[searched..].iter().position(|byte| *byte == b'\n') {
            let end = searched + length + 1;
            if matches!(&buffer[line..end], b"\n" | b"\r\n") {
                return Ok(Head::Whole(buffer.split_to(end).freeze()));
            }
            (line, searched) = (end, end);
        }
        searched = buffer.len();
        if buffer.len() > HEAD_LIMIT {
            return Ok(Head::TooLong);
        }
        buffer.reserve(1024);
        if stream.read_buf(buffer).await? == 0 {
            return Ok(Head::Ended);
        }
    }
}

fn first_line(head: &[u8]) -> String {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

/// Method and target of a request line (`net/http/request.go`, parseRequestLine).
fn request(line: &str) -> Option<(&str, &str)> {
    let (method, rest) = line.split_once(' ')?;
    let (target, version) = rest.split_once(' ')?;
    (!method.is_empty() && is_version(version)).then_some((method, target))
}

/// Whether a status line is the one to wait for; else what Go says of it (`net/http/response.go`, ReadResponse).
fn check(line: &str) -> Result<(), String> {
    let Some((version, status)) = line.split_once(' ') else {
        return Err(format!("malformed HTTP response {line:?}"));
    };
    let status = status.trim_start_matches(' ');
    let code = status.split(' ').next().unwrap_or_default();
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("malformed HTTP status code {code:?}"));
    }
    if !is_version(version) {
        return Err(format!("malformed HTTP version {version:?}"));
    }
    if status != CONNECTED {
        return Err(format!("unexpected HTTP response: {status}"));
    }
    Ok(())
}

fn is_version(text: &str) -> bool {
    matches!(text.as_bytes(), [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
        if major.is_ascii_digit() && minor.is_ascii_digit())
}
