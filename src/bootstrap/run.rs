//! `bootstrap` from its settings to its end.

use std::ffi::OsStr;
use std::future::Future;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use runtime_api::contract::RUNTIME_API_VARIABLE;
use runtime_api::{Client, Extension, FunctionError};
use tokio::task::JoinSet;
use tracing::warn;

use super::settings::value;
use super::{ChildCommand, Environment, Settings};
use crate::plan::RPC_LISTEN;
use crate::rpc::Workers;
use crate::runtime::{self, init_failed};
use crate::{RuntimeError, start};

/// How `bootstrap` ended when nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// `shutdown` completed, and the handler has ended.
    Shutdown,
    /// The handler polled the Runtime API itself, and ended like this.
    Handler(ExitStatus),
}

impl Exit {
    /// The exit code of the process: 0 after a shutdown, else the handler's, or 128 and its signal's number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Shutdown => 0,
            Exit::Handler(status) => {
                let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
                code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
            }
        }
    }
}

/// The platform sends SIGTERM only where there is an extension.
const SIGTERM_EXTENSION: &str = "go1x-sigterm";

/// Serves the handler that the settings name, until `shutdown` completes or something stops the runtime. The
/// platform is told of a failed start; no process is left behind.
pub async fn run(settings: &Settings, shutdown: impl Future<Output = ()>) -> Result<Exit, RuntimeError> {
    let mut client = Client::new(&settings.runtime_api)?;
    if settings.waits_in_read() {
        client.wait_in_read();
    }
    tokio::pin!(shutdown);
    let command = match ChildCommand::find(settings).and_then(make_way).and_then(not_ourselves) {
        Ok(command) => command,
        Err(failure) => {
            return tokio::select! {
                error = init_failed(&mut client, failure) => Err(error),
                () = shutdown => Ok(Exit::Shutdown),
            };
        }
    };
    let handler = command.clone();
    let workers = Arc::new(Workers::new(command, settings.plan.slots, settings.sharing));
    let ended = tokio::select! {
        biased;
        ended = serve(&mut client, settings, &workers, &handler) => ended,
        // A call that is given up costs the handler its life, unless it was asked to end before.
        () = async { shutdown.await; workers.ask_to_end() } => Ok(Exit::Shutdown),
    };
    workers.terminate().await;
    ended
}

async fn serve(
    client: &mut Client,
    settings: &Settings,
    workers: &Arc<Workers>,
    handler: &ChildCommand,
) -> Result<Exit, RuntimeError> {
    // A port in use is told before anything runs. It is not held: if the handler polls for itself nobody serves it, and
    // clients are to be refused instead of kept waiting.
    _ = runtime::listen(client, settings.plan).await?;
    // It ends with this function.
    let mut extension = JoinSet::new();
    if settings.sigterm {
        match Extension::register(client, SIGTERM_EXTENSION).await {
            Ok(registered) => {
                extension.spawn(async {
                    let error = registered.stay().await;
                    warn!(%error, "no extension any more");
                });
            }
            Err(error) => warn!(%error, "GO1X_SIGTERM is on, but no extension can be registered"),
        }
    }
    match workers.start().await {
        Ok(None) => match runtime::run(client, settings.plan, workers.clone()).await? {},
        Ok(Some(status)) => {
            if settings.plan.rpc_listen.is_some() {
                warn!("{RPC_LISTEN} had no effect: the handler polled the Runtime API itself");
            }
            Ok(Exit::Handler(status))
        }
        Err(failure) => Err(init_failed(client, explained(failure, handler)).await),
    }
}

/// A handler that ended at once may have been ended by its loader, whose words stand in the log alone.
fn explained(mut failure: FunctionError, handler: &ChildCommand) -> FunctionError {
    if failure.error_type == "Runtime.Go1xHandlerExited"
        && let Some(explanation) = handler.explain_exit()
    {
        failure.message = format!("{}. {explanation}", failure.message);
    }
    failure
}

/// In mode `direct`, the only one of a build without RPC code, the handler takes this process's place.
fn make_way(command: ChildCommand) -> Result<ChildCommand, FunctionError> {
    if command.mode.makes_way() {
        return Err(replace_process(&command));
    }
    Ok(command)
}

/// A link to `bootstrap` by another name, or a script that leads there, would start it for ever.
fn not_ourselves(command: ChildCommand) -> Result<ChildCommand, FunctionError> {
    if command.environment.contains_key(OsStr::new(start::SERVER_PORT)) {
        let text = "bootstrap was started as a handler: the handler setting leads to bootstrap itself, or this is no \
                    runtime that bootstrap is for";
        return Err(FunctionError::new("Runtime.Go1xHandlerPath", text));
    }
    Ok(command)
}

/// Tells the platform that the settings forbid a start, if they say at least where the platform is.
pub async fn refuse(environment: &Environment, error: &RuntimeError) {
    let runtime_api = value(environment, RUNTIME_API_VARIABLE).and_then(|value| value.into_string().ok());
    if let Some(Ok(mut client)) = runtime_api.as_deref().map(Client::new) {
        init_failed(&mut client, FunctionError::new("Runtime.Go1xSetting", error.to_string())).await;
    }
}

/// Returns only if the handler cannot take this process's place.
fn replace_process(command: &ChildCommand) -> FunctionError {
    if let Err(error) = command.check() {
        return command.spawn_failure(&error);
    }
    let mut replacement = Command::new(&command.program);
    replacement.args(&command.arguments).current_dir(&command.directory).env_clear();
    replacement.envs(command.environment.iter().filter(|(name, _)| *name != start::SERVER_PORT));
    let error = replacement.exec();
    command.spawn_failure(&error)
}
