//! What is compared: implementations with a value that they encode and decode.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;

/// One implementation, with the value of one workload.
pub(crate) trait Contestant {
    fn name(&self) -> &'static str;

    /// Encodes the value twice, on a stream that is kept for [`Mode::Stream`].
    fn streams(&mut self) -> anyhow::Result<Streams>;

    /// Decodes both values of a stream of anybody's, and compares them with its own.
    fn check(&mut self, streams: &Streams) -> anyhow::Result<()>;

    /// Takes what is to be decoded from now on.
    fn prepare(&mut self, input: &Streams) -> anyhow::Result<()>;

    /// Times so many operations.
    fn time(&mut self, operation: Operation, mode: Mode, iterations: u64) -> anyhow::Result<Batch>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Encode,
    Decode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Encoder and decoder are kept, and the definitions were exchanged before.
    Stream,
    /// Both are new each time, and the definitions are a part of the message.
    First,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::Encode => "encode",
            Operation::Decode => "decode",
        }
    }
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mode::Stream => "stream",
            Mode::First => "first",
        }
    }
}

/// A value on the wire, with definitions and, later on the same stream, without.
pub(crate) struct Streams {
    pub(crate) first: Bytes,
    pub(crate) second: Bytes,
}

impl Streams {
    pub(crate) fn of(&self, mode: Mode) -> &Bytes {
        match mode {
            Mode::First => &self.first,
            Mode::Stream => &self.second,
        }
    }
}

pub(crate) struct Batch {
    pub(crate) elapsed: Duration,
    /// The sum of what each operation answered: bytes encoded, or the decoded value's [`Answer`].
    pub(crate) answer: u64,
}

/// A decoded value in one number that costs next to nothing: from a few fields, the same in every program.
pub(crate) trait Answer {
    fn answer(&self) -> u64;
}

/// An implementation in this process, for one type.
pub(crate) trait Codec {
    type Value: Answer;
    type Received: Answer + PartialEq<Self::Value>;
    type Encoder;
    type Decoder;

    const NAME: &'static str;

    fn encoder() -> Self::Encoder;

    /// Appends the value, behind definitions that the stream lacks. What is to be sent by reference is told.
    fn encode(
        encoder: &mut Self::Encoder,
        value: &Self::Value,
        out: &mut Vec<u8>,
    ) -> anyhow::Result<Option<gob::Hole>>;

    /// The bytes that belong into the hole.
    fn payload(_: &Self::Value) -> &[u8] {
        &[]
    }

    fn decoder() -> Self::Decoder;

    /// Reads messages up to a value.
    fn decode(decoder: &mut Self::Decoder, stream: &Bytes) -> anyhow::Result<Self::Received>;
}

/// A contestant in this process.
pub(crate) struct InProcess<C: Codec> {
    value: C::Value,
    out: Vec<u8>,
    encoder: C::Encoder,
    decoder: C::Decoder,
    input: Streams,
}

impl<C: Codec> InProcess<C> {
    pub(crate) fn new(value: C::Value) -> Self {
        let input = Streams { first: Bytes::new(), second: Bytes::new() };
        InProcess { value, out: Vec::new(), encoder: C::encoder(), decoder: C::decoder(), input }
    }

    fn encoded(&mut self) -> anyhow::Result<Bytes> {
        let mut out = Vec::new();
        if let Some(hole) = C::encode(&mut self.encoder, &self.value, &mut out)? {
            out.splice(hole.at..hole.at, C::payload(&self.value).iter().copied());
        }
        Ok(out.into())
    }
}

impl<C: Codec> Contestant for InProcess<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn streams(&mut self) -> anyhow::Result<Streams> {
        self.encoder = C::encoder();
        Ok(Streams { first: self.encoded()?, second: self.encoded()? })
    }

    fn check(&mut self, streams: &Streams) -> anyhow::Result<()> {
        let mut decoder = C::decoder();
        for stream in [&streams.first, &streams.second] {
            let received = C::decode(&mut decoder, stream)?;
            ensure!(received == self.value, "it is not the value that was sent");
            ensure!(
                received.answer() == self.value.answer(),
                "it answers otherwise than the value that was sent"
            );
        }
        Ok(())
    }

    fn prepare(&mut self, input: &Streams) -> anyhow::Result<()> {
        self.input = Streams { first: input.first.clone(), second: input.second.clone() };
        self.decoder = C::decoder();
        C::decode(&mut self.decoder, &self.input.first).map(drop)
    }

    fn time(&mut self, operation: Operation, mode: Mode, iterations: u64) -> anyhow::Result<Batch> {
        let mut answer = 0_u64;
        let start = Instant::now();
        match (operation, mode) {
            (Operation::Encode, Mode::Stream) => {
                for _ in 0..iterations {
                    answer += encode::<C>(&mut self.encoder, &self.value, &mut self.out)?;
                }
            }
            (Operation::Encode, Mode::First) => {
                for _ in 0..iterations {
                    answer += encode::<C>(&mut C::encoder(), &self.value, &mut self.out)?;
                }
            }
            (Operation::Decode, Mode::Stream) => {
                for _ in 0..iterations {
                    let received = C::decode(&mut self.decoder, black_box(&self.input.second))?;
                    answer = answer.wrapping_add(black_box(received).answer());
                }
            }
            (Operation::Decode, Mode::First) => {
                for _ in 0..iterations {
                    let received = C::decode(&mut C::decoder(), black_box(&self.input.first))?;
                    answer = answer.wrapping_add(black_box(received).answer());
                }
            }
        }
        Ok(Batch { elapsed: start.elapsed(), answer })
    }
}

/// One message into a buffer that is used again; its length, with what it leaves out.
#[inline]
fn encode<C: Codec>(encoder: &mut C::Encoder, value: &C::Value, out: &mut Vec<u8>) -> anyhow::Result<u64> {
    out.clear();
    let hole = C::encode(encoder, black_box(value), out)?;
    black_box(&*out);
    Ok(out.len() as u64 + hole.map_or(0, |hole| hole.length))
}
