//! Connections that real Go recorded: our client against Go's replies, our server against Go's requests.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gob::{
    Decode, Decoder, Encode, ErrorKind, FieldInfo, Fields, Kind, Received, Schema, SchemaBuilder,
    StructWriter, TypeRef, Width,
};
use netrpc::header::Response;
use netrpc::{Client, Error, Reply, Server};
use serde_json::Value as Json;
use support::{Case, content, next_message};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::Notify;

#[path = "../../gob/tests/support/mod.rs"]
mod support;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gob/tests/golden");

/// Far more than any of this takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Calls that end with an error of the client's own gob, which names less than Go's: kind and start are checked.
const WORDED_OTHERWISE: &[(&str, &str)] =
    &[("lambda_wrong_reply", "Go names the receiver's type and field, which are not known here")];

/// Connections that our server cannot answer in Go's words.
const NOT_SERVED: &[(&str, &str)] = &[
    ("lambda_exit_mid_call", "the server's process dies"),
    ("lambda_wrong_argument", "Go names the receiver's type and field; see the test below"),
];

#[tokio::test]
async fn the_client_sees_what_gos_client_saw() {
    let connections = connections();
    let played = connections.iter().filter(|connection| !connection.requests.list("calls").is_empty());
    assert_eq!(played.clone().count(), 27);
    for connection in played {
        tokio::time::timeout(PATIENCE, play_client(connection)).await.expect(&connection.name);
    }
}

async fn play_client(connection: &Connection) {
    let name = &*connection.name;
    let (ours, theirs) = tokio::io::duplex(4096);
    let replies = exchanges(&connection.replies.stream);
    let at_once = connection.out_of_order();
    let peer = tokio::spawn(peer(theirs, replies.iter().map(|reply| reply.bytes.clone()).collect(), at_once));

    let client = Client::new(ours);
    let arguments = connection.arguments();
    let calls = connection.requests.list("calls");
    let call = async |seq: usize| {
        let method = calls[seq]["serviceMethod"].as_str().unwrap();
        // An argument that was never sent, or that is no struct, is none of the reply's business.
        let argument = arguments.get(seq).and_then(|argument| argument.as_ref().ok());
        let argument = argument.unwrap_or(&Recorded::EMPTY);
        if name == "lambda_wrong_reply" && seq == 0 {
            return client.call::<TextPayload>(method, argument).await.map(|TextPayload| Bytes::new());
        }
        client.call::<Raw>(method, argument).await.map(|Raw(message)| message)
    };
    let mut outcomes = Vec::new();
    if at_once {
        let (first, second) = tokio::join!(call(0), call(1));
        outcomes.extend([first, second]);
    } else {
        for (seq, recorded) in calls.iter().enumerate() {
            if recorded["error"] == "connection is shut down" {
                client.closed().await; // which Go's client had slept for
            }
            outcomes.push(call(seq).await);
        }
    }
    drop(client);
    let sent = peer.await.unwrap();

    for (seq, outcome) in outcomes.iter().enumerate() {
        let expected = calls[seq]["error"].as_str().unwrap_or_default();
        match outcome {
            Ok(body) => {
                assert_eq!(expected, "", "{name}, call {seq}");
                let reply = replies.iter().find(|reply| reply.header().seq == seq as u64).unwrap();
                assert_eq!(*body, reply.body.clone().unwrap(), "{name}, call {seq}");
            }
            Err(error) => {
                let text = error.source().map_or(error.to_string(), |source| format!("{error} {source}"));
                if WORDED_OTHERWISE.iter().any(|(excepted, _)| *excepted == name) && seq == 0 {
                    assert_ne!(text, expected, "{name} needs no exception");
                    assert!(text.starts_with("reading body gob: "), "{name}: {text}");
                    let Error::Gob { source, .. } = error else { panic!("{name}: {error:?}") };
                    assert_eq!(source.kind(), ErrorKind::TypeMismatch, "{name}");
                } else {
                    assert_eq!(text, expected, "{name}, call {seq}");
                }
            }
        }
    }
    if arguments.iter().any(Result::is_err) {
        return; // others were sent in their place
    }
    // Our client numbers its types as Go 1.19 does; what it sends is then the same to the byte.
    let first = connection.requests.index["firstId"].as_i64().unwrap();
    assert!(first != 65 || sent == connection.requests.stream, "{name}");
    if let Err(text) = support::compare(&sent, connection.requests.list("wire"), 65 - first) {
        panic!("{name}: {text}");
    }
}

/// Answers each request with the next reply, or all at the second one, and closes when it has none left.
async fn peer(mut stream: DuplexStream, replies: Vec<Vec<u8>>, at_once: bool) -> Vec<u8> {
    let mut received = Vec::new();
    let mut replies = replies.into_iter();
    let mut answered = 0;
    while stream.read_buf(&mut received).await.unwrap() > 0 {
        let requests = exchanges(&received).iter().filter(|exchange| exchange.body.is_some()).count();
        if at_once && requests < 2 {
            continue;
        }
        while answered < requests {
            let Some(reply) = replies.next() else { return received };
            stream.write_all(&reply).await.unwrap();
            answered += 1;
        }
    }
    received
}

#[tokio::test]
async fn the_server_answers_what_gos_server_answered() {
    let connections = connections();
    assert_eq!(connections.len(), 33);
    for (name, _) in NOT_SERVED {
        assert!(connections.iter().any(|connection| connection.name == *name), "there is no {name}");
    }
    for connection in &connections {
        if NOT_SERVED.iter().any(|(name, _)| *name == connection.name) {
            continue;
        }
        let name = &connection.name;
        let server = connection.server();
        let (answered, ended) =
            tokio::time::timeout(PATIENCE, play_server(connection, server)).await.expect(name);
        let (recorded, wire) = (&connection.replies.stream, connection.replies.list("wire"));
        if recorded.is_empty() {
            // Garbage, or another value in a header's place.
            assert!(answered.is_empty(), "{name}");
            assert!(matches!(ended, Err(Error::Gob { reading: "header", .. })), "{name}: {ended:?}");
            continue;
        }
        assert!(ended.is_ok(), "{name}: {ended:?}");
        let first = connection.replies.index["firstId"].as_i64().unwrap();
        if first == 65 {
            // Our server numbers its types as Go 1.19 does.
            assert!(answered == *recorded, "{name}");
        }
        if let Err(text) = support::compare(&answered, wire, 65 - first) {
            panic!("{name}: {text}");
        }
    }
}

/// Sends the recorded requests, and gives all that comes back and how serving ended.
async fn play_server(connection: &Connection, server: Server) -> (Vec<u8>, Result<(), Error>) {
    let (mut ours, theirs) = tokio::io::duplex(4096);
    let serving = tokio::spawn(async move { server.serve_connection(theirs).await });
    let mut answered = Vec::new();
    if connection.replies.stream.is_empty() {
        // Closing is up to the server; that may be before it has read everything.
        match ours.write_all(&connection.requests.stream).await {
            Ok(()) => {}
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::BrokenPipe),
        }
    } else {
        let requests = exchanges(&connection.requests.stream);
        for (number, request) in requests.iter().enumerate() {
            ours.write_all(&request.bytes).await.unwrap();
            if request.body.is_none() || (connection.out_of_order() && number == 0) {
                continue; // nothing to wait for yet
            }
            while exchanges(&answered).iter().filter(|reply| reply.body.is_some()).count() <= number {
                if ours.read_buf(&mut answered).await.unwrap() == 0 {
                    break; // and the comparison will fail
                }
            }
        }
        ours.shutdown().await.unwrap();
    }
    ours.read_to_end(&mut answered).await.unwrap();
    (answered, serving.await.unwrap())
}

#[tokio::test]
async fn an_argument_of_the_wrong_type_is_answered_and_the_connection_goes_on() {
    let connections = connections();
    let connection =
        connections.iter().find(|connection| connection.name == "lambda_wrong_argument").unwrap();
    let (answered, ended) = play_server(connection, connection.server()).await;
    assert!(ended.is_ok());
    let (ours, gos) = (exchanges(&answered), exchanges(&connection.replies.stream));
    assert_eq!(ours.len(), gos.len());
    for (our, go) in ours.iter().zip(&gos) {
        let (our, go) = (our.header(), go.header());
        assert_eq!((our.seq, our.service_method), (go.seq, go.service_method));
        assert_eq!(our.error.starts_with("gob: "), go.error.starts_with("gob: "), "{}", our.error);
        assert!(our.error != go.error || go.error.is_empty(), "no exception is needed");
    }
}

/// Arguments that are no structs, sent through serde.
#[tokio::test]
async fn typed_calls_are_sent_as_go_sends_them() {
    let connections = connections();
    let connection = connections.iter().find(|connection| connection.name == "rpc_text_service").unwrap();
    let (ours, theirs) = tokio::io::duplex(4096);
    let replies = exchanges(&connection.replies.stream).into_iter().map(|reply| reply.bytes).collect();
    let peer = tokio::spawn(peer(theirs, replies, false));
    let client = Client::new(ours);
    let text = |outcome: Result<String, Error>| outcome.unwrap_err().to_string();
    let length: isize = client.call_typed("Text.Len", "").await.unwrap();
    assert_eq!(length, 0);
    let parts: Vec<String> = client.call_typed("Text.Split", "a b").await.unwrap();
    assert_eq!(parts, ["a b", ""]);
    let count: BTreeMap<String, isize> = client.call_typed("Text.Count", &["x", "y"][..]).await.unwrap();
    assert_eq!(count, BTreeMap::from([("n".to_owned(), 2)]));
    assert_eq!(text(client.call_typed("Text.Fail", "on purpose").await), "on purpose");
    let unknown = "rpc: can't find method Text.TooMany";
    assert_eq!(text(client.call_typed("Text.TooMany", "x").await), unknown);
    let () = client.call_typed("Text.Zero", "z").await.unwrap();
    let () = client.call_typed("Text.Maybe", &5_isize).await.unwrap();
    drop(client);
    let first = connection.requests.index["firstId"].as_i64().unwrap();
    let compared = support::compare(&peer.await.unwrap(), connection.requests.list("wire"), 65 - first);
    assert_eq!(compared, Ok(()));
}

/// Both directions of a recorded connection.
struct Connection {
    name: String,
    requests: Case,
    replies: Case,
}

fn connections() -> Vec<Connection> {
    let mut cases: HashMap<String, Case> =
        support::cases(FOLDER).into_iter().map(|case| (case.name.clone(), case)).collect();
    let mut names: Vec<String> =
        cases.keys().filter_map(|name| name.strip_suffix(".c2s").map(str::to_owned)).collect();
    names.sort();
    let mut take = |name: String| cases.remove(&name).unwrap();
    let connection = |name: String| Connection {
        requests: take(format!("{name}.c2s")),
        replies: take(format!("{name}.s2c")),
        name,
    };
    names.into_iter().map(connection).collect()
}

impl Connection {
    fn out_of_order(&self) -> bool {
        self.name.ends_with("lambda_out_of_order")
    }

    /// The arguments in the order of their sequence numbers.
    fn arguments(&self) -> Vec<Result<Recorded, String>> {
        let values = self.requests.list("encode");
        let mut schemas = HashMap::new();
        values.chunks(2).map(|call| Recorded::new(&self.requests, &call[1], &mut schemas)).collect()
    }

    /// A server whose methods answer as Go's did.
    fn server(&self) -> Server {
        let sent = |case: &Case| -> Vec<Json> { case.list("encode").to_vec() };
        let replies = sent(&self.replies);
        let mut schemas = HashMap::new();
        let mut answers = HashMap::new();
        for call in sent(&self.requests).chunks(2) {
            let Some(reply) =
                replies.chunks(2).find(|reply| reply[0]["value"]["Seq"] == call[0]["value"]["Seq"])
            else {
                continue;
            };
            if call[0]["value"]["ServiceMethod"] != "Function.Invoke" {
                continue;
            }
            let argument = content(&call[1]["value"]["Payload"], true);
            let answer = match reply[0]["value"]["Error"].as_str().unwrap() {
                "" => Ok(Recorded::new(&self.replies, &reply[1], &mut schemas).unwrap()),
                text => Err(text.to_owned()),
            };
            answers.insert(argument, answer);
        }
        let (answers, fast) = (Arc::new(answers), Arc::new(Notify::new()));
        let ping_response = json(r#"{"kind": "struct", "name": "PingResponse"}"#);
        let pong = json(&format!(r#"{{"type": {ping_response}, "value": {{}}}}"#));
        let pong = Recorded::new(&self.replies, &pong, &mut HashMap::new()).unwrap();
        self.with_text(Server::new())
            .method("Function.Invoke", move |Payload(payload)| {
                let (answers, fast) = (answers.clone(), fast.clone());
                async move {
                    match &*payload {
                        b"slow" => fast.notified().await,
                        b"fast" => fast.notify_one(),
                        _ => {}
                    }
                    answers[&*payload].clone().map(Reply::new)
                }
            })
            .method("Function.Ping", move |Discarded| {
                let pong = pong.clone();
                async move { Ok(Reply::new(pong)) }
            })
    }
}

impl Connection {
    /// Adds the services that have other arguments and replies than structs.
    fn with_text(&self, server: Server) -> Server {
        let recorded = |method: &str| {
            let sent = self.replies.list("encode");
            let sent = sent.chunks(2).find(|reply| reply[0]["value"]["ServiceMethod"] == method);
            sent.map(|reply| Recorded::new(&self.replies, &reply[1], &mut HashMap::new()).unwrap())
        };
        let server = server
            .method_typed("Text.Len", async |text: String| Ok(text.len() as isize))
            .method_typed("a.b.C.Len", async |text: String| Ok(text.len() as isize))
            .method_typed("Text.Split", async |text: String| Ok([text, String::new()].to_vec()))
            .method_typed("Text.Count", async |list: Vec<String>| {
                Ok(BTreeMap::from([("n".to_owned(), list.len() as isize)]))
            })
            .method_typed("Text.Fail", async |text: String| Err::<String, _>(text.into()));
        ["Text.Zero", "Text.Maybe"].into_iter().fold(server, |server, name| match recorded(name) {
            None => server,
            Some(reply) => {
                server.method(name, move |Discarded| std::future::ready(Ok(Reply::new(reply.clone()))))
            }
        })
    }
}

/// One call's messages in one direction.
struct Exchange {
    bytes: Vec<u8>,
    header: Response,
    /// The body's message, if it is there.
    body: Option<Bytes>,
}

impl Exchange {
    /// For either direction: a request is a response without an error.
    fn header(&self) -> Response {
        self.header.clone()
    }
}

/// Parts a stream after each body. What is no gob at all counts as a value.
fn exchanges(stream: &[u8]) -> Vec<Exchange> {
    let mut decoder = Decoder::new();
    let mut rest = stream;
    let mut found: Vec<Exchange> = Vec::new();
    let mut start = 0;
    while let Ok(Some(message)) = next_message(&mut rest) {
        let message = Bytes::copy_from_slice(message);
        let header = match decoder.message(&message) {
            Ok(None) => continue,
            Ok(Some(value)) => Response::decode(value, &message).ok(),
            Err(_) => None,
        };
        let end = stream.len() - rest.len();
        match found.last_mut() {
            Some(exchange) if exchange.body.is_none() => {
                exchange.body = Some(message);
                exchange.bytes.extend_from_slice(&stream[start..end]);
            }
            _ => {
                let bytes = stream[start..end].to_vec();
                found.push(Exchange { bytes, header: header.unwrap_or_default(), body: None });
            }
        }
        start = end;
    }
    found
}

/// Any reply, kept as it came.
struct Raw(Bytes);

impl Decode for Raw {
    fn decode(value: Received<'_>, message: &Bytes) -> Result<Raw, gob::Error> {
        value.skip().map(|()| Raw(message.clone()))
    }
}

/// Any argument; it only has to be well-formed.
struct Discarded;

impl Decode for Discarded {
    fn decode(value: Received<'_>, _: &Bytes) -> Result<Discarded, gob::Error> {
        value.skip().map(|()| Discarded)
    }
}

/// What matters of an `InvokeRequest` here.
struct Payload(Bytes);

impl Decode for Payload {
    fn decode(value: Received<'_>, message: &Bytes) -> Result<Payload, gob::Error> {
        let mut payload = Bytes::new();
        value.structure(|name, field| match name {
            "Payload" => field.shared_bytes(message).map(|bytes| payload = bytes),
            _ => field.skip(),
        })?;
        Ok(Payload(payload))
    }
}

/// A reply that nobody sends: `struct { Payload string }`.
struct TextPayload;

impl Decode for TextPayload {
    fn decode(value: Received<'_>, _: &Bytes) -> Result<TextPayload, gob::Error> {
        value.structure(|_, field| field.string().map(|_| ()))?;
        Ok(TextPayload)
    }
}

/// A struct that Go sent, of the type that it had there.
#[derive(Clone)]
struct Recorded {
    schema: Option<Arc<Schema>>,
    fields: Json,
    types: Json,
    value: Json,
}

impl Recorded {
    /// A struct without fields.
    const EMPTY: Recorded =
        Recorded { schema: None, fields: Json::Null, types: Json::Null, value: Json::Null };

    /// One schema serves all values of a type, as one Go type would.
    fn new(case: &Case, sent: &Json, schemas: &mut HashMap<String, Arc<Schema>>) -> Result<Recorded, String> {
        let types = &case.index["types"];
        let of = resolve(types, &sent["type"]);
        if of["kind"] != "struct" || !can_be_sent(types, of) {
            return Err(format!("cannot be sent yet: {of}"));
        }
        let build = || Arc::new(Schema::build(|schema| add(schema, types, of)));
        let schema = schemas.entry(of.to_string()).or_insert_with(build).clone();
        let (fields, value) = (of["fields"].clone(), sent["value"].clone());
        Ok(Recorded { schema: Some(schema), fields, types: types.clone(), value })
    }
}

impl Encode for Recorded {
    fn schema(&self) -> &Schema {
        self.schema.as_deref().unwrap_or_else(|| netrpc::header::Placeholder.schema())
    }

    fn encode(&self, fields: &mut StructWriter<'_>) {
        write(fields, &self.types, &self.fields, &self.value);
    }
}

fn add(schema: &mut SchemaBuilder, types: &Json, of: &Json) -> TypeRef {
    let of = resolve(types, of);
    let kind = match of["kind"].as_str().unwrap() {
        "bool" => Kind::Bool,
        "int" | "int32" | "int64" => Kind::Int(Width::Word),
        "uint64" => Kind::Uint(Width::Word),
        "string" => Kind::String,
        "bytes" => Kind::Bytes,
        "ptr" => Kind::Pointer(add(schema, types, &of["elem"])),
        "slice" => Kind::Slice(add(schema, types, &of["elem"])),
        "struct" => {
            let field = |schema: &mut SchemaBuilder, field: &Json| FieldInfo {
                name: field["name"].as_str().unwrap().into(),
                ty: add(schema, types, &field["type"]),
                embedded: false,
            };
            let sent = list(&of["fields"]).iter().map(|it| field(schema, it)).collect();
            let kind = Kind::Struct(Fields { sent, ..Fields::default() });
            match of["name"].as_str() {
                None => kind,
                Some(name) => return schema.named(of["go"].as_str().unwrap_or(name), |_, _| kind),
            }
        }
        kind => panic!("no schema for {kind}"),
    };
    schema.add(kind)
}

/// Whether there are schemas for the type and all its parts.
fn can_be_sent(types: &Json, of: &Json) -> bool {
    let of = resolve(types, of);
    match of["kind"].as_str().unwrap() {
        "map" | "interface" => false,
        "ptr" | "slice" => can_be_sent(types, &of["elem"]),
        _ => list(&of["fields"]).iter().all(|field| can_be_sent(types, &field["type"])),
    }
}

fn write(out: &mut StructWriter<'_>, types: &Json, fields: &Json, value: &Json) {
    for (number, field) in (0..).zip(list(fields)) {
        let (of, value) = (resolve(types, &field["type"]), &value[field["name"].as_str().unwrap()]);
        match of["kind"].as_str().unwrap() {
            "bool" => out.bool(number, value.as_bool().unwrap()),
            "int" | "int32" | "int64" => out.int(number, value.as_str().unwrap().parse().unwrap()),
            "uint64" => out.uint(number, value.as_str().unwrap().parse().unwrap()),
            "string" => out.bytes(number, &content(value, false)),
            "bytes" => out.bytes(number, &content(value, true)),
            "struct" => out.structure(number, |out| write(out, types, &of["fields"], value)),
            "ptr" if value.is_null() => {}
            "ptr" => {
                let fields = &resolve(types, &of["elem"])["fields"];
                out.structure(number, |out| write(out, types, fields, &value["ptr"]));
            }
            "slice" => {
                let fields = &resolve(types, &of["elem"]["elem"])["fields"];
                out.slice(number, list(value).len(), |out| {
                    for element in list(value) {
                        out.structure(|out| write(out, types, fields, &element["ptr"]));
                    }
                });
            }
            kind => panic!("cannot write {kind}"),
        }
    }
}

fn resolve<'j>(types: &'j Json, of: &'j Json) -> &'j Json {
    of["ref"].as_str().map_or(of, |key| &types[key])
}

fn list(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}
