//! Methods: what a request's argument becomes, and what goes back.

use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use gob::{Decode, Encode, Encoder, Gob, Hole, Received};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a method has no reply: any error, or a text. Its text goes to the caller, as [`Error::Server`].
///
/// [`Error::Server`]: crate::Error::Server
pub type MethodError = Box<dyn std::error::Error + Send + Sync>;

/// Methods under their names, for [`Server::service`](crate::Server::service).
#[derive(Clone, Default)]
pub struct Service {
    pub(crate) methods: HashMap<String, Method>,
}

/// Reads an argument; the call itself comes after that.
pub(crate) type Method = Arc<dyn Fn(Received<'_>, &Bytes) -> Result<Call, gob::Error> + Send + Sync>;
pub(crate) type Call = Pin<Box<dyn Future<Output = Result<Reply, String>> + Send>>;

impl Service {
    /// A service without methods.
    pub fn new() -> Service {
        Service::default()
    }

    /// Adds a method: see [`Server::method`](crate::Server::method). One of the same name is replaced.
    pub fn method<A, F>(mut self, name: &str, method: impl Fn(A) -> F + Send + Sync + 'static) -> Service
    where
        A: Decode,
        F: Future<Output = Result<Reply, String>> + Send + 'static,
    {
        self.methods.insert(name.to_owned(), fixed(method));
        self
    }

    /// Adds a method: see [`Server::method_typed`](crate::Server::method_typed). One of the same name is replaced.
    pub fn method_typed<A, R, F>(
        mut self,
        name: &str,
        method: impl Fn(A) -> F + Send + Sync + 'static,
    ) -> Service
    where
        A: Gob + DeserializeOwned,
        R: Gob + Serialize + Send + 'static,
        F: Future<Output = Result<R, MethodError>> + Send + 'static,
    {
        self.methods.insert(name.to_owned(), typed(method));
        self
    }
}

pub(crate) fn fixed<A, F>(method: impl Fn(A) -> F + Send + Sync + 'static) -> Method
where
    A: Decode,
    F: Future<Output = Result<Reply, String>> + Send + 'static,
{
    Arc::new(move |value, message| {
        let call = method(A::decode(value, message)?);
        Ok(Box::pin(call))
    })
}

pub(crate) fn typed<A, R, F>(method: impl Fn(A) -> F + Send + Sync + 'static) -> Method
where
    A: Gob + DeserializeOwned,
    R: Gob + Serialize + Send + 'static,
    F: Future<Output = Result<R, MethodError>> + Send + 'static,
{
    Arc::new(move |value, _| {
        let call = method(value.deserialize()?);
        Ok(Box::pin(async move { call.await.map(Reply::typed).map_err(text) }))
    })
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// What a method answers. Its value is dropped when it was sent, or could not be.
pub struct Reply {
    value: Box<dyn Value>,
    payload: Bytes,
}

impl Reply {
    /// A struct that encodes itself.
    pub fn new(value: impl Encode + Send + 'static) -> Reply {
        Reply::with_payload(value, Bytes::new())
    }

    /// A struct with a [`gob::Hole`] that the payload fills, without being copied. One that does not fit is answered
    /// as the method's error.
    pub fn with_payload(value: impl Encode + Send + 'static, payload: Bytes) -> Reply {
        Reply { value: Box::new(Fixed(value)), payload }
    }

    /// A value of any type that gob knows. One that it cannot send is answered as the method's error.
    pub fn typed(value: impl Gob + Serialize + Send + 'static) -> Reply {
        Reply { value: Box::new(Typed(value)), payload: Bytes::new() }
    }

    /// Appends it to what is sent. The payload belongs into the hole.
    pub(crate) fn write(
        &self,
        encoder: &mut Encoder,
        buffer: &mut Vec<u8>,
    ) -> Result<(Option<Hole>, Bytes), String> {
        let hole = self.value.write(encoder, buffer).map_err(text)?;
        match hole.map_or(0, |hole| hole.length) == self.payload.len() as u64 {
            true => Ok((hole, self.payload.clone())),
            false => Err("the payload does not fit the reply's hole".to_owned()),
        }
    }
}

trait Value: Send {
    fn write(&self, encoder: &mut Encoder, buffer: &mut Vec<u8>) -> Result<Option<Hole>, gob::Error>;
}

struct Fixed<T>(T);

impl<T: Encode + Send> Value for Fixed<T> {
    fn write(&self, encoder: &mut Encoder, buffer: &mut Vec<u8>) -> Result<Option<Hole>, gob::Error> {
        Ok(encoder.encode(&self.0, buffer))
    }
}

struct Typed<T>(T);

impl<T: Gob + Serialize + Send> Value for Typed<T> {
    fn write(&self, encoder: &mut Encoder, buffer: &mut Vec<u8>) -> Result<Option<Hole>, gob::Error> {
        encoder.serialize(&self.0, buffer).map(|()| None)
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("methods", &self.methods.keys()).finish()
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("payload", &self.payload.len()).finish_non_exhaustive()
    }
}
