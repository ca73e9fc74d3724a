//! The least that a bridge to an unchanged handler can be: one thread, blocking sockets, nothing looked at that need not
//! be, and no answer to anything that goes wrong. It shows what the way over net/rpc costs by itself.

#[path = "../../../../src/rpc/on/messages.rs"]
#[allow(dead_code, reason = "here, messages go one way")]
mod messages;
mod stream;

use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use gob::{Decoder, Encode, Encoder, Schema, StructWriter};
use messages::{InvokeRequest, InvokeResponse, Timestamp};
use stream::{Outcome, Stream};

fn main() -> Outcome<()> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let program = format!("{}/{}", std::env::var("LAMBDA_TASK_ROOT")?, std::env::var("_HANDLER")?);
    let mut handler = Command::new(program).env("_LAMBDA_SERVER_PORT", port.to_string()).spawn()?;
    let rpc = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(_) => std::thread::sleep(Duration::from_micros(200)),
        }
    };
    let api = TcpStream::connect(std::env::var("AWS_LAMBDA_RUNTIME_API")?)?;
    let ended = serve(Stream::new(api)?, Stream::new(rpc)?);
    handler.kill()?;
    ended
}

fn serve(mut api: Stream, mut rpc: Stream) -> Outcome<()> {
    let (mut encoder, mut decoder, mut request) = (Encoder::new(), Decoder::new(), Vec::new());
    for seq in 0.. {
        let head = api.next()?;
        let event = &api.read()[..head.length];
        request.clear();
        encoder.encode(&Header { seq }, &mut request);
        let argument = InvokeRequest {
            payload_length: event.len() as u64,
            request_id: &head.request_id,
            x_amzn_trace_id: &head.trace_id,
            deadline: Timestamp {
                seconds: head.deadline_ms / 1_000,
                nanos: head.deadline_ms % 1_000 * 1_000_000,
            },
            invoked_function_arn: &head.arn,
            ..InvokeRequest::default()
        };
        let at = encoder.encode(&argument, &mut request).map_or(request.len(), |hole| hole.at);
        rpc.write(&[&request[..at], event, &request[at..]])?;
        api.take(head.length);

        // The header, which says that it went well.
        let mut length = message(&mut rpc)?;
        while !decoder.accept(&rpc.read()[..length])? {
            rpc.take(length);
            length = message(&mut rpc)?;
        }
        rpc.take(length);
        // The payload alone, after definitions.
        length = message(&mut rpc)?;
        let payload = loop {
            let body = &rpc.read()[..length];
            match decoder.only_bytes(body, length, InvokeResponse::PAYLOAD) {
                Some(payload) => break payload,
                None if decoder.accept(body)? => return Err("the answer is a failure".into()),
                None => rpc.take(length),
            }
            length = message(&mut rpc)?;
        };
        api.respond(&head.request_id, &rpc.read()[payload])?;
        rpc.take(length);
        api.responded()?;
    }
    Ok(())
}

/// The length of the next message, which is what was read begins with.
fn message(rpc: &mut Stream) -> Outcome<usize> {
    loop {
        match gob::frame(rpc.read())? {
            Some(frame) => {
                rpc.fill(frame.total())?;
                rpc.take(frame.prefix);
                return Ok(frame.length);
            }
            None => rpc.fill(rpc.read().len() + 1)?,
        }
    }
}

/// net/rpc's, of a request.
struct Header {
    seq: u64,
}

static HEADER: LazyLock<Schema> = LazyLock::new(|| {
    Schema::build(|types| {
        let (string, uint) = (types.string(), types.uint());
        types.structure("Request", [("ServiceMethod", string), ("Seq", uint)])
    })
});

impl Encode for Header {
    fn schema(&self) -> &Schema {
        &HEADER
    }

    fn encode(&self, fields: &mut StructWriter<'_>) {
        fields.bytes(0, b"Function.Invoke");
        fields.uint(1, self.seq);
    }
}
