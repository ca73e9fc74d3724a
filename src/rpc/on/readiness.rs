//! From a started child to one that answered its first ping: the port, the wait, and what to say when it
//! does not come to that.

use std::convert::Infallible;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use netrpc::Client;
use runtime_api::FunctionError;
use tokio::net::TcpStream;
use tracing::{debug, warn};

use super::messages::{PingRequest, PingResponse};
use super::process::{Process, describe};
use super::sockets;
use crate::bootstrap::{ChildCommand, Mode};

/// Between two looks at a port where nobody listens yet. A Go program needs milliseconds to get there, and on
/// one CPU each look takes its time from it.
const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// Between two pings of a handler that drops them.
const PING_INTERVAL: Duration = Duration::from_millis(5);
/// A handler that has not listened for this long may be one that polls the Runtime API itself. A look costs
/// some reading in `/proc`: it is taken ever more seldom, and never for a handler that starts as usual.
const FIRST_LOOK: Duration = Duration::from_millis(8);
/// After this long, a warning says what was found; the platform's own limit for the first start is 10 s.
const WARN_AFTER: Duration = Duration::from_secs(8);

/// What a started child turned out to be.
pub(super) enum Ready {
    /// It listens, belongs to us and answered a ping.
    Serves(Process, Client),
    /// It does not listen but polls the Runtime API: a program built with `lambda.norpc`.
    PollsItself(Process),
}

/// Starts the child and waits until it is ready. Whatever goes wrong, no process is left behind.
pub(super) async fn start(command: &ChildCommand) -> Result<Ready, FunctionError> {
    let port = free_port().map_err(|error| {
        FunctionError::new(
            "Runtime.Go1xNoPort",
            format!("no free port on 127.0.0.1 for the handler: {error}"),
        )
    })?;
    let process = Process::spawn(command, port).map_err(|error| command.spawn_failure(&error))?;
    debug!(pid = process.pid(), port, program = %command.program.display(), "handler started");
    let waiting = Waiting { command, process: &process, port, since: Instant::now() };
    let limit = async {
        match command.ready_timeout {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let found = tokio::select! {
        found = waiting.until_ready() => found,
        never = waiting.warn() => match never {},
        () = limit => Err(waiting.too_late()),
    };
    match found {
        Ok(Some(client)) => Ok(Ready::Serves(process, client)),
        Ok(None) => Ok(Ready::PollsItself(process)),
        Err(failure) => {
            process.kill().await;
            Err(failure)
        }
    }
}

/// A port that is free now. The listener that held it never had a connection, so nothing of it lingers.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

struct Waiting<'a> {
    command: &'a ChildCommand,
    process: &'a Process,
    port: u16,
    since: Instant,
}

impl Waiting<'_> {
    /// `None`: the handler polls the Runtime API itself.
    async fn until_ready(&self) -> Result<Option<Client>, FunctionError> {
        let mut next_look = FIRST_LOOK;
        loop {
            if let Some(status) = self.process.status() {
                return Err(self.exited(status));
            }
            let pause = match self.connect().await {
                Some(stream) => match self.ping(stream).await? {
                    Some(client) => return Ok(Some(client)),
                    None => PING_INTERVAL,
                },
                None => POLL_INTERVAL,
            };
            if self.since.elapsed() > next_look {
                next_look *= 2;
                if self.polls_itself()? {
                    return Ok(None);
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.process.wait() => {}
            }
        }
    }

    /// Says once what is known of a handler that takes long.
    async fn warn(&self) -> Infallible {
        tokio::time::sleep(WARN_AFTER).await;
        warn!("{}", self.silence());
        std::future::pending().await
    }

    /// Go's `localhost` is 127.0.0.1 unless the machine has only IPv6.
    async fn connect(&self) -> Option<TcpStream> {
        for host in
            [SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)), (Ipv6Addr::LOCALHOST, self.port).into()]
        {
            if let Ok(stream) = TcpStream::connect(host).await
                // Between two ephemeral ports TCP can connect a socket to itself.
                && stream.local_addr().ok() != stream.peer_addr().ok()
            {
                _ = stream.set_nodelay(true);
                return Some(stream);
            }
        }
        None
    }

    /// Makes sure that it is our child and that it serves `Function`. `None`: it dropped the connection.
    async fn ping(&self, stream: TcpStream) -> Result<Option<Client>, FunctionError> {
        let client = Client::from_tcp(stream);
        let (answer, is_ours) = tokio::join!(
            client.call::<PingResponse>("Function.Ping", &PingRequest),
            // While the answer is on its way: the port was free only when we looked.
            async { sockets::listens(self.process.pid(), self.port) != Some(false) },
        );
        let problem = match answer {
            Ok(PingResponse) if is_ours => return Ok(Some(client)),
            Ok(PingResponse) => {
                format!("port {} was taken by another program while the handler started", self.port)
            }
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
        Err(self.failure("Runtime.Go1xNotAHandler", format!("{problem}. {cure}")))
    }

    fn polls_itself(&self) -> Result<bool, FunctionError> {
        let Some(port) = runtime_api_port(&self.command.runtime_api) else { return Ok(false) };
        if !sockets::is_connected_to(self.process.pid(), port) {
            return Ok(false);
        }
        if self.command.mode == Mode::Auto {
            return Ok(true);
        }
        let text = "the handler polls the Runtime API itself and does not serve RPC: it was built with the tag \
                    lambda.norpc. Set GO1X_MODE to auto or direct, or build it without the tag";
        Err(self.failure("Runtime.Go1xNoRpc", text.to_owned()))
    }

    fn exited(&self, status: std::process::ExitStatus) -> FunctionError {
        let text = format!(
            "{}: the handler ended before it listened on port {} (_LAMBDA_SERVER_PORT). Its output above says why; \
             a program that does not call lambda.Start ends like this too",
            describe(status),
            self.port
        );
        self.failure("Runtime.Go1xHandlerExited", text)
    }

    fn too_late(&self) -> FunctionError {
        let text = format!("{}. The limit is GO1X_READY_TIMEOUT_MS", self.silence());
        self.failure("Runtime.Go1xNotListening", text)
    }

    /// What is known of a handler that does not come up.
    fn silence(&self) -> String {
        let pid = self.process.pid();
        let ports = sockets::listening_ports(pid);
        let found = if ports.is_empty() {
            "it listens on no port".to_owned()
        } else {
            format!("it listens on {ports:?} instead")
        };
        format!(
            "the handler (process {pid}) runs but has not answered on port {} (_LAMBDA_SERVER_PORT) for {} ms: {found}",
            self.port,
            self.since.elapsed().as_millis()
        )
    }

    fn failure(&self, error_type: &str, text: String) -> FunctionError {
        FunctionError::new(error_type, format!("{}: {text}", self.command.program.display()))
    }
}

fn runtime_api_port(runtime_api: &str) -> Option<u16> {
    let address = runtime_api.split('/').next()?;
    address.rsplit_once(':')?.1.parse().ok()
}
