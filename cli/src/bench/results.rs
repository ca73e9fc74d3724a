//! What one run of `go1x bench` found: the shape of `results.json`. Everything else (text, HTML, Markdown, CSV, a
//! comparison with an earlier run) is made from this, and from nothing besides.
//!
//! Times are microseconds, sizes bytes, unless a name says otherwise. Raw values are kept of latency, cold starts,
//! throughput, memory and thaws: a summary can always be made again, and made differently. A long run keeps the median
//! of each turn; stages and system calls are what is left of recordings.

use serde::{Deserialize, Serialize};

/// The number of this shape; it rises when an older reader would misread a newer file.
pub(crate) const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Results {
    /// [`FORMAT`].
    pub(crate) format: u32,
    /// RFC 3339, UTC.
    pub(crate) started: String,
    pub(crate) seconds: f64,
    /// Whether all that was asked for was measured; false after Ctrl-C.
    pub(crate) complete: bool,
    /// Whether the handler is the echo, and none of the user's.
    #[serde(default = "yes")]
    pub(crate) echo: bool,
    /// Whether go1x was built with optimisation, and with it what it built.
    #[serde(default = "yes")]
    pub(crate) optimised: bool,
    /// As typed, without the values of `--env`.
    pub(crate) command: Vec<String>,
    pub(crate) machine: Machine,
    /// In the order of columns and legends.
    pub(crate) contestants: Vec<Contestant>,
    /// The name of the contestant that ratios are to.
    pub(crate) baseline: String,
    /// One for each contestant, event and concurrency that was measured, all interleaved.
    pub(crate) latency: Vec<Latency>,
    /// From spawn to the first response's last byte, one value a start; interleaved. Empty if not asked for.
    pub(crate) cold_start: Vec<Samples>,
    /// Invocations a second at so many at a time.
    pub(crate) throughput: Vec<Throughput>,
    /// Proportional set size of the processes, per payload size.
    pub(crate) memory: Vec<Memory>,
    /// System calls per invocation, where a tool for it is there.
    pub(crate) system_calls: Vec<SystemCalls>,
    /// Where the time of the bridge goes, in its order: HTTP in, encode, socket, handler, decode, HTTP out.
    pub(crate) stages: Vec<Stages>,
    /// A long run's drift: latency, CPU and memory over the number of invocations, or over frozen time.
    pub(crate) endurance: Vec<Endurance>,
    /// What was asked for and could not be measured, with the reason; and what a reader has to know of bias.
    pub(crate) notes: Vec<String>,
}

impl Results {
    /// Leaves out what was only begun. Whether anything is left.
    pub(crate) fn keep_measured(&mut self) -> bool {
        let Results { latency, cold_start, throughput, memory, system_calls, stages, endurance, .. } = self;
        latency.retain(|latency| !latency.rounds.is_empty());
        cold_start.retain(|samples| !samples.values.is_empty());
        throughput.retain(|throughput| !throughput.per_second.is_empty());
        endurance.retain(|endurance| !endurance.points.is_empty());
        !(latency.is_empty() && cold_start.is_empty() && throughput.is_empty() && endurance.is_empty())
            || !(memory.is_empty() && system_calls.is_empty() && stages.is_empty())
    }

    /// Events, and how many calls a turn had, one at a time: most of them are not the first after a pause if there are
    /// many, and hardly any is if there are few.
    pub(crate) fn calls_a_turn(&self) -> Vec<(&str, usize)> {
        let mut calls: Vec<(&str, usize)> = Vec::new();
        for latency in self.latency.iter().filter(|latency| latency.concurrency == 1) {
            if let Some(round) = latency.rounds.first()
                && calls.iter().all(|(event, _)| *event != latency.event)
            {
                calls.push((&latency.event, round.len()));
            }
        }
        calls
    }
}

/// What holds where an older go1x has not said.
fn yes() -> bool {
    true
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cpus: usize,
    /// CPUs that the measured processes could use.
    pub(crate) cpus_allowed: String,
    pub(crate) memory_bytes: u64,
    pub(crate) kernel: String,
    pub(crate) congestion_control: String,
    /// One-minute load averages: before contestants were built, and after all, with this run's own part in it.
    pub(crate) load_before: f64,
    pub(crate) load_after: f64,
    /// Versions of tools: ("go", "go1.26.8"), ("go1x", "0.1.0 (abc123, rpc)").
    pub(crate) versions: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Contestant {
    /// `bridge`, `go-direct`, `rust-direct`, `rust-rpc`, `lambda_runtime`, `go-shim`, or the user's own.
    pub(crate) name: String,
    /// One line: what runs here.
    pub(crate) description: String,
    pub(crate) command: Vec<String>,
    /// Size of all programs that have to be deployed.
    pub(crate) program_bytes: u64,
    /// The same as a deployment zip.
    pub(crate) zip_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) contestant: String,
    /// `200 B`, or the name of the user's event.
    pub(crate) event: String,
    pub(crate) event_bytes: u64,
    /// Invocations at a time.
    pub(crate) concurrency: usize,
    /// From handing out the event, or with several at a time from the call, to the last byte of the answer; one list a
    /// round, the same rounds for all.
    pub(crate) rounds: Vec<Vec<f64>>,
    /// CPU time of all processes per invocation, one value a round; empty if it cannot be had.
    pub(crate) cpu: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Samples {
    pub(crate) contestant: String,
    /// What the first answer is to; nothing where an older go1x has not told it.
    #[serde(default)]
    pub(crate) event: String,
    #[serde(default)]
    pub(crate) event_bytes: u64,
    pub(crate) values: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Throughput {
    pub(crate) contestant: String,
    pub(crate) event_bytes: u64,
    pub(crate) concurrency: usize,
    /// One value a round.
    pub(crate) per_second: Vec<f64>,
    /// CPU time per invocation, one value a round; empty if it cannot be had.
    pub(crate) cpu: Vec<f64>,
    /// PSS of all processes at the end; 0 if it cannot be had.
    pub(crate) pss_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) contestant: String,
    /// As in [`Latency`]; empty where an older go1x has not said, as of the next two.
    #[serde(default)]
    pub(crate) event: String,
    pub(crate) event_bytes: u64,
    /// Of all processes; the median, as the next.
    pub(crate) pss_bytes: u64,
    /// Of the first process alone: `bootstrap`'s where there is a bridge.
    pub(crate) own_pss_bytes: u64,
    /// What these are the medians of: both, of each reading.
    #[serde(default)]
    pub(crate) readings: Vec<(u64, u64)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SystemCalls {
    pub(crate) contestant: String,
    #[serde(default)]
    pub(crate) event: String,
    pub(crate) event_bytes: u64,
    /// Calls per invocation by name, most frequent first; of all processes.
    pub(crate) calls: Vec<(String, f64)>,
    /// `perf`, `strace`.
    pub(crate) tool: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stages {
    pub(crate) contestant: String,
    #[serde(default)]
    pub(crate) event: String,
    pub(crate) event_bytes: u64,
    /// Name and median microseconds.
    pub(crate) stages: Vec<(String, f64)>,
    /// How many invocations were watched, and how many of them were seen from end to end.
    #[serde(default)]
    pub(crate) watched: Option<(usize, usize)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Endurance {
    pub(crate) contestant: String,
    /// `invocations`, or `seconds frozen`.
    pub(crate) over: String,
    pub(crate) points: Vec<EndurancePoint>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EndurancePoint {
    /// Invocations so far, or seconds frozen before.
    pub(crate) at: f64,
    pub(crate) median: f64,
    /// 0 if it cannot be had, as of the next.
    pub(crate) cpu: f64,
    pub(crate) pss_bytes: u64,
    /// The time after each thaw, or the median of each turn of a long run.
    #[serde(default)]
    pub(crate) values: Vec<f64>,
}
