//! The custom runtime: settings, diagnostics, tokio, and off.

use std::process::ExitCode;

use anyhow::Context as _;
use go1x::bootstrap::{Exit, Settings, run};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

fn main() -> ExitCode {
    match serve() {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            eprintln!("go1x: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> anyhow::Result<Exit> {
    diagnose()?;
    let settings = Settings::read(std::env::vars_os().collect())?;
    // One thread: an invocation is one thing after the other, and a second thread only adds hand-overs.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        Ok(run(&settings, shutdown).await?)
    })
}

/// The shim's own diagnostics go to stderr, as `GO1X_LOG` says; the handler's output is not touched.
fn diagnose() -> anyhow::Result<()> {
    let filter = std::env::var("GO1X_LOG").unwrap_or_else(|_| "warn".into());
    let filter: Targets = filter.parse().with_context(|| {
        format!(
            "GO1X_LOG is {filter:?}; it can be a level (error, warn, info, debug, trace) or target=level, …"
        )
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).without_time();
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    Ok(())
}
