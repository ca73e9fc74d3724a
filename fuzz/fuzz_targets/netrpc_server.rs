//! Any bytes into a served connection, and into a client's: both end, and what was answered is in order.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../compat/netrpc/tests/support/any_bytes.rs"]
mod any_bytes;

fuzz_target!(|stream: &[u8]| any_bytes::run(stream));
