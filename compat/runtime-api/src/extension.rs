//! An internal extension that takes no events. All it is for is that the platform sends SIGTERM before it ends a sandbox
//! that has an extension, as aws-lambda-go's `WithEnableSIGTERM` knows (`lambda/sigterm.go`).

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode};

use crate::client::{Client, refusal};
use crate::contract::{EVENT_NEXT_PATH, EXTENSIONS_VERSION, REGISTER_PATH, header};
use crate::error::Operation;
use crate::{Error, HeaderError};

/// An extension that the platform knows. It counts as started once [`Extension::stay`] is polled, and the sandbox's
/// init is not over before that.
#[derive(Debug)]
pub struct Extension {
    client: Client,
    identifier: HeaderValue,
}

impl Extension {
    /// Registers an extension by this name, on a connection of its own. The platform takes it until the runtime's
    /// first `next`.
    ///
    /// # Errors
    /// If the API has no extensions, or does not take this one.
    pub async fn register(runtime: &Client, name: &'static str) -> Result<Extension, Error> {
        let operation = Operation::Register;
        let mut client = runtime.another();
        let path = format!("{}/{EXTENSIONS_VERSION}{REGISTER_PATH}", client.prefix);
        let mut request = client.request(Method::POST, &path, Bytes::from_static(br#"{"events":[]}"#));
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::EXTENSION_NAME, HeaderValue::from_static(name));
        let response = client.send(operation, request).await?;
        if response.status() != StatusCode::OK {
            return Err(refusal(operation, response).await);
        }
        let identifier = response.headers().get(header::EXTENSION_IDENTIFIER).cloned().ok_or_else(|| {
            let problem = "is missing".to_owned();
            Error::Header(HeaderError { header: header::EXTENSION_IDENTIFIER, problem, request_id: None })
        })?;
        Ok(Extension { client, identifier })
    }

    /// Waits for an event, which never comes: it returns with the reason why it is no extension any more.
    pub async fn stay(mut self) -> Error {
        let operation = Operation::EventNext;
        let path = format!("{}/{EXTENSIONS_VERSION}{EVENT_NEXT_PATH}", self.client.prefix);
        let mut request = self.client.request(Method::GET, &path, Bytes::new());
        request.headers_mut().insert(header::EXTENSION_IDENTIFIER, self.identifier);
        match self.client.send(operation, request).await {
            Ok(response) => refusal(operation, response).await,
            Err(error) => error,
        }
    }
}
