//! From the start of the process to the last byte of its first answer.

use super::Bench;
use super::order;
use super::results::{Results, Samples};
use super::runner::Runner;
use super::turns::micros;
use crate::error::Error;

/// One contestant after the other, nobody else at work, nor any process of the one before. The first start of each does
/// not count: it reads the program from disk.
pub(super) async fn measure(bench: &Bench, results: &mut Results) -> Result<(), Error> {
    let progress = bench.progress("cold start", bench.plan.starts + 1);
    let event = bench.first_event();
    let samples = |name: &String| Samples {
        contestant: name.clone(),
        event: event.name.clone(),
        event_bytes: event.payload.len() as u64,
        values: Vec::with_capacity(bench.plan.starts),
    };
    results.cold_start = bench.entrants.iter().map(|entrant| samples(&entrant.name)).collect();
    let count = bench.entrants.len();
    for round in 0..=bench.plan.starts {
        let start = async |index: usize| {
            let (runner, taken) =
                Runner::start_with(&bench.entrants[index], &bench.surroundings, event).await?;
            runner.stop().await;
            Ok(micros(taken))
        };
        let times = order::by_turns(round, count, start).await?;
        if round > 0 {
            for (samples, time) in results.cold_start.iter_mut().zip(times) {
                samples.values.push(time);
            }
        }
        progress.inc(1);
    }
    Ok(())
}
