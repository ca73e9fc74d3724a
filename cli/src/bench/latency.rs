//! One invocation at a time: its latency, and the CPU time that it costs.

use super::Bench;
use super::event::Event;
use super::results::{Latency, Results};
use super::turns::{Field, turn};
use crate::error::Error;

/// Each event by turns, rounds that are complete in the results as soon as they are.
pub(super) async fn measure(bench: &Bench, results: &mut Results) -> Result<(), Error> {
    for event in &bench.plan.events {
        let progress = bench.progress(format!("latency, {}", event.name), bench.plan.rounds);
        let field = Field::start(&bench.entrants, &bench.surroundings, 1).await?;
        let calls = field.warm_up(event, bench.plan.turn).await?;
        let first = results.latency.len();
        let names = field.runners.iter().map(|runner| runner.name());
        results.latency.extend(names.map(|name| Latency::new(name, event, 1)));
        for round in 0..bench.plan.rounds {
            let turns = field.by_turns(round, async |runner| turn(runner, event, calls).await).await?;
            for (latency, turn) in results.latency[first..].iter_mut().zip(turns) {
                latency.rounds.push(turn.times);
                latency.cpu.push(turn.cpu);
            }
            progress.inc(1);
        }
        field.stop().await;
    }
    Ok(())
}

impl Latency {
    /// Nothing yet.
    pub(super) fn new(contestant: &str, event: &Event, concurrency: usize) -> Latency {
        Latency {
            contestant: contestant.to_owned(),
            event: event.name.clone(),
            event_bytes: event.payload.len() as u64,
            concurrency,
            rounds: Vec::new(),
            cpu: Vec::new(),
        }
    }
}
