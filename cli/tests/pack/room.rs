//! A folder with a `bootstrap` and handlers in it, `go1x pack` run there, and others' tools to look at what it made.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::executables::{Image, X86_64};
use crate::support::{Folder, go1x, run};

pub(crate) struct Room(pub(crate) Folder);

impl Room {
    /// With a small `bootstrap`, known by its texts as the real one is.
    pub(crate) fn new(name: &str) -> Room {
        let room = Room(Folder::new(&format!("pack-{name}")));
        room.0.write("shim", 0o755, &shim(X86_64, &["Function.Invoke"]));
        room
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// `go1x pack`, here, with the small `bootstrap`.
    pub(crate) fn pack(&self, arguments: &[&str]) -> Output {
        let mut command = go1x(&["pack"]);
        command.args(arguments).env("GO1X_BOOTSTRAP", self.path("shim"));
        run(command.current_dir(self.0.path()))
    }

    /// It works; what it tells as JSON.
    #[track_caller]
    pub(crate) fn packed(&self, arguments: &[&str]) -> Value {
        let output = self.pack(&[arguments, &["--format", "json"]].concat());
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// It is refused, with that exit code and these words, and leaves nothing behind.
    #[track_caller]
    pub(crate) fn refused(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let before = self.names();
        let output = self.pack(&[arguments, &["-o", "refused.zip", "--manifest", "refused.json"]].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.starts_with("error: ") && output.stdout.is_empty(), "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
        assert_eq!(self.names(), before, "nothing is left behind");
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What a Python script prints as JSON, run here.
    #[track_caller]
    pub(crate) fn python(&self, script: &str) -> Value {
        let output =
            Command::new("python3").args(["-c", script]).current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// A tool of others (Info-ZIP, skopeo, umoci), run here; what it prints. None, after a line that says so, where it
    /// is not installed.
    #[track_caller]
    pub(crate) fn tool(&self, tool: &str, arguments: &[&str]) -> Option<String> {
        match Command::new(tool).args(arguments).current_dir(self.0.path()).output() {
            Ok(output) => {
                assert!(output.status.success(), "{output:?}");
                Some(String::from_utf8(output.stdout).unwrap())
            }
            Err(error) => {
                let thread = std::thread::current();
                let test = thread.name().unwrap_or("a test");
                let line = format!("NOT RUN: {test}: needs {tool}: {error}\n");
                _ = std::io::stderr().write_all(line.as_bytes());
                None
            }
        }
    }
}

/// What is told to be go1x's bootstrap.
pub(crate) fn shim(machine: u16, texts: &[&str]) -> Vec<u8> {
    let mut image = Image::new(machine);
    for text in [&["GO1X_READY_TIMEOUT_MS"], texts].concat() {
        image.text(text);
    }
    image.finish()
}
