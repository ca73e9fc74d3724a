//! The legacy door: Go's net/rpc between a runtime and a go1.x handler.
//!
//! | file | knows |
//! | --- | --- |
//! | `messages` | Go's structs, field for field |
//! | `convert` | an invocation as an `InvokeRequest`; an `InvokeResponse` as payload or failure |
//! | `worker` | the child process and its connection, as a `Handler` |
//! | `readiness` | from a started child to one that answered its first ping |
//! | `process` | starting, signalling and reaping the child |
//! | `sockets` | which process listens on a port, from `/proc` |
//! | `function` | a `Handler` served as `Function`, as a go1.x program serves itself |

mod convert;
mod function;
mod messages;
#[cfg(test)]
mod messages_golden;
mod process;
mod readiness;
mod sockets;
mod worker;

use crate::start::SERVER_PORT;

pub use function::serve;
pub use worker::Worker;

/// Set by the go1.x runtime: the port on which a handler has to listen.
pub const VARIABLE: Option<&str> = Some(SERVER_PORT);
