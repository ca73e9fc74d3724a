//! Both ends of the AWS Lambda Runtime API, and the values that cross it.

mod client;
pub mod contract;
mod error;
mod failure;
mod invocation;

pub use client::Client;
pub use error::{Error, Operation};
pub use failure::{FunctionError, StackFrame};
pub use invocation::{Context, Event, EventError, HeaderError, Identity, Invocation, RequestId};

#[cfg(feature = "emulator")]
pub mod emulator;
