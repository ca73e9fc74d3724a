//! What types that encode themselves have written: bytes that mean something to them alone.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::{Codec, Gob, Kind, SchemaBuilder, TypeRef};

/// How a zero is marked that Go leaves out of structs, but sends elsewhere; and how such types ask for what they
/// are, so that they learn of a field that was not sent.
pub(crate) const ZERO: &str = "gob::zero";

macro_rules! bytes_of {
    ($(#[$about:meta])* $name:ident, $kind:expr) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub Vec<u8>);

        impl Gob for $name {
            fn describe(types: &mut SchemaBuilder) -> TypeRef {
                types.add($kind)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_byte_buf(BytesVisitor).map($name)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl<T: Into<Vec<u8>>> From<T> for $name {
            fn from(bytes: T) -> Self {
                $name(bytes.into())
            }
        }
    };
}

bytes_of! {
    /// What a Go type's `GobEncode` has written, as it is.
    ///
    /// Go names no such type on the wire in a way that counts, so one type here stands for all of them. It is always
    /// sent, as Go sends those whose method has a pointer receiver.
    Encoded, Kind::Opaque(Codec::Gob)
}

bytes_of! {
    /// What a Go type's `MarshalBinary` has written, as it is: see [`Encoded`].
    Marshaled, Kind::Opaque(Codec::Binary)
}

bytes_of! {
    /// A Go string, which need not be UTF-8.
    ///
    /// ```
    /// // string("\xff")
    /// let text: gob::Text = gob::from_slice(b"\x04\x0c\x00\x01\xff")?;
    /// assert_eq!(text.as_str(), None);
    /// assert_eq!(text.as_ref(), b"\xff");
    /// assert!(gob::from_slice::<String>(b"\x04\x0c\x00\x01\xff").is_err());
    /// # Ok::<(), gob::Error>(())
    /// ```
    Text, Kind::String
}

impl Text {
    /// The text, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

/// Bytes, however they come.
pub(crate) struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_str<E>(self, text: &str) -> Result<Vec<u8>, E> {
        Ok(text.as_bytes().to_vec())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Vec<u8>, A::Error> {
        let mut all = Vec::new();
        while let Some(byte) = bytes.next_element()? {
            all.push(byte);
        }
        Ok(all)
    }
}

/// The bytes of a type that may have been left out: `None`.
pub(crate) fn bytes_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    struct OrZero;

    impl<'de> Visitor<'de> for OrZero {
        type Value = Option<Vec<u8>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
            inner.deserialize_byte_buf(BytesVisitor).map(Some)
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
            Ok(Some(bytes.to_vec()))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, bytes: A) -> Result<Self::Value, A::Error> {
            BytesVisitor.visit_seq(bytes).map(Some)
        }
    }

    deserializer.deserialize_newtype_struct(ZERO, OrZero)
}

/// Serializes bytes, marked if they are a zero that Go leaves out of structs.
pub(crate) fn serialize_marked<S: Serializer>(
    bytes: &[u8],
    zero: bool,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    struct Raw<'b>(&'b [u8]);

    impl Serialize for Raw<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }

    serializer.serialize_newtype_struct(if zero { ZERO } else { "gob::opaque" }, &Raw(bytes))
}
