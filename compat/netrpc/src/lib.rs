//! Go's `net/rpc` with its default codec, gob: a client and a server over any tokio stream.
//!
//! A call is two gob values on one connection, a [`header::Request`] and the argument; its answer is a
//! [`header::Response`] and the reply. Calls overlap freely and replies come in any order, matched by
//! their sequence number.
//!
//! ```
//! use std::sync::LazyLock;
//!
//! use bytes::Bytes;
//! use gob::{Decode, Encode, Received, Schema, StructWriter};
//! use netrpc::{Client, Reply, Server};
//!
//! /// `type Args struct { A, B int }`; the reply happens to have the same shape.
//! struct Args(i64, i64);
//!
//! static ARGS: LazyLock<Schema> = LazyLock::new(|| {
//!     Schema::build(|types| {
//!         let int = types.int();
//!         types.structure("Args", [("A", int), ("B", int)])
//!     })
//! });
//!
//! impl Encode for Args {
//!     fn schema(&self) -> &Schema {
//!         &ARGS
//!     }
//!     fn encode(&self, fields: &mut StructWriter<'_>) {
//!         fields.int(0, self.0);
//!         fields.int(1, self.1);
//!     }
//! }
//!
//! impl Decode for Args {
//!     fn decode(value: Received<'_>, _: &Bytes) -> Result<Args, gob::Error> {
//!         let mut args = Args(0, 0);
//!         value.structure(|name, field| match name {
//!             "A" => field.int().map(|a| args.0 = a),
//!             "B" => field.int().map(|b| args.1 = b),
//!             _ => field.skip(),
//!         })?;
//!         Ok(args)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), netrpc::Error> {
//! let server = Server::new().method("Arith.Swap", |args: Args| async move {
//!     if args.1 == 0 { Err("divide by zero".to_owned()) } else { Ok(Reply::new(Args(args.1, args.0))) }
//! });
//! let (ours, theirs) = tokio::io::duplex(4096);
//! tokio::spawn(async move { server.serve_connection(theirs).await });
//!
//! let client = Client::new(ours);
//! let swapped: Args = client.call("Arith.Swap", &Args(1, 2)).await?;
//! assert_eq!((swapped.0, swapped.1), (2, 1));
//!
//! // What a method returns as its error is a value that the caller can tell from a broken connection.
//! let error = client.call::<Args>("Arith.Swap", &Args(1, 0)).await.err().expect("the method fails");
//! assert!(matches!(error, netrpc::Error::Server(text) if text == "divide by zero"));
//! # Ok(()) }
//! ```
//!
//! Source: Go's `net/rpc/client.go` and `server.go`; error texts are theirs.

mod client;
mod connection;
mod error;
mod framing;
pub mod header;
mod http;
mod listener;
mod outgoing;
mod pending;
mod race;
mod replies;
mod requests;
mod server;
mod service;

pub use client::Client;
pub use error::Error;
pub use http::RPC_PATH;
pub use listener::Listener;
pub use requests::Payload;
pub use server::{CALL_LIMIT, Server};
pub use service::{MethodError, Reply, Service};

/// Messages of more than so many bytes are refused, on both ends, unless [`Client::with_limit`] or
/// [`Server::message_limit`] say otherwise: 256 MiB.
pub const MESSAGE_LIMIT: usize = 256 * 1024 * 1024;
