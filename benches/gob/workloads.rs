//! The values, made by formulas that `peers/go/gob/workloads.go` has too.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Debug;
use std::rc::Rc;

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::contestant::{Answer, Contestant, InProcess, Streams};
use crate::peer_go::{Go, GoPeer};
use crate::peer_gobwire::Gobwire;
use crate::{ours_fixed, ours_serde};

/// All workloads. Those of go1x's messages are named for their payloads' sizes.
pub(crate) const NAMES: [&str; 12] = [
    "request-200B",
    "request-10KB",
    "request-1MB",
    "request-6MB",
    "response-200B",
    "response-10KB",
    "response-1MB",
    "response-6MB",
    "structs",
    "map",
    "floats",
    "tree",
];

/// A workload, with all who take part in it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) contestants: Vec<Box<dyn Contestant>>,
    /// What each of them encodes, in the same order.
    pub(crate) encoded: Vec<Streams>,
    /// Every decoded value's answer.
    pub(crate) answer: u64,
}

impl Case {
    /// Has everybody decode what everybody encoded, and gives all of them the same bytes, Go's, for later.
    pub(crate) fn verify(&mut self) -> anyhow::Result<()> {
        let name = self.name;
        for contestant in &mut self.contestants {
            let streams = contestant.streams().with_context(|| format!("{name}, {}", contestant.name()))?;
            self.encoded.push(streams);
        }
        let names: Vec<_> = self.contestants.iter().map(|contestant| contestant.name()).collect();
        for (reader, contestant) in names.iter().zip(&mut self.contestants) {
            for (writer, streams) in names.iter().zip(&self.encoded) {
                let context = || format!("{name}: {reader} reads what {writer} wrote");
                contestant.check(streams).with_context(context)?;
            }
        }
        let go = names.iter().position(|name| *name == "Go").context("Go takes part")?;
        self.contestants.iter_mut().try_for_each(|contestant| contestant.prepare(&self.encoded[go]))
    }
}

/// Makes a workload's value, for each contestant.
pub(crate) fn open(name: &'static str, go: &Rc<RefCell<GoPeer>>) -> anyhow::Result<Case> {
    let go = Go { peer: Rc::clone(go), workload: name };
    Ok(match name {
        "structs" => case(name, records(), go),
        "map" => case(name, entries(), go),
        "floats" => case(name, floats(), go),
        "tree" => case(name, node(0).map(|root| *root).context("a tree with a root")?, go),
        _ => {
            let (kind, size) = name.split_once('-').context("a message and a size")?;
            let size = match size {
                "200B" => 200,
                "10KB" => 10 * 1024,
                "1MB" => 1 << 20,
                "6MB" => 6 << 20,
                _ => bail!("no size {size}"),
            };
            ensure!(["request", "response"].contains(&kind), "no message {kind}");
            if kind == "request" {
                let mut case = case(name, request(size), go);
                case.contestants.insert(0, Box::new(InProcess::<ours_fixed::Request>::new(request(size))));
                case
            } else {
                let response = InvokeResponse { payload: payload(size), error: None };
                let mut case = case(name, response.clone(), go);
                case.contestants.insert(0, Box::new(InProcess::<ours_fixed::Response>::new(response)));
                case
            }
        }
    })
}

fn case<V>(name: &'static str, value: V, go: Go) -> Case
where
    V: Clone + Default + PartialEq + Answer + 'static,
    V: gobwire::Encode + gobwire::Decode,
    V: Serialize + for<'de> Deserialize<'de> + gob::Gob,
{
    let answer = value.answer();
    let contestants: Vec<Box<dyn Contestant>> = vec![
        Box::new(InProcess::<ours_serde::Serde<V>>::new(value.clone())),
        Box::new(go),
        Box::new(InProcess::<Gobwire<V>>::new(value)),
    ];
    Case { name, contestants, encoded: Vec::new(), answer }
}

/// The argument of `Function.Invoke`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, gob::Gob, gobwire::Gob)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InvokeRequest {
    #[serde(with = "serde_bytes")]
    pub(crate) payload: Vec<u8>,
    pub(crate) request_id: String,
    pub(crate) x_amzn_trace_id: String,
    pub(crate) deadline: Timestamp,
    pub(crate) invoked_function_arn: String,
    pub(crate) cognito_identity_id: String,
    pub(crate) cognito_identity_pool_id: String,
    #[serde(with = "serde_bytes")]
    pub(crate) client_context: Vec<u8>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, gob::Gob, gobwire::Gob)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Timestamp {
    pub(crate) seconds: i64,
    pub(crate) nanos: i64,
}

/// The reply of `Function.Invoke`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, gob::Gob, gobwire::Gob)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InvokeResponse {
    #[serde(with = "serde_bytes")]
    pub(crate) payload: Vec<u8>,
    pub(crate) error: Option<InvokeError>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, gob::Gob, gobwire::Gob)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InvokeError {
    message: String,
    r#type: String,
    stack_trace: Vec<StackFrame>,
    should_exit: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, gob::Gob, gobwire::Gob)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StackFrame {
    path: String,
    line: i32,
    label: String,
}

/// An element of the workload "structs".
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, gob::Gob, gobwire::Gob)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Record {
    number: i64,
    name: String,
    score: f64,
    tags: Vec<String>,
    active: bool,
    pos: Point,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, gob::Gob, gobwire::Gob)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Point {
    x: i32,
    y: i32,
}

/// A node of the workload "tree".
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, gob::Gob, gobwire::Gob)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Node {
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
    value: i64,
    label: String,
}

/// A JSON string of so many bytes.
fn payload(size: usize) -> Vec<u8> {
    let mut text: Vec<u8> = (0..size).map(|at| b'a' + (at % 26) as u8).collect();
    text[0] = b'"';
    text[size - 1] = b'"';
    text
}

fn request(size: usize) -> InvokeRequest {
    InvokeRequest {
        payload: payload(size),
        request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd".into(),
        x_amzn_trace_id: "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1".into(),
        deadline: Timestamp { seconds: 1_542_409_706, nanos: 888_000_000 },
        invoked_function_arn: "arn:aws:lambda:us-east-2:123456789012:function:custom-runtime".into(),
        ..InvokeRequest::default()
    }
}

fn records() -> Vec<Record> {
    let record = |i: i64| Record {
        number: i * 7 - 1_000,
        name: format!("record {i}"),
        score: i as f64 / 8.0 - 100.0,
        tags: (0..i % 3).map(|tag| format!("tag {}", (i + tag) % 10)).collect(),
        active: i % 2 == 0,
        pos: Point { x: i as i32, y: -i as i32 },
    };
    (0..10_000).map(record).collect()
}

fn entries() -> HashMap<String, String> {
    (0..1_000).map(|i| (format!("key {i}"), format!("value {}", i * i))).collect()
}

/// Every second one is whole, and short on the wire.
fn floats() -> Vec<f64> {
    (0..10_000).map(|i| if i % 2 == 1 { f64::from(i) / 3.0 } else { f64::from(i) }).collect()
}

/// The part of a complete binary tree of 4 095 nodes below node `i`, numbered as in a heap.
fn node(i: i64) -> Option<Box<Node>> {
    let below =
        || Node { left: node(2 * i + 1), right: node(2 * i + 2), value: i, label: format!("node {i}") };
    (i < 4_095).then(|| Box::new(below()))
}

pub(crate) fn payload_answer(payload: &[u8]) -> u64 {
    payload.len() as u64 + u64::from(payload[payload.len() / 2])
}

impl Answer for InvokeRequest {
    fn answer(&self) -> u64 {
        payload_answer(&self.payload)
            + self.request_id.len() as u64
            + self.x_amzn_trace_id.len() as u64
            + self.deadline.seconds as u64
            + self.invoked_function_arn.len() as u64
    }
}

impl Answer for InvokeResponse {
    fn answer(&self) -> u64 {
        if self.error.is_some() { 0 } else { payload_answer(&self.payload) }
    }
}

impl Answer for Vec<Record> {
    fn answer(&self) -> u64 {
        let Some(last) = self.last() else { return 0 };
        (self.len() as u64)
            .wrapping_add(last.number as u64)
            .wrapping_add(last.name.len() as u64)
            .wrapping_add(last.score.to_bits())
            .wrapping_add(last.tags.len() as u64)
            .wrapping_add(i64::from(last.pos.y) as u64)
    }
}

impl Answer for HashMap<String, String> {
    fn answer(&self) -> u64 {
        self.len() as u64 + self.get("key 999").map_or(0, String::len) as u64
    }
}

impl Answer for Vec<f64> {
    fn answer(&self) -> u64 {
        (self.len() as u64).wrapping_add(self.last().map_or(0, |last| last.to_bits()))
    }
}

impl Answer for Node {
    fn answer(&self) -> u64 {
        let path = std::iter::successors(Some(self), |node| node.right.as_deref());
        path.map(|node| node.value as u64 + node.label.len() as u64).sum()
    }
}
