//! The numbers that go1x is built to reach, each as a part of another contestant's or as a bound of its own. This list
//! is what the documentation means by its promises.

/// No more than `limit` × the rival's, or without a rival, than `limit`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Promise {
    pub(crate) contestant: &'static str,
    pub(crate) rival: Option<&'static str>,
    pub(crate) measure: Measure,
    pub(crate) limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Median latency with an event of about this many bytes, one invocation at a time.
    Latency(u64),
    /// CPU time of all processes.
    Cpu(u64),
    ColdStart,
    /// The first process's PSS in bytes, at any size of events.
    OwnMemory,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

pub(crate) const PROMISES: [Promise; 18] = [
    // An old binary, not rebuilt, is served faster than its rebuilt self.
    than("bridge", "go-direct", Measure::Latency(200), 0.92),
    than("bridge", "go-direct", Measure::Latency(10 * KIB), 0.92),
    than("bridge", "go-direct", Measure::Latency(MIB), 1.10),
    than("bridge", "go-direct", Measure::Latency(6 * MIB), 0.95),
    than("bridge", "go-direct", Measure::Cpu(200), 0.80),
    than("bridge", "go-direct", Measure::ColdStart, 1.70),
    // Hardly slower than the least that a bridge has to do, and much faster than the classic one.
    than("bridge", "floor-rpc", Measure::Latency(200), 1.05),
    than("bridge", "floor-rpc", Measure::Latency(10 * KIB), 1.05),
    than("bridge", "floor-rpc", Measure::Latency(MIB), 1.05),
    than("bridge", "floor-rpc", Measure::Latency(6 * MIB), 1.05),
    than("bridge", "go-shim", Measure::Latency(200), 0.52),
    than("bridge", "go-shim", Measure::ColdStart, 0.58),
    Promise { contestant: "bridge", rival: None, measure: Measure::OwnMemory, limit: 2.5e6 },
    // Handlers in Rust, bytes in and bytes out.
    than("rust-direct", "lambda_runtime", Measure::Latency(200), 0.85),
    than("rust-direct", "lambda_runtime", Measure::Latency(10 * KIB), 0.85),
    than("rust-direct", "lambda_runtime", Measure::Latency(MIB), 0.50),
    than("rust-direct", "lambda_runtime", Measure::Latency(6 * MIB), 0.50),
    than("rust-direct", "lambda_runtime", Measure::ColdStart, 1.00),
];

const fn than(contestant: &'static str, rival: &'static str, measure: Measure, limit: f64) -> Promise {
    Promise { contestant, rival: Some(rival), measure, limit }
}
