//! The result for people, in 80 columns.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::handlers::Handlers;
use super::report::{Door, Kind, Machine, Report, Sent, Tour};
use crate::error::Error;

const WIDTH: usize = 80;
/// Where a row's outcome begins, and how wide it may be.
const INDENT: usize = 15;
const OUTCOME: usize = WIDTH - INDENT - 2 * SIZE;
/// A column of sizes, with the gap before it.
const SIZE: usize = 13;
/// Lines of the log that are told at most when an error ends the demo.
const UNSEEN: usize = 20;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();

/// What is about to be seen.
pub(crate) fn introduction(out: &mut dyn Write, handlers: &Handlers) -> io::Result<()> {
    if let Some(without_go) = handlers.without_go() {
        for line in format!("No Go handlers are shown: {}", without_go.cause).lines() {
            paragraph(out, line)?;
        }
        if let Some(help) = &without_go.help {
            paragraph(out, &format!("To see them, {help}."))?;
        }
        paragraph(out, "A handler in Rust, built into this program, takes their place.")?;
        writeln!(out)?;
    }
    writeln!(
        out,
        "A go1.x handler, not rebuilt, behind today's Runtime API; all on this machine:

    emulator  <── Runtime API ──>  bootstrap  <──── RPC ────>  handler
    for AWS           HTTP           go1x      net/rpc, gob    a process
"
    )
}

/// One handler's part.
pub(crate) fn tour(out: &mut dyn Write, tour: &Tour) -> io::Result<()> {
    let Tour { handler, description, start_milliseconds, ping, events } = tour;
    writeln!(out, "{BOLD}{handler}{BOLD:#}: {description}")?;
    let ready = format!(
        "Ready {start_milliseconds:.0} ms after its start, with Function.Ping: {} to it, {} back.",
        crossed(ping.request_messages, ping.request_bytes),
        crossed(ping.reply_messages, ping.reply_bytes)
    );
    // On a busy machine that may be a long time.
    paragraph(out, &ready)?;
    writeln!(out)?;
    writeln!(
        out,
        "{DIM}  {:<13}{:<OUTCOME$}{:>SIZE$}{:>SIZE$}{DIM:#}",
        "event", "outcome", "RPC →", "RPC ←"
    )?;
    let mut after_panic = false;
    for sent in events {
        if after_panic {
            let waited = sent.waited_milliseconds;
            writeln!(out, "{:INDENT$}As on go1.x, a fresh process took its place ({waited:.0} ms).", "")?;
        }
        row(out, sent)?;
        for line in &sent.log {
            let line = format!("log: {line}");
            writeln!(out, "{DIM}{:INDENT$}{}{DIM:#}", "", cut(&line, WIDTH - INDENT))?;
        }
        after_panic = sent.event == "panic";
    }
    writeln!(out)
}

fn row(out: &mut dyn Write, sent: &Sent) -> io::Result<()> {
    let (style, word, text) = match (&sent.problem, sent.outcome) {
        (Some(problem), _) => (RED, "WRONG", problem),
        (None, Kind::Ok) => (GREEN, "ok", &sent.answer),
        (None, Kind::Failure) => (YELLOW, "failed", &sent.answer),
    };
    let width = OUTCOME - 8;
    writeln!(
        out,
        "  {:<13}{style}{word:<8}{style:#}{:<width$}{:>SIZE$}{:>SIZE$}",
        sent.event,
        cut(text, width),
        crossed(sent.rpc.request_messages, sent.rpc.request_bytes),
        crossed(sent.rpc.reply_messages, sent.rpc.reply_bytes),
    )
}

/// So many messages of so many bytes in all.
fn crossed(messages: u64, bytes: u64) -> String {
    format!("{messages} · {}", size(bytes))
}

/// The comparison, and what it is worth.
pub(crate) fn times(out: &mut dyn Write, handlers: &Handlers, report: &Report) -> io::Result<()> {
    let columns = handlers.bridged.iter().chain([&handlers.direct]).map(|handler| &*handler.column);
    let definitions = "RPC → and ←: number and bytes of the gob messages to the handler and back. The first \
                       event on a connection brings gob's definitions of its types along.";
    paragraph(out, definitions)?;
    writeln!(out)?;
    writeln!(out, "{BOLD}Time of one invocation{BOLD:#}, median. Direct: it polls the Runtime API itself.")?;
    writeln!(out)?;
    write!(out, "{DIM}  {:<13}", "event")?;
    for column in columns {
        write!(out, "{column:>16}")?;
    }
    writeln!(out, "{:>14}{DIM:#}", "RPC : direct")?;
    for times in &report.times {
        write!(out, "  {:<13}", times.event)?;
        for median in &times.medians {
            write!(out, "{:>16}", milliseconds(median.milliseconds))?;
        }
        writeln!(out, "{:>14.2}", times.ratio)?;
    }
    writeln!(out)?;
    let Some(echo) = report.times.first() else { return Ok(()) };
    let of = |door| echo.medians.iter().find(|median| median.door == door);
    if let (Some(rpc), Some(direct)) = (of(Door::Rpc), of(Door::Direct)) {
        let (rpc, direct) = (milliseconds(rpc.milliseconds), milliseconds(direct.milliseconds));
        let line = if report.without_go.is_none() {
            format!("Echo by the old binary over RPC: {rpc} · rebuilt with lambda.norpc: {direct}")
        } else {
            format!("Echo over RPC: {rpc} · without a bridge: {direct}")
        };
        writeln!(out, "{BOLD}{line}{BOLD:#}")?;
    }
    small_print(out, report)
}

fn small_print(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let rounds = |event| report.times.iter().find(|times| times.event == event).map_or(0, |t| t.repetitions);
    let Machine { processors, tcp_congestion_control } = &report.machine;
    let text = format!(
        "A quick look, not a benchmark: {} invocations each ({} of 1 MB), by turns, on this machine \
         (processors: {processors}; TCP congestion control: {tcp_congestion_control}). The time runs, at the \
         emulator, from handing out the event to the last byte of the answer. Handlers are built from one \
         source. Every answer was checked; the failures were asked for.",
        rounds("echo"),
        rounds("1 MB echo"),
    );
    paragraph(out, &text)
}

/// The end of the log that nobody has seen, if the demo ended with an error: it may say why.
pub(crate) fn unseen(lines: &[String], error: Option<&Error>) {
    if error.is_none_or(Error::is_silent) {
        return;
    }
    for line in &lines[lines.len().saturating_sub(UNSEEN)..] {
        _ = writeln!(anstream::stderr(), "{DIM}log: {line}{DIM:#}");
    }
}

/// Words in lines of the right width. A longer word keeps a line to itself.
fn paragraph(out: &mut dyn Write, text: &str) -> io::Result<()> {
    let mut column = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > WIDTH {
            writeln!(out)?;
            column = 0;
        }
        let gap = usize::from(column > 0);
        write!(out, "{:gap$}{word}", "")?;
        column += gap + width;
    }
    writeln!(out)
}

/// The text, or as much of it as there is room for.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

/// With Lambda's megabyte, 1024².
fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..1_000_000 => format!("{:.1} KB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MB", bytes as f64 / 1024.0 / 1024.0),
    }
}

/// Three digits that mean something.
fn milliseconds(time: f64) -> String {
    match time {
        ..1.0 => format!("{time:.2} ms"),
        1.0..10.0 => format!("{time:.1} ms"),
        _ => format!("{time:.0} ms"),
    }
}
