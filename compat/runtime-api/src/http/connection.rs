//! The socket: what goes out, what has come, and whether another request can follow.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use tcp::{IfEmpty, Receiver, Sender, split};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::net::TcpStream;
use tokio::task::unconstrained;

use super::incoming::{Incoming, Step};
use super::response::{self, Headers, invalid};

/// Bodies are read in pieces of up to this size: what is read into memory that the processor's cache still holds, and
/// written from there, is copied faster.
const READ_SIZE: usize = 128 * 1024;
/// There is always room for so much.
const LEAST_ROOM: usize = 4 * 1024;
/// An answer to what was posted is shorter than that, nearly always.
const ANSWER_ROOM: usize = 512;
/// A head that is longer is none.
const HEAD_LIMIT: usize = 128 * 1024;
/// As many pieces go out at once.
const SLICES: usize = 4;

/// A connection, one request after the other: [`Connection::write`], [`Connection::answer`], and then
/// [`Connection::piece`] up to the end.
#[derive(Debug)]
pub(crate) struct Connection {
    receiver: Receiver,
    sender: Sender,
    /// What has come and was not taken yet.
    buffer: BytesMut,
    /// What is still to come of the response's body.
    incoming: Incoming,
    /// As much of what has come was looked at, and is no whole head.
    parsed: usize,
    /// The status of an answer that came before the request had gone out.
    early: Option<u16>,
    /// Whether anything of the request is on its way.
    begun: bool,
    /// Whether another request may follow.
    keeps: bool,
    /// Whether a request was answered on it, and of an answer to the next one nothing has come.
    has_answered: bool,
    /// As much has come lately for one response, so that there is room for the next.
    room: usize,
}

/// Why a request has no response.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The connection had ended before a byte of it was sent.
    Unsent(io::Error),
    /// The connection, on which others were answered, ended without a byte of an answer to it.
    Stale(io::Error),
    /// The connection broke, or what came over it is no HTTP.
    Broken(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Broken(error)
    }
}

impl Connection {
    pub(crate) async fn connect(address: &str) -> io::Result<Box<Connection>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (receiver, sender) = split(stream);
        // It changes hands with each request and each answer.
        Ok(Box::new(Connection {
            receiver,
            sender,
            buffer: BytesMut::new(),
            incoming: Incoming::Ended,
            parsed: 0,
            early: None,
            begun: false,
            keeps: true,
            has_answered: false,
            room: LEAST_ROOM,
        }))
    }

    /// See [`tcp::Receiver::wait_in_read`].
    pub(crate) fn wait_in_read(&mut self) -> io::Result<()> {
        self.receiver.wait_in_read()
    }

    /// Whether the answer before was read to its end, and another request may follow.
    pub(crate) fn is_done(&self) -> bool {
        self.keeps && self.incoming == Incoming::Ended && self.buffer.is_empty()
    }

    /// As [`Connection::is_done`], and it has not ended either, as far as is known here.
    pub(crate) async fn is_free(&mut self) -> bool {
        // Whatever comes unasked, its end included, is the end of it. That the task has had its share is no answer.
        self.is_done()
            && unconstrained(poll_fn(|context| {
                Poll::Ready(self.poll_fill(context, IfEmpty::Leave).is_pending())
            }))
            .await
    }

    /// Whether it has answered a request before.
    pub(crate) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Whether it goes on behind this answer, as far as is known.
    pub(crate) fn keeps(&self) -> bool {
        self.keeps
    }

    /// Writes a part of a request. `false`: nobody wants the rest, because it was answered already with something else than
    /// success, or with success by a server that then closed the connection.
    pub(crate) async fn write(&mut self, pieces: &[&[u8]]) -> Result<bool, Failed> {
        let mut written = 0;
        let result = poll_fn(|context| self.poll_write(pieces, &mut written, context)).await;
        match result {
            Ok(wanted) => Ok(wanted),
            Err(error) if !self.begun => Err(Failed::Unsent(error)),
            Err(_) if self.early.is_some() => {
                self.keeps = false;
                Ok(false)
            }
            // A refusal may have come before the server closed the connection.
            Err(error) => match self.head(|_| {}).await {
                Ok((status, size)) => {
                    self.buffer.advance(size);
                    (self.early, self.keeps) = (Some(status), false);
                    Ok(false)
                }
                Err(_) => Err(Failed::Broken(error)),
            },
        }
    }

    /// Waits for what is to be written next. `None`: the request was answered already, and not with success.
    pub(crate) async fn unless_refused<T>(
        &mut self,
        next: impl Future<Output = T>,
    ) -> Result<Option<T>, Failed> {
        let mut next = pin!(next);
        poll_fn(|context| {
            if let Poll::Ready(refused) = self.poll_early(context)? {
                debug_assert!(refused);
                return Poll::Ready(Ok(None));
            }
            next.as_mut().poll(context).map(|next| Ok(Some(next)))
        })
        .await
    }

    /// The answer's status.
    pub(crate) async fn answer(&mut self) -> Result<u16, Failed> {
        let (status, size) = self.whole_head(|_| {}).await?;
        self.buffer.advance(size);
        Ok(status)
    }

    /// The answer's status and the bytes of its head. Its headers are shown, unless it came before the request had gone
    /// out.
    pub(crate) async fn answer_showing(
        &mut self,
        show: impl FnMut(Headers<'_>),
    ) -> Result<(u16, Bytes), Failed> {
        // Memory of what was handed out and dropped since is taken back here, where nobody is left who has some of it.
        self.buffer.reserve(self.room);
        let (status, size) = self.whole_head(show).await?;
        Ok((status, self.buffer.split_to(size).freeze()))
    }

    async fn whole_head(&mut self, show: impl FnMut(Headers<'_>)) -> Result<(u16, usize), Failed> {
        self.begun = false;
        match self.early.take() {
            Some(status) => Ok((status, 0)),
            None => self.head(show).await.map_err(|error| match error.kind() {
                // Nothing but the connection's end has come.
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                    if self.has_answered && self.buffer.is_empty() =>
                {
                    Failed::Stale(error)
                }
                _ => Failed::Broken(error),
            }),
        }
    }

    /// The body's next piece, never empty; `None` at its end. Nothing is lost if it is given up.
    pub(crate) async fn piece(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            match self.incoming.step(&mut self.buffer) {
                Ok(Step::Piece(piece)) => return Some(Ok(piece)),
                Ok(Step::End) => return None,
                Ok(Step::More) => {}
                Err(error) => return Some(Err(self.break_off(error))),
            }
            match poll_fn(|context| self.poll_fill(context, IfEmpty::Wait)).await {
                Ok(0) if self.incoming.may_end() => {
                    self.keeps = false;
                    return None;
                }
                Ok(0) => return Some(Err(self.break_off(io::ErrorKind::UnexpectedEof.into()))),
                Ok(_) => {}
                Err(error) => return Some(Err(self.break_off(error))),
            }
        }
    }

    /// All of the body, if it has come.
    pub(crate) fn at_hand(&mut self) -> Option<Bytes> {
        match self.incoming {
            Incoming::Ended => Some(Bytes::new()),
            Incoming::Length(length) if length <= self.buffer.len() as u64 => {
                self.incoming = Incoming::Ended;
                Some(self.buffer.split_to(length as usize).freeze())
            }
            _ => None,
        }
    }

    /// Bytes of the body that are left, if that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        self.incoming.length()
    }

    fn break_off(&mut self, error: io::Error) -> io::Error {
        (self.incoming, self.keeps) = (Incoming::Ended, false);
        error
    }

    /// Reads a response's head, passing over those that only say that it is to come. Its status, and how many bytes it has
    /// of the buffer.
    async fn head(&mut self, mut show: impl FnMut(Headers<'_>)) -> io::Result<(u16, usize)> {
        loop {
            if let Some(found) = self.find_head(&mut show)? {
                return Ok(found);
            }
            if poll_fn(|context| self.poll_fill(context, IfEmpty::Wait)).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn find_head(&mut self, mut show: impl FnMut(Headers<'_>)) -> io::Result<Option<(u16, usize)>> {
        while !self.buffer.is_empty() {
            // It ends with a line, if not with the first bytes that come.
            let may_end = self.parsed == 0 || self.buffer[self.parsed..].contains(&b'\n');
            let parsed = if may_end { response::parse(&self.buffer, &mut show)? } else { None };
            let Some(head) = parsed else {
                self.parsed = self.buffer.len();
                let is_long = self.buffer.len() > HEAD_LIMIT;
                return if is_long { Err(invalid("a head that does not end")) } else { Ok(None) };
            };
            self.parsed = 0;
            if matches!(head.status, 100..=199) {
                self.buffer.advance(head.size);
                // Whoever says so has the request, and an end that follows is no want of use.
                self.has_answered = false;
                continue;
            }
            (self.incoming, self.keeps, self.has_answered) = (head.incoming, self.keeps && head.keeps, true);
            let length = head.incoming.length();
            let size = length.map_or(READ_SIZE, |length| usize::try_from(length).unwrap_or(READ_SIZE));
            // With some more, for the answers in between, which come while it is in use.
            let needed = (head.size + size.min(READ_SIZE)) * 5 / 4;
            self.room = needed.max(self.room - self.room / 64).clamp(LEAST_ROOM, READ_SIZE);
            return Ok(Some((head.status, head.size)));
        }
        Ok(None)
    }

    fn poll_write(
        &mut self,
        pieces: &[&[u8]],
        written: &mut usize,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        loop {
            let (mut slices, mut count, mut skip) = ([IoSlice::new(&[]); SLICES], 0, *written);
            for piece in pieces {
                if piece.len() <= skip {
                    skip -= piece.len();
                } else if count < SLICES {
                    slices[count] = IoSlice::new(&piece[skip..]);
                    (count, skip) = (count + 1, 0);
                }
            }
            if count == 0 {
                return Poll::Ready(Ok(true));
            }
            match Pin::new(&mut self.sender).poll_write_vectored(context, &slices[..count]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(size)) => {
                    *written += size;
                    self.begun = true;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return self.poll_early(context).map_ok(|refused| !refused),
            }
        }
    }

    /// Looks for an answer while the request is being sent. Ready with `true` once there is one that is no success; a
    /// success may have been told early, and the rest is wanted all the same.
    fn poll_early(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            if let Some(status) = self.early {
                return if matches!(status, 200..=299) { Poll::Pending } else { Poll::Ready(Ok(true)) };
            }
            if ready!(self.poll_fill(context, IfEmpty::Wake))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            if let Some((status, size)) = self.find_head(|_| {})? {
                self.buffer.advance(size);
                self.early = Some(status);
                self.keeps &= matches!(status, 200..=299);
            }
        }
    }

    /// Reads once, as much as there is room for; 0 at the end.
    fn poll_fill(&mut self, context: &mut Context<'_>, if_empty: IfEmpty) -> Poll<io::Result<usize>> {
        let spare = self.buffer.capacity() - self.buffer.len();
        match self.incoming {
            Incoming::Ended if spare < ANSWER_ROOM => self.buffer.reserve(LEAST_ROOM),
            Incoming::Ended => {}
            Incoming::Length(left) if spare < LEAST_ROOM => {
                let left = usize::try_from(left).unwrap_or(READ_SIZE);
                self.buffer.reserve(left.clamp(LEAST_ROOM, READ_SIZE));
            }
            _ if spare < LEAST_ROOM => self.buffer.reserve(READ_SIZE),
            _ => {}
        }
        self.receiver.if_empty(if_empty);
        pin!(self.receiver.read_buf(&mut self.buffer)).poll(context)
    }
}
