//! The result as data. Its field names are part of `--format json`.

use serde::Serialize;

use super::handlers::WithoutGo;
use crate::error::Error;

/// One demo.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Why the built-in handler was shown; null if the Go handlers were.
    pub(crate) without_go: Option<WithoutGo>,
    pub(crate) machine: Machine,
    pub(crate) tours: Vec<Tour>,
    pub(crate) times: Vec<Times>,
}

/// What the times depend on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processors: usize,
    /// The kernel's choice for TCP, also on loopback, where some pace events of 1 MB.
    pub(crate) tcp_congestion_control: String,
}

/// All events through one handler.
#[derive(Debug, Serialize)]
pub(crate) struct Tour {
    pub(crate) handler: String,
    pub(crate) description: String,
    /// From starting `bootstrap`'s code to its asking for the first event.
    pub(crate) start_milliseconds: f64,
    /// What crossed the socket before that.
    pub(crate) ping: Crossed,
    pub(crate) events: Vec<Sent>,
}

/// An event and what became of it.
#[derive(Debug, Serialize)]
pub(crate) struct Sent {
    pub(crate) event: &'static str,
    pub(crate) event_bytes: usize,
    pub(crate) outcome: Kind,
    /// The answer, or the failure's type and text; in short.
    pub(crate) answer: String,
    pub(crate) answer_bytes: usize,
    /// What it says against the promise, if anything.
    pub(crate) problem: Option<String>,
    pub(crate) rpc: Crossed,
    /// Until the event was asked for: a fresh process has to be there first, if the last one is gone.
    pub(crate) waited_milliseconds: f64,
    /// Of this one invocation; see `times` for a comparison.
    pub(crate) milliseconds: f64,
    /// What was written to the log meanwhile.
    pub(crate) log: Vec<String>,
}

/// How an invocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Ok,
    Failure,
}

/// gob messages on the RPC socket, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Crossed {
    pub(crate) request_messages: u64,
    pub(crate) request_bytes: u64,
    pub(crate) reply_messages: u64,
    pub(crate) reply_bytes: u64,
}

/// One event through all handlers, by turns.
#[derive(Debug, Serialize)]
pub(crate) struct Times {
    pub(crate) event: &'static str,
    pub(crate) event_bytes: usize,
    pub(crate) repetitions: usize,
    pub(crate) medians: Vec<Median>,
    /// The last handler over RPC against the same code on its own: below 1, RPC took less time.
    pub(crate) ratio: f64,
}

/// From handing out an event to the last byte of its answer.
#[derive(Debug, Serialize)]
pub(crate) struct Median {
    pub(crate) handler: String,
    pub(crate) door: Door,
    pub(crate) milliseconds: f64,
}

/// How events reach the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Door {
    Rpc,
    Direct,
}

impl Machine {
    pub(crate) fn this() -> Machine {
        let control = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control");
        Machine {
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            tcp_congestion_control: control.map_or_else(|_| "unknown".into(), |text| text.trim().into()),
        }
    }
}

impl Report {
    /// An error that names what did not go as promised.
    pub(crate) fn verdict(&self) -> Result<(), Error> {
        let problems = self.tours.iter().flat_map(|tour| {
            let problems = tour.events.iter().filter_map(|sent| sent.problem.as_deref());
            problems.map(|problem| format!("\n  {}: {problem}", tour.handler))
        });
        let problems: String = problems.collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::failed(format!("not all went as promised:{problems}"))
            .with_help("`go1x demo --format json` has the details"))
    }
}
