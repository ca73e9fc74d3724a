//! Any bytes into either end of a connection: whatever they are, it ends, and what was answered is in order. Shared
//! with the fuzz target.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use gob::{Decode, Encode, Gob, Schema, StructWriter};
use netrpc::header::Response;
use netrpc::{Client, Reply, Server, Streamed};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What takes longer than this for one small stream never ends, or might as well not.
const PATIENCE: Duration = Duration::from_secs(20);

/// Both ends get the same bytes.
pub(crate) fn run(stream: &[u8]) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("no threads are started");
    }
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            tokio::time::timeout(PATIENCE, async {
                into_server(stream).await;
                into_client(stream).await;
            })
            .await
            .unwrap_or_else(|_| panic!("never ends: {}", stream.escape_ascii()));
        });
    });
}

async fn into_server(stream: &[u8]) {
    let (ours, theirs) = tokio::io::duplex(256);
    let (mut read, mut write) = tokio::io::split(ours);
    let server = server();
    let serving = tokio::spawn(async move { server.serve_connection(theirs).await });
    let sending = async {
        // It may have enough before the end.
        _ = write.write_all(stream).await;
        _ = write.shutdown().await;
    };
    let mut answers = Vec::new();
    let (received, ()) = tokio::join!(read.read_to_end(&mut answers), sending);
    received.expect("a pipe");
    _ = serving.await.expect("serving does not panic");
    let mut answers = gob::Reader::new(&answers[..]);
    while let Some(header) = answers.next_value().expect("a stream of ours") {
        Response::decode(header, &Bytes::new()).expect("a response of ours");
        let body = answers.next_value().expect("a stream of ours").expect("a body for each header");
        body.skip().expect("a body of ours");
    }
}

async fn into_client(stream: &[u8]) {
    let (ours, mut theirs) = tokio::io::duplex(1 << 12);
    let client = Client::new(ours);
    let sending = async {
        // It may have enough before the end.
        _ = theirs.write_all(stream).await;
        drop(theirs);
    };
    let argument = Any::Text("text".to_owned());
    let in_parts = async {
        let payload = &mut None::<Bytes>;
        let call = client.call_streamed::<Whatever>("Function.Invoke", &Whatever, payload, "Payload");
        if let Ok(Streamed::Long(mut reply)) = call.await {
            while let Some(Ok(_)) = reply.chunk().await {}
        }
    };
    let ((), first, second, third, ()) = tokio::join!(
        in_parts,
        client.call::<Whatever>("Function.Whatever", &Whatever),
        client.call_typed::<Box<Node>>("Text.Split", &argument),
        client.call_typed::<BTreeMap<String, isize>>("Text.Count", &argument),
        sending
    );
    _ = (first, second, third);
    client.closed().await;
}

/// Methods of the names that recorded connections have, and of many types.
fn server() -> Server {
    Server::new()
        .call_limit(4)
        .method("Function.Ping", async |Whatever| Ok(Reply::new(Whatever)))
        .method("Function.Invoke", async |Whatever| Ok(Reply::new(Whatever)))
        .method_typed("Text.Len", async |text: String| Ok(text.len() as isize))
        .method_typed("Text.Split", async |node: Box<Node>| Ok(node))
        .method_typed("Text.Count", async |list: Vec<Option<Any>>| Ok(list))
        .method_typed("Text.Fail", async |text: String| Err::<(), _>(text.into()))
        .method_typed("Text.Zero", async |map: BTreeMap<String, i8>| Ok(map))
        .method_typed("Text.Maybe", async |number: i64| Ok(vec![Some(number), None])) // which cannot be sent
}

#[derive(Serialize, Deserialize, Gob)]
#[serde(rename_all = "PascalCase")]
struct Node {
    payload: Bytes,
    request_id: String,
    any: Option<Any>,
    next: Option<Box<Node>>,
}

#[derive(Serialize, Deserialize, Gob)]
#[gob(interface, name = "")]
enum Any {
    #[serde(rename = "string")]
    Text(String),
    #[serde(rename = "main.Node")]
    Node(Box<Node>),
}

/// A struct that takes everything, and has nothing to send.
struct Whatever;

impl Decode for Whatever {
    fn decode(value: gob::Received<'_>, _: &Bytes) -> Result<Whatever, gob::Error> {
        value.skip().map(|()| Whatever)
    }
}

impl Encode for Whatever {
    fn schema(&self) -> &Schema {
        netrpc::header::Placeholder.schema()
    }

    fn encode(&self, _: &mut StructWriter<'_>) {}
}
