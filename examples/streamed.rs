//! A response that goes out line by line, as it is made, with status and headers for a function URL.

use std::time::Duration;

use go1x::{Error, LambdaEvent, MetadataPrelude, StreamResponse, run, service_fn, streaming};
use serde::Deserialize;

#[derive(Deserialize)]
struct Count {
    to: u32,
}

async fn count(event: LambdaEvent<Count>) -> Result<streaming::Response, Error> {
    let (sender, body) = streaming::channel();
    tokio::spawn(async move {
        for number in 1..=event.payload.to {
            sender.send(format!("{number}\n").into()).await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok::<(), Error>(())
    });
    let headers = [("content-type".to_owned(), "text/plain".to_owned())].into();
    let prelude = MetadataPrelude { status_code: 200, headers, cookies: Vec::new() };
    Ok(StreamResponse { metadata_prelude: Some(prelude), stream: body })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(count)).await
}
