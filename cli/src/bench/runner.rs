//! A contestant at work: its process, and an emulator of its own in this process.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use runtime_api::contract::RUNTIME_API_VARIABLE;
use runtime_api::emulator::{Emulator, Outcome, Settings};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::entrant::Entrant;
use super::event::Event;
use super::log::Log;
use super::process::{Tree, is_gone};
use crate::error::Error;

/// How long a contestant may take to ask for its first event, as on Lambda, and for an answer.
const START_LIMIT: Duration = Duration::from_secs(10);
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// How long those that were killed may take to end.
const END_LIMIT: Duration = Duration::from_secs(10);

/// What is the same for all contestants.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// Variables that the user's handler needs.
    pub(crate) environment: Vec<(String, String)>,
}

/// Who invokes a contestant.
#[derive(Clone)]
pub(super) struct Caller {
    /// The contestant's.
    name: Arc<str>,
    emulator: Emulator,
    /// How the process ended, once it did.
    ended: watch::Receiver<Option<String>>,
}

impl Caller {
    /// As [`Runner::invoke`]; the error says what the contestant did.
    async fn invoke(&self, event: &Event) -> Result<Duration, String> {
        let outcome = self.outcome(event).await?;
        self.check(event, &outcome)?;
        Ok(outcome.duration)
    }

    /// What is wrong with an answer, if anything is.
    pub(super) fn check(&self, event: &Event, outcome: &Outcome) -> Result<(), String> {
        event.check(&self.name, outcome)
    }

    /// How an invocation ends, unless nobody is there to take it.
    pub(super) async fn outcome(&self, event: &Event) -> Result<Outcome, String> {
        let mut ended = self.ended.clone();
        tokio::select! {
            biased;
            outcome = self.emulator.invoke(event.payload.clone()) => Ok(outcome),
            ended = ended.wait_for(Option::is_some) => {
                let how = ended.ok().and_then(|ended| ended.clone()).unwrap_or_default();
                Err(format!("ended before it took the event {} ({how})", event.name))
            }
        }
    }
}

/// A running contestant. Dropped, it is killed with all of its processes.
pub(super) struct Runner {
    caller: Caller,
    tree: Tree,
    started: Instant,
    log: Log,
    /// Waits for the end of the process, so that no invocation has to look after it.
    keeper: Option<JoinHandle<()>>,
}

impl Runner {
    /// Starts it, and waits until it asks for an event. At `concurrency` above 1 the sandbox is one of Lambda's managed
    /// instances.
    pub(super) async fn start(
        entrant: &Entrant,
        surroundings: &Surroundings,
        concurrency: usize,
    ) -> Result<Runner, Error> {
        let runner = Runner::spawn(entrant, surroundings, concurrency).await?;
        match tokio::time::timeout(START_LIMIT, runner.caller.emulator.wait_ready()).await {
            Ok(Ok(())) => Ok(runner),
            Ok(Err(failure)) => Err(runner.with_last_words(format!("does not start: {failure}"))),
            Err(_) => {
                Err(runner.with_last_words("does not start: it has not asked for an event in 10 s".into()))
            }
        }
    }

    /// Starts it, with an event as soon as it asks, and times from the start to the last byte of the answer.
    pub(super) async fn start_with(
        entrant: &Entrant,
        surroundings: &Surroundings,
        event: &Event,
    ) -> Result<(Runner, Duration), Error> {
        let runner = Runner::spawn(entrant, surroundings, 1).await?;
        let outcome = runner.caller.outcome(event).await;
        let taken = runner.started.elapsed();
        let checked = outcome.and_then(|outcome| runner.caller.check(event, &outcome));
        checked.map_err(|problem| runner.explain(event, problem))?;
        Ok((runner, taken))
    }

    async fn spawn(
        entrant: &Entrant,
        surroundings: &Surroundings,
        concurrency: usize,
    ) -> Result<Runner, Error> {
        let settings = Settings {
            function_name: "bench".into(),
            timeout: ANSWER_LIMIT,
            max_concurrency: concurrency,
            ..Settings::default()
        };
        let unserved = |error: io::Error| {
            Error::failed(format_args!("{} cannot be started: {error}", entrant.name))
                .with_help("it takes a port of 127.0.0.1 and a dozen open files, which `ulimit -n` may allow")
        };
        let emulator = Emulator::start(settings).await.map_err(unserved)?;
        let log = Log::new().map_err(unserved)?;
        let root = entrant.handler.parent().unwrap_or(std::path::Path::new("/"));
        let mut command = Command::new(&entrant.program);
        command
            .args(&entrant.arguments)
            .env_clear()
            .envs(SANDBOX)
            .envs(surroundings.environment.iter().map(|(name, value)| (name, value)))
            .env(RUNTIME_API_VARIABLE, emulator.runtime_api())
            .env("LAMBDA_TASK_ROOT", root)
            .env("_HANDLER", entrant.handler.file_name().unwrap_or_default())
            .current_dir(root)
            .stdin(Stdio::null())
            .stdout(log.writer().map_err(unserved)?)
            .stderr(log.writer().map_err(unserved)?)
            // Ctrl-C is for this program, which then ends the others.
            .process_group(0)
            .kill_on_drop(true);
        if concurrency > 1 {
            command.env("AWS_LAMBDA_MAX_CONCURRENCY", concurrency.to_string());
        }
        let started = Instant::now();
        let mut child = command.spawn().map_err(|error| {
            let program = entrant.shown.display();
            Error::failed(format_args!("{} cannot be started: {program}: {error}", entrant.name))
                .with_help("it has to be an executable program for this machine")
        })?;
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        let pid = pid.ok_or_else(|| Error::failed(format_args!("{} has no process id", entrant.name)))?;
        let (end, ended) = watch::channel(None);
        let exited = emulator.clone();
        let keeper = tokio::spawn(async move {
            let status = child.wait().await.ok();
            // A bridge that ends by itself may leave its handler behind.
            _ = kill_process_group(pid, Signal::KILL);
            // Whoever waits for an answer is told first.
            exited.runtime_exited(status.filter(|status| !status.success()).map(describe));
            end.send_replace(Some(status.map_or("unknown".into(), describe)));
        });
        let caller = Caller { name: entrant.name.as_str().into(), emulator, ended };
        Ok(Runner { caller, tree: Tree::of(pid), started, log, keeper: Some(keeper) })
    }

    /// One invocation, whose answer is checked; the time from handing out the event to the answer's last byte.
    pub(super) async fn invoke(&self, event: &Event) -> Result<Duration, Error> {
        self.caller.invoke(event).await.map_err(|problem| self.explain(event, problem))
    }

    /// Somebody else who invokes it, at the same time.
    pub(super) fn caller(&self) -> Caller {
        self.caller.clone()
    }

    pub(super) fn name(&self) -> &str {
        &self.caller.name
    }

    pub(super) fn tree(&self) -> Tree {
        self.tree
    }

    /// Where the Runtime API is served for it.
    pub(super) fn runtime_api(&self) -> &str {
        self.caller.emulator.runtime_api()
    }

    /// Forgets what was logged; between turns, so that a handler may log as much as it likes.
    pub(super) fn trim_log(&self) {
        self.log.trim();
    }

    /// Ends all of its processes, and waits until none is there.
    pub(super) async fn stop(mut self) {
        let pids = self.tree.pids();
        self.tree.signal(Signal::KILL);
        if let Some(keeper) = self.keeper.take() {
            _ = keeper.await;
        }
        let begin = Instant::now();
        while !pids.iter().all(|pid| is_gone(*pid)) && begin.elapsed() < END_LIMIT {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Ends all but the first process, which then ends by itself.
    pub(super) async fn stop_below(mut self) {
        self.tree.signal_below(Signal::KILL);
        if let Some(keeper) = self.keeper.take()
            && tokio::time::timeout(START_LIMIT, keeper).await.is_err()
        {
            self.tree.signal(Signal::KILL);
        }
    }

    /// What went wrong, and what to do about it.
    pub(super) fn explain(&self, event: &Event, problem: String) -> Error {
        if !problem.starts_with("answers ") {
            return self.with_last_words(problem);
        }
        let help = if event.is_by_first_answer() {
            "all have to answer alike; if the handler's answers differ each time (ids, times), take them as they come, \
             with --any-answer"
        } else {
            "without HANDLER, all have to give back the event as it is"
        };
        Error::failed(format_args!("{} {problem}", self.name())).with_help(help)
    }

    fn with_last_words(&self, problem: String) -> Error {
        let error = Error::failed(format_args!("{} {problem}", self.name()));
        match self.log.last_words() {
            words if words.is_empty() => {
                error.with_help("its log is empty; --env sets variables that it may need")
            }
            words => error.with_help(format!("its log ends so:\n  {}", words.join("\n  "))),
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if self.keeper.as_ref().is_some_and(|keeper| !keeper.is_finished()) {
            self.tree.signal(Signal::KILL);
        }
    }
}

/// How a process ended, in Go's words.
fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(9)) => "signal: killed".into(),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    }
}

/// What a sandbox has, as far as it matters here.
const SANDBOX: [(&str, &str); 10] = [
    ("AWS_ACCESS_KEY_ID", "bench"),
    ("AWS_DEFAULT_REGION", "us-east-1"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
    ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_SECRET_ACCESS_KEY", "bench"),
    ("LANG", "en_US.UTF-8"),
    ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
    ("TZ", ":UTC"),
];
