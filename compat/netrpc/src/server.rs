//! The answering end: methods by name, and the doors through which connections come.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use gob::Decode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::listener::{self, Listener};
use crate::service::{Method, MethodError, Reply, Service, fixed, typed};
use crate::{Error, MESSAGE_LIMIT, RPC_PATH, connection, http};

/// As many calls of one connection run at once, unless [`Server::call_limit`] says otherwise.
pub const CALL_LIMIT: u32 = 4096;

/// More than anybody has.
const MOST: u32 = u32::MAX >> 3;

/// So long may a peer that was refused take to close its connection.
const REFUSED_PEER: Duration = Duration::from_secs(5);

/// Methods under their full names, `Service.Method`. Cheap to clone.
///
/// What one connection may take in memory is bounded by the product of two limits alone, [`Server::call_limit`] times
/// [`Server::message_limit`]: each call that runs may hold an argument of that length, and its reply, which has no limit
/// here. By default that is more than most machines have, so lower them where peers are not
/// trusted, and with them [`Server::connection_limit`].
#[derive(Clone)]
pub struct Server {
    methods: Arc<HashMap<String, Method>>,
    message_limit: usize,
    call_limit: u32,
    connection_limit: u32,
    /// What each call is answered with, in a method's place.
    refusal: Option<Arc<str>>,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            methods: Arc::default(),
            message_limit: MESSAGE_LIMIT,
            call_limit: CALL_LIMIT,
            connection_limit: MOST,
            refusal: None,
        }
    }
}

impl Server {
    /// A server without methods.
    pub fn new() -> Server {
        Server::default()
    }

    /// Adds a service. Go's `rpc.RegisterName`; a second one of the same name is [`Error::ServiceDefined`].
    pub fn service(mut self, name: &str, service: Service) -> Result<Server, Error> {
        if self.has_service(name) {
            return Err(Error::ServiceDefined(name.to_owned()));
        }
        let methods = Arc::make_mut(&mut self.methods);
        methods.extend(service.methods.into_iter().map(|(method, call)| (format!("{name}.{method}"), call)));
        Ok(self)
    }

    /// Adds a method on ordinary types, by its full name: `Arith.Divide`. One of the same name is replaced.
    pub fn method_typed<A, R, F>(self, name: &str, method: impl Fn(A) -> F + Send + Sync + 'static) -> Server
    where
        A: gob::Gob + DeserializeOwned,
        R: gob::Gob + Serialize + Send + 'static,
        F: Future<Output = Result<R, MethodError>> + Send + 'static,
    {
        self.with(name, typed(method))
    }

    /// As [`Server::method_typed`], for fixed messages: structs that decode and encode themselves. The text of its
    /// error becomes the response's.
    pub fn method<A, F>(self, name: &str, method: impl Fn(A) -> F + Send + Sync + 'static) -> Server
    where
        A: Decode,
        F: Future<Output = Result<Reply, String>> + Send + 'static,
    {
        self.with(name, fixed(method))
    }

    fn with(mut self, name: &str, method: Method) -> Server {
        Arc::make_mut(&mut self.methods).insert(name.to_owned(), method);
        self
    }

    /// Refuses messages of more than so many bytes: an argument is answered with an error and passed over, a header
    /// ends the connection. [`MESSAGE_LIMIT`] otherwise.
    pub fn message_limit(self, bytes: usize) -> Server {
        Server { message_limit: bytes, ..self }
    }

    /// Lets as many calls of one connection run, or wait for the peer to take their replies, at once: at least one,
    /// and [`CALL_LIMIT`] otherwise. With all of them running, nothing more is read from the connection.
    pub fn call_limit(self, calls: u32) -> Server {
        Server { call_limit: calls.clamp(1, MOST), ..self }
    }

    /// Lets [`Server::serve`] and [`Server::serve_http`] serve as many connections at once: at least one, and any number
    /// otherwise. Calls on one beyond that are answered with an error, `rpc: N connections are open, no more are
    /// served`, for five seconds; then it is closed.
    pub fn connection_limit(self, connections: u32) -> Server {
        Server { connection_limit: connections.clamp(1, MOST), ..self }
    }

    /// Serves one connection until the peer closes it, or sends a header that is none, and all calls have ended.
    /// Calls that are running then still answer, if the connection takes it.
    ///
    /// An unknown method, an argument that does not decode or is too long, a reply that cannot be sent and a method
    /// that panics are answered with an error, and the connection goes on. Calls run at once, in tasks of their own,
    /// and also when the peer is gone, as in Go. Dropping the future closes the connection and drops the calls.
    pub async fn serve_connection(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + 'static,
    ) -> Result<(), Error> {
        let (read, write) = tokio::io::split(stream);
        connection::serve(self, read, BytesMut::new(), write).await
    }

    /// As [`Server::serve_connection`], after the request for it over HTTP, `CONNECT /_goRPC_`. Go's
    /// `rpc.HandleHTTP`; as there, other paths and methods are answered with 404 and `405 must CONNECT`. The future then
    /// ends when the peer closes the connection, or has sent 256 KiB more.
    pub async fn serve_http_connection(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<(), Error> {
        self.serve_http_connection_at(RPC_PATH, stream).await
    }

    /// As [`Server::serve_http_connection`], at another path.
    pub async fn serve_http_connection_at(
        &self,
        path: &str,
        mut stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<(), Error> {
        let Some(buffer) = http::accept(&mut stream, path).await? else {
            return http::pass_over(&mut stream).await;
        };
        let (read, write) = tokio::io::split(stream);
        connection::serve(self, read, buffer, write).await
    }

    /// Accepts connections and serves each in a task of its own, on TCP without Nagle's delay. Go's
    /// `rpc.Server.Accept`, but for ending: that a connection could not be accepted is logged, and the next one is
    /// waited for.
    ///
    /// Dropping the future closes the listener. Connections that were accepted go on until their peers close them.
    /// Needs a runtime with its clock enabled.
    pub async fn serve(&self, listener: impl Listener) -> Infallible {
        listener::accept(self, listener, |server, read, write| async move {
            connection::serve(&server, read, BytesMut::new(), write).await
        })
        .await
    }

    /// As [`Server::serve`], for clients that ask over HTTP: see [`Server::serve_http_connection`]. One that is refused
    /// has five seconds to close its connection.
    pub async fn serve_http(&self, listener: impl Listener) -> Infallible {
        listener::accept(self, listener, |server, mut read, mut write| async move {
            let mut stream = tokio::io::join(&mut read, &mut write);
            let Some(buffer) = http::accept(&mut stream, RPC_PATH).await? else {
                return timeout(REFUSED_PEER, http::pass_over(&mut stream)).await.unwrap_or(Ok(()));
            };
            connection::serve(&server, read, buffer, write).await
        })
        .await
    }

    pub(crate) fn limits(&self) -> (usize, u32) {
        (self.message_limit, self.call_limit)
    }

    pub(crate) fn connections(&self) -> u32 {
        self.connection_limit
    }

    /// For connections beyond the limit: answers all calls with an error.
    pub(crate) fn refusing(&self) -> Server {
        let text = format!("rpc: {} connections are open, no more are served", self.connection_limit);
        Server { refusal: Some(text.into()), ..self.clone() }
    }

    /// The method of a full name; else what Go says about it.
    pub(crate) fn find(&self, name: &str) -> Result<&Method, String> {
        if let Some(text) = &self.refusal {
            return Err(text.to_string());
        }
        let Some((service, _)) = name.rsplit_once('.') else {
            return Err(format!("rpc: service/method request ill-formed: {name}"));
        };
        self.methods.get(name).ok_or_else(|| {
            format!("rpc: can't find {} {name}", if self.has_service(service) { "method" } else { "service" })
        })
    }

    fn has_service(&self, name: &str) -> bool {
        self.methods.keys().any(|key| key.rsplit_once('.').is_some_and(|(service, _)| service == name))
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("methods", &self.methods.keys())
            .field("message_limit", &self.message_limit)
            .field("call_limit", &self.call_limit)
            .field("connection_limit", &self.connection_limit)
            .finish_non_exhaustive()
    }
}
