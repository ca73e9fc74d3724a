//! One invocation, end to end: an unchanged go1.x handler behind the bridge, against the same handler rebuilt with
//! `-tags lambda.norpc`, which polls the Runtime API itself.
//!
//! Both run at the same time, each with an emulator of its own in this process, and take turns, so that what
//! disturbs the machine disturbs both. Times run from the event being handed out to the last byte of its answer.
//! Every answer is compared with the event. See `benches/README.md`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use peers::Peer;
use runtime_api::emulator::{Emulator, Settings};
use tokio::process::{Child, Command};

/// Payload sizes in bytes, each with the number of rounds.
const SIZES: [(usize, usize); 4] = [(200, 4_000), (10 * 1024, 3_000), (1 << 20, 200), (6 << 20, 60)];
/// Rounds that are not counted, as a part of the counted ones.
const WARM_UP: usize = 10;

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` passes it: one short round proves that the benchmark works.
    let test =
        std::env::args().any(|argument| argument == "--test") || !std::env::args().any(|a| a == "--bench");
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(compare(test))
}

async fn compare(test: bool) -> anyhow::Result<()> {
    let (unchanged, rebuilt) = match (peers::build(Peer::EchoCurrent), peers::build(Peer::EchoCurrentNorpc)) {
        (Ok(unchanged), Ok(rebuilt)) => (unchanged, rebuilt),
        (Err(error), _) | (_, Err(error)) => {
            ensure!(std::env::var_os("GO1X_REQUIRE_GO").is_none(), "{error}");
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
        "bytes", "rounds", "bridge", "direct", "ratio", "CPU", "CPU", "ratio"
    );
    for (size, rounds) in SIZES {
        let rounds = if test { 3 } else { rounds };
        let event = event(size);
        let before = [bridge.cpu_time(), direct.cpu_time()];
        let (mut bridged, mut directed) = (Vec::new(), Vec::new());
        for round in 0..rounds + rounds / WARM_UP {
            // Who goes first changes, in case it matters.
            let (first, second) = if round % 2 == 0 { (&bridge, &direct) } else { (&direct, &bridge) };
            let (one, two) = (first.invoke(&event).await?, second.invoke(&event).await?);
            let (bridge, direct) = if round % 2 == 0 { (one, two) } else { (two, one) };
            if round >= rounds / WARM_UP {
                bridged.push(bridge);
                directed.push(direct);
            }
        }
        let invocations = (rounds + rounds / WARM_UP) as u32;
        let cpu = [(&bridge, before[0]), (&direct, before[1])].map(|(runner, before)| {
            (runner.cpu_time() - before).as_secs_f64() / f64::from(invocations) * 1e6
        });
        let (bridge, direct) = (Quartiles::of(bridged), Quartiles::of(directed));
        let ratio = bridge.median.as_secs_f64() / direct.median.as_secs_f64();
        println!(
            "{size:>8} {rounds:>6} {bridge:>25} {direct:>25} {ratio:>6.3} {:>8.1} {:>8.1} {:>6.3}",
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

    async fn invoke(&self, event: &Bytes) -> anyhow::Result<Duration> {
        let outcome = self.emulator.invoke(event.clone()).await;
        ensure!(outcome.function_error.is_none(), "{outcome:?}");
        ensure!(outcome.payload == *event, "the answer is not the event");
        Ok(outcome.duration)
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
