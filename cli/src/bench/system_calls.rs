//! System calls of one invocation, of all processes, as `perf trace` counts them; or as `strace` does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::entrant::Entrant;
use super::event::Event;
use super::perf::Perf;
use super::results::{Results, SystemCalls};
use super::runner::Runner;
use super::{Bench, strace};
use crate::error::Error;

/// Invocations that are counted: so many, but no longer than that, and not fewer than the last.
const CALLS: u32 = 500;
const TIME: Duration = Duration::from_millis(300);
const CALLS_AT_LEAST: u32 = 5;
/// Invocations before, in which connections and heaps come to be.
const WARM_UP: u32 = 10;

pub(super) async fn measure(bench: &Bench, results: &mut Results) -> Result<(), Error> {
    let progress = bench.progress("system calls", bench.plan.events.len() * bench.entrants.len());
    // Who has failed once is not asked again.
    let mut without_perf = None;
    for event in &bench.plan.events {
        for entrant in &bench.entrants {
            if without_perf.is_none() {
                let runner = Runner::start(entrant, &bench.surroundings, 1).await?;
                match count(bench, &runner, event).await? {
                    Ok(calls) => results.system_calls.push(SystemCalls::new(entrant, event, calls, "perf")),
                    Err(why) => without_perf = Some(why),
                }
                runner.stop().await;
            }
            if let Some(why_no_perf) = &without_perf {
                match strace::count(bench, entrant, event).await? {
                    Ok(calls) => results.system_calls.push(SystemCalls::new(entrant, event, calls, "strace")),
                    Err(why) => {
                        let note = format!("System calls were not counted: {why_no_perf}; {why}.");
                        results.notes.push(note);
                        return Ok(());
                    }
                }
            }
            progress.inc(1);
        }
    }
    Ok(())
}

impl SystemCalls {
    fn new(entrant: &Entrant, event: &Event, calls: Vec<(String, f64)>, tool: &str) -> SystemCalls {
        SystemCalls {
            contestant: entrant.name.clone(),
            event: event.name.clone(),
            event_bytes: event.payload.len() as u64,
            calls,
            tool: tool.to_owned(),
        }
    }
}

/// Inside is why they cannot be counted.
async fn count(
    bench: &Bench,
    runner: &Runner,
    event: &Event,
) -> Result<Result<Vec<(String, f64)>, String>, Error> {
    for _ in 0..WARM_UP {
        runner.invoke(event).await?;
    }
    let perf = match Perf::record(bench, EVENTS, &runner.tree().pids()).await {
        Ok(perf) => perf,
        Err(why) => return Ok(Err(why)),
    };
    let begin = Instant::now();
    let mut calls = 0;
    while calls < CALLS_AT_LEAST || (calls < CALLS && begin.elapsed() < TIME) {
        runner.invoke(event).await?;
        calls += 1;
    }
    let said = match perf.stop().await {
        Ok(recording) => recording.read(&["trace", "-s"]).await,
        Err(why) => Err(why),
    };
    Ok(said.and_then(|said| match summary(&said) {
        counts if counts.is_empty() => Err("perf trace has counted none".to_owned()),
        counts => Ok(counts.into_iter().map(|(name, count)| (name, count as f64 / calls as f64)).collect()),
    }))
}

const EVENTS: &str = "raw_syscalls:sys_enter,raw_syscalls:sys_exit";

/// The tables of `perf trace -s`, one for each thread, as one: most frequent first.
fn summary(said: &str) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for line in said.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(name), Some(calls), Some(errors)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        // `   read    1000      0    12.345     0.001     0.012     0.345      1.23%`
        if words.count() >= 4
            && let (Ok(calls), Ok(_)) = (calls.parse::<u64>(), errors.parse::<u64>())
        {
            *counts.entry(name).or_default() += calls;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_all_threads_are_added_up() {
        // perf 6.1.
        let said = "
 Summary of events:

 echo (22945), 1700 events, 100.0%

   syscall            calls  errors  total       min       avg       max       stddev
                                     (msec)    (msec)    (msec)    (msec)        (%)
   --------------- --------  ------ -------- --------- --------- ---------     ------
   epoll_pwait          425      0   506.404     0.000     1.192     8.415      2.88%
   read                 400    200     6.623     0.013     0.016     0.023      0.45%


 echo (22946), 2 events, 0.1%

   syscall            calls  errors  total       min       avg       max       stddev
                                     (msec)    (msec)    (msec)    (msec)        (%)
   --------------- --------  ------ -------- --------- --------- ---------     ------
   read                 100      0     6.623     0.013     0.016     0.023      0.45%
";
        assert_eq!(summary(said), [("read".to_owned(), 500), ("epoll_pwait".to_owned(), 425)]);
        assert_eq!(summary("Error: no permission to do this here and now, ask 1 2\n"), []);
    }
}
