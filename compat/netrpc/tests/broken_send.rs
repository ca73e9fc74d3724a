//! A request that cannot be sent to its end: the connection is lost, but not a reply that has come, and the peer is told.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::io;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use gob::{Decode, Encode, Received, Schema, StructWriter};
use netrpc::header::Response;
use netrpc::{Client, Error, Payload};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// An argument that is a hole of so many bytes.
struct Blob(u64);

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

#[derive(Debug)]
struct Anything;

impl Decode for Anything {
    fn decode(value: Received<'_>, _: &Bytes) -> Result<Anything, gob::Error> {
        value.skip().map(|()| Anything)
    }
}

/// One piece, and then a failure.
struct BreaksOff(bool);

impl Payload for BreaksOff {
    async fn chunk(&mut self) -> Option<io::Result<Bytes>> {
        let begun = std::mem::replace(&mut self.0, true);
        Some(if begun { Err(io::Error::other("gone")) } else { Ok(vec![b'x'; 200_000].into()) })
    }
}

#[tokio::test]
async fn the_peer_hears_that_the_rest_will_not_come() {
    let (ours, mut theirs) = tokio::io::duplex(1 << 20);
    let client = Client::new(ours);
    let error = client.call_with::<Anything>("A.B", &Blob(1 << 20), &mut BreaksOff(false)).await.unwrap_err();
    assert!(matches!(error, Error::Payload(_)), "{error:?}");
    let mut all = Vec::new();
    // While the client is still there.
    let ended = tokio::time::timeout(Duration::from_secs(60), theirs.read_to_end(&mut all)).await;
    ended.expect("the connection ends").unwrap();
    assert!(client.call::<Anything>("A.B", &Blob(0)).await.is_err());
}

#[tokio::test]
async fn a_reply_that_has_come_is_not_lost_with_the_next_request() {
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    let client = Arc::new(Client::new(ours));
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.call_typed::<i64>("A.B", &1_i64).await }
    });
    assert_ne!(theirs.read(&mut [0; 64]).await.unwrap(), 0);
    let (mut encoder, mut reply) = (gob::Encoder::new(), Vec::new());
    let header = Response { service_method: "A.B".into(), seq: 0, error: String::new() };
    encoder.encode(&header, &mut reply);
    encoder.serialize(&7_i64, &mut reply).unwrap();
    // The peer answers and goes away, and nobody has looked yet.
    {
        let written = pin!(theirs.write_all(&reply));
        assert!(written.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
    drop(theirs);
    assert!(client.call_typed::<i64>("A.B", &2_i64).await.is_err());
    assert_eq!(first.await.unwrap().unwrap(), 7);
}
