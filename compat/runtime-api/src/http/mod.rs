//! HTTP/1.1 as far as a runtime needs it: one kept connection, one request after the other. httparse reads heads.
//!
//! A general client costs several microseconds for each request (tasks, channels, maps of headers), twice for each
//! invocation, which is more than all the rest of what happens here takes: hence one of our own.
//!
//! | file | knows |
//! | --- | --- |
//! | `connection` | the socket: what goes out, what has come, and whether another request can follow |
//! | `request` | how a request's head is written |
//! | `response` | what a response's head says, and how its body is framed |
//! | `incoming` | a body's pieces: with a length, in chunked coding, up to the end of the connection |
//!
//! Source: RFC 9112.

mod connection;
mod incoming;
mod request;
mod response;

pub(crate) use connection::{Connection, Failed};
pub(crate) use request::{RequestHead, is_value};
pub(crate) use response::{Headers, is_name};
