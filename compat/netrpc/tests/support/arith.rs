//! The services of the Go program `arith`, and its scripts, in Rust: both print what Go's would.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use gob::Gob;
use netrpc::{Client, Error, Server, Service};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinSet;

#[derive(Serialize, Deserialize, Gob, Debug, Default)]
#[serde(rename_all = "PascalCase")]
#[gob(package = "main")]
pub(crate) struct Args {
    a: isize,
    b: isize,
}

#[derive(Serialize, Deserialize, Gob)]
#[serde(rename_all = "PascalCase")]
#[gob(package = "main")]
struct Quotient {
    quo: isize,
    rem: isize,
}

#[derive(Serialize, Deserialize, Gob)]
#[serde(rename_all = "PascalCase")]
struct Late {
    n: u64,
    micros: isize,
}

#[derive(Serialize, Deserialize, Gob)]
#[serde(rename_all = "PascalCase")]
struct Node {
    name: String,
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
}

/// `struct { Value any }`.
#[derive(Serialize, Deserialize, Gob)]
#[serde(rename_all = "PascalCase")]
struct Box_ {
    value: Option<Any>,
}

#[derive(Serialize, Deserialize, Gob)]
#[gob(interface, name = "")]
enum Any {
    #[serde(rename = "string")]
    Text(String),
    #[serde(rename = "int")]
    Int(isize),
}

#[derive(Serialize, Deserialize, Gob)]
struct Empty {}

/// The same services as Go's.
pub(crate) fn server() -> Server {
    let (hang, hanging) = watch::channel(0);
    let hang = Arc::new(hang);
    let arith = Service::new()
        .method_typed("Multiply", async |args: Args| Ok(args.a * args.b))
        .method_typed("Divide", async |Args { a, b }: Args| {
            if b == 0 {
                return Err("divide by zero".into());
            }
            Ok(Quotient { quo: a / b, rem: a % b })
        })
        .method_typed("Fail", async |text: String| Err::<isize, _>(text.into()))
        .method_typed("Square", async |Late { n, micros }: Late| {
            tokio::time::sleep(Duration::from_micros(micros as u64)).await;
            Ok(n * n)
        })
        .method_typed("Hang", move |_: isize| {
            let hang = hang.clone();
            async move {
                hang.send_modify(|count| *count += 1);
                std::future::pending::<Result<isize, netrpc::MethodError>>().await
            }
        })
        .method_typed("Hanging", move |count: isize| {
            let mut hanging = hanging.clone();
            async move { Ok(*hanging.wait_for(|hanging| *hanging >= count).await?) }
        })
        .method_typed("Refused", async |_: Empty| Ok(vec![None::<isize>]));
    let server = Server::new().service("Arith", arith).unwrap();
    server.service("Kinds", kinds()).unwrap().service("a.b.C", kinds()).unwrap()
}

fn kinds() -> Service {
    Service::new()
        .method_typed("Bool", async |flag: bool| Ok(!flag))
        .method_typed("Text", async |text: String| Ok(text.to_uppercase()))
        .method_typed("Small", async |number: u8| Ok(-((number / 2) as i8)))
        .method_typed("Sum", async |numbers: Vec<f64>| Ok(numbers.iter().sum::<f64>() + 0.0))
        .method_typed("Swap", async |[a, b]: [i16; 2]| Ok([b, a]))
        .method_typed("Invert", async |map: BTreeMap<String, isize>| {
            Ok(map.into_iter().map(|(key, value)| (value, key)).collect::<BTreeMap<isize, String>>())
        })
        .method_typed("Next", async |number: isize| Ok(number + 1))
        .method_typed("Mirror", async |node: Node| Ok(mirror(node)))
        .method_typed("Any", async |it: Box_| Ok(it))
        .method_typed("Nothing", async |it: Empty| Ok(it))
        .method_typed("Length", async |bytes: bytes::Bytes| {
            match bytes.iter().zip(0..).find(|(byte, at)| **byte != pattern(*at)) {
                Some((byte, at)) => Err(format!("byte {at} is {byte}").into()),
                None => Ok(bytes.len()).map(|length| length as isize),
            }
        })
        .method_typed("Bytes", async |count: isize| Ok(bytes(count as usize)))
}

fn mirror(node: Node) -> Node {
    let side = |node: Option<Box<Node>>| node.map(|node| Box::new(mirror(*node)));
    Node { name: node.name, left: side(node.right), right: side(node.left) }
}

fn pattern(at: usize) -> u8 {
    (at * 7 + (at >> 8)) as u8
}

fn bytes(count: usize) -> bytes::Bytes {
    (0..count).map(pattern).collect()
}

/// What a script has said.
pub(crate) struct Said<'c> {
    client: &'c Client,
    lines: String,
}

impl<'c> Said<'c> {
    fn new(client: &'c Client) -> Said<'c> {
        Said { client, lines: String::new() }
    }

    fn say<R: Serialize>(&mut self, name: &str, outcome: Result<R, Error>) {
        let text = match outcome {
            Ok(reply) => serde_json::to_string(&reply).unwrap(),
            Err(Error::Server(text)) => format!("server error {text}"),
            Err(error) => match std::error::Error::source(&error) {
                Some(source) => format!("error {error} {source}"),
                None => format!("error {error}"),
            },
        };
        writeln!(self.lines, "{name}: {text}").unwrap();
    }

    async fn call<R>(&mut self, name: &str, argument: &(impl Gob + Serialize + Sync + ?Sized))
    where
        R: Gob + Serialize + DeserializeOwned + Send + 'static,
    {
        let outcome = self.client.call_typed::<R>(name, argument).await;
        self.say(name, outcome);
    }
}

/// Go's `words`.
pub(crate) async fn words(client: &Client) -> String {
    #[derive(Serialize, Gob)]
    struct OtherFields {
        #[serde(rename = "C")]
        c: isize,
    }
    #[derive(Serialize, Gob)]
    struct OtherType {
        #[serde(rename = "A")]
        a: &'static str,
    }
    #[derive(Serialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct SomeFields {
        a: isize,
        c: isize,
    }

    let mut said = Said::new(client);
    said.call::<isize>("Arith.Multiply", &Args { a: 7, b: 8 }).await;
    said.call::<isize>("Arith.Multiply", &Args::default()).await;
    said.call::<Quotient>("Arith.Divide", &Args { a: 17, b: 5 }).await;
    said.call::<Quotient>("Arith.Divide", &Args { a: 17, b: 0 }).await;
    for text in ["no", "rpc: can't find service", "äöü ☃\n", &"long ".repeat(1000)] {
        said.call::<isize>("Arith.Fail", text).await;
    }
    for name in [
        "Nope.Multiply",
        "Arith.Nope",
        "Multiply",
        "",
        ".",
        "Arith.",
        ".Multiply",
        "arith.Multiply",
        "Arith.multiply",
        "Arith.Multiply.",
        "a.b.C",
        "a.b.Text",
        "a.b.C.Nope",
        "Arith/Multiply",
        "Arith.Multiply ",
    ] {
        said.call::<isize>(name, &Args { a: 1, b: 2 }).await;
        said.call::<isize>(name, &*"x".repeat(100_000)).await;
    }
    said.call::<String>("a.b.C.Text", "dots").await;
    said.call::<bool>("Kinds.Bool", &false).await;
    said.call::<String>("Kinds.Text", "text").await;
    said.call::<String>("Kinds.Text", "").await;
    said.call::<i8>("Kinds.Small", &200_u8).await;
    said.call::<i8>("Kinds.Small", &300_isize).await;
    said.call::<i8>("Kinds.Small", &300_usize).await;
    said.call::<f64>("Kinds.Sum", &vec![0.5, 2.25, -0.125]).await;
    said.call::<Whole>("Kinds.Sum", &Vec::<f64>::new()).await;
    said.call::<[i16; 2]>("Kinds.Swap", &[-1_i16, 300]).await;
    let numbers = [("one", 1_isize), ("two", 2), ("three", 3)];
    said.call::<BTreeMap<isize, String>>("Kinds.Invert", &BTreeMap::from(numbers)).await;
    said.call::<BTreeMap<isize, String>>("Kinds.Invert", &BTreeMap::<&str, isize>::new()).await;
    said.call::<isize>("Kinds.Next", &Some(3_isize)).await;
    let node = |name: &str, left, right| Node { name: name.to_owned(), left, right };
    let left = node("left", None, Some(Box::new(node("leaf", None, None))));
    said.call::<Node>("Kinds.Mirror", &node("root", Some(Box::new(left)), None)).await;
    for value in [Some(Any::Text("text".into())), Some(Any::Int(17)), None] {
        let outcome = client.call_typed::<Box_>("Kinds.Any", &Box_ { value }).await;
        said.say("Kinds.Any", outcome.map(as_json));
    }
    said.call::<Empty>("Kinds.Nothing", &Empty {}).await;
    said.call::<isize>("Arith.Multiply", "text").await;
    said.call::<isize>("Arith.Multiply", &OtherFields { c: 1 }).await;
    said.call::<isize>("Arith.Multiply", &OtherType { a: "text" }).await;
    said.call::<isize>("Arith.Multiply", &SomeFields { a: 3, c: 4 }).await;
    said.call::<String>("Kinds.Text", &Args { a: 1, b: 2 }).await;
    said.call::<f64>("Kinds.Sum", "text").await;
    said.call::<BTreeMap<isize, String>>("Kinds.Invert", &vec![1.0]).await;
    said.call::<isize>("Arith.Multiply", &Args { a: 7, b: 8 }).await;
    said.call::<String>("Arith.Multiply", &Args { a: 7, b: 8 }).await;
    client.closed().await;
    said.call::<isize>("Arith.Multiply", &Args { a: 7, b: 8 }).await;
    said.lines
}

/// A float that Go's JSON has no point in.
#[derive(Deserialize, Gob)]
#[serde(transparent)]
struct Whole(f64);

impl Serialize for Whole {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_eq!(self.0.fract(), 0.0);
        serializer.serialize_i64(self.0 as i64)
    }
}

/// In JSON, Go's interfaces have no names.
fn as_json(it: Box_) -> serde_json::Value {
    serde_json::json!({ "Value": match it.value {
        None => serde_json::Value::Null,
        Some(Any::Text(text)) => text.into(),
        Some(Any::Int(number)) => (number as i64).into(),
    } })
}

/// Go's `many`.
pub(crate) async fn many(client: Arc<Client>, count: u64) -> String {
    let mut calls = JoinSet::new();
    for n in 0..count {
        let client = client.clone();
        // Scattered, and the same each time.
        let micros = (n * 7_919 % 50_000) as isize;
        calls.spawn(async move {
            let square = client.call_typed::<u64>("Arith.Square", &Late { n, micros }).await.unwrap();
            assert_eq!(square, n * n);
            n
        });
    }
    let mut order = Vec::new();
    while let Some(n) = calls.join_next().await {
        order.push(n.unwrap());
    }
    format!("many: {} in order {}\n", order.len(), order.is_sorted())
}

/// Go's `large`.
pub(crate) async fn large(client: &Client, count: usize) -> String {
    let mut said = Said::new(client);
    said.call::<isize>("Kinds.Length", &bytes(count)).await;
    let reply = client.call_typed::<bytes::Bytes>("Kinds.Bytes", &(count as isize)).await;
    said.say("Kinds.Bytes", reply.map(|reply| reply == bytes(count)));
    said.lines
}

/// Go's `pending`; `end` is called when all of them hang.
pub(crate) async fn pending(client: Arc<Client>, count: isize, end: impl FnOnce()) -> String {
    let mut said = Said::new(&client);
    let mut calls = JoinSet::new();
    for n in 0..count {
        let client = client.clone();
        calls.spawn(async move { client.call_typed::<isize>("Arith.Hang", &n).await });
    }
    said.call::<isize>("Arith.Hanging", &count).await;
    end();
    while let Some(outcome) = calls.join_next().await {
        said.say("Arith.Hang", outcome.unwrap());
    }
    client.closed().await;
    said.call::<isize>("Arith.Multiply", &Args { a: 7, b: 8 }).await;
    said.lines
}

/// Go's `refused`.
pub(crate) async fn refused(client: &Client) -> String {
    let mut said = Said::new(client);
    let outcome = client.call_typed::<Vec<Option<isize>>>("Arith.Refused", &Empty {}).await;
    if !matches!(outcome, Err(Error::Server(_))) {
        client.closed().await;
    }
    said.say("Arith.Refused", outcome);
    said.call::<isize>("Arith.Multiply", &Args { a: 7, b: 8 }).await;
    said.lines
}
