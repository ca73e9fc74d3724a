//! The local other end of the Runtime API.
