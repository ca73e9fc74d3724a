//! What `go1x bench` measures: the same handler run in several ways, side by side.
//!
//! | file | knows |
//! | --- | --- |
//! | `plan` | what is measured, and how often |
//! | `event` | what is sent, and what has to come back |
//! | `line_up`, `entrant` | who takes part; a contestant's program and what has to be deployed for it |
//! | `repository` | the clone around this program, from which contestants are built |
//! | `place`, `machine` | on which processors and in which network it is measured; the machine |
//! | `scratch` | a folder for the run, with each contestant's own copies of its programs |
//! | `runner`, `process` | a contestant at work, with an emulator of its own; its processes as `/proc` shows them |
//! | `log` | what a contestant writes |
//! | `turns`, `order` | all contestants at work, by turns; who comes when |
//! | `waker` | that after a sleep nobody has to wake this process first |
//! | `latency`, `cold_start`, `throughput`, `memory`, `system_calls`, `stages`, `endurance` | one measurement each |
//! | `perf`, `strace`, `sockets` | what others tell of processes |
//! | `progress` | how far it is |
//! | `results` | what was found; all reports are made from that |
//! | `statistics` | medians, quartiles, outliers, ratios |
//! | `report` | what is made of the results: a page, text, tables, raw data; what became slower since an earlier run |

mod cold_start;
mod endurance;
mod entrant;
pub(crate) mod event;
mod latency;
pub(crate) mod line_up;
mod log;
pub(crate) mod machine;
mod memory;
mod order;
mod perf;
pub(crate) mod place;
pub(crate) mod plan;
mod process;
mod progress;
pub(crate) mod report;
mod repository;
pub(crate) mod results;
pub(crate) mod runner;
mod scratch;
mod sockets;
mod stages;
pub(crate) mod statistics;
mod strace;
mod system_calls;
mod throughput;
mod turns;
mod waker;

use std::borrow::Cow;
use std::ffi::OsString;
use std::time::{Instant, SystemTime};

use entrant::Entrant;
use event::Event;
use line_up::LineUp;
use plan::{Measure, Plan};
use process::Sight;
use progress::Progress;
use repository::OPTIMISED;
use results::{FORMAT, Machine, Results};
use runner::{Runner, Surroundings};
use rustix::thread::CpuSet;
use scratch::Scratch;

use crate::error::Error;

/// A run: who takes part, and what is measured.
pub(crate) struct Bench {
    plan: Plan,
    entrants: Vec<Entrant>,
    /// Whether the handler is the echo.
    echo: bool,
    surroundings: Surroundings,
    notes: Vec<String>,
    /// Where others may run that are not measured.
    cpus: CpuSet,
    /// Which contestant ratios are to.
    baseline: String,
    /// The load before contestants were built.
    load_before: f64,
    /// Where contestants have their programs, and tools what they record.
    scratch: Scratch,
}

impl Bench {
    /// `against` names the contestant that ratios are to; `go-direct`, or else the first, if nobody is named.
    pub(crate) fn new(
        plan: Plan,
        line_up: LineUp,
        surroundings: Surroundings,
        cpus: CpuSet,
        load_before: f64,
        against: Option<String>,
    ) -> Result<Bench, Error> {
        let LineUp { entrants, echo, notes } = line_up;
        let is_there = |name: &str| entrants.iter().any(|entrant| entrant.name == name);
        let baseline = match against {
            Some(name) if is_there(&name) => name,
            Some(name) => {
                let names: Vec<&str> = entrants.iter().map(|entrant| &*entrant.name).collect();
                return Err(Error::input(format_args!("{name} does not take part"))
                    .with_help(format!("--against takes one of these: {}", names.join(", "))));
            }
            None if is_there("go-direct") => "go-direct".to_owned(),
            None => entrants.first().map(|entrant| entrant.name.clone()).unwrap_or_default(),
        };
        let uncopied = |error: std::io::Error| {
            Error::failed(format_args!("contestants cannot have copies of their programs: {error}"))
                .with_help("TMPDIR names a folder with room for them, from which programs may be started")
        };
        let scratch = Scratch::new().map_err(uncopied)?;
        let own = |(number, entrant): (usize, &Entrant)| {
            entrant.with_own_programs(&scratch.path().join(number.to_string()))
        };
        let entrants = entrants.iter().enumerate().map(own).collect::<Result<_, _>>().map_err(uncopied)?;
        Ok(Bench { plan, entrants, echo, surroundings, notes, cpus, baseline, load_before, scratch })
    }

    /// Measures until `interrupt`. Inside is why it ended too early, if it did; what was found until then is there in
    /// any case.
    pub(crate) async fn run(
        &self,
        interrupt: impl Future<Output = ()>,
    ) -> Result<(Results, Result<(), Error>), Error> {
        let mut results = self.results()?;
        let begin = Instant::now();
        let outcome = tokio::select! {
            outcome = self.measure(&mut results) => outcome,
            () = interrupt => Err(Error::interrupted()),
        };
        Sight::find().leave_out(&mut results);
        results.complete = outcome.is_ok();
        results.seconds = begin.elapsed().as_secs_f64();
        results.machine.load_after = machine::load();
        Ok((results, outcome))
    }

    async fn measure(&self, results: &mut Results) -> Result<(), Error> {
        self.verify().await?;
        for measure in &self.plan.measures {
            match measure {
                Measure::Latency => latency::measure(self, results).await?,
                Measure::ColdStart => cold_start::measure(self, results).await?,
                Measure::Memory => memory::measure(self, results).await?,
                Measure::Throughput => throughput::measure(self, results).await?,
                Measure::Endurance => endurance::measure(self, results).await?,
                Measure::SystemCalls => system_calls::measure(self, results).await?,
                Measure::Stages => stages::measure(self, results).await?,
            }
        }
        Ok(())
    }

    /// Everybody answers every event once, rightly, before anything is measured.
    async fn verify(&self) -> Result<(), Error> {
        let progress = self.progress("answers", self.entrants.len());
        for entrant in &self.entrants {
            let runner = Runner::start(entrant, &self.surroundings, 1).await?;
            for event in &self.plan.events {
                runner.invoke(event).await?;
            }
            runner.stop().await;
            progress.inc(1);
        }
        Ok(())
    }

    /// With all that is known before anything is measured.
    fn results(&self) -> Result<Results, Error> {
        let progress = self.progress("sizes", self.entrants.len());
        let contestant = |entrant: &Entrant| {
            progress.inc(1);
            entrant.contestant()
        };
        Ok(Results {
            format: FORMAT,
            started: go1x::timestamp(SystemTime::now()),
            seconds: 0.0,
            complete: false,
            echo: self.echo,
            optimised: OPTIMISED,
            command: command(std::env::args_os().skip(1)),
            machine: Machine { load_before: self.load_before, ..machine::look() },
            contestants: self.entrants.iter().map(contestant).collect::<Result<_, _>>()?,
            baseline: self.baseline.clone(),
            latency: Vec::new(),
            cold_start: Vec::new(),
            throughput: Vec::new(),
            memory: Vec::new(),
            system_calls: Vec::new(),
            stages: Vec::new(),
            endurance: Vec::new(),
            notes: self.notes.clone(),
        })
    }

    /// What is sent where one event is enough.
    fn first_event(&self) -> &Event {
        &self.plan.events[0]
    }

    fn progress(&self, what: impl Into<Cow<'static, str>>, steps: usize) -> Progress {
        Progress::new(what, steps)
    }
}

/// As typed, with the plain name of this program. What variables are set to may be secret, and reports are for others.
fn command(words: impl Iterator<Item = OsString>) -> Vec<String> {
    let mut command = vec!["go1x".to_owned()];
    for word in words {
        let word = word.display().to_string();
        let is_value = command.last().is_some_and(|last| last == "--env");
        let (flag, pair) = word.split_at(if word.starts_with("--env=") { "--env=".len() } else { 0 });
        let shown = match pair.split_once('=') {
            Some((name, _)) if is_value || !flag.is_empty() => format!("{flag}{name}=…"),
            _ => word,
        };
        command.push(shown);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_in_no_report() {
        let words = ["bench", "--env", "A=b=c", "--env=D=e", "--env", "--compare", "it=x --env=f"];
        assert_eq!(
            command(words.into_iter().map(OsString::from)),
            ["go1x", "bench", "--env", "A=…", "--env=D=…", "--env", "--compare", "it=x --env=f"]
        );
    }
}
