//! Messages from a stream: one length-prefixed gob message after the other, whole or passed over.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use gob::Frame;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::Error;

/// Room for one read. Most replies fit, and a large one makes the buffer grow for good.
const READ_SIZE: usize = 16 * 1024;
/// A buffer grows by no more than this beyond what has arrived: a length is only a claim.
const GROW_LIMIT: usize = 1024 * 1024;
/// Of a message that is handed out as it comes, about so much is read at once; with room for the next one, 128 KiB.
const PART_SIZE: usize = 112 * 1024;
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
    /// `read` has come already. Messages longer than `limit` bytes are refused.
    pub(crate) fn new(stream: R, read: BytesMut, limit: usize) -> Self {
        MessageReader { stream, buffer: read, limit, taken: Taken::default() }
    }

    /// The next message, without its length; `None` where the stream ends between messages.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let missing = match gob::frame(&self.buffer).map_err(header_error)? {
                None => 0,
                Some(frame) => match self.refusal(frame) {
                    Some(text) => return Err(Error::TooLong(text)),
                    None if self.has_all(frame) => return Ok(Some(self.cut(frame))),
                    None => frame.total() - self.buffer.len(),
                },
            };
            if self.read(missing).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(Error::Truncated) };
            }
        }
    }

    /// The next message, if all of it has come already and it is not too long: most come with the one before.
    #[inline]
    pub(crate) fn at_hand(&mut self) -> Result<Option<Bytes>, Error> {
        match gob::frame(&self.buffer).map_err(header_error)? {
            Some(frame) if frame.total() <= self.buffer.len() && frame.length <= self.limit => {
                Ok(Some(self.cut(frame)))
            }
            _ => Ok(None),
        }
    }

    /// How long the next message is, which is then there in part or whole; `None` where the stream ends before it.
    pub(crate) async fn frame(&mut self) -> Result<Option<Frame>, Error> {
        loop {
            if let Some(frame) = gob::frame(&self.buffer).map_err(header_error)? {
                return Ok(Some(frame));
            }
            if self.read(0).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(Error::Truncated) };
            }
        }
    }

    /// Why a message is not accepted, if it is not.
    pub(crate) fn refusal(&self, frame: Frame) -> Option<String> {
        (frame.length > self.limit).then(|| {
            format!("a message of {} bytes, more than {} are not accepted", frame.length, self.limit)
        })
    }

    /// The message that [`MessageReader::frame`] has found.
    pub(crate) async fn take(&mut self, frame: Frame) -> Result<Bytes, Error> {
        self.fill(frame.total()).await?;
        Ok(self.cut(frame))
    }

    /// The first bytes of that message, as many as asked for if it has them; the rest may have come too.
    pub(crate) async fn peek(&mut self, frame: Frame, length: usize) -> Result<&[u8], Error> {
        self.fill(frame.total().min(frame.prefix + length)).await?;
        Ok(&self.buffer[frame.prefix..self.buffer.len().min(frame.total())])
    }

    /// Drops that message as it comes.
    pub(crate) async fn skip(&mut self, frame: Frame) -> Result<(), Error> {
        let mut left = frame.total();
        loop {
            let here = left.min(self.buffer.len());
            self.buffer.advance(here);
            left -= here;
            if left == 0 {
                break;
            }
            // Nothing is kept, so there is always room for one more read.
            if self.read(0).await? == 0 {
                return Err(Error::Truncated);
            }
        }
        self.count(frame);
        Ok(())
    }

    /// Whether all of that message has come.
    pub(crate) fn has_all(&self, frame: Frame) -> bool {
        frame.total() <= self.buffer.len()
    }

    /// Drops the first bytes of that message, which have come. The others are to be taken with [`MessageReader::part`].
    pub(crate) fn begin(&mut self, frame: Frame, length: usize) {
        self.buffer.advance(frame.prefix + length);
        self.count(frame);
    }

    /// The next bytes of the message that has begun, as they come; at least one, and no more than are `left` of it.
    pub(crate) async fn part(&mut self, left: usize) -> Result<Bytes, Error> {
        if self.buffer.is_empty() && self.read(left.min(PART_SIZE)).await? == 0 {
            return Err(Error::Truncated);
        }
        Ok(self.buffer.split_to(left.min(self.buffer.len())).freeze())
    }

    /// Where the bytes come from.
    pub(crate) fn source(&mut self) -> &mut R {
        &mut self.stream
    }

    /// All that was handed out or dropped so far.
    pub(crate) fn taken(&self) -> Taken {
        self.taken
    }

    fn cut(&mut self, frame: Frame) -> Bytes {
        self.buffer.advance(frame.prefix);
        self.count(frame);
        self.buffer.split_to(frame.length).freeze()
    }

    fn count(&mut self, frame: Frame) {
        self.taken.messages += 1;
        self.taken.bytes += frame.total() as u64;
    }

    /// Reads until so many bytes are here.
    async fn fill(&mut self, total: usize) -> Result<(), Error> {
        while self.buffer.len() < total {
            if self.read(total - self.buffer.len()).await? == 0 {
                return Err(Error::Truncated);
            }
        }
        Ok(())
    }

    async fn read(&mut self, missing: usize) -> io::Result<usize> {
        self.reserve(missing);
        self.stream.read_buf(&mut self.buffer).await
    }

    fn reserve(&mut self, missing: usize) {
        if self.buffer.is_empty() && self.buffer.capacity() > KEEP_LIMIT {
            self.buffer = BytesMut::new();
        }
        if self.buffer.capacity() == 0 {
            self.buffer.reserve(READ_SIZE);
        } else if self.buffer.is_empty() && self.buffer.capacity() < READ_SIZE {
            // So that the next message comes in one read, if those before it are not in use any more.
            _ = self.buffer.try_reclaim(READ_SIZE);
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

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
                    near.write_all(piece).await.unwrap();
                }
            });
            let mut reader = MessageReader::new(far, BytesMut::new(), usize::MAX);
            for length in [0, 1, 127, 128, 5_000, 70_000] {
                assert_eq!(reader.next().await.unwrap().unwrap(), vec![length as u8; length]);
            }
            assert!(reader.next().await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn a_stream_that_ends_within_a_message_says_so() {
        let mut reader = MessageReader::new(&[5, 1, 2][..], BytesMut::new(), usize::MAX);
        assert!(matches!(reader.next().await, Err(Error::Truncated)));
        let mut reader = MessageReader::new(&[0xf7][..], BytesMut::new(), usize::MAX);
        assert!(matches!(reader.next().await, Err(Error::Gob { .. })));
    }

    #[tokio::test]
    async fn what_is_passed_over_is_not_kept() {
        let mut stream = Vec::new();
        gob::wire::put_bytes(&mut stream, &vec![7; 9 << 20]);
        gob::wire::put_bytes(&mut stream, b"next");
        let mut reader = MessageReader::new(&stream[..], BytesMut::new(), 1 << 20);
        let frame = reader.frame().await.unwrap().unwrap();
        assert!(reader.refusal(frame).is_some());
        reader.skip(frame).await.unwrap();
        assert!(reader.buffer.capacity() <= 2 * READ_SIZE);
        assert_eq!(reader.next().await.unwrap().unwrap(), &b"next"[..]);
        assert_eq!(reader.taken().messages, 2);
    }

    #[tokio::test]
    async fn a_claimed_length_costs_no_memory() {
        // 2^32 bytes are announced and three come.
        let mut reader = MessageReader::new(&[0xfb, 1, 0, 0, 0, 0, 1, 2, 3][..], BytesMut::new(), usize::MAX);
        assert!(matches!(reader.next().await, Err(Error::Truncated)));
        assert!(reader.buffer.capacity() <= 2 * GROW_LIMIT);
        let mut reader = MessageReader::new(&[0xfb, 1, 0, 0, 0, 0, 1, 2, 3][..], BytesMut::new(), 1 << 20);
        assert!(matches!(reader.next().await, Err(Error::TooLong(_))));
    }
}
