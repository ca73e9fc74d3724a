//! `go1x demo`: the main job, shown on real input.

use std::io::{self, Write};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::Format;
use crate::demo::handlers::Handlers;
use crate::demo::log::Log;
use crate::demo::report::{Machine, Report};
use crate::demo::{text, times, tour};
use crate::error::Error;

/// Shows unchanged go1.x handlers at work, with figures
///
/// Builds real Go handlers for go1.x (once; they are kept), puts each behind the same code that `bootstrap`
/// runs in a Lambda sandbox, with a local Runtime API in place of AWS, and sends events: an echo, an API
/// Gateway request, an error, a panic, 1 MB. Shows the answers, and what crossed the RPC socket. Then
/// compares the time over RPC with that of the handler rebuilt to poll the Runtime API itself. Every answer
/// is checked.
///
/// Without a Go toolchain, a handler in Rust that is built into this program takes the place of the Go
/// ones, over the same socket.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Demo {
    /// Use the built-in handler even if there is a Go toolchain
    #[arg(long)]
    no_go: bool,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  go1x demo
  go1x demo --no-go
  go1x demo --format json | jq '.times[] | {event, ratio}'

JSON: {without_go: {cause, help}, machine: {processors,
  tcp_congestion_control}, tours: [{handler, description, start_milliseconds,
  ping: {request_messages, request_bytes, reply_messages, reply_bytes},
  events: [{event, event_bytes, outcome, answer, answer_bytes, problem,
    rpc: {request_messages, request_bytes, reply_messages, reply_bytes},
    waited_milliseconds, milliseconds, log: []}]}],
  times: [{event, event_bytes, repetitions,
    medians: [{handler, door, milliseconds}], ratio}]}

Environment:
  GO1X_CACHE   where the built Go handlers are kept
  NO_COLOR     no colours, if set

Exit codes: 0 all went as promised; 1 something did not; 2 wrong usage;
130 interrupted (Ctrl-C).";

impl Demo {
    pub(super) fn run(self) -> Result<(), Error> {
        let handlers = if self.no_go { Handlers::builtin(None)? } else { Handlers::build()? };
        let mut log = Log::capture()?;
        // One thread for the emulator: a second one would add hand-overs to what is timed.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let report = runtime.block_on(async {
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::select! {
                report = self.show(&handlers, &mut log) => report,
                _ = interrupt.recv() => Err(Error::interrupted()),
                _ = terminate.recv() => Err(Error::interrupted()),
            }
        });
        text::unseen(&log.restore(), report.as_ref().err());
        report?.verdict()
    }

    async fn show(&self, handlers: &Handlers, log: &mut Log) -> Result<Report, Error> {
        let mut out: Box<dyn Write> = match self.format {
            Format::Text => Box::new(anstream::stdout()),
            Format::Json => Box::new(io::sink()),
        };
        text::introduction(&mut out, handlers)?;
        let mut tours = Vec::new();
        for handler in &handlers.bridged {
            let tour = tour::take(handler, log).await?;
            text::tour(&mut out, &tour)?;
            tours.push(tour);
        }
        let machine = Machine::this();
        let mut report =
            Report { without_go: handlers.without_go().cloned(), machine, tours, times: Vec::new() };
        // How long a wrong answer takes is of no interest.
        if report.verdict().is_ok() {
            report.times = times::measure(handlers, log).await?;
            text::times(&mut out, handlers, &report)?;
        }
        if self.format == Format::Json {
            let json = serde_json::to_string_pretty(&report).map_err(Error::failed)?;
            writeln!(io::stdout(), "{json}")?;
        }
        Ok(report)
    }
}
