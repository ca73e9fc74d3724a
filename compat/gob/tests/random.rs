//! Real Go and `examples/golden_tool.rs` read each other's streams: random cases, new ones in each run, and the
//! golden ones (`golden/README.md`).
//!
//! | variable | |
//! | --- | --- |
//! | `GOB_RANDOM_CASES` | how many random cases, 3000 by default |
//! | `GOB_RANDOM_SEED` | the seed of an earlier run, which prints it, to have its cases again |
//! | `GO1X_REQUIRE_GO` | `1`: fail without Go, rather than say that nothing was run |

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::{env, fs, io, thread};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// Golden cases in which the tool differs from Go, as `MODE NAME`, each with its reason. One that does not differ
/// is an error.
const DIFFERS: &[(&str, &str)] = &[
    ("decode codec_gob_fields", ZERO),
    ("decode codec_in_composites", ZERO),
    ("decode codec_many", ZERO),
    ("encode codec_many", ZERO),
    ("encode net_types", "Go defines types of fields that are never sent, which SPEC does not name"),
    ("decode iface_into_other_iface", METHODS),
    ("decode iface_not_assignable", METHODS),
    ("decode map_nan_key", NAN),
    ("encode map_nan_key", NAN),
];

const ZERO: &str =
    "SPEC does not tell which bytes a zero value encodes itself to, nor whether it is sent at all";
const METHODS: &str = "SPEC does not tell which methods a type has";
const NAN: &str = "the index has no value under NaN, since Go finds nothing under it";

/// The same, where it hangs on Go's version whether there is a difference.
const DIFFERS_BY_VERSION: &[(&str, &str)] =
    &[("encode time_odd_offset", "Go before 1.27 reads an offset with negative seconds as another one")];

#[test]
fn go_and_gob_read_each_others_random_values() {
    let Some(randomcheck) = go_program("randomcheck") else { return };
    let cases = env::var("GOB_RANDOM_CASES").unwrap_or_else(|_| "3000".into());
    let mut command = tool_driver(&randomcheck);
    command.args(["-exact", "-n", &cases]);
    if let Ok(seed) = env::var("GOB_RANDOM_SEED") {
        command.args(["-seed", &seed]);
    }
    let (done, text) = finish(&mut command);
    assert!(done.status.success(), "{text}");
    // With the seed, and past libtest, which would keep it back.
    let summary = text.lines().last().unwrap_or_default();
    _ = io::stderr().write_all(format!("random cases: {summary}\n").as_bytes());
    assert!(summary.contains(" cases (0 failed"), "{text}");
}

#[test]
fn golden_cases_are_inspected_decoded_and_encoded_as_by_go() {
    let Some(checkcli) = go_program("checkcli") else { return };
    let mut command = tool_driver(&checkcli);
    command.args(["-vectors", GOLDEN, "-errors", "class", "-mode", "inspect,decode,encode", "-exact", "-v"]);
    let (done, text) = finish(&mut command);
    let mut passed = 0;
    let mut failed = BTreeMap::new();
    let mut last = None;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("ok"), Some(_), Some(_)) => passed += 1,
            (Some("FAIL"), Some(mode), Some(name)) => {
                last = Some(format!("{mode} {}", name.trim_end_matches(':')));
                failed.insert(last.clone().unwrap(), line.to_owned());
            }
            // The rest of what was said of a case, or of all.
            _ if line.starts_with("  ") => {
                if let Some(said) = last.as_ref().and_then(|last| failed.get_mut(last)) {
                    said.push('\n');
                    said.push_str(line);
                }
            }
            _ => last = None,
        }
    }
    let summary = format!("{passed} passed, {} failed", failed.len());
    assert!(passed > 0 && text.trim_end().ends_with(&summary), "{} {text}", done.status);
    let mut wrong = String::new();
    for (name, reason) in DIFFERS {
        if failed.remove(*name).is_none() {
            wrong += &format!("{name} passes, and needs no exception: {reason}\n");
        }
    }
    failed.retain(|name, _| DIFFERS_BY_VERSION.iter().all(|(differs, _)| differs != name));
    wrong.extend(failed.into_values().map(|said| said + "\n"));
    assert!(wrong.is_empty(), "{summary}\n{wrong}");
}

/// A program that drives the tool. It takes the tool's command for words, so that is a path without blanks.
fn tool_driver(program: &Path) -> Command {
    let tool = TOOL.as_ref().unwrap_or_else(|reason| panic!("{reason}"));
    // What a program that fails leaves behind is cleared away by the next.
    let room = program.with_extension("room");
    _ = fs::remove_dir_all(&room);
    fs::create_dir_all(&room).unwrap();
    let mut command = Command::new(program);
    command.current_dir(tool.parent().unwrap()).args(["-tool", "./golden_tool"]).env("TMPDIR", room);
    command
}

/// What it printed, on both its outputs.
fn finish(command: &mut Command) -> (Output, String) {
    let done = command.stdin(Stdio::null()).output().unwrap();
    let text = [&*String::from_utf8_lossy(&done.stderr), &*String::from_utf8_lossy(&done.stdout)].concat();
    (done, text)
}

/// The example `golden_tool`, for which a test's build has a place beside the test. Cargo is asked for it again, since
/// it builds no examples for a single test.
static TOOL: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let test = env::current_exe().map_err(|error| error.to_string())?;
    let profile = test.parent().and_then(Path::parent).ok_or("the test lies in no target folder")?;
    let target = profile.parent().ok_or("the test lies in no target folder")?;
    let name = profile.file_name().and_then(|name| name.to_str()).ok_or("a profile without a name")?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let (done, text) = finish(
        Command::new(cargo)
            .args(["build", "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
            .args(["--example", "golden_tool", "--profile", if name == "debug" { "dev" } else { name }])
            .arg("--target-dir")
            .arg(target),
    );
    let tool = profile.join("examples/golden_tool");
    if done.status.success() && tool.exists() {
        return Ok(tool);
    }
    Err(format!("examples/golden_tool cannot be built ({}):\n{text}", done.status))
});

/// One of the programs in `golden/gen/cmd`. None, after a line `NOT RUN: …`, if there is no Go to build it.
fn go_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/local/go/bin".into()]);
    let go = folders.map(|folder| folder.join("go")).find(|go| go.is_file());
    let Some(go) = go else {
        let thread = thread::current();
        let test = thread.name().unwrap_or("a test");
        let said = format!("{test} needs Go 1.19 or newer (https://go.dev/dl/) on PATH");
        assert!(
            env::var_os("GO1X_REQUIRE_GO").is_none_or(|value| value != "1"),
            "{said}, and GO1X_REQUIRE_GO=1"
        );
        // Not eprintln, which libtest would keep back.
        _ = io::stderr().write_all(format!("NOT RUN: {said}\n").as_bytes());
        return None;
    };
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let (done, text) = finish(
        Command::new(go)
            .current_dir(Path::new(GOLDEN).join("gen"))
            .args(["build", "-trimpath", "-mod=readonly", "-buildvcs=false", "-o"])
            .arg(&program)
            .arg(format!("./cmd/{name}"))
            .env("CGO_ENABLED", "0")
            .env("GO111MODULE", "on")
            .env("GOWORK", "off")
            .env("GOFLAGS", "")
            .env("GOTOOLCHAIN", "local"),
    );
    assert!(done.status.success(), "{name} does not build: {text}");
    Some(program)
}
