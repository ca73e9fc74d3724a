//! An external extension on AWS's own crate `lambda-extension`, which notes what it is told; `tests/extensions.rs` puts
//! it beside the bridge.
//!
//! Each is a line in the file that `EXTENSION_NOTES` names: `INIT <function> <port>` once it is registered,
//! `INVOKE <request id>`, and `SHUTDOWN <reason> <milliseconds left>`, after which it ends. On the port it tells whoever
//! connects that this is the `extension`, as others listen there for their agents in the function.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use lambda_extension::{Error, Extension, LambdaEvent, NextEvent, service_fn};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let extension =
        Extension::new().with_events(&["INVOKE", "SHUTDOWN"]).with_events_processor(service_fn(told));
    let extension = extension.register().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    note(&format!("INIT {} {port}", extension.function_name))?;
    tokio::spawn(serve(listener));
    extension.run().await
}

async fn told(event: LambdaEvent) -> Result<(), Error> {
    match event.next {
        NextEvent::Invoke(invoke) => note(&format!("INVOKE {}", invoke.request_id)),
        NextEvent::Shutdown(shutdown) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
            let left = u128::from(shutdown.deadline_ms).saturating_sub(now);
            note(&format!("SHUTDOWN {} {left}", shutdown.shutdown_reason))?;
            std::process::exit(0)
        }
    }
}

async fn serve(listener: TcpListener) -> Result<(), std::io::Error> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.write_all(b"extension").await?;
    }
}

/// A line goes out in one piece, so that a reader never sees half of it.
fn note(line: &str) -> Result<(), Error> {
    let path = std::env::var("EXTENSION_NOTES")?;
    let mut notes = OpenOptions::new().create(true).append(true).open(path)?;
    Ok(notes.write_all(format!("{line}\n").as_bytes())?)
}
