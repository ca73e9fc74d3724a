//! `strace`, where there is no `perf`: it counts the system calls of a contestant from its start to its end.
//!
//! What one invocation takes is the difference of two such lives, divided by that of their invocations.

use std::collections::BTreeMap;
use std::fs;

use super::Bench;
use super::entrant::Entrant;
use super::event::Event;
use super::line_up::on_path;
use super::runner::Runner;
use crate::error::Error;

/// Invocations of the two lives.
const CALLS: [u32; 2] = [20, 120];

/// Calls per invocation by name, most frequent first; inside is why they cannot be counted.
pub(super) async fn count(
    bench: &Bench,
    entrant: &Entrant,
    event: &Event,
) -> Result<Result<Vec<(String, f64)>, String>, Error> {
    let Some(strace) = on_path("strace".as_ref()) else { return Ok(Err("there is no strace".into())) };
    let summary = bench.scratch.path().join("summary.strace");
    let mut lives = Vec::new();
    for calls in CALLS {
        // What an earlier life has left is none of this one's.
        _ = fs::remove_file(&summary);
        let mut traced = entrant.clone();
        traced.arguments = ["-f", "-q", "-c", "-o"].map(Into::into).into();
        traced.arguments.extend([summary.clone().into(), entrant.program.clone().into()]);
        traced.arguments.extend(entrant.arguments.iter().cloned());
        traced.program.clone_from(&strace);
        let Ok(runner) = Runner::start(&traced, &bench.surroundings, 1).await else {
            return Ok(Err("nothing starts under strace".into()));
        };
        for _ in 0..calls {
            runner.invoke(event).await?;
        }
        // It sums up when what it traces has ended.
        runner.stop_below().await;
        let counts = counts(&fs::read_to_string(&summary).unwrap_or_default());
        if counts.is_empty() {
            return Ok(Err("strace has counted none".into()));
        }
        lives.push(counts);
    }
    let between = f64::from(CALLS[1] - CALLS[0]);
    let of = |life: usize, name: &String| lives[life].get(name).copied().unwrap_or_default() as f64;
    let each = lives[1].keys().map(|name| (name.clone(), (of(1, name) - of(0, name)) / between));
    let mut each: Vec<(String, f64)> = each.filter(|(_, calls)| *calls > 0.0).collect();
    each.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    Ok(Ok(each))
}

/// The table of `strace -c`.
fn counts(summary: &str) -> BTreeMap<String, u64> {
    // `  0.00    0.000000           0         8         2 openat`, where the errors may be left out.
    let call = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let &[share, .., name] = &words[..] else { return None };
        share.parse::<f64>().ok()?;
        Some((name.to_owned(), words.get(3)?.parse().ok()?))
    };
    summary.lines().filter_map(call).filter(|(name, _)| name != "total").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_read() {
        // strace 6.1.
        let summary = "% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 80.00    0.000040           2        20           read
 20.00    0.000010           1         8         2 openat
------ ----------- ----------- --------- --------- ----------------
100.00    0.000050           1        28         2 total
";
        assert_eq!(counts(summary), [("openat".to_owned(), 8), ("read".to_owned(), 20)].into());
    }
}
