//! What `go1x demo` shows.
//!
//! | file | knows |
//! | --- | --- |
//! | `handlers` | which programs are shown: built with Go, or the built-in one |
//! | `builtin` | the built-in handler, which is this very program under another name |
//! | `events` | what is sent, and what has to come back |
//! | `sandbox` | a handler behind `bootstrap`'s code, or on its own, and the emulator |
//! | `wire` | what crossed the RPC socket, from the client's own events |
//! | `log` | what handlers write to stderr, put aside |
//! | `tour` | all events through one handler |
//! | `times` | the same events over RPC and direct, by turns |
//! | `report` | the result as data |
//! | `text` | the result for people |

pub(crate) mod builtin;
mod events;
pub(crate) mod handlers;
pub(crate) mod log;
pub(crate) mod report;
mod sandbox;
pub(crate) mod text;
pub(crate) mod times;
pub(crate) mod tour;
mod wire;

/// For what should work anywhere.
const REPORT: &str =
    "does `go1x demo --no-go` work? Whatever it does, please report this, with what `go1x --version` says";
