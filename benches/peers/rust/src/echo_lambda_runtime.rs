//! The same echo on AWS's `lambda_runtime`. It knows no events of bytes alone: the least that it does is to read the event
//! as JSON without making anything of it.

use lambda_runtime::{Error, LambdaEvent, run_concurrent, service_fn};
use serde_json::value::RawValue;

async fn echo(event: LambdaEvent<Box<RawValue>>) -> Result<Box<RawValue>, Error> {
    Ok(event.payload)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // One after the other, as `run` does, unless the sandbox is one of managed instances.
    run_concurrent(service_fn(echo)).await
}
