//! What Lambda gives a function, made of namespaces: a read-only root with next to nothing in it, a user without
//! privileges, limits, and a network that ends at the loopback.

use std::ffi::OsString;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::{fs, io};

use runtime_api::emulator::{Emulator, Settings};

use super::memory::Memory;
use super::network::Network;
use super::room::{forbidden, room};
use super::shipped::not_run;
use super::{Folder, PATIENCE, Sandbox, children};

/// A function, yet to be started. Files are copied under their names, of folders what is in them.
///
/// ```ignore
/// let Some(function) = Lambda::new().layer(&bootstrap).task(&handler).start().await else { return };
/// assert_eq!(function.ask("1").await, 1);
/// ```
pub struct Lambda {
    layers: Vec<PathBuf>,
    task: Vec<PathBuf>,
    handler: Option<String>,
    variables: Vec<(String, OsString)>,
    settings: Settings,
    tmp: bool,
    hosts: bool,
}

impl Lambda {
    pub fn new() -> Lambda {
        Lambda {
            layers: Vec::new(),
            task: Vec::new(),
            handler: None,
            variables: Vec::new(),
            settings: Settings::default(),
            tmp: true,
            hosts: true,
        }
    }

    /// A file or folder for `/opt`.
    pub fn layer(mut self, path: &Path) -> Lambda {
        self.layers.push(path.to_owned());
        self
    }

    /// A file or folder for `/var/task`. Unless told otherwise, the first is the handler.
    pub fn task(mut self, path: &Path) -> Lambda {
        self.task.push(path.to_owned());
        self
    }

    /// The handler setting.
    pub fn handler(mut self, setting: &str) -> Lambda {
        self.handler = Some(setting.to_owned());
        self
    }

    /// A variable of the function's configuration.
    pub fn variable(mut self, name: &str, value: &str) -> Lambda {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Takes `/tmp` away, so that nothing can be written at all.
    pub fn without_tmp(mut self) -> Lambda {
        self.tmp = false;
        self
    }

    /// Takes `/etc/hosts` away, the one file of a system that Go's own resolver needs to know `localhost`.
    pub fn without_hosts(mut self) -> Lambda {
        self.hosts = false;
        self
    }

    /// Starts `bootstrap`, as Lambda finds it: the task's own, else the layers'. None, after a line that says why,
    /// where this machine lets nobody make such a sandbox.
    pub async fn start(self) -> Option<Function> {
        if let Some(reason) = forbidden() {
            not_run(reason);
            return None;
        }
        let root = self.root();
        let bootstrap = ["/var/task/bootstrap", "/opt/bootstrap"]
            .into_iter()
            .find(|path| root.path().join(&path[1..]).exists())
            .expect("a bootstrap in the task or a layer");
        let memory = Memory::limit(MEMORY_MB << 20).inspect_err(|reason| not_limited(reason)).ok();

        let network = Network::new().unwrap();
        let inside = network.enter();
        let emulator = Emulator::start(self.settings.clone()).await.unwrap();
        let mut command = room(root.path(), memory.as_ref());
        command.args(["env", "-i"]);
        for (name, value) in self.environment(emulator.runtime_api()) {
            let mut variable = OsString::from(name + "=");
            variable.push(value);
            command.arg(variable);
        }
        let mut enter = OsString::from("--root=");
        enter.push(root.path());
        command.arg(tool("unshare")).arg(enter).arg("--wd=/var/task");
        command.args([format!("--setuid={USER}"), format!("--setgid={GROUP}")]).args(["--", bootstrap]);
        let sandbox = Sandbox::spawn(emulator, command);
        drop(inside);

        let mut function = Function { outermost: sandbox.pid, sandbox, memory, root };
        function.find_bootstrap().await;
        Some(function)
    }

    /// The root as it lies on disk, before anything is mounted.
    fn root(&self) -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let root = Folder::new(&format!("lambda-{}", COUNT.fetch_add(1, Relaxed)));
        let make = |name: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(&path).unwrap();
            path
        };
        for name in ["proc", "dev"] {
            make(name);
        }
        if self.tmp {
            make("tmp");
        }
        if self.hosts {
            root.write("etc/hosts", 0o644, b"127.0.0.1 localhost\n");
        }
        for (folder, sources) in [("opt", &self.layers), ("var/task", &self.task)] {
            let folder = make(folder);
            for source in sources {
                place(source, &folder).unwrap();
            }
        }
        root
    }

    /// What `provided.al2023` sets, and what the function's configuration adds.
    fn environment(&self, runtime_api: &str) -> Vec<(String, OsString)> {
        let handler = self.handler.clone().unwrap_or_else(|| {
            let first = self.task.first().and_then(|path| path.file_name()).expect("a task or a handler");
            first.to_str().unwrap().to_owned()
        });
        let memory = MEMORY_MB.to_string();
        let given = [
            ("_HANDLER", handler.as_str()),
            ("AWS_LAMBDA_RUNTIME_API", runtime_api),
            ("AWS_LAMBDA_FUNCTION_NAME", &self.settings.function_name),
            ("AWS_LAMBDA_FUNCTION_VERSION", &self.settings.function_version),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ];
        let mut all: Vec<(String, OsString)> = ENVIRONMENT
            .into_iter()
            .chain(given)
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        all.extend(self.variables.iter().cloned());
        all
    }
}

/// A started function: its sandbox, and what lies under it. All of it ends with this.
pub struct Function {
    sandbox: Sandbox,
    /// The process in whose end all others' is.
    outermost: u32,
    memory: Option<Memory>,
    root: Folder,
}

impl Function {
    /// Whether memory is limited here, which not every machine lets tests do.
    pub fn has_limited_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// The process of the handler.
    pub fn handler(&self) -> u32 {
        let [handler] = children(self.pid())[..] else { panic!("one handler: {}", self.output()) };
        handler
    }

    /// Below the outermost process there is the sandbox's first, and below that, bootstrap: the one that has shut itself
    /// in.
    async fn find_bootstrap(&mut self) {
        let end = std::time::Instant::now() + PATIENCE;
        while self.sandbox.exited.borrow().is_none() && std::time::Instant::now() < end {
            let mut inner = children(self.outermost).into_iter().flat_map(children);
            let root = |pid: &u32| fs::read_link(format!("/proc/{pid}/root"));
            let shut_in = inner.find(|pid| root(pid).is_ok_and(|root| root != Path::new("/")));
            if let Some(pid) = shut_in {
                self.sandbox.pid = pid;
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

impl Deref for Function {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        if self.sandbox.exited.borrow().is_none() {
            _ = std::process::Command::new("kill").args(["-KILL", &self.outermost.to_string()]).status();
        }
    }
}

fn not_limited(reason: &str) {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| not_run(&format!("with a limit of memory: this machine sets none: {reason}")));
}

/// Copies a file, or what is in a folder.
fn place(source: &Path, folder: &Path) -> io::Result<()> {
    if !source.is_dir() {
        let name = source.file_name().expect("a file has a name");
        return fs::copy(source, folder.join(name)).map(drop);
    }
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let inner = folder.join(entry.file_name());
            fs::create_dir_all(&inner)?;
            place(&entry.path(), &inner)?;
        } else {
            place(&entry.path(), folder)?;
        }
    }
    Ok(())
}

/// A tool's own path: inside the new environment there is no `PATH` to find it by.
fn tool(name: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.exists()).unwrap()
}

/// The least that a function can have.
const MEMORY_MB: u64 = 128;

/// The user that Lambda runs functions as has no name here, only a number like any.
pub const USER: u32 = 993;
const GROUP: u32 = 990;

/// What all functions have, as recorded on `provided.al2023`.
const ENVIRONMENT: [(&str, &str); 14] = [
    ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
    ("LD_LIBRARY_PATH", "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"),
    ("LANG", "en_US.UTF-8"),
    ("TZ", ":UTC"),
    ("LAMBDA_TASK_ROOT", "/var/task"),
    ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
    ("AWS_REGION", "eu-west-1"),
    ("AWS_DEFAULT_REGION", "eu-west-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
    ("AWS_SESSION_TOKEN", "token"),
    ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/test_function"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/27/[$LATEST]0123456789abcdef0123456789abcdef"),
];
