//! All contestants at work side by side, by turns: what disturbs the machine disturbs all of them.

use std::time::{Duration, Instant};

use super::entrant::Entrant;
use super::event::Event;
use super::order;
use super::runner::{Runner, Surroundings};
use crate::error::Error;

/// The running contestants, in their order.
pub(super) struct Field {
    pub(super) runners: Vec<Runner>,
}

/// What one turn gave: microseconds of each invocation, and CPU time of one.
pub(super) struct Turn {
    pub(super) times: Vec<f64>,
    pub(super) cpu: f64,
}

/// Calls before anything is known of how long they take.
const FIRST_CALLS: usize = 3;
/// Turns that do not count.
const WARM_UP: usize = 3;
/// No more calls in a turn than this, however short they are.
const CALLS_LIMIT: usize = 40;

impl Field {
    pub(super) async fn start(
        entrants: &[Entrant],
        surroundings: &Surroundings,
        concurrency: usize,
    ) -> Result<Field, Error> {
        let mut runners = Vec::new();
        for entrant in entrants {
            runners.push(Runner::start(entrant, surroundings, concurrency).await?);
        }
        Ok(Field { runners })
    }

    pub(super) async fn stop(self) {
        for runner in self.runners {
            runner.stop().await;
        }
    }

    /// Turns that do not count. How many calls have to be in one, so that the slowest contestant's takes as long as
    /// wanted.
    pub(super) async fn warm_up(&self, event: &Event, turn: Duration) -> Result<usize, Error> {
        let mut slowest = Duration::ZERO;
        for runner in &self.runners {
            let begin = Instant::now();
            invoke(runner, event, FIRST_CALLS).await?;
            slowest = slowest.max(begin.elapsed() / FIRST_CALLS as u32);
        }
        // Cold calls are slower than those to come.
        let calls = calls(turn, slowest);
        let mut slowest = Duration::ZERO;
        for _ in 0..WARM_UP {
            slowest = Duration::ZERO;
            for runner in &self.runners {
                let begin = Instant::now();
                invoke(runner, event, calls).await?;
                slowest = slowest.max(begin.elapsed() / calls as u32);
            }
        }
        Ok(self::calls(turn, slowest))
    }

    /// One contestant after the other, in the order of the round; what each gave, in the order of all.
    pub(super) async fn by_turns<T>(
        &self,
        round: usize,
        mut turn: impl AsyncFnMut(&Runner) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        order::by_turns(round, self.runners.len(), async |index| turn(&self.runners[index]).await).await
    }
}

/// So many calls that count, after one that does not: what the contestant before still does once it has answered (it asks
/// for its next event, it collects garbage) is over by then.
pub(super) async fn turn(runner: &Runner, event: &Event, calls: usize) -> Result<Turn, Error> {
    invoke(runner, event, 1).await?;
    let before = runner.tree().cpu_time();
    let times = invoke(runner, event, calls).await?;
    let cpu = runner.tree().cpu_time().saturating_sub(before);
    runner.trim_log();
    Ok(Turn { times, cpu: micros(cpu / calls as u32) })
}

async fn invoke(runner: &Runner, event: &Event, calls: usize) -> Result<Vec<f64>, Error> {
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        times.push(micros(runner.invoke(event).await?));
    }
    Ok(times)
}

fn calls(turn: Duration, one: Duration) -> usize {
    let fit = turn.as_secs_f64() / one.as_secs_f64().max(1e-6);
    (fit as usize).clamp(1, CALLS_LIMIT)
}

/// Microseconds, to the nanosecond.
pub(super) fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}
