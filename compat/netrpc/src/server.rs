//! The answering end of a connection: methods by name, calls run at once, replies in any order.

use std::collections::HashMap;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use gob::{Decode, Decoder, Encode, Encoder, Received};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Mutex;
use tracing::{debug, trace};

use crate::Error;
use crate::framing::{MessageReader, write_all};
use crate::header::{Placeholder, Request, Response};

/// Requests with longer messages than this are refused.
const MESSAGE_LIMIT: usize = 256 * 1024 * 1024;

/// Methods under their full names, `Service.Method`. Cheap to clone.
#[derive(Clone, Default)]
pub struct Server {
    methods: Arc<HashMap<String, Method>>,
}

type Method = Arc<dyn Fn(Received<'_>, &Bytes) -> Result<Call, gob::Error> + Send + Sync>;
type Call = Pin<Box<dyn Future<Output = Result<Reply, String>> + Send>>;

/// What a method answers.
pub struct Reply {
    value: Box<dyn Encode + Send + Sync>,
    payload: Bytes,
}

impl Reply {
    /// A value that is encoded whole.
    pub fn new(value: impl Encode + Send + Sync + 'static) -> Reply {
        Reply::with_payload(value, Bytes::new())
    }

    /// A value with a [`gob::Hole`] that the payload fills, without being copied.
    pub fn with_payload(value: impl Encode + Send + Sync + 'static, payload: Bytes) -> Reply {
        Reply { value: Box::new(value), payload }
    }
}

impl Server {
    /// A server without methods.
    pub fn new() -> Server {
        Server::default()
    }

    /// Adds a method. The text of its error becomes the response's; an empty one would be a success, as in Go.
    pub fn method<A, F>(mut self, name: &str, method: impl Fn(A) -> F + Send + Sync + 'static) -> Server
    where
        A: Decode,
        F: Future<Output = Result<Reply, String>> + Send + 'static,
    {
        let method: Method = Arc::new(move |value, message| {
            let call = method(A::decode(value, message)?);
            Ok(Box::pin(call))
        });
        match Arc::get_mut(&mut self.methods) {
            Some(methods) => _ = methods.insert(name.to_owned(), method),
            None => {
                let mut methods = HashMap::clone(&self.methods);
                methods.insert(name.to_owned(), method);
                self.methods = Arc::new(methods);
            }
        }
        self
    }

    /// Serves one connection until the peer closes it, or sends a header that is none. Calls that are running
    /// then still answer, if the connection takes it.
    ///
    /// An unknown method and a body that does not decode are answered with an error, and the connection goes on.
    pub async fn serve_connection(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + 'static,
    ) -> Result<(), Error> {
        let (read, write) = tokio::io::split(stream);
        let mut reader = MessageReader::new(read, MESSAGE_LIMIT);
        let mut decoder = Decoder::new();
        let writer =
            Arc::new(Mutex::new(Writer { stream: write, encoder: Encoder::new(), buffer: Vec::new() }));
        while let Some(request) = read_header(&mut reader, &mut decoder).await? {
            let call = self.read_body(&request, &mut reader, &mut decoder).await?;
            trace!(service_method = request.service_method, seq = request.seq, "request");
            let writer = writer.clone();
            tokio::spawn(async move {
                let outcome = match call {
                    Ok(call) => call.await,
                    Err(text) => Err(text),
                };
                if let Err(error) = writer.lock().await.send(request, outcome).await {
                    debug!(%error, "the reply was not sent");
                }
            });
        }
        Ok(())
    }

    /// Reads the argument and finds the method; a text in place of the call is the error to answer with.
    async fn read_body(
        &self,
        request: &Request,
        reader: &mut MessageReader<impl AsyncRead + Unpin>,
        decoder: &mut Decoder,
    ) -> Result<Result<Call, String>, Error> {
        let method = self.find(&request.service_method);
        loop {
            // Where the peer half-closes instead of sending a body, Go answers with its reader's error.
            let Some(message) = reader.next().await? else { return Ok(Err("EOF".into())) };
            return Ok(match (decoder.message(&message), &method) {
                (Ok(None), _) => continue, // a definition
                (Ok(Some(value)), Ok(method)) => method(value, &message).map_err(|error| error.to_string()),
                (Err(error), Ok(_)) => Err(error.to_string()),
                (_, Err(text)) => Err(text.clone()),
            });
        }
    }

    fn find(&self, name: &str) -> Result<&Method, String> {
        let Some((service, _)) = name.rsplit_once('.') else {
            return Err(format!("rpc: service/method request ill-formed: {name}"));
        };
        self.methods.get(name).ok_or_else(|| {
            let known =
                self.methods.keys().any(|key| key.rsplit_once('.').is_some_and(|(part, _)| part == service));
            format!("rpc: can't find {} {name}", if known { "method" } else { "service" })
        })
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("methods", &self.methods.keys()).finish()
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("payload", &self.payload.len()).finish_non_exhaustive()
    }
}

async fn read_header(
    reader: &mut MessageReader<impl AsyncRead + Unpin>,
    decoder: &mut Decoder,
) -> Result<Option<Request>, Error> {
    let failed = |source| Error::Gob { reading: "header", source };
    loop {
        let Some(message) = reader.next().await? else { return Ok(None) };
        if let Some(value) = decoder.message(&message).map_err(failed)? {
            return Request::decode(value, &message).map(Some).map_err(failed);
        }
    }
}

struct Writer<W> {
    stream: W,
    encoder: Encoder,
    buffer: Vec<u8>,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    async fn send(&mut self, request: Request, outcome: Result<Reply, String>) -> io::Result<()> {
        let Request { service_method, seq } = request;
        self.buffer.clear();
        let reply = outcome.unwrap_or_else(|text| {
            let response = Response { service_method: service_method.clone(), seq, error: text };
            self.encoder.encode(&response, &mut self.buffer);
            Reply::new(Placeholder)
        });
        if self.buffer.is_empty() {
            self.encoder.encode(&Response { service_method, seq, error: String::new() }, &mut self.buffer);
        }
        let hole = self.encoder.encode(&*reply.value, &mut self.buffer);
        let (head, tail) = self.buffer.split_at(hole.map_or(self.buffer.len(), |hole| hole.at));
        if hole.map_or(0, |hole| hole.length) != reply.payload.len() as u64 {
            // Sent like this, it would be no gob stream any more.
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the payload does not fit the reply's hole",
            ));
        }
        write_all(&mut self.stream, &mut [head, &reply.payload, tail].map(IoSlice::new)).await?;
        self.stream.flush().await
    }
}
