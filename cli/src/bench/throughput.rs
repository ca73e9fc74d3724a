//! Invocations a second with several at a time, and what one of them then costs.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::Bench;
use super::event::Event;
use super::results::{Latency, Results, Throughput};
use super::runner::{Caller, Runner};
use super::turns::{Field, micros};
use crate::error::Error;

/// Of each turn about so many latencies are kept, from all over it.
const KEPT: usize = 100;

/// What one turn gave.
struct Turn {
    per_second: f64,
    times: Vec<f64>,
    cpu: f64,
}

/// By turns, in which so many callers invoke one after the other as fast as they are answered.
pub(super) async fn measure(bench: &Bench, results: &mut Results) -> Result<(), Error> {
    let event = bench.first_event();
    for &concurrency in &bench.plan.concurrency {
        let rounds = bench.plan.throughput_rounds;
        let progress = bench.progress(format!("throughput, {concurrency} at a time"), rounds);
        let field = Field::start(&bench.entrants, &bench.surroundings, concurrency).await?;
        // The processes for each come up with the first calls.
        for runner in &field.runners {
            turn(runner, event, concurrency, bench.plan.throughput_turn).await?;
        }
        let (first, first_latency) = (results.throughput.len(), results.latency.len());
        for runner in &field.runners {
            results.throughput.push(Throughput {
                contestant: runner.name().to_owned(),
                event_bytes: event.payload.len() as u64,
                concurrency,
                per_second: Vec::new(),
                cpu: Vec::new(),
                pss_bytes: 0,
            });
            // One at a time is measured elsewhere, and better.
            if concurrency > 1 {
                results.latency.push(Latency::new(runner.name(), event, concurrency));
            }
        }
        for round in 0..rounds {
            let turn =
                async |runner: &Runner| turn(runner, event, concurrency, bench.plan.throughput_turn).await;
            let turns = field.by_turns(round, turn).await?;
            for (index, turn) in turns.into_iter().enumerate() {
                let throughput = &mut results.throughput[first + index];
                throughput.per_second.push(turn.per_second);
                throughput.cpu.push(turn.cpu);
                if round + 1 == rounds {
                    throughput.pss_bytes = field.runners[index].tree().pss().0;
                }
                if let Some(latency) = results.latency.get_mut(first_latency + index) {
                    latency.rounds.push(turn.times);
                    latency.cpu.push(turn.cpu);
                }
            }
            progress.inc(1);
        }
        field.stop().await;
    }
    Ok(())
}

async fn turn(runner: &Runner, event: &Event, concurrency: usize, length: Duration) -> Result<Turn, Error> {
    // One that does not count, as in all turns.
    runner.invoke(event).await?;
    let before = runner.tree().cpu_time();
    let begin = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..concurrency {
        callers.spawn(call(runner.caller(), event.clone(), begin + length));
    }
    let mut times = Vec::new();
    while let Some(called) = callers.join_next().await {
        times.extend(called.map_err(Error::failed)?.map_err(|problem| runner.explain(event, problem))?);
    }
    let taken = begin.elapsed();
    let calls = times.len();
    let cpu = runner.tree().cpu_time().saturating_sub(before);
    runner.trim_log();
    let times = times.into_iter().step_by(calls.div_ceil(KEPT).max(1)).collect();
    let cpu = micros(cpu) / calls as f64;
    Ok(Turn { per_second: calls as f64 / taken.as_secs_f64(), times, cpu })
}

/// One caller, until the turn is over; at least one invocation.
async fn call(caller: Caller, event: Event, end: Instant) -> Result<Vec<f64>, String> {
    let mut times = Vec::new();
    while times.is_empty() || Instant::now() < end {
        let begin = Instant::now();
        let outcome = caller.outcome(&event).await?;
        // The caller's: who takes one at a time has the others wait.
        times.push(micros(begin.elapsed()));
        caller.check(&event, &outcome)?;
    }
    Ok(times)
}
