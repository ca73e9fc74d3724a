//! Any bytes, as an executable, are a program or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../compat/executable/tests/support/every_question.rs"]
mod every_question;

fuzz_target!(|bytes: &[u8]| every_question::ask(bytes));
