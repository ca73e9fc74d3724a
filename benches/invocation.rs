//! One invocation, end to end: an unchanged go1.x handler behind the bridge, against the same handler rebuilt with
//! `-tags lambda.norpc`, which polls the Runtime API itself.
//!
//! Both run at the same time, each with an emulator of its own in this process, and take turns, so that what
//! disturbs the machine disturbs both; a turn is some invocations long, so that caches are warm. Times run from the event being handed out to the last byte of its answer.
//! Every answer is compared with the event. See `benches/README.md`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use peers::Peer;
use runtime_api::emulator::{Emulator, Settings};
use tokio::process::{Child, Command};

/// Payload sizes in bytes, each with the number of turns, and of invocations in a turn.
const SIZES: [(usize, usize, usize); 4] =
    [(200, 100, 100), (10 * 1024, 100, 50), (1 << 20, 60, 10), (6 << 20, 30, 5)];
/// Turns before those that count.
const WARM_UP: usize = 4;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo passes `--bench`; without it, or with `--test`, one short turn proves that the benchmark works.
    let test =
        arguments.iter().any(|argument| argument == "--test") || !arguments.iter().any(|a| a == "--bench");
    let wanted = arguments.iter().filter(|argument| !argument.starts_with("--")).map(|size| size.parse());
    let wanted: Vec<usize> = wanted.collect::<Result<_, _>>().context("the arguments are sizes in bytes")?;
    let known = SIZES.map(|(size, ..)| size);
    ensure!(wanted.iter().all(|size| known.contains(size)), "the sizes are {known:?}");
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(compare(test, &wanted))
}

async fn compare(test: bool, wanted: &[usize]) -> anyhow::Result<()> {
    let (unchanged, rebuilt) = match (peers::build(Peer::EchoCurrent), peers::build(Peer::EchoCurrentNorpc)) {
        (Ok(unchanged), Ok(rebuilt)) => (unchanged, rebuilt),
        (Err(error), _) | (_, Err(error)) => {
            ensure!(std::env::var("GO1X_REQUIRE_GO").as_deref() != Ok("1"), "{error}");
            eprintln!("NOT RUN: the benchmark needs Go handlers: {error}");
            return Ok(());
        }
    };
    // The release program is static; another build of bootstrap can be named.
    let bootstrap =
        std::env::var_os("GO1X_BOOTSTRAP").map_or(env!("CARGO_BIN_EXE_bootstrap").into(), PathBuf::from);
    let bridge = Runner::start(&bootstrap, &unchanged).await?;
    let direct = Runner::start(&rebuilt, &rebuilt).await?;

    println!("bridge: {} in front of {}", bootstrap.display(), Peer::EchoCurrent);
    println!("direct: {}", Peer::EchoCurrentNorpc);
    println!("TCP congestion control: {}", congestion_control());
    println!("in µs: p50 (p25–p75) of an invocation; CPU time of all the processes of a side for one");
    println!(
        "{:>8} {:>6} {:>25} {:>25} {:>6} {:>8} {:>8} {:>6}",
        "bytes", "n", "bridge", "direct", "ratio", "CPU", "CPU", "ratio"
    );
    for (size, turns, calls) in SIZES {
        if !wanted.is_empty() && !wanted.contains(&size) {
            continue;
        }
        let (turns, calls) = if test { (2, 2) } else { (turns, calls) };
        let event = event(size);
        let (mut bridged, mut directed) = (Vec::new(), Vec::new());
        let mut before = [Duration::ZERO; 2];
        for turn in 0..WARM_UP + turns {
            if turn == WARM_UP {
                before = [bridge.cpu_time(), direct.cpu_time()];
                bridged.clear();
                directed.clear();
            }
            // Who goes first changes, in case it matters.
            if turn % 2 == 0 {
                bridge.invoke(&event, calls, &mut bridged).await?;
                direct.invoke(&event, calls, &mut directed).await?;
            } else {
                direct.invoke(&event, calls, &mut directed).await?;
                bridge.invoke(&event, calls, &mut bridged).await?;
            }
        }
        let invocations = turns * calls;
        let cpu = [(&bridge, before[0]), (&direct, before[1])].map(|(runner, before)| {
            runner.cpu_time().saturating_sub(before).as_secs_f64() / invocations as f64 * 1e6
        });
        let (bridge, direct) = (Quartiles::of(bridged), Quartiles::of(directed));
        let ratio = bridge.median.as_secs_f64() / direct.median.as_secs_f64();
        println!(
            "{size:>8} {invocations:>6} {bridge:>25} {direct:>25} {ratio:>6.3} {:>8.1} {:>8.1} {:>6.3}",
            cpu[0],
            cpu[1],
            cpu[0] / cpu[1]
        );
    }
    Ok(())
}

/// A JSON string of so many bytes.
fn event(size: usize) -> Bytes {
    let mut event: Vec<u8> = (0..size).map(|at| b'a' + (at % 26) as u8).collect();
    event[0] = b'"';
    event[size - 1] = b'"';
    event.into()
}

fn congestion_control() -> String {
    let name = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control").unwrap_or_default();
    name.trim().to_owned()
}

/// An emulator and the runtime that polls it.
struct Runner {
    emulator: Emulator,
    runtime: Child,
}

impl Runner {
    async fn start(program: &Path, handler: &Path) -> anyhow::Result<Runner> {
        let emulator = Emulator::start(Settings::default()).await?;
        let runtime = Command::new(program)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", emulator.runtime_api())
            .env("LAMBDA_TASK_ROOT", handler.parent().context("the handler is in a folder")?)
            .env("_HANDLER", handler.file_name().context("the handler has a name")?)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| program.display().to_string())?;
        emulator.wait_ready().await?;
        Ok(Runner { emulator, runtime })
    }

    async fn invoke(&self, event: &Bytes, calls: usize, times: &mut Vec<Duration>) -> anyhow::Result<()> {
        for _ in 0..calls {
            let outcome = self.emulator.invoke(event.clone()).await;
            ensure!(outcome.function_error.is_none(), "{outcome:?}");
            ensure!(outcome.payload == *event, "the answer is not the event");
            times.push(outcome.duration);
        }
        Ok(())
    }
}

impl Runner {
    /// Time on a CPU of the runtime and its children, all threads, to the nanosecond: `/proc/PID/schedstat`.
    fn cpu_time(&self) -> Duration {
        let root = self.runtime.id().unwrap_or_default();
        let children =
            std::fs::read_to_string(format!("/proc/{root}/task/{root}/children")).unwrap_or_default();
        let processes = children.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).chain([root]);
        let threads =
            processes.flat_map(|pid| std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten());
        let time = |path: PathBuf| {
            let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
            text.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
        };
        threads.flatten().filter_map(|thread| time(thread.path())).sum()
    }
}

struct Quartiles {
    lower: Duration,
    median: Duration,
    upper: Duration,
}

impl Quartiles {
    fn of(mut durations: Vec<Duration>) -> Quartiles {
        durations.sort_unstable();
        let at = |part: usize| durations[durations.len() * part / 4];
        Quartiles { lower: at(1), median: at(2), upper: at(3) }
    }
}

impl std::fmt::Display for Quartiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
        f.pad(&format!("{:.1} ({:.1}–{:.1})", micros(self.median), micros(self.lower), micros(self.upper)))
    }
}
