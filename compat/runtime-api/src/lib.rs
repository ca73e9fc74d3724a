//! Both ends of the AWS Lambda Runtime API, and the values that cross it.
//!
//! ```
//! use runtime_api::emulator::{Emulator, Settings};
//! use runtime_api::{Client, FunctionError};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The platform's end. On AWS, its address is in AWS_LAMBDA_RUNTIME_API.
//! let emulator = Emulator::start(Settings::default()).await?;
//! let caller = tokio::spawn({
//!     let emulator = emulator.clone();
//!     async move { emulator.invoke(r#"{"name":"Ada"}"#).await }
//! });
//!
//! // The runtime's end: one invocation, which fails.
//! let mut client = Client::new(emulator.runtime_api())?;
//! let invocation = client.next().await?;
//! assert_eq!(invocation.event.bytes().await?, r#"{"name":"Ada"}"#);
//! let failure = FunctionError::new("NoSuchUser", "Ada is not here");
//! client.fail(&invocation.context.request_id, &failure).await?;
//!
//! let outcome = caller.await?;
//! assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
//! assert_eq!(outcome.payload, r#"{"errorMessage":"Ada is not here","errorType":"NoSuchUser"}"#);
//! # Ok(()) }
//! ```
//!
//! | module | knows |
//! | --- | --- |
//! | [`contract`] | routes, header names, limits and error types: what AWS fixed |
//! | `invocation` | an event with its metadata: [`Invocation`], [`Context`], [`Event`] |
//! | `client_context` | what a mobile SDK says of the app that calls: [`ClientContext`] |
//! | [`payload`] | what a function answers, whole or as it is made: [`Payload`] |
//! | `channel` | a payload that is filled from elsewhere: [`payload::channel`] |
//! | `failure` | what a function reports when it fails: [`FunctionError`] |
//! | `attempt` | which attempt of a request is being answered |
//! | `client` | the runtime's end: one kept connection, one write for each request |
//! | `sending` | a payload that goes out piece by piece |
//! | `lent` | the connection while an event is still read from it |
//! | `extension` | an extension without events, for the sake of SIGTERM |
//! | `trailers` | what is told of a failure in headers, and behind a streamed response |
//! | `http` | HTTP/1.1 as far as a runtime needs it |
//! | `emulator` | the platform's end, behind the feature of that name |

mod channel;
mod client;
mod client_context;
pub mod contract;
mod error;
mod extension;
mod failure;
mod http;
mod invocation;
mod lent;
pub mod payload;
mod sending;
mod trailers;

pub use bytestring::ByteString;
pub use client::{Answered, Client};
pub use client_context::{ClientApplication, ClientContext};
pub use error::{Error, Operation};
pub use extension::Extension;
pub use failure::{FunctionError, StackFrame};
pub use invocation::{Context, Event, EventError, HeaderError, Identity, Invocation, RequestId};
pub use payload::{Payload, Prelude};

#[cfg(feature = "emulator")]
pub mod emulator;
