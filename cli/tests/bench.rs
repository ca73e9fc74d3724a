//! `go1x bench`, as its users call it: that it works, that answers are checked, that nothing is lost. No figures.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use peers::{Library, Peer};
use serde_json::Value;

/// The contestants that need Go.
const GO: [&str; 3] = ["bridge", "go-direct", "go-shim"];

#[test]
fn go_contestants_are_measured_and_the_results_can_be_read_again() {
    if [Peer::EchoCurrent, Peer::EchoCurrentNorpc, Peer::Shim].map(peers::require).contains(&None) {
        return;
    }
    let folder = Folder::new("go");
    let report = folder.path("report");
    let only = GO.join(",");
    let arguments =
        ["--quick", "--contestants", &only, "--sizes", "1m,1,200", "--report", &report, "--format", "json"];
    let results = json(&run(&arguments));
    assert_eq!(results["complete"], true, "{results:#}");
    assert_eq!(results["baseline"], "go-direct");
    let names = |list: &str| -> Vec<String> {
        let entries = results[list].as_array().unwrap().iter();
        entries.map(|one| one["contestant"].as_str().unwrap().to_owned()).collect()
    };
    for contestant in results["contestants"].as_array().unwrap() {
        let [programs, zip] = ["program_bytes", "zip_bytes"].map(|name| contestant[name].as_u64().unwrap());
        assert!(programs > zip && zip > 1_000_000, "{contestant:#}");
    }
    for latency in results["latency"].as_array().unwrap() {
        let rounds = latency["rounds"].as_array().unwrap();
        let at_a_time = latency["concurrency"].as_u64().unwrap();
        assert_eq!(rounds.len(), if at_a_time == 1 { 5 } else { 2 }, "{latency:#}");
        assert!(rounds.iter().all(|round| !round.as_array().unwrap().is_empty()), "{latency:#}");
        let times = rounds.iter().flat_map(|round| round.as_array().unwrap());
        assert!(times.clone().all(|time| time.as_f64() > Some(0.0)), "{latency:#}");
        assert_eq!(latency["cpu"].as_array().unwrap().len(), rounds.len());
    }
    // Three sizes, and two at a time.
    assert_eq!(names("latency"), GO.repeat(4));
    let latency = &results["latency"][0];
    assert_eq!((&latency["event"], &latency["event_bytes"]), (&"1 B".into(), &1.into()));
    assert_eq!(names("cold_start"), GO);
    assert_eq!(names("throughput"), GO.repeat(2));
    assert_eq!(names("memory"), GO.repeat(3));
    for memory in results["memory"].as_array().unwrap() {
        let [all, own] = ["pss_bytes", "own_pss_bytes"].map(|name| memory[name].as_u64().unwrap());
        let has_one_process = memory["contestant"] == "go-direct";
        assert!(own > 0 && if has_one_process { own == all } else { own < all }, "{memory:#}");
    }

    let written: Value =
        serde_json::from_slice(&fs::read(folder.path("report/results.json")).unwrap()).unwrap();
    assert_eq!(written["latency"], results["latency"]);
    // Read as an earlier run, which takes all of its shape. Whether something got slower is left open.
    let baseline = folder.path("report/results.json");
    let again = run(&["--quick", "--contestants", &only, "--measure", "latency", "--baseline", &baseline]);
    assert!([Some(0), Some(1)].contains(&again.status.code()), "{again:?}");
    assert!(!again.stdout.is_empty(), "{again:?}");
}

#[test]
fn rust_contestants_are_built_and_answer() {
    let go = peers::require(Peer::EchoCurrent).is_some();
    let all = ["rust-direct", "rust-rpc", "lambda_runtime", "floor-rpc", "floor-direct"];
    let all: Vec<&str> = all.into_iter().filter(|name| go || *name != "floor-rpc").collect();
    let only = all.join(",");
    let output =
        run(&["--quick", "--contestants", &only, "--measure", "latency,throughput", "--format", "json"]);
    let results = json(&output);
    let names: Vec<&str> =
        results["contestants"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, all);
    assert_eq!(results["baseline"], "rust-direct");
    assert_eq!(results["throughput"].as_array().unwrap().len(), 2 * all.len(), "{results:#}");
}

#[test]
fn long_runs_thaws_stages_and_system_calls_are_measured_or_said_not_to_be() {
    if [Peer::EchoCurrent, Peer::EchoCurrentNorpc].map(peers::require).contains(&None) {
        return;
    }
    let results = json(&run(&[
        "--contestants",
        "bridge,go-direct",
        "--sizes",
        "200",
        "--measure",
        "system-calls,stages",
        "--invocations",
        "120",
        "--frozen",
        "0,0.05",
        "--format",
        "json",
    ]));
    let endurance = results["endurance"].as_array().unwrap();
    let points: Vec<usize> = endurance.iter().map(|one| one["points"].as_array().unwrap().len()).collect();
    assert_eq!(points, [20, 20, 2, 2], "{results:#}");
    assert_eq!(endurance[0]["points"][19]["at"], 120.0);
    assert_eq!(endurance[2]["over"], "seconds frozen");
    let values = |one: usize| endurance[one]["points"][0]["values"].as_array().unwrap().len();
    assert_eq!([values(0), values(2)], [1, 5], "a turn's median, and each thaw");
    let notes = results["notes"].to_string();
    match results["system_calls"].as_array().unwrap().len() {
        0 => assert!(notes.contains("System calls were not counted: "), "{notes}"),
        _ => {
            let calls = results["system_calls"][1]["calls"].as_array().unwrap();
            let written = calls.iter().find(|call| call[0] == "write").unwrap()[1].as_f64().unwrap();
            assert!(written >= 2.0, "go-direct asks and answers: {calls:?}");
        }
    }
    match results["stages"].as_array().unwrap().len() {
        0 => assert!(notes.contains("Where the time of bridge goes was not measured: "), "{notes}"),
        count => {
            assert_eq!(count, 1, "only a bridge has stages");
            let stages = results["stages"][0]["stages"].as_array().unwrap();
            let names: Vec<&str> = stages.iter().map(|stage| stage[0].as_str().unwrap()).collect();
            assert_eq!(names, ["HTTP in", "encode", "socket", "handler", "decode", "HTTP out"]);
            assert!(stages.iter().all(|stage| stage[1].as_f64() > Some(0.0)), "{stages:?}");
        }
    }
}

#[test]
fn a_handler_of_the_users_runs_on_the_users_events() {
    let (Some(handler), Some(rebuilt)) =
        (peers::require(Peer::HandlerCurrent), peers::require(Peer::HandlerCurrentNorpc))
    else {
        return;
    };
    let folder = Folder::new("events");
    folder.write("events/b-greeting.json", r#"{"hello":"world"}"#);
    folder.write("events/a-env.json", r#"{"do":"bytes","n":5000}"#);
    folder.write("events/.hidden", "not sent");
    let (handler, rebuilt, events) = (text(&handler), text(&rebuilt), folder.path("events"));
    let common = [&*handler, "--events", &events, "--rebuilt", &rebuilt, "--quick", "--measure", "latency"];
    let results = json(&run(&[&common[..], &["--format", "json"]].concat()));
    let measured: Vec<(String, String)> = results["latency"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| [&one["contestant"], &one["event"]].map(|text| text.as_str().unwrap().to_owned()).into())
        .collect();
    let expected = ["a-env.json", "b-greeting.json"].map(|event| GO.map(|name| (name.into(), event.into())));
    assert_eq!(measured, expected.concat());

    // The process id is in the answer, and each contestant has its own.
    folder.write("events/c-context.json", r#"{"do":"context"}"#);
    let wrong = failed(&run(&common), 1);
    let told = "error: go-direct answers the event c-context.json otherwise than bridge at first, from byte ";
    assert!(wrong.starts_with(told) && wrong.contains("--any-answer"), "{wrong}");
    assert!(run(&[&common[..], &["--any-answer"]].concat()).status.success());

    folder.write("events/c-context.json", r#"{"do":"exit","code":3}"#);
    let wrong = failed(&run(&common), 1);
    assert!(wrong.starts_with("error: bridge fails on the event c-context.json: "), "{wrong}");
    assert!(wrong.contains("exit status 3"), "{wrong}");
}

#[test]
fn a_contestant_that_answers_wrongly_or_dies_is_named() {
    let Some(wrong) = peers::require(Peer::OnNorpc(Library::ALL[Library::ALL.len() - 1])) else { return };
    // It answers with its request id.
    let compare = format!("wrong={}", text(&wrong));
    let said = failed(&run(&["--quick", "--contestants", "wrong", "--compare", &compare]), 1);
    assert!(said.starts_with("error: wrong answers the event 200 B wrongly, from byte "), "{said}");

    let said = failed(&run(&["--quick", "--contestants", "dead", "--compare", "dead=false"]), 1);
    assert!(said.starts_with("error: dead does not start: "), "{said}");
    assert!(said.contains("exit status 1"), "{said}");

    let folder = Folder::new("last-words");
    folder.write("speaks", "#!/bin/sh\necho \"no table of orders\" >&2\nexit 4\n");
    Command::new("chmod").args(["755", &folder.path("speaks")]).status().unwrap();
    let compare = format!("speaks={}", folder.path("speaks"));
    let said = failed(&run(&["--quick", "--contestants", "speaks", "--compare", &compare]), 1);
    assert!(said.contains("exit status 4") && said.contains("\n  no table of orders"), "{said}");

    if let Some(handler) = peers::require(Peer::HandlerCurrentNorpc) {
        folder.write("events/exit.json", r#"{"do":"exit","code":3}"#);
        let compare = format!("dies={}", text(&handler));
        let (handler, events) = (folder.path("speaks"), folder.path("events"));
        let said =
            failed(&run(&[&handler, "--events", &events, "--contestants", "dies", "--compare", &compare]), 1);
        assert!(said.starts_with("error: dies fails on the event exit.json: "), "{said}");
        assert!(said.contains("exit status 3"), "{said}");
    }
}

/// As of a bridge that fails before its handler does.
#[test]
fn whoever_a_contestant_leaves_behind_ends_with_it() {
    let folder = Folder::new("orphan");
    let left = folder.path("left");
    folder.write("leaves", &format!("#!/bin/sh\nsleep 600 &\necho $! > {left}\nexit 4\n"));
    Command::new("chmod").args(["755", &folder.path("leaves")]).status().unwrap();
    let compare = format!("leaves={}", folder.path("leaves"));
    let said = failed(&run(&["--quick", "--contestants", "leaves", "--compare", &compare]), 1);
    assert!(said.contains("exit status 4"), "{said}");
    let pid = fs::read_to_string(&left).unwrap().trim().parse().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while is_alive(pid) {
        assert!(Instant::now() < end, "{pid} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What a killed run could not take away goes with the next one, and what is at work stays.
#[test]
fn a_killed_run_leaves_nothing_for_long() {
    let folder = Folder::new("killed");
    folder.write("waits", "#!/bin/sh\nexec sleep 20\n");
    Command::new("chmod").args(["755", &folder.path("waits")]).status().unwrap();
    fs::create_dir(folder.path("tmp")).unwrap();
    let left = || fs::read_dir(folder.path("tmp")).unwrap().count();
    let bench = |name: &str, program: &str| {
        let mut command =
            go1x(&["--quick", "--contestants", name, "--compare", &format!("{name}={program}")]);
        command.env("TMPDIR", folder.path("tmp")).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut running = Running(bench("waits", &folder.path("waits")).spawn().unwrap());
    let end = Instant::now() + Duration::from_secs(60);
    while children(running.0.id()).is_empty() || left() == 0 {
        assert!(Instant::now() < end && running.0.try_wait().unwrap().is_none(), "it does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(bench("dead", "false").status().unwrap().code(), Some(1));
    assert_eq!(left(), 1, "it is alive");
    running.0.kill().unwrap();
    running.0.wait().unwrap();
    assert_eq!(left(), 1, "nobody has had the time");
    assert_eq!(bench("dead", "false").status().unwrap().code(), Some(1));
    assert_eq!(left(), 0);
}

#[test]
fn a_folder_that_nothing_can_be_started_from_is_named_with_the_cure() {
    let folder = Folder::new("noexec");
    fs::create_dir(folder.path("tmp")).unwrap();
    let mount = ["mount", "-t", "tmpfs", "-o", "noexec", "tmpfs", &folder.path("tmp")].join(" ");
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let within = |way: &[&str], program: &str| {
        let mut command = Command::new("unshare");
        command.args(way).args(["sh", "-c", &format!("{mount} && exec {program}")]);
        command.env("TMPDIR", folder.path("tmp")).stdin(Stdio::null()).output()
    };
    let works = |way: &&&[&str]| within(way, "true").is_ok_and(|tried| tried.status.success());
    let Some(way) = ways.iter().find(works) else {
        let line = "NOT RUN: a_folder_that_nothing_can_be_started_from_is_named_with_the_cure needs a mount \
                    namespace, and may not have one: unshare --mount\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    };
    let bench = format!("{} bench --contestants it --compare it=/bin/false", env!("CARGO_BIN_EXE_go1x"));
    let said = failed(&within(way, &bench).unwrap(), 1);
    let tmp = folder.path("tmp");
    let why = format!(
        "error: contestants cannot have copies of their programs: {tmp} is mounted noexec\nhelp: TMPDIR "
    );
    assert!(said.starts_with(&why), "{said}");
}

#[test]
fn ctrl_c_keeps_what_was_measured() {
    if [Peer::EchoCurrent, Peer::Shim].map(peers::require).contains(&None) {
        return;
    }
    let folder = Folder::new("interrupted");
    let report = folder.path("report");
    let arguments =
        ["--contestants", "bridge,go-shim", "--sizes", "200", "--rounds", "100000", "--report", &report];
    let mut command = go1x(&arguments);
    let mut running = Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let pid = running.0.id();
    let mut processes = measured(pid);
    processes.extend(children_of_all(&processes));
    // The same handler twice, of which each has a copy of its own.
    let programs = processes.iter().map(|pid| fs::read_link(format!("/proc/{pid}/exe")).unwrap());
    let programs: BTreeSet<PathBuf> = programs.collect();
    assert!(programs.len() == 4 && programs.iter().all(|program| program.is_file()), "{programs:?}");
    assert!(Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap().success());
    let [mut said, mut complaint] = [const { String::new() }; 2];
    running.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    running.0.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!(running.0.wait().unwrap().code(), Some(130), "{complaint}");
    let results: Value =
        serde_json::from_slice(&fs::read(folder.path("report/results.json")).unwrap()).unwrap();
    assert_eq!(results["complete"], false);
    let rounds: Vec<usize> = results["latency"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["rounds"].as_array().unwrap().len())
        .collect();
    assert!(rounds.len() == 2 && rounds[0] == rounds[1] && rounds[0] > 0, "{rounds:?}");
    assert!(!said.is_empty(), "{complaint}");
    wait_until("all processes have ended", || processes.iter().all(|pid| !is_alive(*pid)));
    assert!(programs.iter().all(|program| !program.exists()), "{programs:?}");
}

/// `go1x bench | head -1`, and then Ctrl-C.
#[test]
fn ctrl_c_is_one_even_if_nobody_reads_on() {
    if [Peer::EchoCurrent, Peer::Shim].map(peers::require).contains(&None) {
        return;
    }
    let folder = Folder::new("unread");
    let report = folder.path("report");
    let arguments =
        ["--contestants", "bridge,go-shim", "--sizes", "200", "--rounds", "100000", "--report", &report];
    let mut command = go1x(&arguments);
    let mut running = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    drop(running.0.stdout.take());
    let pid = running.0.id();
    measured(pid);
    assert!(Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap().success());
    assert_eq!(running.0.wait().unwrap().code(), Some(130));
    assert!(Path::new(&report).join("results.json").is_file(), "and something was measured");
}

#[test]
fn wrong_usage_and_input_exit_with_2() {
    let folder = Folder::new("usage");
    fs::create_dir_all(folder.path("empty")).unwrap();
    folder.write("main", "not a program");
    let (empty, main, nowhere) = (folder.path("empty"), folder.path("main"), folder.path("nowhere"));
    for (arguments, words) in [
        (&["--sizes", "7m"][..], "sizes are 1 to 6m"),
        (&["--concurrency", "0"], "a number from 1 on"),
        (&["--cpu", "99999", "--contestants", "it", "--compare", "it=false"], "there is no CPU 99999"),
        (&["--compare", "false"], "it takes a name, =, and a value"),
        (&["--contestants", "it", "--compare", "it=/nowhere/it"], "there is no program"),
        (&["--contestants", "nobody"], "nobody cannot take part"),
        (&["--contestants", "it", "--compare", "it=false", "--against", "you"], "you does not take part"),
        (&[&main], "--events"),
        (&[&main, "--events", &nowhere], "cannot be read"),
        (&[&main, "--events", &empty], "there is no event in it"),
        (&["--quick", "--full"], "cannot be used with"),
        (&["--measure", "luck"], "invalid value"),
        (&["--quick", "--measure", "endurance"], "--invocations"),
        (&["--baseline", &main], "has no results of"),
        // It is there, and nobody may write to it; that is no news for the end of a run.
        (&["--report", "/proc", "--contestants", "it", "--compare", "it=false"], "cannot write /proc: "),
        (&["--measure", "endurance", "--invocations", "100000001"], "up to 100 million"),
    ] {
        let said = failed(&run(arguments), 2);
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    if let Some(rebuilt) = peers::require(Peer::EchoCurrentNorpc) {
        folder.write("empty/event", "{}");
        let said = failed(&run(&[&text(&rebuilt), "--events", &empty]), 2);
        assert!(said.contains("polls the Runtime API itself") && said.contains("--rebuilt"), "{said}");
    }
}

#[test]
fn who_cannot_be_built_is_missed_by_name() {
    let run = |arguments: &[&str]| {
        // Where nothing can be built, as without Go.
        go1x(arguments).env("GO1X_CACHE", "/dev/null/cache").output().unwrap()
    };
    for name in GO {
        let said = failed(&run(&["--contestants", name]), 2);
        let why =
            format!("error: {name} cannot take part\nhelp: {name} is not there: the cache cannot be used");
        assert!(said.starts_with(&why), "{said}");
    }
    let only = ["--contestants", "rust-direct", "--quick", "--measure", "latency", "--sizes", "200"];
    assert!(run(&only).status.success(), "who is there does not need them");
}

#[test]
fn help_teaches() {
    let help = run(&["--help"]);
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(
        help.contains("Examples:\n  go1x bench --quick\n") && help.contains("--compare <NAME=CMD>"),
        "{help}"
    );
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
}

fn go1x(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_go1x"));
    command.arg("bench").args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    go1x(arguments).output().unwrap()
}

#[track_caller]
fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What it says when it ends with that code.
#[track_caller]
fn failed(output: &Output, code: i32) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}{}", String::from_utf8_lossy(&output.stdout));
    assert!(
        output.stdout.is_empty() && said.starts_with("error: ") && said.contains("\nhelp: "),
        "{output:?}"
    );
    said
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let lists: String = lists.collect();
    lists.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

fn children_of_all(pids: &[u32]) -> Vec<u32> {
    pids.iter().flat_map(|pid| children(*pid)).collect()
}

/// The two contestants of a go1x, each with a handler, once they have been measured for a while: both are at work at once
/// by then, and have been for a second of go1x's processor time.
fn measured(pid: u32) -> Vec<u32> {
    let contestants = || {
        let children: Vec<u32> = children(pid).into_iter().filter(|pid| !children(*pid).is_empty()).collect();
        (children.len() == 2).then_some(children)
    };
    wait_until("both are at work", || contestants().is_some());
    let before = processor_time(pid);
    wait_until("there are rounds", || processor_time(pid) > before + 100);
    contestants().unwrap()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(300);
    while !is_so() {
        assert!(Instant::now() < end, "it takes too long until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// In hundredths of a second.
fn processor_time(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Whether a process is there, and no zombie that its parent has left.
fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// A go1x at work. Whatever becomes of the test, nothing of it stays behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(None)) {
            return;
        }
        let mut pids = vec![self.0.id()];
        let mut at = 0;
        while let Some(pid) = pids.get(at) {
            pids.extend(children(*pid));
            at += 1;
        }
        let pids = pids.iter().map(u32::to_string);
        _ = Command::new("kill").arg("-KILL").args(pids).status();
        _ = self.0.wait();
    }
}

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("go1x-bench-test-{}-{name}", std::process::id()));
        _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> String {
        text(&self.0.join(name))
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}
