//! The handler's program: where it is, how it is started, and why it cannot be.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use executable::{Elf, Kind, Machine, Needs, System};
use runtime_api::FunctionError;

use super::{Environment, Mode, Settings, environment};

/// How to start the handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildCommand {
    /// The handler, or the wrapper that starts it.
    pub program: PathBuf,
    /// Empty, or the handler's path if there is a wrapper.
    pub arguments: Vec<OsString>,
    /// The task root, as on go1.x.
    pub directory: PathBuf,
    /// All of the child's variables but the port.
    pub environment: Environment,
    /// The mode it is started in.
    pub mode: Mode,
    /// How long it may take to listen.
    pub ready_timeout: Option<Duration>,
    /// Whether its answers may be waited for in the read.
    pub waits_in_read: bool,
    /// The Runtime API's address: a program that connects to it on its own account is told by that.
    pub runtime_api: String,
    /// The handler's own path.
    handler: PathBuf,
}

impl ChildCommand {
    /// Finds the program. The handler setting is a path below the task root, as it was on go1.x.
    pub fn find(settings: &Settings) -> Result<ChildCommand, FunctionError> {
        let outside = |part: Component<'_>| !matches!(part, Component::Normal(_) | Component::CurDir);
        if settings.handler.components().any(outside) {
            let text = format!(
                "the handler setting {:?} is not a path below {}",
                settings.handler,
                settings.task_root.display()
            );
            return Err(FunctionError::new("Runtime.Go1xHandlerPath", text));
        }
        let handler = settings.task_root.join(&settings.handler);
        if is_bootstrap(&handler, settings.mode) {
            let text = format!(
                "the handler setting names bootstrap itself. Set GO1X_HANDLER. {}",
                candidates(&settings.task_root)
            );
            return Err(FunctionError::new("Runtime.Go1xHandlerPath", text));
        }
        let (program, arguments) = match &settings.exec_wrapper {
            Some(wrapper) => (wrapper.clone(), vec![handler.clone().into_os_string()]),
            None => (handler.clone(), Vec::new()),
        };
        Ok(ChildCommand {
            program,
            arguments,
            directory: settings.task_root.clone(),
            environment: if settings.go1x_environment {
                environment::go1x(&settings.environment, &settings.handler)
            } else {
                settings.environment.clone()
            },
            mode: settings.mode,
            ready_timeout: settings.ready_timeout,
            handler,
            waits_in_read: settings.waits_in_read(),
            runtime_api: settings.runtime_api.clone(),
        })
    }

    /// Refuses what the kernel would refuse. It has to be done here, since some C libraries hand a file that the
    /// kernel does not know to the shell.
    pub(crate) fn check(&self) -> io::Result<()> {
        match kind_of(&self.program) {
            Ok(Kind::Other { .. }) => Err(io::Error::from_raw_os_error(NO_EXEC)),
            Ok(Kind::Elf { machine }) if machine != Machine::OURS => {
                Err(io::Error::from_raw_os_error(NO_EXEC))
            }
            // What is missing or may not be read is for the kernel to say.
            _ => Ok(()),
        }
    }

    /// Why the program could not be started: Go's own words first, then what was found and what helps.
    pub(crate) fn spawn_failure(&self, error: &io::Error) -> FunctionError {
        let program = self.program.display();
        let reason = match error.raw_os_error() {
            Some(NO_ENTRY) => "no such file or directory".to_owned(),
            Some(NO_EXEC) => "exec format error".to_owned(),
            Some(NO_ACCESS) => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        let diagnosis = self.diagnose(error);
        let text = format!(
            "fork/exec {program}: {reason}{}{diagnosis}",
            if diagnosis.is_empty() { "" } else { ". " }
        );
        FunctionError::new("Runtime.Go1xCannotStart", text)
    }

    /// What may have ended a handler before it listened, besides what it wrote itself: a loader that did not find
    /// glibc's symbols in the version that the program was linked with.
    pub(crate) fn explain_exit(&self) -> Option<String> {
        let glibc = needs(&self.handler).filter(Needs::is_dynamic)?.newest_glibc()?;
        let have = |system: System| format!("{} has {}", system.name(), system.glibc());
        Some(format!(
            "It is linked dynamically, and needs GLIBC_{glibc} ({}, {}): an older one cannot start it. Build it with \
             CGO_ENABLED=0",
            have(System::ProvidedAl2),
            have(System::ProvidedAl2023)
        ))
    }

    fn diagnose(&self, error: &io::Error) -> String {
        if !self.directory.is_dir() {
            return format!("The task root {} does not exist", self.directory.display());
        }
        if self.program != self.handler && !self.program.exists() {
            return format!("AWS_LAMBDA_EXEC_WRAPPER names {}, which does not exist", self.program.display());
        }
        match fs::metadata(&self.program) {
            Err(_) => return candidates(&self.directory),
            Ok(found) if found.is_dir() => {
                return format!("It is a directory. {}", candidates(&self.directory));
            }
            Ok(found) if found.permissions().mode() & 0o111 == 0 => {
                return format!(
                    "The file is not executable (mode {:04o}): package it with mode 0755",
                    found.permissions().mode() & 0o7777
                );
            }
            Ok(_) => {}
        }
        match kind_of(&self.program) {
            Ok(Kind::Elf { machine }) if machine != Machine::OURS => format!(
                "The file is built for {machine}, and this sandbox is {}: build it with GOARCH={}, or change the \
                 function's architecture",
                Machine::OURS,
                Machine::OURS.goarch().unwrap_or_default()
            ),
            Ok(Kind::Elf { .. }) if error.kind() == io::ErrorKind::NotFound => {
                let needs = needs(&self.program).unwrap_or_default();
                let loader = needs.loader.map(|loader| format!(" ({loader})")).unwrap_or_default();
                format!(
                    "The program exists but its loader{loader} does not: it is linked dynamically against a C \
                     library that this sandbox lacks. Build it with CGO_ENABLED=0"
                )
            }
            Ok(Kind::Elf { .. }) => String::new(),
            Ok(Kind::Script { interpreter }) => {
                let cure = if interpreter.ends_with('\r') {
                    ": its first line ends as lines on Windows do; give it Unix line ends"
                } else {
                    ""
                };
                format!(
                    "The file is a script for {interpreter:?}, which this sandbox lacks or cannot start{cure}"
                )
            }
            Ok(Kind::Other { start }) => {
                let what = Kind::foreign(start.as_bytes());
                let what = what.map(|what| format!(" ({what})")).unwrap_or_default();
                format!(
                    "The file is no Linux program: it starts with {start:?}{what}. Build it with GOOS=linux"
                )
            }
            Err(error) => format!("The file cannot be read: {error}"),
        }
    }
}

/// What a file is, by its first bytes.
fn kind_of(path: &Path) -> io::Result<Kind> {
    Kind::read(&File::open(path)?)
}

/// What a program needs of the system, if that can be told.
fn needs(path: &Path) -> Option<Needs> {
    let file = File::open(path).ok()?;
    Needs::read(&file, &Elf::read(&file).ok()?).ok()
}

/// Whether a path leads to this very program, which would start itself without end. In its own place it would do so by
/// whatever name; a copy of it finds that out when it is started. As a child, it finds out by the port that it is given,
/// unless it is a program that serves there too.
fn is_bootstrap(path: &Path, mode: Mode) -> bool {
    if !mode.makes_way() && path.file_name() != Some(OsStr::new("bootstrap")) {
        return false;
    }
    let file = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    file(path).is_some_and(|found| std::env::current_exe().is_ok_and(|own| file(&own) == Some(found)))
}

/// errno(3): `ENOENT`, `ENOEXEC`, `EACCES`.
const NO_ENTRY: i32 = 2;
const NO_EXEC: i32 = 8;
const NO_ACCESS: i32 = 13;

/// Directory levels and entries that are searched for programs, and names that are listed.
const SEARCH_DEPTH: usize = 4;
const SEARCH_LIMIT: usize = 10_000;
const LIST_LIMIT: usize = 10;

/// The programs that a deployment package has to offer.
fn candidates(task_root: &Path) -> String {
    let mut found = Vec::new();
    let mut seen = 0;
    search(task_root, task_root, SEARCH_DEPTH, &mut seen, &mut found);
    found.sort();
    if found.is_empty() {
        return format!("There is no executable program below {}", task_root.display());
    }
    let more = if found.len() > LIST_LIMIT {
        format!(" and {} more", found.len() - LIST_LIMIT)
    } else {
        String::new()
    };
    found.truncate(LIST_LIMIT);
    format!(
        "Programs below {}: {}{more}. Set the function's handler, or GO1X_HANDLER, to one of them",
        task_root.display(),
        found.join(", ")
    )
}

fn search(root: &Path, directory: &Path, depth: usize, seen: &mut usize, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        *seen += 1;
        if *seen > SEARCH_LIMIT {
            return;
        }
        let path = entry.path();
        // Links are not followed, so that a loop of them ends.
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            if depth > 1 {
                search(root, &path, depth - 1, seen, found);
            }
        } else if entry.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0)
            && path.file_name() != Some(OsStr::new("bootstrap"))
            && matches!(kind_of(&path), Ok(Kind::Elf { .. }))
        {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            found.push(relative.display().to_string());
        }
    }
}
