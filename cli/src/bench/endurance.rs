//! What becomes of contestants in a long run, and in a sandbox that was frozen.

use std::mem;
use std::time::Duration;

use rustix::process::Signal;

use super::Bench;
use super::event::Event;
use super::results::{Endurance, EndurancePoint, Results};
use super::runner::Runner;
use super::statistics::Sample;
use super::turns::{Field, micros, turn};
use super::waker::Waker;
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
/// Invocations of a thawed sandbox before it is frozen again, and the time that it then has to ask for the next.
const BEFORE_FREEZE: usize = 20;
const SETTLE: Duration = Duration::from_millis(20);

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
        let (mut medians, mut cpu) = (times.clone(), vec![0.0; field.runners.len()]);
        let mut left = part;
        while left > 0 {
            let calls = left.min(TURN);
            let turn = async |runner: &Runner| turn(runner, event, calls as usize).await;
            for (index, turn) in field.by_turns(round, turn).await?.into_iter().enumerate() {
                cpu[index] += turn.cpu * calls as f64 / part as f64;
                medians[index].push(median(&turn.times));
                times[index].extend(turn.times);
            }
            left -= calls;
            round += 1;
        }
        done += part;
        for (index, runner) in field.runners.iter().enumerate() {
            results.endurance[first + index].points.push(EndurancePoint {
                at: done as f64,
                median: median(&times[index]),
                cpu: cpu[index],
                pss_bytes: runner.tree().pss().0,
                values: mem::take(&mut medians[index]),
            });
        }
        progress.inc(1);
    }
    field.stop().await;
    Ok(())
}

/// One at a time is frozen, as a sandbox is between two events, and its first invocation after that is timed. The others
/// stay frozen all the while: nobody works beside it, and nobody before it has woken what all use.
async fn thaws(bench: &Bench, results: &mut Results) -> Result<(), Error> {
    let event = bench.first_event();
    let field = Field::start(&bench.entrants, &bench.surroundings, 1).await?;
    warm_up(&field, event).await?;
    let waker = Waker::start().await?;
    let first = begin(bench, results, "seconds frozen");
    for runner in &field.runners {
        runner.tree().signal(Signal::STOP);
    }
    for (at, &seconds) in bench.plan.frozen.iter().enumerate() {
        let progress = bench.progress(format!("frozen for {seconds} s"), THAWS * field.runners.len());
        let mut times = vec![Vec::new(); field.runners.len()];
        let (mut cpu, mut pss) = (times.clone(), vec![0; field.runners.len()]);
        for round in 0..THAWS {
            let thaw = async |runner: &Runner| {
                let thaw = thaw(runner, event, &waker, Duration::from_secs_f64(seconds)).await?;
                progress.inc(1);
                Ok(thaw)
            };
            let thaws = field.by_turns(at * THAWS + round, thaw).await?;
            for (index, Thaw { time, cpu: busy, pss_bytes }) in thaws.into_iter().enumerate() {
                times[index].push(time);
                cpu[index].push(busy);
                pss[index] = pss_bytes;
            }
        }
        for (index, times) in times.into_iter().enumerate() {
            results.endurance[first + index].points.push(EndurancePoint {
                at: seconds,
                median: median(&times),
                cpu: median(&cpu[index]),
                pss_bytes: pss[index],
                values: times,
            });
        }
    }
    field.stop().await;
    Ok(())
}

/// What one thaw gave: microseconds of the first invocation and of its CPU time, and the memory then.
struct Thaw {
    time: f64,
    cpu: f64,
    pss_bytes: u64,
}

/// Of a contestant that is frozen before and after.
async fn thaw(runner: &Runner, event: &Event, waker: &Waker, frozen: Duration) -> Result<Thaw, Error> {
    let tree = runner.tree();
    tree.signal(Signal::CONT);
    for _ in 0..BEFORE_FREEZE {
        runner.invoke(event).await?;
    }
    // It asks for its next event before it is frozen, as on Lambda.
    tokio::time::sleep(SETTLE).await;
    tree.signal(Signal::STOP);
    tokio::time::sleep(frozen).await;
    waker.wake().await?;
    let before = tree.cpu_time();
    tree.signal(Signal::CONT);
    let time = micros(runner.invoke(event).await?);
    let cpu = micros(tree.cpu_time().saturating_sub(before));
    let pss_bytes = tree.pss().0;
    runner.trim_log();
    tree.signal(Signal::STOP);
    Ok(Thaw { time, cpu, pss_bytes })
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

fn median(values: &[f64]) -> f64 {
    Sample::of(values.iter().copied()).map_or(0.0, |sample| sample.median())
}
