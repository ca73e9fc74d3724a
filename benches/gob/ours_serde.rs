//! This project's codec for any type, by serde.

use std::marker::PhantomData;

use anyhow::Context as _;
use bytes::Bytes;
use gob::{Decoder, Encoder, Gob, Hole};
use serde::{Deserialize, Serialize};

use crate::contestant::{Answer, Codec};

pub(crate) struct Serde<V>(PhantomData<V>);

impl<V: Answer + PartialEq + Serialize + for<'de> Deserialize<'de> + Gob> Codec for Serde<V> {
    type Value = V;
    type Received = V;
    type Encoder = Encoder;
    type Decoder = Decoder;

    const NAME: &'static str = "ours, serde";

    fn encoder() -> Encoder {
        Encoder::new()
    }

    fn encode(encoder: &mut Encoder, value: &V, out: &mut Vec<u8>) -> anyhow::Result<Option<Hole>> {
        encoder.serialize(value, out)?;
        Ok(None)
    }

    fn decoder() -> Decoder {
        Decoder::new()
    }

    fn decode(decoder: &mut Decoder, stream: &Bytes) -> anyhow::Result<V> {
        let mut rest = &stream[..];
        loop {
            let frame = gob::frame(rest)?.context("the stream ends before its value")?;
            if let Some(received) = decoder.message(frame.message(rest))? {
                return Ok(received.deserialize()?);
            }
            rest = frame.after(rest);
        }
    }
}
