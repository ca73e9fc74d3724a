//! What is measured, and how often.

use std::time::Duration;

use clap::ValueEnum;

use super::event::Event;

/// One measurement, of all contestants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    /// Time and CPU time of one invocation, by event
    Latency,
    /// From spawn to the first answer
    ColdStart,
    /// Invocations a second, several at a time
    Throughput,
    /// Memory (PSS) of the processes, by event
    Memory,
    /// System calls of one invocation (with perf or strace)
    SystemCalls,
    /// Where the bridge's time goes (with perf)
    Stages,
    /// A long run, and frozen sandboxes
    Endurance,
}

/// All that a run is to do.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) events: Vec<Event>,
    pub(crate) measures: Vec<Measure>,
    /// Turns that each contestant has for each event.
    pub(crate) rounds: usize,
    /// How long a turn of the slowest contestant takes, about.
    pub(crate) turn: Duration,
    pub(crate) starts: usize,
    /// Invocations at a time.
    pub(crate) concurrency: Vec<usize>,
    /// Turns of each contestant at each concurrency, and how long one takes.
    pub(crate) throughput_rounds: usize,
    pub(crate) throughput_turn: Duration,
    /// Invocations of a long run.
    pub(crate) invocations: u64,
    /// Seconds for which sandboxes are frozen.
    pub(crate) frozen: Vec<f64>,
}

/// How much is measured unless it is said otherwise.
pub(crate) struct Extent {
    pub(crate) sizes: &'static str,
    pub(crate) concurrency: &'static str,
    pub(crate) measures: &'static [Measure],
    pub(crate) rounds: usize,
    pub(crate) turn: Duration,
    pub(crate) starts: usize,
    pub(crate) throughput_rounds: usize,
    pub(crate) throughput_turn: Duration,
    pub(crate) invocations: u64,
    pub(crate) frozen: &'static [f64],
}

/// Some seconds.
pub(crate) const QUICK: Extent = Extent {
    sizes: "200,1m",
    concurrency: "1,2",
    measures: &[Measure::Latency, Measure::ColdStart, Measure::Throughput, Measure::Memory],
    rounds: 5,
    turn: Duration::from_millis(2),
    starts: 3,
    throughput_rounds: 2,
    throughput_turn: Duration::from_millis(20),
    invocations: 0,
    frozen: &[],
};

/// About two minutes.
pub(crate) const USUAL: Extent = Extent {
    sizes: "200,10k,1m,6m",
    concurrency: "1,2,4",
    measures: &[
        Measure::Latency,
        Measure::ColdStart,
        Measure::Throughput,
        Measure::Memory,
        Measure::SystemCalls,
        Measure::Stages,
    ],
    rounds: 60,
    turn: Duration::from_millis(8),
    starts: 20,
    throughput_rounds: 10,
    throughput_turn: Duration::from_millis(100),
    invocations: 0,
    frozen: &[],
};

/// All there is.
pub(crate) const FULL: Extent = Extent {
    sizes: "1,200,1k,10k,100k,1m,3m,6m",
    concurrency: "1,2,4,8,16,32,64",
    measures: &[
        Measure::Latency,
        Measure::ColdStart,
        Measure::Throughput,
        Measure::Memory,
        Measure::SystemCalls,
        Measure::Stages,
        Measure::Endurance,
    ],
    rounds: 120,
    starts: 50,
    throughput_rounds: 20,
    throughput_turn: Duration::from_millis(200),
    invocations: 1_000_000,
    // Each contestant is frozen alone: a minute, five times for each of eight, would be most of the run.
    frozen: &[0.0, 1.0, 10.0],
    ..USUAL
};
