//! What to say of a started child that is not ready.

use std::path::Path;
use std::process::ExitStatus;

use runtime_api::FunctionError;

use super::process::describe;
use super::readiness::Waiting;
use super::sockets;

/// What is to be known of a handler that does without us.
pub(super) const POLLS_ITSELF: &str = "it talks to the Runtime API itself, as a program built with the tag lambda.norpc does; \
                            GO1X_MODE=auto or direct leaves it to that";

impl Waiting<'_> {
    pub(super) fn taken(&self) -> FunctionError {
        let text = format!("port {} was taken by another program while the handler started", self.port);
        self.failure("Runtime.Go1xNotAHandler", text)
    }

    pub(super) fn exited(&self, status: ExitStatus, said: Option<String>) -> FunctionError {
        let said = match said {
            Some(said) if said == POLLS_ITSELF => format!("But {said}"),
            Some(said) => format!("It said:\n{said}"),
            None => "Its output above says why; a program that does not call lambda.Start, or goes into the background, ends like \
                     this too"
                .into(),
        };
        // Go's own resolver (`net/hosts.go`) knows it from this file alone, and Go's RPC handlers listen there.
        let no_localhost = if Path::new("/etc/hosts").exists() {
            ""
        } else {
            ". There is no /etc/hosts here: a Go program finds no localhost to listen on without its line \
             `127.0.0.1 localhost`"
        };
        let text = format!(
            "{}: the handler ended before it listened on port {} (_LAMBDA_SERVER_PORT). {said}{no_localhost}",
            describe(status),
            self.port
        );
        self.failure("Runtime.Go1xHandlerExited", text)
    }

    pub(super) fn too_late(&self) -> FunctionError {
        let text = format!("{}. The limit is GO1X_READY_TIMEOUT_MS", self.silence());
        self.failure("Runtime.Go1xNotListening", text)
    }

    /// What is known of a handler that does not come up.
    pub(super) fn silence(&self) -> String {
        let pid = self.process.pid();
        let found = match sockets::listening_ports(pid) {
            _ if self.talks_to_runtime_api() => POLLS_ITSELF.to_owned(),
            None => "on which port it listens cannot be seen, /proc being closed here".to_owned(),
            Some(ports) if ports.contains(&self.port) => {
                "it listens there, but answers no Function.Ping".to_owned()
            }
            Some(ports) if ports.is_empty() => "it listens on no port".to_owned(),
            Some(ports) => format!("it listens on {ports:?} instead"),
        };
        format!(
            "the handler (process {pid}) runs but has not answered on port {} (_LAMBDA_SERVER_PORT) for {} ms: {found}",
            self.port,
            self.since.elapsed().as_millis()
        )
    }

    pub(super) fn failure(&self, error_type: &str, text: String) -> FunctionError {
        FunctionError::new(error_type, format!("{}: {text}", self.command.program.display()))
    }
}
