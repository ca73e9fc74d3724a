//! The crate gobwire, by its derive and without its I/O: messages are cut from memory, as for the others.

use std::marker::PhantomData;

use anyhow::Context as _;
use bytes::Bytes;
use gobwire::{Decode, Decoder, Encode, Encoder, Progress};

use crate::contestant::{Answer, Codec};

pub(crate) struct Gobwire<V>(PhantomData<V>);

impl<V: Answer + PartialEq + Encode + Decode + Default> Codec for Gobwire<V> {
    type Value = V;
    type Received = V;
    type Encoder = Encoder;
    type Decoder = Decoder;

    const NAME: &'static str = "gobwire";

    fn encoder() -> Encoder {
        Encoder::new()
    }

    fn encode(encoder: &mut Encoder, value: &V, out: &mut Vec<u8>) -> anyhow::Result<Option<gob::Hole>> {
        encoder.encode_into(value, out)?;
        Ok(None)
    }

    fn decoder() -> Decoder {
        Decoder::new()
    }

    fn decode(decoder: &mut Decoder, stream: &Bytes) -> anyhow::Result<V> {
        let mut rest = &stream[..];
        loop {
            let prefix = gobwire::parse_length_prefix(rest)?;
            let (width, length) = prefix.context("the stream ends before its value")?;
            if decoder.push_message(&rest[width..width + length])? == Progress::Ready {
                return Ok(decoder.decode()?);
            }
            rest = &rest[width + length..];
        }
    }
}
