//! Messages on a stream: one length-prefixed gob message in, encoded messages with payloads out.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use crate::Error;

/// Room for one read. Most replies fit, and a large one makes the buffer grow for good.
const READ_SIZE: usize = 16 * 1024;
/// A buffer grows by no more than this beyond what has arrived: a length is only a claim.
const GROW_LIMIT: usize = 1024 * 1024;
/// A buffer that has grown beyond this is given back once its message is done with.
const KEEP_LIMIT: usize = 8 * 1024 * 1024;

/// Cuts a stream into messages.
#[derive(Debug)]
pub(crate) struct MessageReader<R> {
    stream: R,
    buffer: BytesMut,
    limit: usize,
    taken: Taken,
}

/// What has been cut off a stream so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Taken {
    /// Messages.
    pub(crate) messages: u64,
    /// Their bytes, lengths included.
    pub(crate) bytes: u64,
}

impl<R: AsyncRead + Unpin> MessageReader<R> {
    /// Messages longer than `limit` bytes are refused.
    pub(crate) fn new(stream: R, limit: usize) -> Self {
        MessageReader { stream, buffer: BytesMut::with_capacity(READ_SIZE), limit, taken: Taken::default() }
    }

    /// The next message, without its length; `None` where the stream ends between messages.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let frame = gob::frame(&self.buffer).map_err(header_error)?;
            if let Some(frame) = frame {
                if frame.length > self.limit {
                    let text = format!(
                        "a message of {} bytes, more than {} are not accepted",
                        frame.length, self.limit
                    );
                    return Err(Error::from(io::Error::new(io::ErrorKind::InvalidData, text)));
                }
                if self.buffer.len() >= frame.total() {
                    let mut message = self.buffer.split_to(frame.total());
                    _ = message.split_to(frame.prefix);
                    self.taken.messages += 1;
                    self.taken.bytes += frame.total() as u64;
                    return Ok(Some(message.freeze()));
                }
            }
            let missing = frame.map_or(0, |frame| frame.total() - self.buffer.len());
            self.reserve(missing);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(Error::Truncated) };
            }
        }
    }

    /// All that was handed out so far.
    pub(crate) fn taken(&self) -> Taken {
        self.taken
    }

    fn reserve(&mut self, missing: usize) {
        if self.buffer.is_empty() && self.buffer.capacity() > KEEP_LIMIT {
            self.buffer = BytesMut::new();
        }
        if self.buffer.capacity() - self.buffer.len() < missing.clamp(READ_SIZE / 4, GROW_LIMIT) {
            // Memory of messages that were handed out and dropped since is taken back here. Some is left over for
            // the start of the next message, so that the buffer is still this one when they are.
            let grow = missing.min(self.buffer.len().max(GROW_LIMIT));
            self.buffer.reserve(grow + READ_SIZE);
        }
    }
}

fn header_error(source: gob::Error) -> Error {
    Error::Gob { reading: "header", source }
}

/// Writes the parts in order, with one system call if the stream takes them all at once.
pub(crate) async fn write_all<W: AsyncWrite + Unpin>(
    stream: &mut W,
    mut parts: &mut [IoSlice<'_>],
) -> io::Result<()> {
    IoSlice::advance_slices(&mut parts, 0); // drops empty parts at the front
    while !parts.is_empty() {
        let written = poll_fn(|context| Pin::new(&mut *stream).poll_write_vectored(context, parts)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut parts, written);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_come_out_as_they_went_in_however_they_are_cut() {
        let mut stream = Vec::new();
        for length in [0, 1, 127, 128, 5_000, 70_000] {
            gob::wire::put_bytes(&mut stream, &vec![length as u8; length]);
        }
        for step in [1, 7, 4_096, stream.len()] {
            let (mut near, far) = tokio::io::duplex(64 * 1024);
            let bytes = stream.clone();
            tokio::spawn(async move {
                for piece in bytes.chunks(step) {
                    write_all(&mut near, &mut [IoSlice::new(piece), IoSlice::new(&[])]).await.unwrap();
                }
            });
            let mut reader = MessageReader::new(far, usize::MAX);
            for length in [0, 1, 127, 128, 5_000, 70_000] {
                assert_eq!(reader.next().await.unwrap().unwrap(), vec![length as u8; length]);
            }
            assert!(reader.next().await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn a_stream_that_ends_within_a_message_says_so() {
        let mut reader = MessageReader::new(&[5, 1, 2][..], usize::MAX);
        assert!(matches!(reader.next().await, Err(Error::Truncated)));
        let mut reader = MessageReader::new(&[0xf7][..], usize::MAX);
        assert!(matches!(reader.next().await, Err(Error::Gob { .. })));
    }

    #[tokio::test]
    async fn a_claimed_length_costs_no_memory() {
        // 2^32 bytes are announced and three come.
        let mut reader = MessageReader::new(&[0xfb, 1, 0, 0, 0, 0, 1, 2, 3][..], usize::MAX);
        assert!(matches!(reader.next().await, Err(Error::Truncated)));
        assert!(reader.buffer.capacity() <= 2 * GROW_LIMIT);
        let mut reader = MessageReader::new(&[0xfb, 1, 0, 0, 0, 0, 1, 2, 3][..], 1 << 20);
        assert!(matches!(reader.next().await, Err(Error::Receive(_))));
    }
}
