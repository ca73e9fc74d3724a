//! What becomes of contestants in a long run, and in a sandbox that was frozen.

use std::time::Duration;

use rustix::process::Signal;

use super::Bench;
use super::event::Event;
use super::order;
use super::results::{Endurance, EndurancePoint, Results};
use super::runner::Runner;
use super::turns::{Field, micros};
use crate::error::Error;

/// What a long run is told over.
pub(super) const INVOCATIONS: &str = "invocations";
/// Points of a long run.
const POINTS: u64 = 20;
/// Invocations in a turn of it.
const TURN: u64 = 1000;
/// How often is frozen for each time.
const THAWS: usize = 5;
/// Invocations before the first that counts.
const WARM_UP: u64 = 200;

pub(super) async fn measure(bench: &Bench, results: &mut Results) -> Result<(), Error> {
    if bench.plan.invocations > 0 {
        long_run(bench, results).await?;
    }
    if !bench.plan.frozen.is_empty() {
        thaws(bench, results).await?;
    }
    Ok(())
}

/// All by turns, once they are warm; a point is what came since the last.
async fn long_run(bench: &Bench, results: &mut Results) -> Result<(), Error> {
    let event = bench.first_event();
    let invocations = bench.plan.invocations;
    let step = invocations.div_ceil(POINTS);
    let progress = bench.progress("long run", invocations.div_ceil(step) as usize);
    let field = Field::start(&bench.entrants, &bench.surroundings, 1).await?;
    warm_up(&field, event).await?;
    let first = begin(bench, results, INVOCATIONS);
    let (mut done, mut round) = (0, 0);
    while done < invocations {
        let part = step.min(invocations - done);
        let mut times: Vec<Vec<f64>> = vec![Vec::new(); field.runners.len()];
        let mut cpu = vec![Duration::ZERO; field.runners.len()];
        let mut left = part;
        while left > 0 {
            let calls = left.min(TURN);
            for index in order::of(round, field.runners.len()) {
                let runner = &field.runners[index];
                let before = runner.tree().cpu_time();
                for _ in 0..calls {
                    times[index].push(micros(runner.invoke(event).await?));
                }
                cpu[index] += runner.tree().cpu_time().saturating_sub(before);
                runner.trim_log();
            }
            left -= calls;
            round += 1;
        }
        done += part;
        for (index, runner) in field.runners.iter().enumerate() {
            results.endurance[first + index].points.push(EndurancePoint {
                at: done as f64,
                median: median(&mut times[index]),
                cpu: micros(cpu[index]) / part as f64,
                pss_bytes: runner.tree().pss().0,
            });
        }
        progress.inc(1);
    }
    field.stop().await;
    Ok(())
}

/// All are frozen for the same time, as a sandbox is between two events; then the first invocation of each is timed, one
/// contestant after the other.
async fn thaws(bench: &Bench, results: &mut Results) -> Result<(), Error> {
    let event = bench.first_event();
    let field = Field::start(&bench.entrants, &bench.surroundings, 1).await?;
    warm_up(&field, event).await?;
    let first = begin(bench, results, "seconds frozen");
    let count = field.runners.len();
    for &seconds in &bench.plan.frozen {
        let progress = bench.progress(format!("frozen for {seconds} s"), THAWS);
        let mut times = vec![Vec::new(); count];
        let mut cpu = vec![Vec::new(); count];
        for round in 0..THAWS {
            let signal = |signal| move |runner: &Runner| runner.tree().signal(signal);
            field.runners.iter().for_each(signal(Signal::STOP));
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            for index in order::of(round, count) {
                let runner = &field.runners[index];
                let before = runner.tree().cpu_time();
                runner.tree().signal(Signal::CONT);
                times[index].push(micros(runner.invoke(event).await?));
                cpu[index].push(micros(runner.tree().cpu_time().saturating_sub(before)));
            }
            progress.inc(1);
        }
        for (index, runner) in field.runners.iter().enumerate() {
            results.endurance[first + index].points.push(EndurancePoint {
                at: seconds,
                median: median(&mut times[index]),
                cpu: median(&mut cpu[index]),
                pss_bytes: runner.tree().pss().0,
            });
        }
    }
    field.stop().await;
    Ok(())
}

async fn warm_up(field: &Field, event: &Event) -> Result<(), Error> {
    for runner in &field.runners {
        for _ in 0..WARM_UP {
            runner.invoke(event).await?;
        }
    }
    Ok(())
}

/// Where the points of the first contestant go; the others follow.
fn begin(bench: &Bench, results: &mut Results, over: &str) -> usize {
    let first = results.endurance.len();
    results.endurance.extend(bench.entrants.iter().map(|entrant| Endurance {
        contestant: entrant.name.clone(),
        over: over.to_owned(),
        points: Vec::new(),
    }));
    first
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
