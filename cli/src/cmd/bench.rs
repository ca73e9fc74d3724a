//! `go1x bench`: the same handler run in several ways, measured side by side.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::Format;
use crate::bench::Bench as Run;
use crate::bench::event::{EVENT_LIMIT, Event};
use crate::bench::line_up::{Asked, LineUp};
use crate::bench::machine;
use crate::bench::place::{self, Network};
use crate::bench::plan::{FULL, Measure, Plan, QUICK, USUAL};
use crate::bench::report::{Outputs, json};
use crate::bench::runner::Surroundings;
use crate::error::Error;

/// Measures the same handler run in several ways, side by side
///
/// Without a handler, an echo: unchanged behind bootstrap (bridge), rebuilt with lambda.norpc (go-direct), in Rust on the
/// library go1x (rust-direct) and over the legacy socket (rust-rpc), on AWS's lambda_runtime, and behind a classic bridge
/// in Go (go-shim). With a handler of yours: behind bootstrap, behind the Go bridge, and what you add by --rebuilt and
/// --compare.
///
/// Each has a Runtime API of its own, all take turns, in another order each round; every answer is checked. Ctrl-C ends
/// the run and keeps what was measured.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Bench {
    /// A go1.x handler; without one, echoes are measured
    #[arg(value_name = "HANDLER", requires = "events")]
    handler: Option<PathBuf>,
    /// A folder whose files are the events for HANDLER
    #[arg(long, value_name = "DIR", requires = "handler", conflicts_with = "sizes")]
    events: Option<PathBuf>,
    /// HANDLER built with lambda.norpc: takes part as go-direct
    #[arg(long, value_name = "PATH", requires = "handler")]
    rebuilt: Option<PathBuf>,
    /// Take answers as they come; else all have to answer as the first did
    #[arg(long, requires = "handler")]
    any_answer: bool,
    /// A variable for all contestants, as the function's configuration has it; reports have its name alone
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,
    /// Another program that polls the Runtime API, with arguments after blanks (no shell)
    #[arg(long, value_name = "NAME=CMD", value_parser = pair)]
    compare: Vec<(String, String)>,
    /// Those alone take part: bridge, go-direct, rust-direct, rust-rpc, lambda_runtime, go-shim, floor-rpc,
    /// floor-direct, and names of --compare
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    contestants: Vec<String>,
    /// Whom ratios are to [default: go-direct]
    #[arg(long, value_name = "NAME")]
    against: Option<String>,
    /// bootstrap, in place of this clone's or the one beside this program
    #[arg(long, value_name = "PATH")]
    bootstrap: Option<PathBuf>,

    /// Some seconds: it works, and about what comes out
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// All there is, for a report: about half an hour
    #[arg(long)]
    full: bool,
    /// What is measured [default: all but endurance]
    #[arg(long, value_name = "WHAT,…", value_delimiter = ',', value_enum)]
    measure: Vec<Measure>,
    /// Sizes of the echo's events: bytes, k, m [default: 200,10k,1m,6m]
    #[arg(long, value_name = "SIZE,…", value_delimiter = ',')]
    sizes: Vec<Size>,
    /// Invocations at a time, for throughput [default: 1,2,4]
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = at_least_1)]
    concurrency: Vec<usize>,
    /// Turns of each contestant for each event [default: 60]
    #[arg(long, value_name = "N", value_parser = at_least_1)]
    rounds: Option<usize>,
    /// Cold starts of each contestant [default: 20]
    #[arg(long, value_name = "N", value_parser = at_least_1)]
    starts: Option<usize>,
    /// A long run of so many invocations of each contestant
    #[arg(long, value_name = "N", value_parser = up_to_100_million)]
    invocations: Option<u64>,
    /// Freeze all processes for so many seconds, and measure the next invocation
    #[arg(long, value_name = "SECONDS,…", value_delimiter = ',', value_parser = seconds)]
    frozen: Vec<f64>,

    /// CPUs to measure on: numbers, or all [default: the last one]
    #[arg(long, value_name = "N,…")]
    cpu: Option<Cpus>,
    /// The network that is measured in
    #[arg(long, value_enum, default_value_t = Network::Auto)]
    network: Network,

    /// Write the report into a folder: a page, Markdown, CSV, and results.json
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Measure nothing: reports of the results.json of an earlier run
    #[arg(long, value_name = "FILE", conflicts_with_all = MEASURING)]
    from: Option<PathBuf>,
    /// results.json of an earlier run: what became slower since?
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What would be asked of a measurement.
#[rustfmt::skip]
const MEASURING: [&str; 20] = [
    "handler", "events", "rebuilt", "any_answer", "env", "compare", "contestants", "against", "bootstrap", "quick",
    "full", "measure", "sizes", "concurrency", "rounds", "starts", "invocations", "frozen", "cpu", "network",
];

const EXAMPLES: &str = "\
Examples:
  go1x bench --quick
  go1x bench --report benches/reports/2026-11-27-laptop
  go1x bench ./main --events events/ --rebuilt ./main-norpc
  go1x bench --compare mine='./bootstrap --flag' --sizes 200,1m
  go1x bench --contestants bridge,go-direct --measure latency --cpu 0,1
  go1x bench --measure endurance --invocations 1000000 --frozen 1,60
  go1x bench --baseline before/results.json
  go1x bench --from after/results.json --baseline before/results.json

JSON: {format, started, seconds, complete, echo, optimised, command: [],
  machine: {cpu, cpus, cpus_allowed, memory_bytes, kernel, congestion_control,
    load_before, load_after, versions: [[tool and version]]},
  contestants: [{name, description, command: [], program_bytes, zip_bytes}],
  baseline,
  latency: [{contestant, event, event_bytes, concurrency,
    rounds: [[microseconds]], cpu: [microseconds a round]}],
  cold_start: [{contestant, event, event_bytes, values: [microseconds]}],
  throughput: [{contestant, event_bytes, concurrency, per_second: [], cpu: [],
    pss_bytes}],
  memory: [{contestant, event, event_bytes, pss_bytes, own_pss_bytes,
    readings: [[PSS and own PSS]]}],
  system_calls: [{contestant, event, event_bytes, calls: [[name and count]],
    tool}],
  stages: [{contestant, event, event_bytes, stages: [[name and microseconds]],
    watched: [invocations and those seen from end to end]}],
  endurance: [{contestant, over, points: [{at, median, cpu, pss_bytes,
    values: [microseconds]}]}],
  notes: []}

Environment:
  GO1X_BOOTSTRAP   bootstrap, as by --bootstrap
  GO1X_CACHE       where the built Go programs are kept
  NO_COLOR         no colours, if set

Exit codes: 0 all was measured; 1 a contestant failed or answered wrongly, or
--baseline found something slower; 2 wrong usage or input, or nothing that could
be compared with the baseline; 130 Ctrl-C.";

impl Bench {
    pub(super) fn run(self) -> Result<(), Error> {
        let is_json = self.format == Format::Json;
        let outputs = Outputs::open(self.report.clone(), is_json, self.baseline.as_deref())?;
        if let Some(from) = &self.from {
            return outputs.write(&json::read(from)?);
        }
        let plan = self.plan()?;
        let is_terminal = io::stderr().is_terminal();
        let mut tell = |what: &str| {
            if is_terminal {
                anstream::eprintln!("{what}");
            }
        };
        // Building is work too, but none that goes on beside what is measured.
        let load_before = machine::load();
        let mut line_up = LineUp::build(&self.asked(), &mut tell)?;
        // From here on nothing is built: a network of its own leads nowhere.
        line_up.notes.extend(place::enter(self.network)?);
        let cpus = place::pin(self.cpu.as_ref().map(|cpus| &cpus.0[..]))?;
        let surroundings = Surroundings { environment: self.env.clone() };
        let run = Run::new(plan, line_up, surroundings, cpus, load_before, self.against.clone())?;
        // One thread for the emulators: a second one would add hand-overs to what is timed.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut results, outcome) = runtime.block_on(async {
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            run.run(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            })
            .await
        })?;
        // What was measured before an end that came too early may have taken hours.
        let written = match results.keep_measured() || outcome.is_ok() {
            true => outputs.write(&results),
            false => Ok(()),
        };
        Error::all([outcome, written])
    }

    fn asked(&self) -> Asked {
        Asked {
            handler: self.handler.clone(),
            rebuilt: self.rebuilt.clone(),
            bootstrap: self.bootstrap.clone(),
            others: self.compare.clone(),
            only: self.contestants.clone(),
            floors: self.full,
        }
    }

    /// What the flags ask for; what they leave open is by one of three extents.
    fn plan(&self) -> Result<Plan, Error> {
        let extent = match (self.quick, self.full) {
            (true, _) => &QUICK,
            (_, true) => &FULL,
            _ => &USUAL,
        };
        let events = match &self.events {
            Some(folder) => Event::read(folder, self.any_answer)?,
            None => {
                let sizes = or_default(&self.sizes, extent.sizes).into_iter().map(|size| size.0);
                sizes.collect::<BTreeSet<usize>>().into_iter().map(Event::echo).collect()
            }
        };
        // Who names what is measured need not get an extent's hours of endurance besides.
        let is_open = self.measure.is_empty() || self.measure.contains(&Measure::Endurance);
        let invocations = self.invocations.unwrap_or(if is_open { extent.invocations } else { 0 });
        let frozen =
            if is_open && self.frozen.is_empty() { extent.frozen.to_vec() } else { self.frozen.clone() };
        let mut measures = self.measure.clone();
        if measures.is_empty() {
            measures.extend(extent.measures);
        }
        if (invocations > 0 || !frozen.is_empty()) && !measures.contains(&Measure::Endurance) {
            measures.push(Measure::Endurance);
        }
        if invocations == 0 && frozen.is_empty() && measures.contains(&Measure::Endurance) {
            return Err(Error::input("endurance of what?").with_help(
                "--invocations asks for a long run, --frozen for sandboxes that were frozen; or both",
            ));
        }
        Ok(Plan {
            events,
            measures: each_once(measures),
            rounds: self.rounds.unwrap_or(extent.rounds),
            turn: extent.turn,
            starts: self.starts.unwrap_or(extent.starts),
            concurrency: each_once(or_default(&self.concurrency, extent.concurrency)),
            throughput_rounds: extent.throughput_rounds,
            throughput_turn: extent.throughput_turn,
            invocations,
            frozen: each_once(frozen),
        })
    }
}

/// The values that were given, else those of a list like `1,2,4`.
fn or_default<T: std::clone::Clone + FromStr>(given: &[T], default: &str) -> Vec<T> {
    if given.is_empty() { default.split(',').flat_map(str::parse).collect() } else { given.to_vec() }
}

/// The same in the same order: what is measured twice would be in the results as two.
fn each_once<T: PartialEq>(all: Vec<T>) -> Vec<T> {
    let mut once = Vec::new();
    for one in all {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}

/// `200`, `10k`, `6m`: bytes, in thousands and millions of the power of two.
#[derive(Debug, Clone, Copy)]
struct Size(usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let (digits, unit) = match text.to_ascii_lowercase() {
            text if text.ends_with('k') => (text[..text.len() - 1].to_owned(), 1 << 10),
            text if text.ends_with('m') => (text[..text.len() - 1].to_owned(), 1 << 20),
            text => (text, 1),
        };
        let bytes = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
        bytes.filter(|bytes| (1..=EVENT_LIMIT).contains(bytes)).map(Size).ok_or_else(|| {
            "sizes are 1 to 6m: numbers of bytes, with k or m behind them for 1024 and 1048576".into()
        })
    }
}

/// `0,1`, or `all`: then nothing is bound.
#[derive(Debug, Clone)]
struct Cpus(Vec<usize>);

impl FromStr for Cpus {
    type Err = String;

    fn from_str(text: &str) -> Result<Cpus, String> {
        if text == "all" {
            return Ok(Cpus(machine::allowed()));
        }
        let numbers: Result<Vec<usize>, _> = text.split(',').map(str::parse).collect();
        numbers.map(Cpus).map_err(|_| "CPUs are numbers with commas between them, or all".into())
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it takes a name, =, and a value".into()),
    }
}

fn at_least_1(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (1..=100_000).contains(number))
        .ok_or_else(|| "it takes a number from 1 on".into())
}

/// A twentieth of them is held in memory, of each contestant.
fn up_to_100_million(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| *number <= 100_000_000);
    number.ok_or_else(|| "it takes a number, up to 100 million".into())
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds));
    number.ok_or_else(|| "it takes seconds, up to a day's".into())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        bench: Bench,
    }

    fn plan(words: &str) -> Plan {
        Line::try_parse_from(["bench"].into_iter().chain(words.split(' '))).unwrap().bench.plan().unwrap()
    }

    #[test]
    fn what_is_named_twice_is_measured_once() {
        let plan =
            plan("--sizes 1k,1024,1 --concurrency 2,1,2 --measure stages,latency,stages --frozen 1,0.5,1.0");
        let events: Vec<&str> = plan.events.iter().map(|event| &*event.name).collect();
        assert_eq!(events, ["1 B", "1 KiB"]);
        assert_eq!(plan.concurrency, [2, 1]);
        assert_eq!(plan.measures, [Measure::Stages, Measure::Latency, Measure::Endurance]);
        assert_eq!(plan.frozen, [1.0, 0.5]);
    }

    /// Whoever names anything of a measurement expects that one is made.
    #[test]
    fn an_earlier_run_is_not_measured_again() {
        let line = Line::command();
        let all = line.get_arguments().map(|argument| argument.get_id().as_str());
        let of_reports = ["report", "from", "baseline", "format"];
        let others: BTreeSet<&str> = all.filter(|name| !of_reports.contains(name)).collect();
        assert_eq!(others, BTreeSet::from(MEASURING));
        let refused =
            |words: &[&str]| Line::try_parse_from([&["bench", "--from", "x"], words].concat()).is_err();
        assert!(!refused(&[]) && refused(&["--network", "auto"]));
    }
}
