//! An internal extension that takes no events. All it is for is that the platform sends SIGTERM before it ends a sandbox
//! that has an extension, as aws-lambda-go's `WithEnableSIGTERM` knows (`lambda/sigterm.go`).

use crate::client::{Client, broke};
use crate::contract::{EVENT_NEXT_PATH, EXTENSIONS_VERSION, REGISTER_PATH, header};
use crate::error::Operation;
use crate::http::{Headers, is_value};
use crate::{Error, HeaderError};

/// An extension that the platform knows. It counts as started once [`Extension::stay`] is polled, and the sandbox's
/// init is not over before that.
#[derive(Debug)]
pub struct Extension {
    client: Client,
    identifier: String,
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
        let body: &[u8] = br#"{"events":[]}"#;
        client.head.begin("POST", [&client.prefix, "/", EXTENSIONS_VERSION, REGISTER_PATH]);
        client.head.header("content-type", "application/json");
        client.head.header(header::EXTENSION_NAME, name);
        client.head.content_length(body.len() as u64);
        let (mut connection, _) = client.send(operation, &[body]).await?;
        let read = |headers: Headers<'_>| {
            let value = std::str::from_utf8(headers.get(header::EXTENSION_IDENTIFIER)?).ok()?;
            is_value(value).then(|| value.to_owned())
        };
        let mut identifier = None;
        let answer = connection.answer_showing(|headers| identifier = read(headers)).await;
        let (status, _) = answer.map_err(broke(operation))?;
        if status != 200 {
            return Err(client.refusal(operation, status, connection).await);
        }
        client.pass_over(operation, connection).await;
        let identifier = identifier.ok_or_else(|| {
            let problem = "is missing".to_owned();
            Error::Header(HeaderError { header: header::EXTENSION_IDENTIFIER, problem, request_id: None })
        })?;
        Ok(Extension { client, identifier })
    }

    /// Waits for an event, which never comes: it returns with the reason why it is no extension any more.
    pub async fn stay(mut self) -> Error {
        let operation = Operation::EventNext;
        self.client.head.begin("GET", [&self.client.prefix, "/", EXTENSIONS_VERSION, EVENT_NEXT_PATH]);
        self.client.head.header(header::EXTENSION_IDENTIFIER, &self.identifier);
        let (mut connection, _) = match self.client.send(operation, &[]).await {
            Ok(sent) => sent,
            Err(error) => return error,
        };
        match connection.answer().await {
            Ok(status) => self.client.refusal(operation, status, connection).await,
            Err(failed) => broke(operation)(failed),
        }
    }
}
