//! A report's files: how it was measured, all numbers, tables, a chart.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::arguments::Arguments;
use crate::measure::Cell;
use crate::{chart, summary, targets};

/// The machine, as it was found.
pub(crate) struct Machine {
    load: String,
}

impl Machine {
    pub(crate) fn look() -> Machine {
        Machine { load: load() }
    }
}

pub(crate) fn write(
    folder: &Path,
    cells: &[Cell],
    arguments: &Arguments,
    began: &Machine,
    go_version: &str,
) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let files = [
        ("README.md", readme(arguments, began, go_version)),
        ("raw.csv", raw(cells)),
        ("summary.md", tables(cells)),
        ("chart.svg", chart::svg(cells)),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn tables(cells: &[Cell]) -> String {
    format!(
        "# gob\n\nWritten by `benches/gob.rs`: do not edit. [How it was measured](README.md), [all numbers](raw.csv).\n\n\
         ![times relative to Go's](chart.svg)\n\n## Overview\n\n{}\n## Targets\n\n{}\n## Details\n{}",
        summary::overview(cells),
        targets::text(cells).trim_start_matches("Targets:\n\n"),
        summary::details(cells)
    )
}

/// Nanoseconds per operation, a line for each round.
fn raw(cells: &[Cell]) -> String {
    let mut text =
        format!("workload,operation,mode,bytes,run,round,{}\n", summary::CONTESTANTS.map(quoted).join(","));
    for cell in cells {
        for (round, (run, times)) in cell.rounds.iter().enumerate() {
            let (operation, mode) = (cell.operation.name(), cell.mode.name());
            _ = write!(text, "{},{operation},{mode},{},{run},{round}", cell.workload, cell.bytes);
            for contestant in summary::CONTESTANTS {
                match cell.index(contestant) {
                    Some(index) => _ = write!(text, ",{:.1}", times[index]),
                    None => text.push(','),
                }
            }
            text.push('\n');
        }
    }
    text
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn readme(arguments: &Arguments, began: &Machine, go_version: &str) -> String {
    let given: Vec<_> = arguments.given.iter().map(|argument| argument.replace(' ', "\\ ")).collect();
    let commit = said("git", &["rev-parse", "--short=12", "HEAD"]);
    let changed = if said("git", &["status", "--porcelain"]).is_empty() { "" } else { ", with changes" };
    let pinned = said("taskset", &["-pc", &std::process::id().to_string()]);
    let pinned = pinned.rsplit(':').next().unwrap_or_default().trim().to_owned();
    format!(
        "# gob: how it was measured\n\n\
         Written by `benches/gob.rs`: do not edit. Results: [summary.md](summary.md); every round: [raw.csv](raw.csv), \
         in nanoseconds per operation. Method and bias: [benches/README.md](../../../README.md#gobrs).\n\n\
         | | |\n| --- | --- |\n\
         | command | `cargo bench --bench gob -- {}` |\n\
         | date | {} |\n\
         | commit | {commit}{changed} |\n\
         | runs, rounds in each | {}, {} |\n\
         | Rust | {} |\n\
         | Go | {go_version} |\n\
         | gobwire | {} |\n\
         | processor | {}, {} of them |\n\
         | kernel | {} |\n\
         | on processors | {pinned} |\n\
         | load before (1, 5, 15 min) | {} |\n\
         | load after | {} |\n",
        given.join(" "),
        said("date", &["-u", "+%F %H:%M UTC"]),
        arguments.runs,
        arguments.rounds,
        said("rustc", &["--version"]),
        locked("gobwire"),
        processor(),
        std::thread::available_parallelism().map_or(0, |count| count.get()),
        said("uname", &["-srm"]),
        began.load,
        load(),
    )
}

/// What a program prints; empty if it cannot be run.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A crate's version in Cargo.lock.
fn locked(name: &str) -> String {
    let lock = include_str!("../../Cargo.lock");
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("\nname = \"{name}\"\n")));
    let version = entry.and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")));
    version.unwrap_or_default().trim_matches('"').to_owned()
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, model)| model.to_owned())
}

fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_ascii_whitespace().take(3).collect::<Vec<_>>().join(", ")
}
