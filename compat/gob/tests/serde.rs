//! Rust types through serde against streams that Go wrote: the same values out of them, the same bytes again, and the
//! same complaints.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

#[path = "serde/cases.rs"]
mod cases;
#[path = "serde/go_streams.rs"]
mod go_streams;
#[path = "serde/hostile.rs"]
mod hostile;
#[path = "serde/mismatches.rs"]
mod mismatches;
#[path = "serde/promoted.rs"]
mod promoted;
#[path = "serde/rust_values.rs"]
mod rust_values;
