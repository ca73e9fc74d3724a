//! From a started child to one that answered its first ping: the port and the wait.

use std::convert::Infallible;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use netrpc::Client;
use runtime_api::FunctionError;
use tokio::net::TcpStream;
use tracing::{debug, info, warn};

use super::diagnosis::POLLS_ITSELF;
use super::messages::{PingRequest, PingResponse};
use super::probe::Probe;
use super::process::{NOWHERE, Process, Slot};
use super::ticks::Ticks;
use super::{last_words, port, sockets};
use crate::bootstrap::{ChildCommand, Mode};

/// Between two looks at a port where nobody listens yet. A Go program needs milliseconds to get there, and on one CPU
/// each look takes some microseconds of its time. A handler that takes longer is looked at ever less often.
const TICK: Duration = Duration::from_micros(200);
const TICKS_FOR: Duration = Duration::from_millis(50);
const FIRST_INTERVAL: Duration = Duration::from_millis(1);
const LAST_INTERVAL: Duration = Duration::from_secs(1);
/// Between two pings of a handler that drops them.
const PING_INTERVAL: Duration = Duration::from_millis(5);
/// A handler that has not listened for this long, but talks to the Runtime API, is most likely built without RPC.
/// There is no hurry to know it: it serves its invocations by itself meanwhile.
const POLLS_ITSELF_AFTER: Duration = Duration::from_secs(1);
/// A connection that is there at so many looks in a row, so far apart, is no short call. To look takes milliseconds.
const LOOKS: u32 = 3;
const LOOKS_APART: Duration = Duration::from_millis(250);
/// An extension within the handler's process is connected to the Runtime API too, so a failure as early as this may
/// be that of a handler that had yet to listen: what it says is asked for.
const MAY_BE_STARTING: Duration = Duration::from_secs(10);
/// After this long, a warning says what was found. No limit of ours is needed behind it: the platform's own for the first
/// start is 10 s.
const WARN_AFTER: Duration = Duration::from_secs(8);

/// Longer replies are not taken in: more than twice what the platform accepts of a payload, failures included.
const REPLY_LIMIT: usize = 16 * 1024 * 1024;
/// What programs say that are built with the tag `lambda.norpc` on aws-lambda-go v1.18.0 to v1.33.0. They end at the sight
/// of the port's variable, and poll the Runtime API without it (`lambda/entry.go`); newer ones do not look at it.
const REFUSAL: &str = "was present but the function was compiled without RPC support";
/// How many ports are tried, should others take them between our look and the handler's start to listen.
const ATTEMPTS: usize = 3;

/// What became of a started child.
pub(super) enum Ready {
    /// It listens, belongs to us and answered a ping.
    Serves(Arc<Process>, Client),
    /// It polled the Runtime API itself, as a program built with `lambda.norpc` does, and has ended.
    Ended(ExitStatus),
}

/// Starts the child, leaves it in `slot`, and waits until it is ready. The wait may be given up at any time.
pub(super) async fn start(command: &ChildCommand, slot: &Slot) -> Result<Ready, FunctionError> {
    let mut attempt = 1;
    loop {
        match start_once(command, slot).await {
            Err(NotReady::PortTaken(failure)) if attempt < ATTEMPTS => {
                debug!(failure = failure.message, "another port");
                attempt += 1;
            }
            Err(NotReady::Refuses(_)) if command.mode == Mode::Auto => {
                return leave_to_itself(command, slot).await;
            }
            Err(NotReady::PortTaken(failure) | NotReady::Refuses(failure) | NotReady::Failed(failure)) => {
                return Err(failure);
            }
            Ok(ready) => return Ok(ready),
        }
    }
}

async fn next_look(tick: Option<&Ticks>, pause: Duration) {
    if let Some(ticks) = tick
        && ticks.next().await.is_ok()
    {
        return;
    }
    tokio::time::sleep(pause).await;
}

/// Whether these are the last words of a program that polls the Runtime API itself, and was kept from it. An extension
/// within a handler is kept from it too, and says so.
fn has_polled(said: &str) -> bool {
    said.lines().any(|line| line.contains(NOWHERE) && line.contains("/invocation/next"))
}

/// Why a started child cannot be used.
enum NotReady {
    /// Through no fault of its own; on another port it may do better.
    PortTaken(FunctionError),
    /// It is built without RPC, and said so.
    Refuses(FunctionError),
    Failed(FunctionError),
}

impl From<FunctionError> for NotReady {
    fn from(failure: FunctionError) -> NotReady {
        NotReady::Failed(failure)
    }
}

/// Starts the child without a port, and waits for its end.
async fn leave_to_itself(command: &ChildCommand, slot: &Slot) -> Result<Ready, FunctionError> {
    let process = Process::spawn(command, None).map_err(|error| command.spawn_failure(&error))?;
    let process = slot.put(process);
    info!(
        pid = process.pid(),
        "handler is built with lambda.norpc: started again, to poll the Runtime API itself"
    );
    Ok(Ready::Ended(process.wait().await))
}

async fn start_once(command: &ChildCommand, slot: &Slot) -> Result<Ready, NotReady> {
    let port = port::free().map_err(|error| {
        FunctionError::new(
            "Runtime.Go1xNoPort",
            format!("no free port on 127.0.0.1 for the handler: {error}"),
        )
    })?;
    let process = Process::spawn(command, Some(port)).map_err(|error| command.spawn_failure(&error))?;
    let process = slot.put(process);
    debug!(pid = process.pid(), port, program = %command.program.display(), "handler started");
    let waiting = Waiting {
        command,
        slot,
        process: &process,
        port,
        since: Instant::now(),
        polls_itself: AtomicBool::new(false),
    };
    let found = tokio::select! {
        found = waiting.until_ready() => found,
        never = waiting.warn() => match never {},
        never = waiting.notice() => match never {},
        () = waiting.limit() => Err(waiting.too_late().into()),
    };
    if found.is_err() {
        process.kill().await;
    }
    found
}

pub(super) struct Waiting<'a> {
    pub(super) command: &'a ChildCommand,
    slot: &'a Slot,
    pub(super) process: &'a Arc<Process>,
    pub(super) port: u16,
    pub(super) since: Instant,
    /// It was seen to talk to the Runtime API instead of listening, and is left to that.
    polls_itself: AtomicBool,
}

impl Waiting<'_> {
    async fn until_ready(&self) -> Result<Ready, NotReady> {
        let ticks = Ticks::every(TICK).ok();
        let mut probe = Probe::new(self.port);
        loop {
            if let Some(status) = self.process.status() {
                if self.polls_itself() && (status.success() || self.since.elapsed() > MAY_BE_STARTING) {
                    return Ok(Ready::Ended(status));
                }
                // It could not listen where another does.
                if sockets::is_listened_on(self.port) {
                    return Err(NotReady::PortTaken(self.exited(status, None)));
                }
                // That it was asked to end is reason enough.
                let said = match self.process.is_asked_to_end() {
                    true => None,
                    false => last_words::of(self.command, self.slot, self.port, status).await,
                };
                if said.as_ref().is_some_and(|said| has_polled(&said.text)) {
                    return match self.command.mode {
                        Mode::Auto => Ok(Ready::Ended(status)),
                        _ => Err(self.exited(status, Some(POLLS_ITSELF.to_owned())).into()),
                    };
                }
                let said = said.filter(|said| said.again).map(|said| said.text);
                let refuses = said.as_ref().is_some_and(|said| said.contains(REFUSAL));
                let failure = self.exited(status, said);
                return Err(if refuses { NotReady::Refuses(failure) } else { failure.into() });
            }
            let (tick, pause) = match probe.connect() {
                Some(stream) => match self.ping(stream).await? {
                    Some(client) => return Ok(Ready::Serves(self.process.clone(), client)),
                    None => (None, PING_INTERVAL),
                },
                None => {
                    let waited = self.since.elapsed();
                    let tick = ticks.as_ref().filter(|_| waited < TICKS_FOR);
                    (tick, (waited / 100).clamp(FIRST_INTERVAL, LAST_INTERVAL))
                }
            };
            tokio::select! {
                biased;
                _ = self.process.wait() => {}
                () = next_look(tick, pause) => {}
            }
        }
    }

    /// Says once what is known of a handler that takes long.
    async fn warn(&self) -> Infallible {
        tokio::time::sleep(WARN_AFTER).await;
        if !self.polls_itself() {
            warn!("{}", self.silence());
        }
        std::future::pending().await
    }

    /// Notices a handler that does without us, and may.
    async fn notice(&self) -> Infallible {
        tokio::time::sleep(POLLS_ITSELF_AFTER).await;
        while !self.is_left_to_itself().await {
            tokio::time::sleep(LOOKS_APART).await;
        }
        info!(
            pid = self.process.pid(),
            port = self.port,
            "handler does not listen on its port, and is connected to the Runtime API: left to poll it itself. An extension \
             within it looks the same; GO1X_MODE=rpc waits for the port, and warns"
        );
        std::future::pending().await
    }

    /// Ends when the handler has had its time; one that is left to itself has all the time there is.
    async fn limit(&self) {
        match self.command.ready_timeout {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
        if self.is_left_to_itself().await {
            std::future::pending().await
        }
    }

    /// Makes sure that it is our child and that it serves `Function`. `None`: it dropped the connection.
    async fn ping(&self, stream: TcpStream) -> Result<Option<Client>, NotReady> {
        let client = Client::from_tcp_with_limit(stream, REPLY_LIMIT);
        let answer = tokio::select! {
            biased;
            answer = client.call::<PingResponse>("Function.Ping", &PingRequest) => answer,
            // While the answer is on its way: the port was free only when we looked.
            () = self.is_not_ours() => return Err(NotReady::PortTaken(self.taken())),
            _ = self.process.wait() => return Ok(None),
        };
        let problem = match answer {
            Ok(PingResponse) => return Ok(Some(client)),
            Err(netrpc::Error::Server(text)) => format!("the handler answered Function.Ping with {text:?}"),
            Err(error @ (netrpc::Error::Gob { .. } | netrpc::Error::Truncated)) => {
                let source =
                    std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
                format!("what listens on the handler's port does not speak net/rpc: {error}{source}")
            }
            Err(error) => {
                debug!(%error, "ping not answered");
                return Ok(None);
            }
        };
        let cure = "Is this a Go program that calls lambda.Start of aws-lambda-go?";
        Err(self.failure("Runtime.Go1xNotAHandler", format!("{problem}. {cure}")).into())
    }

    /// Ends only if somebody else listens on the port.
    async fn is_not_ours(&self) {
        if sockets::listens(self.process.pid(), self.port) != Some(false) {
            std::future::pending().await
        }
    }

    /// Whether the handler does without us, and may.
    async fn is_left_to_itself(&self) -> bool {
        if self.command.mode != Mode::Auto {
            return false;
        }
        for look in 0..LOOKS {
            if self.polls_itself() {
                return true;
            }
            if look > 0 {
                tokio::time::sleep(LOOKS_APART).await;
            }
            if !self.talks_to_runtime_api() {
                return false;
            }
        }
        self.polls_itself.store(true, Relaxed);
        true
    }

    fn polls_itself(&self) -> bool {
        self.polls_itself.load(Relaxed)
    }

    pub(super) fn talks_to_runtime_api(&self) -> bool {
        let address = self.command.runtime_api.split('/').next().unwrap_or_default();
        let Some((host, port)) = address.rsplit_once(':') else { return false };
        // A host by name is told by its port alone.
        let host = host.trim_matches(['[', ']']).parse().ok();
        port.parse().is_ok_and(|port| sockets::is_connected_to(self.process.pid(), host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    /// As where the kernel gives no timer, or when ticks are over. The clock jumps to what is waited for.
    #[tokio::test(start_paused = true)]
    async fn without_ticks_the_pause_is_waited_for() {
        let start = tokio::time::Instant::now();
        next_look(None, LONG).await;
        assert!(start.elapsed() >= LONG);
    }

    #[tokio::test]
    async fn with_ticks_the_pause_is_not_waited_for() {
        let ticks = Ticks::every(TICK).unwrap();
        let look = tokio::time::timeout(Duration::from_secs(60), next_look(Some(&ticks), LONG));
        look.await.expect("a tick comes before");
    }
}
