//! What calls cost in memory, by an allocator that counts: one call after the other nothing at all, and a long reply
//! that is taken as it comes no more than its parts.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::alloc::System;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::LazyLock;
use std::thread;

use bytes::Bytes;
use cap::Cap;
use gob::wire::Cursor;
use gob::{Decode, Encode, Encoder, Received, Schema, StructWriter};
use netrpc::header::Response;
use netrpc::{Client, Streamed};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const LONG: usize = 64 << 20;

// One test, because the allocator is everybody's.
#[test]
fn calls_cost_no_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let client = Client::connect(serve()).await.unwrap();
        let payload = Bytes::from(vec![b'x'; 1_000]);
        let call = async || {
            let argument = Blob(payload.len() as u64);
            let mut event = Some(payload.clone());
            let reply = client.call_with::<Payload>("Function.Invoke", &argument, &mut event).await.unwrap();
            assert_eq!(reply.0.len(), 1_000);
            drop(reply); // it is a part of what was read
            // As it may come in parts, but does not.
            let mut event = Some(payload.clone());
            let reply =
                client.call_streamed("Function.Invoke", &argument, &mut event, "Payload").await.unwrap();
            assert!(matches!(reply, Streamed::Whole(Payload(bytes)) if bytes.len() == 1_000));
        };
        // With the first ones definitions are sent, and buffers grow. And the test's harness may be at work beside them.
        let mut costs = Vec::with_capacity(10);
        for _ in 0..10 {
            let before = ALLOCATOR.total_allocated();
            for _ in 0..100 {
                call().await;
            }
            costs.push(ALLOCATOR.total_allocated() - before);
        }
        assert!(costs.contains(&0), "{costs:?}");

        let before = ALLOCATOR.total_allocated();
        let (argument, event) = (Blob(1), &mut Some(payload.slice(..1)));
        let reply =
            client.call_streamed::<Payload>("Function.Long", &argument, event, "Payload").await.unwrap();
        let Streamed::Long(mut reply) = reply else { panic!("whole") };
        let mut length = 0;
        while let Some(chunk) = reply.chunk().await {
            length += chunk.unwrap().len();
        }
        assert_eq!(length, LONG);
        let allocated = ALLOCATOR.total_allocated() - before;
        assert!(allocated <= 140 * 1024, "{allocated}");
    });
}

/// A server that allocates nothing either, in a thread of its own. Its replies are as long as the arguments, but for one.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut encoder, mut reply) = (Encoder::new(), Vec::new());
        let mut header = Response::default();
        let (mut buffer, mut length) = ([0; 4096], 0);
        let zeros = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer[length..]) {
            length += count;
            let (mut rest, mut values, mut bytes) = (&buffer[..length], 0, 0);
            while let Some(frame) = gob::frame(rest).unwrap().filter(|frame| frame.total() <= rest.len()) {
                values += usize::from(Cursor::new(frame.message(rest)).int().unwrap() > 0);
                bytes = frame.length;
                rest = frame.after(rest);
            }
            if values < 2 {
                continue; // the rest is on its way
            }
            length = 0;
            let payload = if bytes < 1_000 { LONG } else { 1_000 };
            reply.clear();
            encoder.encode(&header, &mut reply);
            let hole = encoder.encode(&Blob(payload as u64), &mut reply).unwrap();
            reply.truncate(hole.at);
            header.seq += 1;
            // A short reply in one piece, so that it is read in one.
            for at in (0..payload).step_by(zeros.len()) {
                reply.extend_from_slice(&zeros[..zeros.len().min(payload - at)]);
                if payload == LONG {
                    stream.write_all(&reply).unwrap();
                    reply.clear();
                }
            }
            reply.push(0); // which ends the struct
            stream.write_all(&reply).unwrap();
        }
    });
    address
}

/// `type Blob struct { Payload []byte }`, sent with a hole for so many bytes.
struct Blob(u64);

/// The same, received.
struct Payload(Bytes);

static BLOB: LazyLock<Schema> = LazyLock::new(|| {
    Schema::build(|types| {
        let bytes = types.bytes();
        types.structure("Blob", [("Payload", bytes)])
    })
});

impl Encode for Blob {
    fn schema(&self) -> &Schema {
        &BLOB
    }

    fn encode(&self, fields: &mut StructWriter<'_>) {
        fields.hole(0, self.0);
    }
}

impl Decode for Payload {
    fn decode(value: Received<'_>, message: &Bytes) -> Result<Payload, gob::Error> {
        let mut payload = Bytes::new();
        value.structure(|_, field| field.shared_bytes(message).map(|bytes| payload = bytes))?;
        Ok(Payload(payload))
    }
}
