//! Go's complex numbers.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::{Gob, Kind, SchemaBuilder, TypeRef};

/// A complex number: `Complex<f32>` is `complex64`, `Complex<f64>` is `complex128`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Complex<F> {
    /// The real part.
    pub re: F,
    /// The imaginary part.
    pub im: F,
}

impl Gob for Complex<f32> {
    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        types.add(Kind::Complex(64))
    }
}

impl Gob for Complex<f64> {
    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        types.add(Kind::Complex(128))
    }
}

impl<F: Serialize> Serialize for Complex<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.re, &self.im).serialize(serializer)
    }
}

impl<'de, F: Deserialize<'de>> Deserialize<'de> for Complex<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (re, im) = <(F, F)>::deserialize(deserializer)?;
        Ok(Complex { re, im })
    }
}
