//! Go's `net/rpc` with its default codec, gob: a client and a server over any tokio stream.
//!
//! A call is two gob values on one connection, a [`header::Request`] and the argument; its answer is a
//! [`header::Response`] and the reply. Calls overlap freely and replies come in any order, matched by
//! their sequence number.
//!
//! ```
//! use gob::Gob;
//! use netrpc::{Client, Error, Server, Service};
//! use serde::{Deserialize, Serialize};
//!
//! /// `type Args struct { A, B int }`
//! #[derive(Serialize, Deserialize, Gob)]
//! #[serde(rename_all = "PascalCase")]
//! struct Args {
//!     a: isize,
//!     b: isize,
//! }
//!
//! /// `type Quotient struct { Quo, Rem int }`
//! #[derive(Serialize, Deserialize, Gob)]
//! #[serde(rename_all = "PascalCase")]
//! struct Quotient {
//!     quo: isize,
//!     rem: isize,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let arith = Service::new()
//!     .method_typed("Multiply", async |args: Args| Ok(args.a * args.b))
//!     .method_typed("Divide", async |Args { a, b }: Args| match b {
//!         0 => Err("divide by zero".into()),
//!         _ => Ok(Quotient { quo: a / b, rem: a % b }),
//!     });
//! let server = Server::new().service("Arith", arith)?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addr()?;
//! tokio::spawn(async move { server.serve(listener).await });
//!
//! let client = Client::connect(address).await?;
//! let product: isize = client.call_typed("Arith.Multiply", &Args { a: 7, b: 8 }).await?;
//! assert_eq!(product, 56);
//! let quotient: Quotient = client.call_typed("Arith.Divide", &Args { a: 17, b: 5 }).await?;
//! assert_eq!((quotient.quo, quotient.rem), (3, 2));
//!
//! // A method's error is told from a connection's.
//! let error = client.call_typed::<Quotient>("Arith.Divide", &Args { a: 17, b: 0 }).await.err();
//! assert!(matches!(error, Some(Error::Server(text)) if text == "divide by zero"));
//! # Ok(()) }
//! ```
//!
//! In Go, the same server is `rpc.Register(new(Arith))`, and the same client `rpc.Dial("tcp", address)`: either end may be
//! the other's.
//!
//! # Two ways to call
//!
//! | for | argument, reply | client | server |
//! | --- | --- | --- | --- |
//! | ordinary types, any that gob knows | `#[derive(Serialize, Deserialize, Gob)]` | [`Client::call_typed`] | [`Server::method_typed`] |
//! | fixed messages in a hurry, payloads not copied | [`gob::Encode`], [`gob::Decode`] | [`Client::call`], [`Client::call_with`], [`Client::call_streamed`] | [`Server::method`], [`Reply::with_payload`] |
//!
//! # Ways to connect
//!
//! | Go | client | server |
//! | --- | --- | --- |
//! | `rpc.Dial("tcp", …)`, `rpc.Accept` | [`Client::connect`] | [`Server::serve`] a `TcpListener` |
//! | `rpc.Dial("unix", …)`, `rpc.Accept` | [`Client::connect_unix`] | [`Server::serve`] a `UnixListener` |
//! | `rpc.DialHTTP`, `rpc.HandleHTTP` | [`Client::connect_http`], [`Client::over_http`] | [`Server::serve_http`], [`Server::serve_http_connection`] |
//! | `rpc.NewClient`, `rpc.ServeConn` | [`Client::new`] | [`Server::serve_connection`] |
//!
//! # What a call ends with
//!
//! Every call ends, with a reply or an [`Error`], however its connection does. [`Error::may_have_run`] tells whether
//! calling again may run the method twice.
//!
//! | what happens | Go's error | here |
//! | --- | --- | --- |
//! | the method fails; there is no such service or method; the argument does not fit | `rpc.ServerError` | [`Error::Server`], the same text |
//! | the server closes the connection, dies, or sends no more | `unexpected EOF` | [`Error::UnexpectedEof`]; [`Error::Truncated`] within a message; [`Error::Receive`] if it was reset |
//! | what it sends is no gob, or the reply does not fit | `reading body gob: …` and the like | [`Error::Gob`], and the others' calls too |
//! | the request cannot be written | the system's error | [`Error::Send`] |
//! | the argument cannot be encoded | gob's error | [`Error::Argument`] |
//! | the client is closed meanwhile | `connection is shut down` | [`Error::Closed`] |
//! | the connection had ended before | `rpc.ErrShutdown`: `connection is shut down` | [`Error::Shutdown`] |
//!
//! # What matches Go, and what does not
//!
//! The bytes match, and so do lookup (the last dot parts service and method) and the texts of errors, with these
//! exceptions: where gob names the type that it was sent, Go looks up the name in its own process, and finds another one;
//! of bytes that were damaged, gob may tell another length than Go's; and in a service method what is no UTF-8 is
//! replaced.
//! Otherwise:
//!
//! - **A call can be dropped**, at any time, and nobody else notices. Its request is written to its end first, by the
//!   next call or by a task, if a part of it was; its reply is passed over. Only a payload that comes in pieces, to
//!   [`Client::call_with`], takes the connection with it. Go's calls cannot be given up.
//! - **No task reads replies.** Those who wait for one do, one for all of them. What comes while nobody waits is read by
//!   the next call, before it sends anything. Go reads in a goroutine.
//! - **A long reply can be had as it comes**, with [`Client::call_streamed`]. Go waits until it is whole.
//! - **An argument that gob refuses** is not sent. Go leaves its header behind, and the next call breaks the
//!   connection.
//! - **A reply that gob refuses** is answered as an error. Go closes the connection.
//! - **A method that panics** is answered with an error, `rpc: method Arith.Divide panicked`, and neither its
//!   connection nor another call is touched. Go ends the process, but there a panic may have left a lock taken
//!   or data half written; here it has unwound. A value that panics while it is encoded ends the connection.
//! - **An error without a text** is sent with one. Go sends it as a success.
//! - **Calls are bounded**: by [`CALL_LIMIT`] for a connection, those included whose replies the peer does not take in.
//!   Beyond that nothing is read, and the peer has to wait. Go starts as many as are asked for.
//! - **Connections can be bounded**, by [`Server::connection_limit`]. Calls on more are answered with an error.
//! - **Messages are bounded**, by [`MESSAGE_LIMIT`]. An argument beyond that is passed over as it comes and answered
//!   with an error, and the connection goes on. Nothing is allocated on the word of a length.
//! - **A reply that does not fit** its receiver ends the connection, as in Go: the ends do not agree on what they say.
//! - **Calls go on without their peer**, as in Go: that it is gone shows in their replies, which are dropped. The
//!   future that serves a connection waits for them; dropping it ends them.
//! - **Bytes behind the request for HTTP** are the first of net/rpc. Go's server loses those that came with it.
//! - Not here: other codecs, the default server, and the page at `/debug/rpc`.
//!
//! # Rooms
//!
//! | module | knows |
//! | --- | --- |
//! | [`header`] | the values before arguments and replies |
//! | `framing`, `outgoing` | messages that come in, whole or passed over; bytes that go out, and how many did |
//! | `client`, `link`, `requests`, `replies`, `pending` | one calling end: its doors, who reads and who sends, what is sent, what comes, and who waits |
//! | `streamed` | a reply that is handed out as it comes |
//! | `server`, `service`, `listener` | methods under their names, and where connections come from |
//! | `connection`, `answers` | one connection that is served: what it receives and runs, what it sends |
//! | `http` | the few lines before net/rpc, for both ends |
//!
//! Source: Go's `net/rpc/client.go` and `server.go`; error texts are theirs.

mod answers;
mod client;
mod connection;
mod error;
mod framing;
pub mod header;
mod http;
mod link;
mod listener;
mod outgoing;
mod pending;
mod race;
mod replies;
mod requests;
mod server;
mod service;
mod source;
mod streamed;

pub use client::Client;
pub use error::Error;
pub use http::RPC_PATH;
pub use listener::Listener;
pub use requests::Payload;
pub use server::{CALL_LIMIT, Server};
pub use service::{MethodError, Reply, Service};
pub use streamed::{LongReply, Streamed};

/// Messages of more than so many bytes are refused, on both ends, unless [`Client::with_limit`] or
/// [`Server::message_limit`] say otherwise: 256 MiB.
pub const MESSAGE_LIMIT: usize = 256 * 1024 * 1024;
