//! Both ends of the AWS Lambda Runtime API, and the values that cross it.

pub mod contract;
mod failure;
mod invocation;

pub use failure::{FunctionError, StackFrame};
pub use invocation::{Context, Event, EventError, HeaderError, Identity, Invocation, RequestId};

#[cfg(feature = "emulator")]
pub mod emulator;
