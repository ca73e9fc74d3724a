//! A blocking socket with what was read of it, and HTTP on it as far as a Runtime API that goes well needs it.

use std::error::Error;
use std::io::{IoSlice, Read as _, Write as _};
use std::net::TcpStream;

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// What is made of memory at first; it grows to the largest message, and stays.
const SIZE: usize = 64 * 1024;

pub struct Stream {
    socket: TcpStream,
    /// Written over again and again: what was read and not taken is from `start` to `end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

/// What is looked at of a response's head. Its body is what [`Stream::read`] then begins with.
#[derive(Default)]
pub struct Head {
    pub length: usize,
    pub request_id: String,
    pub trace_id: String,
    pub arn: String,
    pub deadline_ms: i64,
}

impl Stream {
    pub fn new(socket: TcpStream) -> Outcome<Stream> {
        socket.set_nodelay(true)?;
        Ok(Stream { socket, buffer: vec![0; SIZE], start: 0, end: 0 })
    }

    /// All that was read and not taken.
    pub fn read(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Reads until so much is there.
    pub fn fill(&mut self, length: usize) -> Outcome<()> {
        if self.start + length > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            self.buffer.resize(self.buffer.len().max(length), 0);
        }
        while self.end - self.start < length {
            let count = self.socket.read(&mut self.buffer[self.end..])?;
            self.end += count;
            if count == 0 {
                return Err("the connection ended".into());
            }
        }
        Ok(())
    }

    pub fn take(&mut self, length: usize) {
        self.start += length;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    pub fn write(&self, pieces: &[&[u8]]) -> Outcome<()> {
        let mut slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut left = &mut slices[..];
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            let written = (&self.socket).write_vectored(left)?;
            IoSlice::advance_slices(&mut left, written);
        }
        Ok(())
    }

    pub fn next(&mut self) -> Outcome<Head> {
        self.write(&[b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"])?;
        self.response()
    }

    pub fn respond(&self, request_id: &str, payload: &[u8]) -> Outcome<()> {
        let length = payload.len();
        let head = format!(
            "POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\r\nHost: 127.0.0.1\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        self.write(&[head.as_bytes(), payload])
    }

    /// What the Runtime API says to that.
    pub fn responded(&mut self) -> Outcome<()> {
        let said = self.response()?;
        self.take(said.length);
        Ok(())
    }

    /// One response with a length.
    fn response(&mut self) -> Outcome<Head> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 32];
            let mut response = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(length) = response.parse(self.read())? else {
                self.fill(self.end - self.start + 1)?;
                continue;
            };
            let mut head = Head::default();
            for header in response.headers {
                let value = std::str::from_utf8(header.value)?;
                match header.name.to_ascii_lowercase().as_str() {
                    "content-length" => head.length = value.parse()?,
                    "lambda-runtime-aws-request-id" => head.request_id = value.into(),
                    "lambda-runtime-trace-id" => head.trace_id = value.into(),
                    "lambda-runtime-invoked-function-arn" => head.arn = value.into(),
                    "lambda-runtime-deadline-ms" => head.deadline_ms = value.parse()?,
                    _ => {}
                }
            }
            self.take(length);
            self.fill(head.length)?;
            return Ok(head);
        }
    }
}
