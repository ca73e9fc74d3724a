//! The legacy door: Go's net/rpc between a runtime and a go1.x handler.
//!
//! | file | knows |
//! | --- | --- |
//! | `messages` | Go's structs, field for field |
//! | `convert` | an invocation as an `InvokeRequest`; an `InvokeResponse` as payload or failure |
//! | `workers` | the children that serve invocations, together a `Handler` |
//! | `worker` | one of them, and its replacement |
//! | `connection` | a ready process and the connection to it |
//! | `arriving` | an event on its way to the handler |
//! | `passing` | a long answer on its way to the platform, never whole in memory |
//! | `readiness` | from a started child to one that answered its first ping |
//! | `diagnosis` | what to say of one that does not |
//! | `overdue` | when an invocation's time is over |
//! | `port` | a free port for it |
//! | `probe` | whether somebody listens there yet |
//! | `last_words` | what one says that ends at once |
//! | `process` | starting, signalling and reaping the child |
//! | `sockets` | which process listens on a port, from `/proc` |
//! | `ticks` | a timer that is finer than tokio's |
//! | `function` | a `Handler` served as `Function`, as a go1.x program serves itself |

mod arriving;
mod connection;
mod convert;
mod diagnosis;
mod function;
mod last_words;
mod messages;
#[cfg(test)]
mod messages_golden;
mod overdue;
mod passing;
mod port;
mod probe;
mod process;
mod readiness;
mod sockets;
mod ticks;
mod worker;
mod workers;

use crate::start::SERVER_PORT;

pub use function::{Listener, serve};
pub use workers::Workers;

/// Set by the go1.x runtime: the port on which a handler has to listen.
pub const VARIABLE: Option<&str> = Some(SERVER_PORT);
