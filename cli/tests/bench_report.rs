//! `go1x bench --from`, as its users call it: reports of an earlier run, and what got slower since.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::{env, fs, process};

use serde_json::{Value, json};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = env::temp_dir().join(format!("go1x-bench-report-{name}-{}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, results: &Value) {
        fs::write(self.0.join(name), results.to_string()).unwrap();
    }

    fn bench(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut go1x = Command::new(env!("CARGO_BIN_EXE_go1x"));
        go1x.arg("bench").args(arguments).current_dir(&self.0).stdin(Stdio::null());
        go1x
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// Two contestants; the first takes so many microseconds, the other 100.
fn results(micros: f64) -> Value {
    let contestant = |name: &str| json!({"name": name, "description": "", "command": [], "program_bytes": 1, "zip_bytes": 1});
    let latency = |name: &str, micros: f64| {
        let rounds: Vec<Vec<f64>> = (0..12)
            .map(|round| (0..5).map(|at| micros + f64::from(7 * round % 5 + at) / 10.0).collect())
            .collect();
        json!({"contestant": name, "event": "200 B", "event_bytes": 200, "concurrency": 1, "rounds": rounds, "cpu": []})
    };
    json!({
        "format": 1, "started": "2026-11-27T05:00:00Z", "seconds": 1.5, "complete": true,
        "echo": true, "optimised": true, "command": ["go1x", "bench"],
        "machine": {
            "cpu": "a", "cpus": 2, "cpus_allowed": "0-1", "memory_bytes": 1, "kernel": "k",
            "congestion_control": "reno", "load_before": 0.0, "load_after": 0.0, "versions": []
        },
        "contestants": [contestant("bridge"), contestant("go-direct")], "baseline": "go-direct",
        "latency": [latency("bridge", micros), latency("go-direct", 100.0)],
        "cold_start": [], "throughput": [], "memory": [], "system_calls": [], "stages": [], "endurance": [], "notes": []
    })
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn reports_are_made_of_an_earlier_run() {
    let folder = Folder::new("again");
    folder.write("results.json", &results(90.0));
    let output = folder.bench(&["--from", "results.json", "--report", "a/b"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("bridge      90.4 [90.2–90.5] µs      0/60   0.90 [0.90–0.90]"), "{stdout}");
    assert!(!stdout.contains('\u{1b}'), "no colours on pipes: {stdout}");
    for (file, part) in [
        ("index.html", "<title>go1x bench, 2026-11-27T05:00:00Z</title>"),
        ("summary.md", "| `bridge` | 90.4 [90.2–90.5] µs |"),
        ("raw.csv", "latency,bridge,200 B,200,1,0,0,90,us\n"),
        ("results.json", "\"baseline\":\"go-direct\""),
    ] {
        let text = fs::read_to_string(folder.0.join("a/b").join(file)).unwrap();
        assert!(text.contains(part), "{file}: {text}");
    }
    let output = folder.bench(&["--from", "a/b/results.json", "--format", "json"]);
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), results(90.0));
}

#[test]
fn a_regression_is_exit_status_1() {
    let folder = Folder::new("regression");
    folder.write("before.json", &results(90.0));
    folder.write("after.json", &results(99.0));
    let output = folder.bench(&["--from", "after.json", "--baseline", "before.json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(
        stderr(&output),
        "error: slower than in the run of 2026-11-27T05:00:00Z:\n  bridge: latency, 200 B, 1.10 × what it was\n\
         help: measure both again, by turns, before believing it\n"
    );
    let output = folder.bench(&["--from", "before.json", "--baseline", "after.json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

/// `go1x bench … | head -1` fails a pipeline as it does without `head`.
#[test]
fn a_regression_is_one_even_if_nobody_reads_on() {
    let folder = Folder::new("unread");
    folder.write("before.json", &results(90.0));
    folder.write("after.json", &results(99.0));
    for format in ["text", "json"] {
        let arguments =
            ["--from", "after.json", "--baseline", "before.json", "--report", "r", "--format", format];
        let mut command = folder.command(&arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(stderr(&output).contains("error: slower than in the run of"), "{output:?}");
        assert!(folder.0.join("r/results.json").is_file(), "the report is written all the same");
        fs::remove_dir_all(folder.0.join("r")).unwrap();
    }
    // Nor does it matter whether anybody hears where the report is.
    let mut command = folder.command(&["--from", "after.json", "--report", "r"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// It is printed before it is written, and one thing that goes wrong does not hide another.
#[test]
fn what_cannot_be_written_is_told_nevertheless() {
    let folder = Folder::new("unwritable");
    folder.write("before.json", &results(90.0));
    folder.write("after.json", &results(99.0));
    // Its place is taken by a folder.
    fs::create_dir_all(folder.0.join("r/results.json")).unwrap();
    let output = folder.bench(&["--from", "after.json", "--baseline", "before.json", "--report", "r"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(stdout.contains("\nLatency\n"), "{stdout}");
    let said = stderr(&output);
    assert!(said.contains("error: slower than in the run of"), "{said}");
    assert!(said.contains("error: cannot write r/results.json: "), "{said}");
    let left: Vec<_> =
        fs::read_dir(folder.0.join("r")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["results.json"], "nothing half written stays behind");
}

/// A reader sees the old file or the new one, and never a half.
#[test]
fn a_report_takes_the_place_of_another_at_once() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = Folder::new("again-and-again");
    folder.write("results.json", &results(90.0));
    let inodes = || {
        let output = folder.bench(&["--from", "results.json", "--report", "r"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        ["results.json", "index.html", "summary.md", "raw.csv"]
            .map(|file| fs::File::open(folder.0.join("r").join(file)).unwrap())
    };
    let (before, after) = (inodes(), inodes());
    for (before, after) in before.iter().zip(&after) {
        assert_ne!(before.metadata().unwrap().ino(), after.metadata().unwrap().ino());
    }
}

#[test]
fn a_baseline_that_cannot_be_compared_is_exit_status_2() {
    let folder = Folder::new("incomparable");
    folder.write("results.json", &results(90.0));
    let mut other = results(90.0);
    for latency in other["latency"].as_array_mut().unwrap() {
        latency["event"] = json!("1 KiB");
        latency["event_bytes"] = json!(1024);
    }
    folder.write("other.json", &other);
    let output = folder.bench(&["--from", "results.json", "--baseline", "other.json"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = stderr(&output);
    assert!(said.starts_with("error: nothing in this run can be compared with the run of 2026-"), "{said}");
    assert!(said.contains("bridge (latency, 1 KiB)") && said.contains("\nhelp: measure both"), "{said}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("Nothing can be compared with the run of"));
}

#[test]
fn what_cannot_be_read_is_exit_status_2() {
    let folder = Folder::new("unreadable");
    let mut newer = results(90.0);
    newer["format"] = json!(2);
    folder.write("newer.json", &newer);
    folder.write("other.json", &json!({"format": 1}));
    folder.write("results.json", &results(90.0));
    for (arguments, said) in [
        (&["--from", "newer.json"][..], "newer.json has format 2, and this go1x reads up to 1"),
        (&["--from", "other.json"], "other.json has no results of `go1x bench`: missing field `started`"),
        (&["--from", "none.json"], "cannot read none.json: No such file"),
        (&["--from", "results.json", "--baseline", "newer.json"], "newer.json has format 2"),
        (&["--from", "results.json", "--report", "results.json/x"], "cannot write results.json/x: "),
        (&["--from", "results.json", "--rounds", "3"], "cannot be used with '--rounds <N>'"),
        (&["--quick", "--baseline", "none.json"], "cannot read none.json"),
    ] {
        let output = folder.bench(arguments);
        let stderr = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(said), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}
