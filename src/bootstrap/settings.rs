//! What the function's configuration says. Read once, from an environment that is passed in.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use runtime_api::contract::RUNTIME_API_VARIABLE;

use crate::plan::RPC_LISTEN;
use crate::{LogFormat, Plan, RuntimeError, rpc};

/// Environment variables, as the sandbox set them.
pub type Environment = BTreeMap<OsString, OsString>;

/// The settings of `bootstrap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `AWS_LAMBDA_RUNTIME_API`: `host:port`, perhaps with a path prefix.
    pub runtime_api: String,
    /// `GO1X_HANDLER`, or else `_HANDLER`: the program's path below the task root.
    pub handler: PathBuf,
    /// `LAMBDA_TASK_ROOT`: where the deployment package is; `/var/task` unless set.
    pub task_root: PathBuf,
    /// `GO1X_MODE`.
    pub mode: Mode,
    /// `GO1X_ENV` is not `plain`: the child sees the go1.x environment.
    pub go1x_environment: bool,
    /// How many invocations at a time, and where the handler is served besides.
    pub plan: Plan,
    /// `GO1X_CONCURRENCY`: what several invocations at a time share.
    pub sharing: Sharing,
    /// `GO1X_SIGTERM` is `on`: the platform is to send SIGTERM before the end.
    pub sigterm: bool,
    /// `GO1X_READY_TIMEOUT_MS`: how long the handler may take to listen.
    pub ready_timeout: Option<Duration>,
    /// `GO1X_LOG`: filter of the shim's own diagnostics, `warn` unless set.
    pub log: String,
    /// `AWS_LAMBDA_EXEC_WRAPPER`: gets the handler's command line.
    pub exec_wrapper: Option<PathBuf>,
    /// Nothing else goes on in this thread, so that it may wait for the platform and the handler in the kernel, where
    /// there is one invocation at a time. Not read: it is the program that knows.
    pub alone: bool,
    /// All variables, for the child.
    pub environment: Environment,
}

/// How the handler is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Over net/rpc, but a handler that polls the Runtime API itself is left to it.
    #[default]
    Auto,
    /// Over net/rpc.
    Rpc,
    /// It takes this process's place and polls the Runtime API itself.
    Direct,
}

impl Mode {
    /// Whether the handler takes this process's place. In a build without RPC code, there is no other way.
    pub(super) fn makes_way(self) -> bool {
        self == Mode::Direct || (self == Mode::Auto && rpc::VARIABLE.is_none())
    }
}

/// What invocations that are in flight at the same time have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sharing {
    /// Nothing: each has a process to itself. go1.x handlers were written for that.
    #[default]
    Process,
    /// One process, and one connection to it.
    Shared,
}

impl Settings {
    /// Whether who waits for something waits for nothing else.
    pub(super) fn waits_in_read(&self) -> bool {
        self.alone && self.plan.slots.get() == 1 && self.plan.rpc_listen.is_none()
    }

    /// Reads the settings. An empty variable counts as none.
    pub fn read(environment: Environment) -> Result<Settings, RuntimeError> {
        let runtime_api = text(&environment, RUNTIME_API_VARIABLE)?.ok_or_else(|| RuntimeError::Setting {
            variable: RUNTIME_API_VARIABLE,
            problem: "is not set. bootstrap is started by Lambda, which sets it; to run a handler on this machine, \
                      start a local Runtime API first: `go1x demo` shows how"
                .into(),
        })?;
        let handler = match value(&environment, HANDLER_OVERRIDE) {
            Some(handler) => handler,
            None => value(&environment, HANDLER).ok_or_else(|| RuntimeError::Setting {
                variable: HANDLER,
                problem:
                    "is not set: it is the function's handler setting, the program's path in the deployment \
                          package. GO1X_HANDLER can name the program instead"
                        .into(),
            })?,
        };
        let mode = match text(&environment, MODE)?.as_deref() {
            None | Some("auto") => Mode::Auto,
            Some("rpc") => Mode::Rpc,
            Some("direct") => Mode::Direct,
            Some(other) => return Err(RuntimeError::not(MODE, other, "auto, rpc or direct")),
        };
        let go1x_environment = match text(&environment, ENV)?.as_deref() {
            None | Some("go1x") => true,
            Some("plain") => false,
            Some(other) => return Err(RuntimeError::not(ENV, other, "go1x or plain")),
        };
        let plan = Plan::read(|variable| text(&environment, variable))?;
        let sharing = match text(&environment, CONCURRENCY)?.as_deref() {
            None | Some("process") => Sharing::Process,
            Some("shared") => Sharing::Shared,
            Some(other) => return Err(RuntimeError::not(CONCURRENCY, other, "process or shared")),
        };
        let sigterm = match text(&environment, SIGTERM)?.as_deref() {
            None | Some("off") => false,
            Some("on") => true,
            Some(other) => return Err(RuntimeError::not(SIGTERM, other, "on or off")),
        };
        if mode == Mode::Direct && plan.rpc_listen.is_some() {
            let problem = format!("is set, but with {MODE}=direct nobody is left to listen there");
            return Err(RuntimeError::Setting { variable: RPC_LISTEN, problem });
        }
        if mode == Mode::Direct && sigterm {
            let problem = format!(
                "is on, but with {MODE}=direct nobody is left to be the extension; the handler can ask for SIGTERM itself"
            );
            return Err(RuntimeError::Setting { variable: SIGTERM, problem });
        }
        let ready_timeout = match text(&environment, READY_TIMEOUT)? {
            None => None,
            Some(text) => match text.parse() {
                Ok(0) | Err(_) => {
                    return Err(RuntimeError::not(READY_TIMEOUT, &text, "a number of milliseconds above 0"));
                }
                Ok(milliseconds) => Some(Duration::from_millis(milliseconds)),
            },
        };
        Ok(Settings {
            runtime_api,
            handler: handler.into(),
            task_root: value(&environment, TASK_ROOT).unwrap_or("/var/task".into()).into(),
            mode,
            go1x_environment,
            plan,
            sharing,
            sigterm,
            ready_timeout,
            log: text(&environment, LOG)?.unwrap_or_else(|| "warn".into()),
            exec_wrapper: value(&environment, "AWS_LAMBDA_EXEC_WRAPPER").map(PathBuf::from),
            alone: false,
            environment,
        })
    }
}

/// How errors are written, as far as the settings make sense.
pub fn log_format(environment: &Environment) -> LogFormat {
    LogFormat::read(|variable| text(environment, variable)).unwrap_or_default()
}

pub(super) const HANDLER: &str = "_HANDLER";
const HANDLER_OVERRIDE: &str = "GO1X_HANDLER";
const TASK_ROOT: &str = "LAMBDA_TASK_ROOT";
const MODE: &str = "GO1X_MODE";
const ENV: &str = "GO1X_ENV";
const CONCURRENCY: &str = "GO1X_CONCURRENCY";
const SIGTERM: &str = "GO1X_SIGTERM";
const READY_TIMEOUT: &str = "GO1X_READY_TIMEOUT_MS";
/// What diagnostics the shim writes to stderr.
pub const LOG: &str = "GO1X_LOG";

pub(super) fn value(environment: &Environment, name: &str) -> Option<OsString> {
    environment.get(OsStr::new(name)).filter(|value| !value.is_empty()).cloned()
}

fn text(environment: &Environment, variable: &'static str) -> Result<Option<String>, RuntimeError> {
    let text = value(environment, variable).map(OsString::into_string).transpose();
    text.map_err(|value| RuntimeError::not_text(variable, &value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, RuntimeError> {
        Settings::read(pairs.iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    const SANDBOX: [(&str, &str); 2] = [("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"), ("_HANDLER", "main")];

    #[test]
    fn a_sandbox_alone_is_enough() {
        let settings = read(&SANDBOX).unwrap();
        assert_eq!(settings.handler, PathBuf::from("main"));
        assert_eq!(settings.task_root, PathBuf::from("/var/task"));
        assert_eq!((settings.mode, settings.ready_timeout), (Mode::Auto, None));
        assert!(settings.go1x_environment);
    }

    #[test]
    fn every_setting_is_read() {
        let settings = read(&[
            ("AWS_LAMBDA_RUNTIME_API", "a:1/p"),
            ("_HANDLER", "bootstrap"),
            ("GO1X_HANDLER", "bin/main"),
            ("LAMBDA_TASK_ROOT", "/task"),
            ("GO1X_MODE", "rpc"),
            ("GO1X_ENV", "plain"),
            ("GO1X_READY_TIMEOUT_MS", "1500"),
            ("GO1X_CONCURRENCY", "shared"),
            ("AWS_LAMBDA_MAX_CONCURRENCY", "8"),
            ("AWS_LAMBDA_EXEC_WRAPPER", "/opt/wrapper"),
        ])
        .unwrap();
        assert_eq!(settings.handler, PathBuf::from("bin/main"));
        assert_eq!(settings.task_root, PathBuf::from("/task"));
        assert_eq!(settings.mode, Mode::Rpc);
        assert_eq!(settings.ready_timeout, Some(Duration::from_millis(1_500)));
        assert_eq!(settings.exec_wrapper, Some(PathBuf::from("/opt/wrapper")));
        assert_eq!((settings.sharing, settings.plan.slots.get()), (Sharing::Shared, 8));
        assert!(!settings.go1x_environment);
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let check = |extra: (&str, &str), name: &str| {
            let mut pairs = SANDBOX.to_vec();
            pairs.push(extra);
            let text = read(&pairs).unwrap_err().to_string();
            assert!(text.starts_with(name), "{text}");
        };
        check(("GO1X_MODE", "fast"), "GO1X_MODE is \"fast\"; it can be auto, rpc or direct");
        check(("GO1X_ENV", "x"), "GO1X_ENV");
        check(("GO1X_READY_TIMEOUT_MS", "0"), "GO1X_READY_TIMEOUT_MS");
        check(("GO1X_READY_TIMEOUT_MS", "soon"), "GO1X_READY_TIMEOUT_MS");
        check(("GO1X_CONCURRENCY", "all"), "GO1X_CONCURRENCY is \"all\"; it can be process or shared");
        check(("GO1X_SIGTERM", "yes"), "GO1X_SIGTERM is \"yes\"; it can be on or off");
        check(("GO1X_LOG_FORMAT", "xml"), "GO1X_LOG_FORMAT");
        check(("AWS_LAMBDA_MAX_CONCURRENCY", "none"), "AWS_LAMBDA_MAX_CONCURRENCY");
        check(("GO1X_RPC_LISTEN", "0.0.0.0:1"), "GO1X_RPC_LISTEN");
        check(("_HANDLER", ""), "_HANDLER is not set");
        check(("AWS_LAMBDA_RUNTIME_API", ""), "AWS_LAMBDA_RUNTIME_API is not set");
    }
}
