//! What contestants hold in memory once they have answered events of a size.

use std::time::{Duration, Instant};

use super::Bench;
use super::results::{Memory, Results};
use super::runner::Runner;
use super::statistics::Sample;
use crate::error::Error;

/// Invoked so long, and so often if that does not take too long: garbage collectors have come to their rhythm by then.
const TIME: Duration = Duration::from_millis(200);
const CALLS: usize = 20;
/// Readings then, one after each of so many invocations.
const READINGS: usize = 10;
const TOO_LONG: Duration = Duration::from_secs(2);

/// Fresh processes for each event, so that it does not matter what came before.
pub(super) async fn measure(bench: &Bench, results: &mut Results) -> Result<(), Error> {
    for event in &bench.plan.events {
        let progress = bench.progress(format!("memory, {}", event.name), bench.entrants.len());
        for entrant in &bench.entrants {
            let runner = Runner::start(entrant, &bench.surroundings, 1).await?;
            let begin = Instant::now();
            let mut calls = 0;
            while begin.elapsed() < if calls < CALLS { TOO_LONG } else { TIME } {
                runner.invoke(event).await?;
                calls += 1;
            }
            let mut readings = Vec::with_capacity(READINGS);
            for _ in 0..READINGS {
                runner.invoke(event).await?;
                readings.push(runner.tree().pss());
            }
            let median = |one: fn(&(u64, u64)) -> u64| {
                Sample::of(readings.iter().map(|reading| one(reading) as f64))
                    .map_or(0.0, |sample| sample.median())
            };
            let (all, own) = (median(|(all, _)| *all), median(|(_, own)| *own));
            results.memory.push(Memory {
                contestant: entrant.name.clone(),
                event: event.name.clone(),
                event_bytes: event.payload.len() as u64,
                pss_bytes: all as u64,
                own_pss_bytes: own as u64,
                readings,
            });
            runner.stop().await;
            progress.inc(1);
        }
    }
    Ok(())
}
