//! Any bytes, through every public way of reading, are values or errors.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../compat/gob/tests/support/every_way.rs"]
mod every_way;

fuzz_target!(|stream: &[u8]| every_way::read(stream));
