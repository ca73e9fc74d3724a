//! The custom runtime: settings, diagnostics, tokio, and off.

mod json_lines;

use std::process::ExitCode;

use go1x::bootstrap::{self, Environment, Exit, Settings, refuse};
use go1x::{LogFormat, RuntimeError};
use json_lines::JsonLines;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// musl's own allocator returns every large buffer to the kernel, which has to clear its pages for the next
/// invocation; this one keeps up to 2 MB.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let environment: Environment = std::env::vars_os().collect();
    let log = bootstrap::log_format(&environment);
    match serve(environment) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            log.ends(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(environment: Environment) -> anyhow::Result<Exit> {
    // One thread: an invocation is one thing after the other, and a second thread only adds hand-overs.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // A task of its own: what `block_on` itself runs goes through the I/O driver each time another task wakes it.
    // Boxed, or its fifteen kilobytes are passed on by value, and the pages of stack that this takes stay.
    runtime.block_on(async { tokio::spawn(Box::pin(run(environment))).await? })
}

async fn run(environment: Environment) -> anyhow::Result<Exit> {
    let settings = match Settings::read(environment.clone()).and_then(diagnose) {
        Ok(settings) => Settings { alone: true, ..settings },
        Err(error) => {
            refuse(&environment, &error).await;
            return Err(error.into());
        }
    };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // A task of its own, so that they are not looked at whenever something else happens.
    let asked_to_end = tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    });
    let shutdown = async {
        // It cannot fail: nobody aborts it, and nothing in it panics.
        _ = asked_to_end.await;
    };
    Ok(bootstrap::run(&settings, shutdown).await?)
}

/// The shim's own diagnostics go to stderr, as `GO1X_LOG` says; the handler's output is not touched.
fn diagnose(settings: Settings) -> Result<Settings, RuntimeError> {
    let filter: Targets = settings.log.parse().map_err(|_| RuntimeError::Setting {
        variable: bootstrap::LOG,
        problem: format!(
            "is {:?}; it can be a level (error, warn, info, debug, trace), or pairs target=level",
            settings.log
        ),
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).without_time();
    match settings.plan.log {
        LogFormat::Go1x => tracing_subscriber::registry().with(lines.with_filter(filter)).init(),
        LogFormat::Json => {
            let lines = lines.event_format(JsonLines);
            tracing_subscriber::registry().with(lines.with_filter(filter)).init();
        }
    }
    Ok(settings)
}
