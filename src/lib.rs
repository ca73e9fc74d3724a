//! Runs unchanged go1.x Lambda functions on `provided.al2` and `provided.al2023`, and Rust functions through
//! the same doors.
//!
//! A Rust function is a handler and one line:
//!
//! ```no_run
//! use go1x::{Bytes, Context, handler_fn, start};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     // It serves until something stops it, which is an error then.
//!     let Err(error) = start(handler_fn(|event: Bytes, _: Context| async move { Ok(event) })).await;
//!     eprintln!("error: {error}");
//!     std::process::exit(1);
//! }
//! ```
//!
//! [`start`] finds out how it is to be served: over go1.x's net/rpc socket, or by the Runtime API.
//! [`bootstrap`] is the program of the same name, which makes a handler out of a go1.x program and serves
//! that.

pub mod bootstrap;
mod error;
mod handler;
pub mod invoke_loop;
pub mod rpc;
mod start;

pub use bytes::Bytes;
pub use error::Error;
pub use handler::{Handler, HandlerFn, handler_fn};
pub use runtime_api::{Context, Event, FunctionError, Invocation, StackFrame};
pub use start::start;
