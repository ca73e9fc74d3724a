//! Runs unchanged go1.x Lambda functions on `provided.al2` and `provided.al2023`, and Rust functions through
//! the same doors.
//!
//! A Rust function is a handler and one line:
//!
//! ```no_run
//! use go1x::{Error, LambdaEvent, run, service_fn};
//! use serde_json::{Value, json};
//!
//! async fn greet(event: LambdaEvent<Value>) -> Result<Value, Error> {
//!     let name = event.payload["name"].as_str().ok_or("a name is missing")?;
//!     Ok(json!({"greeting": format!("Hello, {name}")}))
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Error> {
//!     run(service_fn(greet)).await
//! }
//! ```
//!
//! | a handler from | takes | answers |
//! | --- | --- | --- |
//! | [`service_fn`] | [`LambdaEvent<T>`](LambdaEvent), read from JSON | what becomes JSON, or a [`StreamResponse`] |
//! | [`handler_fn`] | the event's bytes and the [`Context`] | bytes, or a streamed [`Payload`] |
//! | [`service()`] | what a tower service takes that has a typed event | as [`service_fn`] |
//! | [`Handler`], by hand | the [`Invocation`], whose event may still arrive | a [`Payload`] |
//!
//! The names of typed handlers are those of AWS's `lambda_runtime`: `run`, `service_fn`, `LambdaEvent`, `Context`,
//! `Error`, `StreamResponse`, `streaming::channel`.
//!
//! [`start`] and [`run`] find out how it is to be served: over go1.x's net/rpc socket, or by the Runtime API.
//! [`bootstrap`] is the program of the same name, which makes a handler out of a go1.x program and serves
//! that.

pub mod bootstrap;
mod error;
mod failure;
mod handler;
mod invoke_loop;
mod log;
mod panic;
mod plan;
pub mod rpc;
pub mod runtime;
mod service;
mod start;
mod stop;
mod stream;

pub use bytes::Bytes;
pub use error::{Error, RuntimeError};
pub use failure::failure;
pub use handler::{Handler, HandlerFn, handler_fn};
pub use log::{LogFormat, timestamp};
pub use plan::Plan;
pub use runtime_api::{
    ByteString, ClientApplication, ClientContext, Context, Event, FunctionError, Identity, Invocation,
    Payload, Prelude, RequestId, StackFrame, payload,
};
pub use service::{IntoPayload, LambdaEvent, ServiceFn, ServiceHandler, service, service_fn};
pub use start::{run, start};
pub use stream::{MetadataPrelude, StreamResponse, streaming};
