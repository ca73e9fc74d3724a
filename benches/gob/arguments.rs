//! What the benchmark was asked for.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};

use crate::workloads::NAMES;

pub(crate) struct Arguments {
    /// As given, for the report.
    pub(crate) given: Vec<String>,
    /// Parts of workloads' names; empty for all of them.
    filters: Vec<String>,
    /// Few iterations, which prove that the benchmark works and that every answer is right.
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    pub(crate) runs: usize,
    /// Folder to write a report to.
    pub(crate) report: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> anyhow::Result<Arguments> {
        let mut parsed = Arguments {
            given: Vec::new(),
            filters: Vec::new(),
            quick: false,
            rounds: 40,
            runs: 1,
            report: None,
        };
        // Cargo passes `--bench` to what it is to measure.
        let mut bench = false;
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            if argument == "--bench" {
                bench = true;
                continue;
            }
            parsed.given.push(argument.clone());
            let mut value = || -> anyhow::Result<String> {
                let value = arguments.next().with_context(|| format!("{argument} takes a value"))?;
                parsed.given.push(value.clone());
                Ok(value)
            };
            match &*argument {
                "--quick" | "--test" => parsed.quick = true,
                "--rounds" => parsed.rounds = value()?.parse().context("--rounds takes a number")?,
                "--runs" => parsed.runs = value()?.parse().context("--runs takes a number")?,
                "--report" => parsed.report = Some(value()?.into()),
                option if option.starts_with('-') => bail!("no option {option}"),
                _ => parsed.filters.push(argument),
            }
        }
        parsed.quick |= !bench;
        if parsed.quick {
            parsed.runs = 1;
        }
        ensure!(parsed.rounds > 0 && parsed.runs > 0, "at least one round of one run");
        let unknown =
            parsed.filters.iter().find(|filter| !NAMES.iter().any(|name| name.contains(&***filter)));
        ensure!(unknown.is_none(), "no workload's name has {unknown:?} in it: {NAMES:?}");
        Ok(parsed)
    }

    pub(crate) fn wants(&self, workload: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| workload.contains(&**filter))
    }
}
