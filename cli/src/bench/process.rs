//! A process and all that descend from it, as `/proc` shows them: CPU time, memory.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, kill_process, kill_process_group};

use super::endurance::INVOCATIONS;
use super::results::Results;

/// What this kernel's `/proc` tells of processes: it may be built without a part of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    pub(super) descendants: bool,
    pub(super) cpu_time: bool,
    pub(super) memory: bool,
}

impl Sight {
    /// What this process sees of itself.
    pub(super) fn find() -> Sight {
        let tree = Tree::of(getpid());
        Sight {
            descendants: fs::read_to_string("/proc/thread-self/children").is_ok(),
            cpu_time: !tree.cpu_time().is_zero(),
            memory: tree.pss().1 > 0,
        }
    }

    /// Leaves out of the results what nobody could see, and says so.
    pub(super) fn leave_out(self, results: &mut Results) {
        let missing = |is_there: bool, file: &str| (!is_there).then(|| format!("there is no {file}"));
        let descendants = missing(self.descendants, "/proc/PID/task/TID/children");
        let cpu_time = descendants.clone().or(missing(self.cpu_time, "/proc/PID/task/TID/schedstat"));
        let memory = descendants.clone().or(missing(self.memory, "/proc/PID/smaps_rollup"));
        if cpu_time.is_some() {
            results.latency.iter_mut().for_each(|latency| latency.cpu.clear());
            results.throughput.iter_mut().for_each(|throughput| throughput.cpu.clear());
            results.endurance.iter_mut().flat_map(|one| &mut one.points).for_each(|point| point.cpu = 0.0);
        }
        if memory.is_some() {
            results.memory.clear();
            results.throughput.iter_mut().for_each(|throughput| throughput.pss_bytes = 0);
            results
                .endurance
                .iter_mut()
                .flat_map(|one| &mut one.points)
                .for_each(|point| point.pss_bytes = 0);
        }
        if descendants.is_some() {
            results.system_calls.clear();
            results.endurance.retain(|endurance| endurance.over == INVOCATIONS);
        }
        for (what, why) in
            [("CPU time", cpu_time), ("Memory", memory), ("System calls and frozen sandboxes", descendants)]
        {
            results.notes.extend(why.map(|why| format!("{what}: not measured, as {why}.")));
        }
    }
}

/// A process with its descendants, looked up anew for each question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tree {
    root: Pid,
}

impl Tree {
    pub(super) fn of(root: Pid) -> Tree {
        Tree { root }
    }

    /// The first process, then its descendants.
    pub(super) fn pids(self) -> Vec<u32> {
        let mut pids = vec![self.root.as_raw_nonzero().get().unsigned_abs()];
        let mut at = 0;
        while let Some(pid) = pids.get(at) {
            // A child belongs to the thread that started it.
            let children =
                threads(*pid).filter_map(|thread| fs::read_to_string(thread.join("children")).ok());
            let children: String = children.collect();
            pids.extend(children.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            at += 1;
        }
        pids
    }

    /// Time on a CPU of all threads that there are, to the nanosecond.
    pub(super) fn cpu_time(self) -> Duration {
        let time = |thread: PathBuf| {
            let text = fs::read_to_string(thread.join("schedstat")).ok()?;
            text.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
        };
        self.pids().into_iter().flat_map(threads).filter_map(time).sum()
    }

    /// Proportional set size: of all processes, and of the first alone. A page that n processes share counts for each
    /// as an nth part.
    pub(super) fn pss(self) -> (u64, u64) {
        let each: Vec<u64> = self.pids().into_iter().map(pss).collect();
        (each.iter().sum(), each.first().copied().unwrap_or_default())
    }

    /// To all of them, descendants first.
    pub(super) fn signal(self, signal: Signal) {
        self.signal_below(signal);
        _ = kill_process_group(self.root, signal);
    }

    /// To all but the first.
    pub(super) fn signal_below(self, signal: Signal) {
        for pid in self.pids().into_iter().skip(1).rev().filter_map(pid) {
            // One that has just ended needs none.
            _ = kill_process(pid, signal);
        }
    }
}

/// Whether it runs no more: a zombie does not.
pub(super) fn is_gone(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
}

fn threads(pid: u32) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn pid(raw: u32) -> Option<Pid> {
    Pid::from_raw(raw.try_into().ok()?)
}

fn pss(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1024
}
