//! A handler for machines without Go: this program, called by another name, serves instead of reading
//! arguments, as a go1.x handler gets none. It answers as the Go ones do.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use bytes::Bytes;
use go1x::{Context, FunctionError, handler_fn};
use serde::Deserialize;
use serde_json::{Value, json};

/// The name under which this program is a handler.
const NAME: &str = "demo-handler";

/// Whether the program was started under that name.
pub(crate) fn is_called() -> bool {
    let program = env::args_os().next();
    program.is_some_and(|program| Path::new(&program).file_name() == Some(OsStr::new(NAME)))
}

/// Serves until the end, through the door that the environment asks for.
pub(crate) fn serve() -> ExitCode {
    // The bridge writes it to the log, as go1.x did.
    std::panic::set_hook(Box::new(|_| ()));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(go1x::start(handler_fn(answer))) {
        Ok(never) => match never {},
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("{NAME}: {error}");
    ExitCode::FAILURE
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Command {
    #[serde(default)]
    http_method: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    query_string_parameters: BTreeMap<String, String>,
    #[serde(default)]
    r#do: String,
    #[serde(default)]
    message: String,
}

async fn answer(event: Bytes, context: Context) -> Result<Bytes, FunctionError> {
    let Ok(command) = serde_json::from_slice::<Command>(&event) else { return Ok(event) };
    let answer = match &*command.r#do {
        _ if !command.http_method.is_empty() => proxy(&command),
        "error" => return Err(FunctionError::new("customError", command.message)),
        "panic" => panic!("{}", command.message),
        "context" => describe(&context),
        _ => return Ok(event),
    };
    Ok(answer.to_string().into())
}

fn proxy(request: &Command) -> Value {
    let name = request.query_string_parameters.get("name").map_or("", String::as_str);
    let body = json!({"method": request.http_method, "path": request.path, "name": name});
    json!({
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": body.to_string(),
    })
}

fn describe(context: &Context) -> Value {
    json!({
        "requestId": context.request_id.as_str(),
        "remainingMs": u64::try_from(context.remaining().as_millis()).unwrap_or(u64::MAX),
        "env": {"AWS_EXECUTION_ENV": env::var("AWS_EXECUTION_ENV").unwrap_or_default()},
        "pid": process::id(),
    })
}

/// A task root with the handler in it; removed when dropped.
#[derive(Debug)]
pub(crate) struct TaskRoot(PathBuf);

impl TaskRoot {
    pub(crate) fn make() -> io::Result<TaskRoot> {
        let program = env::current_exe()?;
        let mut attempts = (0..100).map(|n| env::temp_dir().join(format!("go1x-demo-{}-{n}", process::id())));
        let folder = attempts.find_map(|folder| match std::fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
            made => Some(made.map(|()| folder)),
        });
        let root = TaskRoot(folder.unwrap_or_else(|| Err(io::ErrorKind::AlreadyExists.into()))?);
        std::os::unix::fs::symlink(program, root.handler())?;
        Ok(root)
    }

    pub(crate) fn handler(&self) -> PathBuf {
        self.0.join(NAME)
    }
}

impl Drop for TaskRoot {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}
