//! Folders, handlers and what the command says of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::executables::GoProgram;

/// A folder that is gone after the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("go1x-inspect-{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file; returns its path.
    pub(crate) fn write(&self, name: &str, mode: u32, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// A handler made by hand, by the doors that it opens.
pub(crate) fn handler(doors: &str) -> GoProgram<'static> {
    let functions: &[&str] = match doors {
        "rpc" => &[
            "github.com/aws/aws-lambda-go/lambda.(*Function).Invoke",
            "net/rpc.(*Server).ServeCodec",
            "main.main",
        ],
        "both" => &[
            "github.com/aws/aws-lambda-go/lambda.startFunctionRPC",
            "github.com/aws/aws-lambda-go/lambda.startRuntimeAPILoop",
            "main.main",
        ],
        "runtime-api" => &["github.com/aws/aws-lambda-go/lambda.startRuntimeAPILoop", "main.main"],
        other => panic!("{other} are no doors"),
    };
    GoProgram { functions, has_sections: false, ..GoProgram::default() }
}

pub(crate) fn go1x(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_go1x"));
    command.args(arguments).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
    command
}

pub(crate) fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// The exit code, and the report as JSON.
#[track_caller]
pub(crate) fn json(mut command: Command) -> (i32, Value) {
    let output = run(&mut command);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    (output.status.code().unwrap(), report)
}

/// That the findings of one level are these and no others: their rules, and a part of their texts, member included.
#[track_caller]
pub(crate) fn check_findings(report: &Value, level: &str, expected: &[(&str, &str)]) {
    let inputs = report["inputs"].as_array().unwrap();
    let findings = inputs.iter().flat_map(|input| input["findings"].as_array().unwrap());
    let found: Vec<(String, String)> = findings
        .filter(|finding| finding["level"] == level)
        .map(|finding| {
            let member = finding["member"].as_str().map(|member| format!("{member}: ")).unwrap_or_default();
            (finding["rule"].as_str().unwrap().to_owned(), member + finding["message"].as_str().unwrap())
        })
        .collect();
    assert_eq!(found.len(), expected.len(), "{level}: {found:#?}, expected {expected:#?}");
    for (rule, text) in expected {
        assert!(
            found.iter().any(|(of, message)| of == rule && message.contains(text)),
            "{rule}: {text:?} is not in {found:#?}"
        );
    }
}
