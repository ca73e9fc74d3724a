//! Batches of all contestants in turn, of one operation after the other.

use std::time::Duration;

use anyhow::ensure;

use crate::contestant::{Contestant, Mode, Operation};
use crate::workloads::Case;

/// How long it is measured.
pub(crate) struct Plan {
    /// Batches of each contestant that count.
    rounds: usize,
    /// Rounds before those that count, without the ones in which a batch's size is found.
    warm_up: usize,
    /// About how long a batch takes.
    batch: Duration,
}

impl Plan {
    pub(crate) fn full(rounds: usize) -> Plan {
        Plan { rounds, warm_up: 4, batch: Duration::from_millis(12) }
    }

    /// A few operations.
    pub(crate) fn quick() -> Plan {
        Plan { rounds: 2, warm_up: 0, batch: Duration::ZERO }
    }
}

/// The measurements of one operation on one workload.
pub(crate) struct Cell {
    pub(crate) workload: &'static str,
    pub(crate) operation: Operation,
    pub(crate) mode: Mode,
    /// Bytes on the wire, as Go writes them.
    pub(crate) bytes: usize,
    pub(crate) contestants: Vec<&'static str>,
    /// For each round, the run that it belongs to and nanoseconds per operation of each contestant.
    pub(crate) rounds: Vec<(usize, Vec<f64>)>,
}

impl Cell {
    pub(crate) fn index(&self, contestant: &str) -> Option<usize> {
        self.contestants.iter().position(|name| *name == contestant)
    }

    /// Nanoseconds per operation, by round.
    pub(crate) fn times(&self, contestant: usize) -> impl Iterator<Item = f64> {
        self.rounds.iter().map(move |(_, times)| times[contestant])
    }

    /// One's time as a part of the other's in the same round, by round.
    pub(crate) fn ratios(&self, one: usize, other: usize) -> impl Iterator<Item = f64> {
        self.rounds.iter().map(move |(_, times)| times[one] / times[other])
    }
}

/// Adds a run's measurements to those of the runs before.
pub(crate) fn merge(cells: &mut Vec<Cell>, cell: Cell) {
    let same = |known: &&mut Cell| {
        (known.workload, known.operation, known.mode) == (cell.workload, cell.operation, cell.mode)
    };
    match cells.iter_mut().find(same) {
        Some(known) => {
            let run = known.rounds.last().map_or(1, |(run, _)| run + 1);
            known.rounds.extend(cell.rounds.into_iter().map(|(_, times)| (run, times)));
        }
        None => cells.push(cell),
    }
}

/// Both operations in both modes.
pub(crate) fn all(case: &mut Case, plan: &Plan) -> anyhow::Result<Vec<Cell>> {
    let mut cells = Vec::new();
    for mode in [Mode::Stream, Mode::First] {
        for operation in [Operation::Encode, Operation::Decode] {
            cells.push(one(case, operation, mode, plan)?);
        }
    }
    Ok(cells)
}

fn one(case: &mut Case, operation: Operation, mode: Mode, plan: &Plan) -> anyhow::Result<Cell> {
    let count = case.contestants.len();
    let expected: Vec<u64> = match operation {
        Operation::Encode => case.encoded.iter().map(|streams| streams.of(mode).len() as u64).collect(),
        Operation::Decode => vec![case.answer; count],
    };
    let workload = case.name;
    let mut batch = |index: usize, iterations: u64| -> anyhow::Result<Duration> {
        let contestant: &mut dyn Contestant = &mut *case.contestants[index];
        let batch = contestant.time(operation, mode, iterations)?;
        ensure!(
            batch.answer == expected[index].wrapping_mul(iterations),
            "{workload}, {} {}: a wrong answer of {}",
            operation.name(),
            mode.name(),
            contestant.name()
        );
        Ok(batch.elapsed)
    };

    let mut iterations = vec![1; count];
    for (index, iterations) in iterations.iter_mut().enumerate() {
        // Once from a single operation, and once again when everything is warm.
        loop {
            let elapsed = batch(index, *iterations)?;
            if elapsed >= plan.batch / 2 {
                break;
            }
            let scale = plan.batch.as_secs_f64() / elapsed.as_secs_f64().max(1e-9);
            *iterations = (*iterations as f64 * scale.clamp(1.2, 100.0)).ceil() as u64;
        }
    }

    let mut rounds = Vec::new();
    for round in 0..plan.warm_up + plan.rounds {
        let mut times = vec![0.0; count];
        for turn in 0..count {
            let index = (turn + round) % count; // who goes first changes
            times[index] = batch(index, iterations[index])?.as_nanos() as f64 / iterations[index] as f64;
        }
        if round >= plan.warm_up {
            rounds.push((1, times));
        }
    }
    let contestants: Vec<_> = case.contestants.iter().map(|contestant| contestant.name()).collect();
    let go = contestants.iter().position(|name| *name == "Go").unwrap_or_default();
    let bytes = case.encoded[go].of(mode).len();
    Ok(Cell { workload, operation, mode, bytes, contestants, rounds })
}
