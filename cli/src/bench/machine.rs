//! The machine, as the results tell of it.

use std::fs;
use std::process::{Command, Stdio};

use rustix::thread::sched_getaffinity;

use super::repository::Repository;
use super::results::Machine;

/// How it is now. The loads are to be filled in.
pub(super) fn look() -> Machine {
    let cpu = text("/proc/cpuinfo");
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let memory = text("/proc/meminfo");
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    let kibibytes: u64 = memory.and_then(|kibibytes| kibibytes.trim().parse().ok()).unwrap_or_default();
    Machine {
        cpu: cpu.map_or(std::env::consts::ARCH, |(_, name)| name.trim()).to_owned(),
        cpus: text("/proc/cpuinfo").lines().filter(|line| line.starts_with("processor")).count(),
        cpus_allowed: allowed().iter().map(usize::to_string).collect::<Vec<_>>().join(","),
        memory_bytes: kibibytes * 1024,
        kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
        congestion_control: text("/proc/sys/net/ipv4/tcp_congestion_control").trim().to_owned(),
        load_before: 0.0,
        load_after: 0.0,
        versions: versions(),
    }
}

/// The load average of the last minute.
pub(crate) fn load() -> f64 {
    text("/proc/loadavg")
        .split_ascii_whitespace()
        .next()
        .and_then(|load| load.parse().ok())
        .unwrap_or_default()
}

/// The processors that this thread, and what it starts, may run on.
pub(crate) fn allowed() -> Vec<usize> {
    let set = sched_getaffinity(None);
    set.map_or(Vec::new(), |set| {
        (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect()
    })
}

fn versions() -> Vec<(String, String)> {
    let commit = option_env!("GO1X_COMMIT").map(|commit| format!(" ({commit})")).unwrap_or_default();
    let mut versions = vec![("go1x".to_owned(), format!("{}{commit}", env!("CARGO_PKG_VERSION")))];
    // This program may be another's build than what it builds.
    if let Some(commit) = Repository::find().and_then(|repository| repository.commit()) {
        versions.push(("clone, for what is built from it".to_owned(), commit));
    }
    for (name, arguments) in [("go", "version"), ("rustc", "--version"), ("perf", "--version")] {
        let output = Command::new(name).arg(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
        if let Ok(output) = output.as_ref()
            && output.status.success()
        {
            let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            let version =
                ["go version ", "rustc ", "perf version "].iter().find_map(|p| said.strip_prefix(p));
            versions.push((name.to_owned(), version.unwrap_or(&said).to_owned()));
        }
    }
    versions
}

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
