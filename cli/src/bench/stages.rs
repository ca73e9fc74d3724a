//! Where the time of a bridge goes: the reads and writes of the emulator, the bridge and the handler, as `perf` sees
//! them in the kernel. Nothing is put in between, and the programs are those that are measured elsewhere.
//!
//! A stage ends where the next begins, with first bytes: what is passed on while it still arrives counts for the later
//! stage.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Bench;
use super::event::Event;
use super::perf::Perf;
use super::results::{Results, Stages};
use super::runner::Runner;
use super::sockets::{self, Socket};
use crate::error::Error;

/// The stages, in their order.
const NAMES: [&str; 6] = ["HTTP in", "encode", "socket", "handler", "decode", "HTTP out"];
const WARM_UP: usize = 20;
/// Invocations that are watched: so many, but no longer than that, and not fewer than the last.
const CALLS: usize = 300;
const TIME: Duration = Duration::from_millis(500);
const CALLS_AT_LEAST: usize = 10;
/// Of those contestants that are a bridge with a handler behind it.
pub(super) async fn measure(bench: &Bench, results: &mut Results) -> Result<(), Error> {
    let bridges = bench.entrants.iter().filter(|entrant| entrant.deployed.len() == 2);
    let progress = bench.progress("stages", bridges.clone().count() * bench.plan.events.len());
    for entrant in bridges {
        for event in &bench.plan.events {
            let runner = Runner::start(entrant, &bench.surroundings, 1).await?;
            let watched = watch(bench, &runner, event).await?;
            runner.stop().await;
            match watched {
                Ok((medians, watched)) => results.stages.push(Stages {
                    contestant: entrant.name.clone(),
                    event: event.name.clone(),
                    event_bytes: event.payload.len() as u64,
                    stages: NAMES.map(str::to_owned).into_iter().zip(medians).collect(),
                    watched: Some(watched),
                }),
                Err(why) => {
                    let name = &entrant.name;
                    results.notes.push(format!("Where the time of {name} goes was not measured: {why}."));
                    break;
                }
            }
            progress.inc(1);
        }
    }
    if !results.stages.is_empty() {
        results.notes.push(WITH_PERF.to_owned());
    }
    Ok(())
}

const WITH_PERF: &str = "Where the time goes was measured with perf at work, which costs time: the parts count, \
                         not their sum.";

/// Medians of the stages, and of how many invocations; inside is why they cannot be had.
async fn watch(bench: &Bench, runner: &Runner, event: &Event) -> Result<Result<Watched, String>, Error> {
    for _ in 0..WARM_UP {
        runner.invoke(event).await?;
    }
    let pids = runner.tree().pids();
    let &[bridge, handler] = &pids[..] else {
        return Ok(Err(format!("it has {} processes, not two", pids.len())));
    };
    let ends = match Ends::find(runner, bridge, handler) {
        Some(ends) => ends,
        None => return Ok(Err("its connections are not found".into())),
    };
    let ways = |(name, _): &(&str, bool)| ["enter", "exit"].map(|way| format!("syscalls:sys_{way}_{name}"));
    let events: Vec<String> = CALLS_WATCHED.iter().flat_map(ways).collect();
    let pids = [std::process::id(), bridge, handler];
    let perf = match Perf::record(bench, &events.join(","), &pids).await {
        Ok(perf) => perf,
        Err(why) => return Ok(Err(why)),
    };
    let begin = Instant::now();
    let mut calls = 0;
    while calls < CALLS_AT_LEAST || (calls < CALLS && begin.elapsed() < TIME) {
        runner.invoke(event).await?;
        calls += 1;
    }
    let script = match perf.stop().await {
        Ok(recording) => recording.read(&["script", "--ns", "-F", "pid,tid,time,event,trace"]).await,
        Err(why) => Err(why),
    };
    Ok(script.and_then(|script| medians(&steps(&script, &ends), calls)))
}

/// Who is who, and which descriptors lead where. Who is neither the bridge nor the handler is the emulator.
struct Ends {
    bridge: u32,
    handler: u32,
    emulator_http: Vec<u32>,
    bridge_http: Vec<u32>,
    bridge_rpc: Vec<u32>,
    handler_rpc: Vec<u32>,
}

impl Ends {
    fn find(runner: &Runner, bridge: u32, handler: u32) -> Option<Ends> {
        let api: u16 = runner.runtime_api().rsplit_once(':')?.1.parse().ok()?;
        let of_bridge = sockets::of(bridge);
        let is_rpc = |socket: &&Socket| socket.remote != api && socket.remote != 0;
        let port = of_bridge.iter().find(is_rpc)?.remote;
        let fds = |sockets: &[Socket], matches: &dyn Fn(&Socket) -> bool| -> Vec<u32> {
            sockets
                .iter()
                .filter(|socket| socket.remote != 0 && matches(socket))
                .map(|socket| socket.fd)
                .collect()
        };
        Some(Ends {
            bridge,
            handler,
            emulator_http: fds(&sockets::of(std::process::id()), &|socket| socket.local == api),
            bridge_http: fds(&of_bridge, &|socket| socket.remote == api),
            bridge_rpc: fds(&of_bridge, &|socket| socket.remote == port),
            handler_rpc: fds(&sockets::of(handler), &|socket| socket.local == port),
        })
    }

    fn end(&self, pid: u32, fd: u32) -> Option<End> {
        let ends: &[(&[u32], End)] = if pid == self.bridge {
            &[(&self.bridge_http, End::BridgeHttp), (&self.bridge_rpc, End::BridgeRpc)]
        } else if pid == self.handler {
            &[(&self.handler_rpc, End::Handler)]
        } else {
            &[(&self.emulator_http, End::Emulator)]
        };
        ends.iter().find(|(fds, _)| fds.contains(&fd)).map(|(_, end)| *end)
    }
}

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Emulator,
    BridgeHttp,
    BridgeRpc,
    Handler,
}

/// A read that has got bytes, when it returned; or a write of some, when it began. In nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    at: u64,
    end: End,
    reads: bool,
}

/// System calls that move bytes, and whether they read.
const CALLS_WATCHED: [(&str, bool); 8] = [
    ("read", true),
    ("readv", true),
    ("recvfrom", true),
    ("recvmsg", true),
    ("write", false),
    ("writev", false),
    ("sendto", false),
    ("sendmsg", false),
];

/// What `perf script` prints, as steps in the order of time.
fn steps(script: &str, ends: &Ends) -> Vec<Step> {
    let mut begun: HashMap<u32, (u64, u32)> = HashMap::new();
    let mut steps = Vec::new();
    // ` 2294/2295 11476.579426593: syscalls:sys_enter_read: fd: 0x00000007, buf: …`, `… sys_exit_read: 0x138`
    for line in script.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(who), Some(time), Some(event)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let who =
            who.split_once('/').and_then(|(pid, thread)| Some((pid.parse().ok()?, thread.parse().ok()?)));
        let (Some((pid, thread)), Some(time)) = (who, nanoseconds(time.trim_end_matches(':'))) else {
            continue;
        };
        let event = event.trim_start_matches("syscalls:sys_").trim_end_matches(':');
        if event.starts_with("enter_") {
            let fd = words.nth(1).and_then(|fd| hexadecimal(fd.trim_end_matches(',')));
            begun.insert(thread, (time, fd.unwrap_or(u64::MAX) as u32));
        } else if let Some(name) = event.strip_prefix("exit_")
            && let Some((begin, fd)) = begun.remove(&thread)
            && let Some((_, reads)) = CALLS_WATCHED.iter().find(|(watched, _)| *watched == name)
            && words.next().and_then(hexadecimal).is_some_and(|bytes| bytes > 0 && bytes < 1 << 32)
            && let Some(end) = ends.end(pid, fd)
        {
            steps.push(Step { at: if *reads { time } else { begin }, end, reads: *reads });
        }
    }
    steps.sort_by_key(|step| step.at);
    steps
}

fn nanoseconds(seconds: &str) -> Option<u64> {
    let (whole, fraction) = seconds.split_once('.')?;
    (fraction.len() == 9).then_some(())?;
    Some(whole.parse::<u64>().ok()? * 1_000_000_000 + fraction.parse::<u64>().ok()?)
}

fn hexadecimal(word: &str) -> Option<u64> {
    u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
}

/// Medians, how many invocations there were, and how many were seen from end to end.
type Watched = ([f64; 6], (usize, usize));

/// Medians in microseconds of invocations that were seen from end to end.
fn medians(steps: &[Step], calls: usize) -> Result<Watched, String> {
    let seen: Vec<[u64; 6]> = invocations(steps).filter_map(stages).collect();
    if seen.len() * 2 < calls {
        return Err(format!("of {calls} invocations perf has shown {} from end to end", seen.len()));
    }
    let medians = std::array::from_fn(|stage| {
        let mut times: Vec<u64> = seen.iter().map(|stages| stages[stage]).collect();
        times.sort_unstable();
        times[times.len() / 2] as f64 / 1e3
    });
    Ok((medians, (calls, seen.len())))
}

/// Cuts where the emulator writes after it has read: an event goes out, or it says that it has got an answer, which is
/// where an invocation ends.
fn invocations(steps: &[Step]) -> impl Iterator<Item = &[Step]> {
    let mut cuts: Vec<usize> = vec![0];
    let mut last_read = false;
    for (at, step) in steps.iter().enumerate() {
        if step.end != End::Emulator {
            continue;
        }
        if !step.reads && last_read {
            cuts.push(at);
        }
        last_read = step.reads;
    }
    cuts.push(steps.len());
    let pairs: Vec<(usize, usize)> = cuts.windows(2).map(|pair| (pair[0], pair[1])).collect();
    pairs.into_iter().map(|(from, to)| &steps[from..to])
}

/// Nanoseconds of each stage, of the steps from the event's first byte to the answer's last. `None` if it is not an
/// invocation.
fn stages(steps: &[Step]) -> Option<[u64; 6]> {
    let first = |from: usize, end: End, reads: bool| {
        (from..steps.len()).find(|at| steps[*at].end == end && steps[*at].reads == reads)
    };
    let sent = first(0, End::Emulator, false).filter(|at| *at == 0)?;
    let arrived = first(sent, End::BridgeHttp, true)?;
    let called = first(arrived, End::BridgeRpc, false)?;
    let answered = first(called, End::Handler, false)?;
    let taken = (called..answered).rfind(|at| steps[*at].end == End::Handler && steps[*at].reads)?;
    let replied = first(answered, End::BridgeRpc, true)?;
    let posted = first(replied, End::BridgeHttp, false)?;
    let received = (posted..steps.len()).rfind(|at| steps[*at].end == End::Emulator && steps[*at].reads)?;
    let between = |from: usize, to: usize| steps[to].at.saturating_sub(steps[from].at);
    Some([
        between(sent, arrived),
        between(arrived, called),
        between(called, taken) + between(answered, replied),
        between(taken, answered),
        between(replied, posted),
        between(posted, received),
    ])
}
