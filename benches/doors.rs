//! What the way to a handler costs: called in-process, as where there is no RPC, and over go1.x's net/rpc, in Rust and
//! in Go; and net/rpc alone. Every answer is checked. See `benches/README.md`.
//!
//! The handlers are echoes. The one in Rust is this very program: started with go1.x's variable, it is a function.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, io, thread};

use anyhow::Context as _;
use divan::Bencher;
use go1x::bootstrap::{ChildCommand, Environment, Settings, Sharing};
use go1x::rpc::{self, Workers};
use go1x::{Bytes, Context, Error, Handler, Invocation, RequestId, handler_fn};
use peers::Peer;
use tokio::runtime::Runtime;

/// Of events, in bytes: JSON strings.
const SIZES: [usize; 4] = [200, 10 * 1024, 1 << 20, 6 << 20];
/// Calls before those that count.
const WARM_UP: usize = 20;
/// For each, and as much longer as a hundred calls take.
const SECONDS: u64 = 2;

fn main() -> anyhow::Result<()> {
    if rpc::VARIABLE.is_some_and(|variable| env::var_os(variable).is_some()) {
        return runtime().block_on(go1x::run(echo())).map_err(anyhow::Error::from_boxed);
    }
    if env::args().nth(1).as_deref() == Some("serve") {
        return round_trip::serve();
    }
    divan::main();
    Ok(())
}

/// From an event in memory to all of its answer in memory.
#[divan::bench_group(min_time = SECONDS)]
mod invocation {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn direct(bencher: Bencher<'_, '_>, size: usize) {
        call(bencher, &runtime(), &echo(), size);
    }

    #[divan::bench(args = SIZES)]
    fn rpc_to_rust(bencher: Bencher<'_, '_>, size: usize) {
        call_child(bencher, &own_program(), size);
    }

    #[divan::bench(args = SIZES)]
    fn rpc_to_go(bencher: Bencher<'_, '_>, size: usize) {
        let Some(program) = peers::require(Peer::EchoCurrent) else { return };
        call_child(bencher, &program, size);
    }

    /// As `bootstrap` does: its own code for that, but for the Runtime API.
    fn call_child(bencher: Bencher<'_, '_>, program: &Path, size: usize) {
        let runtime = runtime();
        let workers = {
            let _within = runtime.enter();
            Workers::new(command(program).expect("the program is there"), NonZeroUsize::MIN, Sharing::Process)
        };
        let ended = runtime.block_on(workers.start()).expect("the handler starts");
        assert_eq!(ended, None, "the handler serves");
        call(bencher, &runtime, &workers, size);
        runtime.block_on(workers.terminate());
    }

    fn call(bencher: Bencher<'_, '_>, runtime: &Runtime, handler: &impl Handler, size: usize) {
        let event = event(size);
        let context = context();
        let invocation = || Invocation { context: context.clone(), event: event.clone().into() };
        let answered = |invocation| {
            let outcome = runtime.block_on(async { handler.call(invocation).await?.bytes().await });
            Checked { answer: outcome.expect("an echo does not fail"), event: &event }
        };
        (0..WARM_UP).for_each(|_| drop(answered(invocation())));
        bencher.with_inputs(invocation).bench_local_values(answered);
    }
}

/// The least that can be called: a product of two numbers, by serde's messages.
#[divan::bench_group(min_time = SECONDS)]
mod round_trip {
    use std::io::{BufRead as _, BufReader, Write as _};

    use gob::Gob;
    use netrpc::{Client, Server};
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Serialize, Deserialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct Args {
        a: isize,
        b: isize,
    }

    #[divan::bench]
    fn to_rust(bencher: Bencher<'_, '_>) {
        multiply(bencher, &own_program());
    }

    #[divan::bench]
    fn to_go(bencher: Bencher<'_, '_>) {
        let Some(program) = peers::require(Peer::Arith) else { return };
        multiply(bencher, &program);
    }

    fn multiply(bencher: Bencher<'_, '_>, program: &Path) {
        // It ends with its standard input.
        let server = Command::new(program).arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut server = server.expect("the server starts");
        let lines = BufReader::new(server.stdout.take().expect("it is piped")).lines();
        let mut addresses = lines.map_while(Result::ok).filter_map(|line| line.parse::<SocketAddr>().ok());
        let address = addresses.next().expect("the server says where it listens");

        let runtime = runtime();
        let client = runtime.block_on(Client::connect(address)).expect("the server listens");
        let product = || {
            let product = runtime.block_on(client.call_typed("Arith.Multiply", &Args { a: 7, b: 8 }));
            assert_eq!(product.unwrap_or(0_isize), 56);
        };
        (0..WARM_UP).for_each(|_| product());
        bencher.bench_local(product);
        drop(server.stdin.take());
        server.wait().expect("the server ends");
    }

    /// The same as Go's `arith serve`.
    pub(crate) fn serve() -> anyhow::Result<()> {
        thread::spawn(|| {
            _ = io::copy(&mut io::stdin(), &mut io::sink());
            std::process::exit(0);
        });
        runtime().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
            writeln!(io::stdout(), "{}", listener.local_addr()?)?;
            let server = Server::new().method_typed("Arith.Multiply", async |Args { a, b }: Args| Ok(a * b));
            match server.serve(listener).await {}
        })
    }
}

/// Compared when it is dropped, which is not timed.
struct Checked<'a> {
    answer: Bytes,
    event: &'a Bytes,
}

impl Drop for Checked<'_> {
    fn drop(&mut self) {
        assert!(self.answer == self.event, "the answer is not the event");
    }
}

fn echo() -> impl Handler {
    handler_fn(async |event: Bytes, _: Context| Ok::<_, Error>(event))
}

/// A JSON string of so many bytes.
fn event(size: usize) -> Bytes {
    let mut event: Vec<u8> = (0..size).map(|at| b'a' + (at % 26) as u8).collect();
    event[0] = b'"';
    event[size - 1] = b'"';
    event.into()
}

/// Of the lengths that Lambda's values have.
fn context() -> Context {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Context {
        request_id: RequestId::parse("8476a536-e9f4-11e8-9739-2dfe598c3fcd").unwrap_or_default(),
        deadline_ms: (now + Duration::from_secs(900)).as_millis() as u64,
        invoked_function_arn: "arn:aws:lambda:us-east-2:123456789012:function:custom-runtime".into(),
        trace_id: "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1".into(),
        ..Context::default()
    }
}

/// As `bootstrap` finds a handler, which never speaks to the Runtime API.
fn command(program: &Path) -> anyhow::Result<ChildCommand> {
    let folder = program.parent().context("the program is in a folder")?;
    let name = program.file_name().context("the program has a name")?;
    let settings = Settings::read(Environment::from([
        ("AWS_LAMBDA_RUNTIME_API".into(), "127.0.0.1:1".into()),
        ("LAMBDA_TASK_ROOT".into(), folder.into()),
        ("_HANDLER".into(), name.into()),
    ]))?;
    Ok(ChildCommand::find(&settings)?)
}

fn own_program() -> PathBuf {
    env::current_exe().expect("the system knows this program")
}

fn runtime() -> Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("the system has what tokio needs")
}
