//! A blocking socket with what was read of it, and HTTP on it as far as a Runtime API that goes well needs it.

use std::error::Error;
use std::io::{IoSlice, Read as _, Write as _};
use std::net::TcpStream;

use bytes::{Bytes, BytesMut};

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// Memory is made in pieces of this size, or as large as a message.
const SIZE: usize = 64 * 1024;

pub struct Stream {
    socket: TcpStream,
    /// All of it can be read into.
    buffer: BytesMut,
    /// So much of it was.
    filled: usize,
}

/// What is looked at of a response's head.
#[derive(Default)]
pub struct Head {
    pub request_id: String,
    pub trace_id: String,
    pub arn: String,
    pub deadline_ms: i64,
}

impl Stream {
    pub fn new(socket: TcpStream) -> Outcome<Stream> {
        socket.set_nodelay(true)?;
        Ok(Stream { socket, buffer: BytesMut::zeroed(SIZE), filled: 0 })
    }

    /// All that was read and not taken.
    pub fn read(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Reads until so much is there.
    pub fn fill(&mut self, length: usize) -> Outcome<()> {
        if self.buffer.len() < length {
            let mut larger = BytesMut::zeroed(length.max(SIZE));
            larger[..self.filled].copy_from_slice(&self.buffer[..self.filled]);
            self.buffer = larger;
        }
        while self.filled < length {
            let count = self.socket.read(&mut self.buffer[self.filled..])?;
            self.filled += count;
            if count == 0 {
                return Err("the connection ended".into());
            }
        }
        Ok(())
    }

    pub fn take(&mut self, length: usize) -> Bytes {
        self.filled -= length;
        self.buffer.split_to(length).freeze()
    }

    pub fn write(&mut self, pieces: &[&[u8]]) -> Outcome<()> {
        let mut slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut left = &mut slices[..];
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            let written = self.socket.write_vectored(left)?;
            IoSlice::advance_slices(&mut left, written);
        }
        Ok(())
    }

    pub fn next(&mut self) -> Outcome<(Head, Bytes)> {
        self.write(&[b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"])?;
        self.response()
    }

    pub fn respond(&mut self, request_id: &str, payload: &[u8]) -> Outcome<()> {
        let length = payload.len();
        let head = format!(
            "POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\r\nHost: 127.0.0.1\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        self.write(&[head.as_bytes(), payload])?;
        self.response().map(drop)
    }

    /// One response with a length.
    fn response(&mut self) -> Outcome<(Head, Bytes)> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 32];
            let mut response = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(length) = response.parse(self.read())? else {
                self.fill(self.filled + 1)?;
                continue;
            };
            let (mut head, mut body) = (Head::default(), 0);
            for header in response.headers {
                let value = std::str::from_utf8(header.value)?;
                match header.name.to_ascii_lowercase().as_str() {
                    "content-length" => body = value.parse()?,
                    "lambda-runtime-aws-request-id" => head.request_id = value.into(),
                    "lambda-runtime-trace-id" => head.trace_id = value.into(),
                    "lambda-runtime-invoked-function-arn" => head.arn = value.into(),
                    "lambda-runtime-deadline-ms" => head.deadline_ms = value.parse()?,
                    _ => {}
                }
            }
            self.take(length);
            self.fill(body)?;
            return Ok((head, self.take(body)));
        }
    }
}
