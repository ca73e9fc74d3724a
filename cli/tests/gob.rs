//! `go1x gob`, as its users call it.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// Go's own example (`encoding/gob/doc.go`): `Point{22, 33}`.
const POINT: &[u8] =
    b"\x1f\xff\x81\x03\x01\x01\x05Point\x01\xff\x82\x00\x01\x02\x01\x01X\x01\x04\x00\x01\x01Y\x01\x04\x00\x00\x00\
      \x07\xff\x82\x01\x2c\x01\x42\x00";

const SHOWN: &str = "     0  1f                       message 1: 31 bytes
     1  ff 81 03 01 01 05 50 …   type 65 is struct Point {
    18  01 01 58 01 04 00          X int
    24  01 01 59 01 04 00          Y int
    30  00 00                    }

    32  07                       message 2: 7 bytes
    33  ff 82                    Point (65) {
    35  01 2c                      X int = 22
    37  01 42                      Y int = 33
    39  00                       }
";

#[test]
fn a_stream_is_shown_byte_by_byte() {
    let output = run(go1x(&["gob", "-"]), POINT);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), SHOWN);
}

#[test]
fn a_file_is_as_good_as_the_standard_input() {
    let path = std::env::temp_dir().join(format!("go1x-gob-test-{}.gob", std::process::id()));
    std::fs::write(&path, POINT).unwrap();
    let output = run(go1x(&["gob", path.to_str().unwrap()]), b"");
    std::fs::remove_file(&path).unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stdout).unwrap()), (Some(0), SHOWN.into()));
}

#[test]
fn json_is_one_object() {
    let output = run(go1x(&["gob", "--json", "-"]), POINT);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let expected = json!({"messages": [
        {"def": {"id": 65, "kind": "struct", "name": "Point", "commonId": 65,
                 "fields": [{"name": "X", "id": 2}, {"name": "Y", "id": 2}]}},
        {"id": 65, "value": {"X": "22", "Y": "33"}},
    ]});
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), expected);
}

#[test]
fn nothing_at_all_is_a_stream_too() {
    let output = run(go1x(&["gob", "-"]), b"");
    assert_eq!((output.status.code(), &*output.stdout, &*output.stderr), (Some(0), &b""[..], &b""[..]));
}

#[test]
fn colour_is_for_terminals() {
    let shown = |variables: &[(&str, &str)]| {
        let mut command = go1x(&["gob", "-"]);
        command.envs(variables.iter().copied());
        String::from_utf8(run(command, POINT).stdout).unwrap()
    };
    assert_eq!(shown(&[]), SHOWN);
    let coloured = shown(&[("CLICOLOR_FORCE", "1")]);
    assert!(coloured.contains("\x1b[36mX\x1b[0m \x1b[32mint\x1b[0m = 22\n"), "{coloured:?}");
    assert_eq!(shown(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), SHOWN);
}

#[test]
fn of_a_malformed_stream_the_good_part_is_shown() {
    let mut damaged = POINT.to_vec();
    damaged[37] = 9;
    for (stream, line, error, help) in [
        (
            &damaged[..],
            "    37  09                       error: ",
            "offset 37: gob: field number 9 is out",
            "every error",
        ),
        (
            &POINT[..38],
            "    37  01                       error: ",
            "offset 32: gob: unexpected EOF: of this",
            "too early",
        ),
        (
            b"HTTP/1.1 200 OK",
            "     1  54                       error: ",
            "offset 1: gob: type 42 is not defined",
            "is this gob?",
        ),
    ] {
        let output = run(go1x(&["gob", "-"]), stream);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let (shown, said) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(shown.contains(line), "{line:?} is not in\n{shown}");
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines.len(), 2, "{said}");
        assert!(lines[0].starts_with(&format!("error: standard input: {error}")), "{said}");
        assert!(lines[1].starts_with("help: ") && lines[1].contains(help), "{said}");

        let output = run(go1x(&["gob", "--json", "-"]), stream);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(json["error"].as_str().unwrap().starts_with(error), "{json:#}");
    }
}

#[test]
fn a_file_that_is_not_there_exits_with_2() {
    let output = run(go1x(&["gob", "/no/such/file.gob"]), b"");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: /no/such/file.gob cannot be read: No such file"), "{said}");
    assert!(said.contains("\nhelp: name a file"), "{said}");
}

#[test]
fn help_teaches_and_wrong_usage_exits_with_2() {
    let help = run(go1x(&["gob", "--help"]), b"");
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("Examples:\n  go1x gob request.gob\n") && help.contains("--json"), "{help}");
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    for wrong in [&["gob"][..], &["gob", "--xml", "-"], &["gob", "-", "-"]] {
        let output = run(go1x(wrong), b"");
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{wrong:?}: {output:?}");
    }
}

#[test]
fn a_reader_may_leave() {
    // More than a pipe holds.
    let stream = POINT[32..].repeat(20_000);
    for form in [&["gob", "-"][..], &["gob", "--json", "-"]] {
        let mut command = go1x(form);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut input = child.stdin.take().unwrap();
        input.write_all(&POINT[..32]).unwrap();
        input.write_all(&stream).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), &*output.stderr), (Some(0), &[][..]), "{output:?}");
    }
}

fn go1x(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_go1x"));
    command.args(arguments).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

fn run(mut command: Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Who does not read its input does not mind.
    _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}
