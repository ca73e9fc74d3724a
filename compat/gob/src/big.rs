//! Go's `big.Int`, which encodes itself (`math/big/intmarsh.go`).

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use crate::opaque::{bytes_or_zero, serialize_marked};
use crate::{Codec, Gob, Kind, SchemaBuilder, TypeRef};

/// A `big.Int`: a sign and a magnitude of any length. Go mostly has `*big.Int`, which is `Option<BigInt>`.
///
/// ```
/// let number = gob::BigInt::from(-300);
/// assert_eq!(number.magnitude(), [0x01, 0x2c]);
/// assert_eq!(i128::try_from(&number), Ok(-300));
/// assert_eq!(gob::from_slice::<gob::BigInt>(&gob::to_vec(&number)?)?, number);
/// # Ok::<(), gob::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct BigInt {
    negative: bool,
    /// Big-endian, without zeros in front.
    magnitude: Vec<u8>,
}

/// Go's version of the format, in the upper bits of the first byte; the sign is in the lowest.
const VERSION: u8 = 1;

impl BigInt {
    /// From a sign and big-endian bytes.
    pub fn new(negative: bool, magnitude: &[u8]) -> BigInt {
        let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
        let magnitude = magnitude[zeros..].to_vec();
        BigInt { negative: negative && !magnitude.is_empty(), magnitude }
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// Its distance from zero, big-endian, without zeros in front; empty for zero.
    pub fn magnitude(&self) -> &[u8] {
        &self.magnitude
    }
}

impl From<i128> for BigInt {
    fn from(number: i128) -> BigInt {
        BigInt::new(number < 0, &number.unsigned_abs().to_be_bytes())
    }
}

/// The number has more than 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BigIntOutOfRange;

impl std::fmt::Display for BigIntOutOfRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the number does not fit 128 bits")
    }
}

impl std::error::Error for BigIntOutOfRange {}

impl TryFrom<&BigInt> for i128 {
    type Error = BigIntOutOfRange;

    fn try_from(number: &BigInt) -> Result<i128, BigIntOutOfRange> {
        if number.magnitude.len() > 16 {
            return Err(BigIntOutOfRange);
        }
        let magnitude = number.magnitude.iter().fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
        match number.negative {
            true => 0_i128.checked_sub_unsigned(magnitude),
            false => i128::try_from(magnitude).ok(),
        }
        .ok_or(BigIntOutOfRange)
    }
}

impl Gob for BigInt {
    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        types.global("math/big.Int", "big.Int", |_, _| Kind::Opaque(Codec::Gob))
    }
}

impl Serialize for BigInt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(1 + self.magnitude.len());
        bytes.push(VERSION << 1 | u8::from(self.negative));
        bytes.extend_from_slice(&self.magnitude);
        // Its method has a pointer receiver, and so Go always sends it.
        serialize_marked(&bytes, false, serializer)
    }
}

impl<'de> Deserialize<'de> for BigInt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<BigInt, D::Error> {
        let bytes = bytes_or_zero(deserializer)?.unwrap_or_default();
        match bytes.split_first() {
            // What Go sends for nil.
            None => Ok(BigInt::default()),
            Some((first, magnitude)) if first >> 1 == VERSION => Ok(BigInt::new(first & 1 != 0, magnitude)),
            Some((first, _)) => {
                let text = format!("Int.GobDecode: encoding version {} not supported", first >> 1);
                Err(D::Error::custom(text))
            }
        }
    }
}
