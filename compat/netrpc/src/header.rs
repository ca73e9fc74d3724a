//! The value before every argument and every reply (`net/rpc/server.go`: `Request`, `Response`).

use std::sync::LazyLock;

use bytes::Bytes;
use gob::{Decode, Encode, Received, Schema, StructWriter};

/// Comes before an argument.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// `Service.Method`.
    pub service_method: String,
    /// Chosen by the client, counted from 0.
    pub seq: u64,
}

/// Comes before a reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// The request's.
    pub service_method: String,
    /// The request's.
    pub seq: u64,
    /// The method's error; empty for success. After an error the body is a placeholder.
    pub error: String,
}

static REQUEST: LazyLock<Schema> = LazyLock::new(|| {
    Schema::build(|types| {
        let (string, uint) = (types.string(), types.uint());
        types.structure("Request", [("ServiceMethod", string), ("Seq", uint)])
    })
});

static RESPONSE: LazyLock<Schema> = LazyLock::new(|| {
    Schema::build(|types| {
        let (string, uint) = (types.string(), types.uint());
        types.structure("Response", [("ServiceMethod", string), ("Seq", uint), ("Error", string)])
    })
});

static PLACEHOLDER: LazyLock<Schema> = LazyLock::new(|| Schema::build(|types| types.structure("", [])));

impl Encode for Request {
    fn schema(&self) -> &Schema {
        &REQUEST
    }

    fn encode(&self, fields: &mut StructWriter<'_>) {
        RequestRef { service_method: &self.service_method, seq: self.seq }.encode(fields);
    }
}

/// A [`Request`] whose text is somebody else's.
pub(crate) struct RequestRef<'t> {
    pub(crate) service_method: &'t str,
    pub(crate) seq: u64,
}

impl Encode for RequestRef<'_> {
    fn schema(&self) -> &Schema {
        &REQUEST
    }

    fn encode(&self, fields: &mut StructWriter<'_>) {
        fields.bytes(0, self.service_method.as_bytes());
        fields.uint(1, self.seq);
    }
}

impl Decode for Request {
    fn decode(value: Received<'_>, _: &Bytes) -> Result<Request, gob::Error> {
        let mut request = Request::default();
        value.with_any_of(&["ServiceMethod", "Seq"], "Request")?.structure(|name, field| match name {
            "ServiceMethod" => field.string().map(|text| request.service_method = text),
            "Seq" => field.uint().map(|seq| request.seq = seq),
            _ => field.skip(),
        })?;
        Ok(request)
    }
}

impl Encode for Response {
    fn schema(&self) -> &Schema {
        &RESPONSE
    }

    fn encode(&self, fields: &mut StructWriter<'_>) {
        let Response { service_method, seq, error } = self;
        ResponseRef { service_method, seq: *seq, error }.encode(fields);
    }
}

/// A [`Response`] whose texts are somebody else's.
pub(crate) struct ResponseRef<'t> {
    pub(crate) service_method: &'t str,
    pub(crate) seq: u64,
    pub(crate) error: &'t str,
}

impl Encode for ResponseRef<'_> {
    fn schema(&self) -> &Schema {
        &RESPONSE
    }

    fn encode(&self, fields: &mut StructWriter<'_>) {
        fields.bytes(0, self.service_method.as_bytes());
        fields.uint(1, self.seq);
        fields.bytes(2, self.error.as_bytes());
    }
}

impl Response {
    pub(crate) const FIELDS: [&str; 3] = ["ServiceMethod", "Seq", "Error"];
}

impl Decode for Response {
    fn decode(value: Received<'_>, _: &Bytes) -> Result<Response, gob::Error> {
        let mut response = Response::default();
        value.with_any_of(&Response::FIELDS, "Response")?.structure(|name, field| match name {
            "ServiceMethod" => field.string().map(|text| response.service_method = text),
            "Seq" => field.uint().map(|seq| response.seq = seq),
            "Error" => field.string().map(|text| response.error = text),
            _ => field.skip(),
        })?;
        Ok(response)
    }
}

/// The body of an error: Go's `struct{}{}`, of a type without a name.
#[derive(Debug, Clone, Copy)]
pub struct Placeholder;

impl Encode for Placeholder {
    fn schema(&self) -> &Schema {
        &PLACEHOLDER
    }

    fn encode(&self, _: &mut StructWriter<'_>) {}
}
