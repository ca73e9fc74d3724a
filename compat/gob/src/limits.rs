//! How much a stream may ask for. Go's own limits are no protection against a hostile peer; these are.

/// What a [`crate::Decoder`] accepts. The defaults suit what strangers send; raise them for data you trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Values within values in a [`crate::Value`] and in what is skipped. 10 000, where Go stops skipping too. A
    /// value that has to be looked at twice, to lay it over another one or for promoted fields, ends at 500.
    pub depth: usize,
    /// Values within values that are read through serde, which calls itself for each level and so needs the
    /// thread's stack. 256.
    pub recursion: usize,
    /// Type definitions on one stream. 10 000.
    pub types: usize,
    /// Memory for the type definitions of one stream, in bytes and roughly: 128 for each, 40 for a field, and their
    /// names. 2 MiB.
    pub definitions: usize,
    /// Bytes of one message, or of one value that was split by type definitions. 1 GiB.
    pub message: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { depth: 10_000, recursion: 256, types: 10_000, definitions: 2 << 20, message: 1 << 30 }
    }
}
