//! An echo on the library go1x: the event's bytes as they are, through whichever door it is asked for.

use bytes::Bytes;
use go1x::{Context, Error, handler_fn, run};

async fn echo(event: Bytes, _: Context) -> Result<Bytes, Error> {
    Ok(event)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(handler_fn(echo)).await
}
