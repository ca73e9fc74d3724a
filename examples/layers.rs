//! Layers of tower around a function: here a limit of one second.

use std::time::Duration;

use go1x::{Error, LambdaEvent, run, service, service_fn};
use serde_json::{Value, json};
use tower::ServiceBuilder;

async fn slow(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let milliseconds = event.payload["ms"].as_u64().unwrap_or_default();
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    Ok(json!({"slept": milliseconds}))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let layered = ServiceBuilder::new().timeout(Duration::from_secs(1)).service(service_fn(slow));
    run(service(layered)).await
}
