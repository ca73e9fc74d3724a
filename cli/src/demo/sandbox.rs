//! A handler as Lambda would run it, with the emulator in Lambda's place.

use std::ffi::OsString;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use go1x::bootstrap::{self, Environment, Settings};
use runtime_api::contract::RUNTIME_API_VARIABLE;
use runtime_api::emulator::{self, Emulator, Outcome};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

use super::REPORT;
use super::handlers::Handler;
use super::wire::Wire;
use crate::error::Error;

/// How long a handler may take to start, as on Lambda, and to answer. Here both take milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running handler. Dropped, it ends on its own time; [`Sandbox::stop`] waits for that.
pub(super) struct Sandbox {
    emulator: Emulator,
    runtime: Runtime,
}

/// Who polls the Runtime API.
enum Runtime {
    Bootstrap { shutdown: oneshot::Sender<()>, thread: JoinHandle<()> },
    Handler(Child),
}

impl Sandbox {
    /// What `bootstrap` does in a sandbox, in a thread: the kernel ends a handler with the thread that
    /// started it, so one thread has to be there from its start to its end.
    pub(super) async fn bridged(handler: &Handler, wire: Option<&Wire>) -> Result<Sandbox, Error> {
        let emulator = start_emulator().await?;
        let environment = environment(handler, &emulator);
        let (shutdown, stop) = oneshot::channel();
        let exited = emulator.clone();
        let wire = wire.cloned();
        let thread = thread::Builder::new().name("bootstrap".into()).spawn(move || {
            let warnings = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).without_time();
            let diagnostics = tracing_subscriber::registry()
                .with(warnings.with_filter(LevelFilter::WARN))
                .with(wire.map(Wire::layer));
            let ended = tracing::subscriber::with_default(diagnostics, || run(environment, stop));
            exited.runtime_exited(ended.err());
        })?;
        Sandbox { emulator, runtime: Runtime::Bootstrap { shutdown, thread } }.ready(handler).await
    }

    /// The handler alone: it finds the Runtime API by itself.
    pub(super) async fn direct(handler: &Handler) -> Result<Sandbox, Error> {
        let emulator = start_emulator().await?;
        let child = Command::new(&handler.program)
            .env_clear()
            .envs(environment(handler, &emulator))
            .current_dir(task_root(handler))
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                Error::failed(format!("{} cannot be started: {error}", handler.name)).with_help(REPORT)
            })?;
        Sandbox { emulator, runtime: Runtime::Handler(child) }.ready(handler).await
    }

    async fn ready(self, handler: &Handler) -> Result<Sandbox, Error> {
        let problem = match tokio::time::timeout(PATIENCE, self.emulator.wait_ready()).await {
            Ok(Ok(())) => return Ok(self),
            Ok(Err(failure)) => failure.to_string(),
            Err(_) => format!("it has not asked for an event in {} s", PATIENCE.as_secs()),
        };
        self.stop().await;
        Err(Error::failed(format!("{} does not start: {problem}", handler.name)).with_help(REPORT))
    }

    pub(super) async fn invoke(&self, event: &Bytes) -> Outcome {
        self.emulator.invoke(event.clone()).await
    }

    pub(super) async fn stop(self) {
        match self.runtime {
            Runtime::Bootstrap { shutdown, thread } => {
                drop(shutdown);
                // Elsewhere, so that the emulator goes on: what is stopped may have something to say to it.
                _ = tokio::task::spawn_blocking(|| thread.join()).await;
            }
            Runtime::Handler(mut child) => _ = child.kill().await,
        }
    }
}

async fn start_emulator() -> Result<Emulator, Error> {
    let settings =
        emulator::Settings { function_name: "demo".into(), timeout: PATIENCE, ..Default::default() };
    Ok(Emulator::start(settings).await?)
}

fn run(environment: Environment, stop: oneshot::Receiver<()>) -> Result<(), String> {
    let settings = Settings::read(environment).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let shutdown = async { _ = stop.await };
    runtime.block_on(bootstrap::run(&settings, shutdown)).map(|_| ()).map_err(|error| error.to_string())
}

/// What a sandbox has, as far as it matters here.
fn environment(handler: &Handler, emulator: &Emulator) -> Environment {
    let name = handler.program.file_name().unwrap_or_default();
    let mut environment: Environment = [
        ("AWS_ACCESS_KEY_ID", "demo"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_NAME", "demo"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        (RUNTIME_API_VARIABLE, emulator.runtime_api()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_SECRET_ACCESS_KEY", "demo"),
        ("AWS_SESSION_TOKEN", "demo"),
        ("LANG", "en_US.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
        ("TZ", ":UTC"),
    ]
    .map(|(name, value)| (name.into(), OsString::from(value)))
    .into();
    environment.insert("LAMBDA_TASK_ROOT".into(), task_root(handler).into());
    environment.insert("_HANDLER".into(), name.into());
    environment
}

fn task_root(handler: &Handler) -> &std::path::Path {
    handler.program.parent().unwrap_or(std::path::Path::new("/"))
}
