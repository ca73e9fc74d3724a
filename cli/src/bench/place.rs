//! Where it is measured: on which processors, in which network. Both hold for this thread, for the sockets that it opens
//! and for the processes that it starts from then on.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};

use clap::ValueEnum;
use rustix::thread::{
    CpuSet, LinkNameSpaceType, move_into_link_name_space, sched_getaffinity, sched_setaffinity,
};

use super::machine;
use crate::error::Error;

/// The network that contestants and emulators share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Network {
    /// One of its own if it can be had, else the machine's
    Auto,
    /// One of its own: nothing but a loopback, without pacing (takes root, unshare and ip)
    Own,
    /// The machine's
    Machine,
}

/// Binds this thread to processors: those named, else the last one that it may use. Those that it could use before.
pub(crate) fn pin(named: Option<&[usize]>) -> Result<CpuSet, Error> {
    let before = sched_getaffinity(None).map_err(Error::failed)?;
    let allowed = machine::allowed();
    let chosen = match named {
        Some(named) => named.to_vec(),
        None => allowed.last().copied().into_iter().collect(),
    };
    if let Some(missing) = chosen.iter().find(|cpu| !allowed.contains(cpu)) {
        return Err(Error::input(format_args!("there is no CPU {missing} to be used"))
            .with_help(format!("--cpu takes some of these, or all: {}", list(&allowed))));
    }
    let mut set = CpuSet::new();
    chosen.iter().for_each(|cpu| set.set(*cpu));
    sched_setaffinity(None, &set).map_err(|error| {
        Error::failed(format_args!("it cannot be bound to CPU {}: {error}", list(&chosen)))
            .with_help("--cpu takes others, or all")
    })?;
    Ok(before)
}

/// Goes into a network as wanted. What a reader of the results has to know, if it is not one of its own.
pub(crate) fn enter(network: Network) -> Result<Option<String>, Error> {
    if network == Network::Machine {
        return Ok(None);
    }
    match Loopback::new().and_then(|loopback| loopback.enter()) {
        Ok(()) => Ok(None),
        Err(why) if network == Network::Own => {
            Err(Error::failed(format_args!("there is no network of its own: {why}"))
                .with_help("it takes root, and the programs unshare and ip; --network auto does without"))
        }
        Err(why) => Ok(Some(format!(
            "Measured in the machine's network, as one of its own cannot be had ({why}); with congestion control other \
             than reno, events of 1 MB and more may be paced."
        ))),
    }
}

/// A network namespace with its loopback up.
struct Loopback(File);

impl Loopback {
    fn new() -> Result<Loopback, String> {
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", "ip link set lo up && echo up && read -r done"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare cannot be run: {error}"))?;
        let mut up = [0; 2];
        let is_up = holder.stdout.take().is_some_and(|mut stdout| stdout.read_exact(&mut up).is_ok());
        let namespace = File::open(format!("/proc/{}/ns/net", holder.id()));
        if let Some(mut stdin) = holder.stdin.take() {
            _ = stdin.write_all(b"done\n");
        }
        let said = holder.wait_with_output().map_err(|error| error.to_string())?.stderr;
        if !is_up {
            let said = String::from_utf8_lossy(&said);
            return Err(said.lines().next().unwrap_or("it says nothing").trim().to_owned());
        }
        namespace.map(Loopback).map_err(|error| error.to_string())
    }

    fn enter(self) -> Result<(), String> {
        move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|error| format!("it cannot be entered: {error}"))?;
        // This network's own setting; which one holds is in the results.
        _ = fs::write("/proc/sys/net/ipv4/tcp_congestion_control", "reno");
        Ok(())
    }
}

fn list(cpus: &[usize]) -> String {
    cpus.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}
