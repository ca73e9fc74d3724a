//! `go1x inspect`, as its users call it.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

#[path = "../../compat/executable/tests/support/mod.rs"]
mod executables;
mod inspect {
    pub(super) mod package;
    pub(super) mod schema;
    pub(super) mod support;
}

use std::fs;
use std::process::Output;

use executables::{AARCH64, GoProgram, X86_64};
use inspect::support::{Folder, check_findings, go1x, handler, json, run};
use peers::Variant;
use serde_json::{Value, json};

/// What is told of a handler, word for word.
const SHOWN: &str = "main: RPC only → bridge
  why        it has aws-lambda-go's Function for net/rpc, and no
             startRuntimeAPILoop, which came with v1.18.0 (confidence: high)
  built      Go 1.2 to 1.15 (by its line table: there is no build information),
             aws-lambda-go v1.0.0 to v1.17.0, x86_64, stripped
  needs      nothing: it is linked statically
  starts on  go1.x, provided.al2, provided.al2023
  next       bridge: go1x's bootstrap as a layer, or at the root of the zip;
             runtime provided.al2023, architecture x86_64, handler setting main
";

#[test]
fn a_handler_is_told_word_for_word() {
    let folder = Folder::new("words");
    folder.write("main", 0o755, &GoProgram { magic: 0xffff_fffb, ..handler("rpc") }.build());
    let output = run(go1x(&["inspect", "main"]).current_dir(folder.path()));
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), SHOWN);
}

#[test]
fn verdicts_doors_and_steps() {
    let folder = Folder::new("verdicts");
    for (kind, text, steps) in [
        ("rpc", "RPC only → bridge", &["bridge: "][..]),
        ("both", "both → bridge or direct", &["bridge: ", "direct: "]),
        ("runtime-api", "norpc → direct", &["direct: ", "bridge: "]),
    ] {
        let path = folder.write("main", 0o755, &handler(kind).build());
        let (code, report) = json(go1x(&["inspect", "--format", "json", &path]));
        let program = &report["inputs"][0]["programs"][0];
        assert_eq!(
            (code, &program["verdict"]["doors"], &program["verdict"]["text"]),
            (0, &json!(kind), &json!(text))
        );
        let next: Vec<&str> =
            program["next"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
        assert!(
            next.len() == steps.len() && next.iter().zip(steps).all(|(step, start)| step.starts_with(start)),
            "{next:?}"
        );
    }
    let (_, report) = json(go1x(&[
        "inspect",
        "--format",
        "json",
        "--way",
        "bridge",
        &folder.write("main", 0o755, &handler("both").build()),
    ]));
    assert_eq!(
        report["inputs"][0]["programs"][0]["next"].as_array().unwrap().len(),
        1,
        "as it was asked: {report:#}"
    );
    // The exact setting that a build of v1.18.0 to v1.33.0 with the tag needs.
    let refusal = "_LAMBDA_SERVER_PORT was present but the function was compiled without RPC support";
    let path =
        folder.write("main", 0o755, &GoProgram { texts: &[refusal], ..handler("runtime-api") }.build());
    let (_, report) = json(go1x(&["inspect", "--format", "json", &path]));
    let next = report["inputs"][0]["programs"][0]["next"][1].as_str().unwrap();
    assert!(next.ends_with("handler setting main, GO1X_MODE=direct"), "{next}");
    let runs: Vec<&Value> = report["inputs"][0]["programs"][0]["runs_on"]
        .as_array()
        .unwrap()
        .iter()
        .map(|system| &system["runs"])
        .collect();
    assert_eq!(runs, [false, true, true], "go1.x sets the port");
}

/// A program, what is asked, and the errors' rules with a part of their texts.
#[track_caller]
fn check(bytes: &[u8], arguments: &[&str], errors: &[(&str, &str)]) {
    let folder = Folder::new("asked");
    let path = folder.write("main", 0o755, bytes);
    let (code, report) = json(go1x(&[&["inspect", "--format", "json", &path], arguments].concat()));
    check_findings(&report, "error", errors);
    assert_eq!(code, i32::from(!errors.is_empty()), "{report:#}");
}

#[test]
fn what_would_not_run_as_asked_is_an_error() {
    let rpc = handler("rpc").build();
    check(&rpc, &["--way", "bridge", "--arch", "x86_64"], &[]);
    check(&rpc, &["--way", "direct"], &[("wrong-door", "every invocation would time out")]);
    check(&rpc, &["--way", "direct", "--on", "go1.x"], &[]);
    check(
        &rpc,
        &["--arch", "arm64"],
        &[("cannot-start", "built for x86_64, and the function's architecture is arm64")],
    );
    let arm = GoProgram { machine: AARCH64, ..handler("both") }.build();
    check(&arm, &[], &[]);
    check(
        &arm,
        &["--on", "go1.x"],
        &[("cannot-start", "built for aarch64 (arm64), and go1.x has x86_64 alone")],
    );
    let loader = Some("/lib64/ld-linux-x86-64.so.2");
    let linked = |loader, version| {
        let mut image = executables::dynamic(X86_64, loader, &["libc.so.6"], &[version]);
        image.text("_LAMBDA_SERVER_PORT");
        image.finish()
    };
    let newer = linked(loader, "GLIBC_2.32");
    check(&newer, &[], &[]);
    check(
        &newer,
        &["--on", "provided.al2"],
        &[("cannot-start", "it needs GLIBC_2.32, and provided.al2 has 2.26")],
    );
    check(
        &linked(loader, "GLIBC_2.38"),
        &[],
        &[("cannot-start", "it needs GLIBC_2.38, and provided.al2023 has 2.34")],
    );
    let musl = linked(Some("/lib/ld-musl-x86_64.so.1"), "GLIBC_2.2");
    check(&musl, &[], &[("cannot-start", "its loader /lib/ld-musl-x86_64.so.1 is not there")]);
}

#[test]
fn what_is_no_handler_is_an_error() {
    check(&GoProgram::default().build(), &[], &[("not-a-handler", "nothing of aws-lambda-go in it")]);
    check(b"!<arch>\n", &[], &[("cannot-start", "an archive: the package that was built is not main")]);
    check(b"MZ\x90", &[], &[("cannot-start", "a program for Windows")]);
    check(b"", &[], &[("cannot-start", "an empty file")]);
    check(b"#!/bin/sh\n", &[], &[("not-a-handler", "a script for \"/bin/sh\"")]);
    check(
        b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x28\0",
        &[],
        &[("unreadable-program", "cannot be read as a program: built for 32-bit ARM")],
    );
    check(&handler("rpc").build()[..100], &[], &[("unreadable-program", "table of segments lies outside")]);
}

#[test]
fn what_may_go_wrong_is_a_warning() {
    let folder = Folder::new("warnings");
    let uses = &[(0, "_LAMBDA_SERVER_PORT"), (0, "AWS_EXECUTION_ENV"), (1, "AWS_EXECUTION_ENV")];
    let mut functions = vec!["main.isLambda", "github.com/aws/aws-sdk-go/aws/corehandlers.init"];
    functions.extend(handler("both").functions);
    let looking = GoProgram { uses, functions: &functions, ..GoProgram::default() }.build();
    let path = folder.write("looking", 0o644, &looking);
    let (code, report) = json(go1x(&["inspect", "--format", "json", &path]));
    assert_eq!(code, 0);
    let looked = "looked at by main.isLambda";
    let warnings = [
        ("reads-go1x-variable", &*format!("_LAMBDA_SERVER_PORT is {looked}")),
        ("reads-go1x-variable", &*format!("AWS_EXECUTION_ENV is {looked}")),
        ("not-executable", "mode 0644"),
    ];
    check_findings(&report, "warning", &warnings);
    check_findings(&report, "note", &[("reads-go1x-variable", "by AWS's SDK (github.com/aws/aws-sdk-go/")]);
    let uses = &report["inputs"][0]["programs"][0]["uses"];
    assert_eq!(uses[0], json!({"variable": "_LAMBDA_SERVER_PORT", "function": "main.isLambda"}));

    // Behind the bridge they are set.
    let (_, report) = json(go1x(&["inspect", "--format", "json", "--way", "bridge", &path]));
    check_findings(&report, "warning", &warnings[2..]);

    let texts = &["_LAMBDA_SERVER_PORT", "Function.Invoke"];
    let path = folder.write("obscure", 0o755, &GoProgram { texts, ..GoProgram::default() }.build());
    let (_, report) = json(go1x(&["inspect", "--format", "json", &path]));
    check_findings(&report, "warning", &[("unsure", "told by little")]);
    let mut packed = executables::Image::new(X86_64);
    packed.put(b"UPX!");
    let path = folder.write("packed", 0o755, &packed.finish());
    let (_, report) = json(go1x(&["inspect", "--format", "json", &path]));
    check_findings(&report, "warning", &[("packed", "packed by UPX")]);

    let mut linked =
        executables::dynamic(X86_64, Some("/lib64/ld-linux-x86-64.so.2"), &["libsqlite3.so.0"], &[]);
    linked.text("_LAMBDA_SERVER_PORT");
    let path = folder.write("linked", 0o755, &linked.finish());
    let (_, report) = json(go1x(&["inspect", "--format", "json", &path]));
    check_findings(&report, "warning", &[("unsure", "little"), ("libraries", "it needs libsqlite3.so.0")]);
}

/// What Go itself built, through the command.
#[test]
fn real_handlers() {
    for (aws_lambda_go, arguments, doors) in [
        ("v1.17.0", &["-trimpath", "-ldflags=-s -w"][..], "rpc"),
        ("v1.54.0", &["-trimpath", "-ldflags=-s -w"], "both"),
        ("v1.54.0", &["-tags", "lambda.norpc"], "runtime-api"),
    ] {
        let environment = &[("CGO_ENABLED", "0")];
        let variant = Variant { aws_lambda_go, arguments, environment, ..Variant::ECHO };
        let Some(path) = peers::require_variant(&variant) else { return };
        let (code, report) = json(go1x(&["inspect", "--format", "json", path.to_str().unwrap()]));
        let program = &report["inputs"][0]["programs"][0];
        assert_eq!((code, &program["verdict"]["doors"]), (0, &json!(doors)));
        assert_eq!(program["aws_lambda_go"], aws_lambda_go);
        assert_eq!(program["go"]["build_info"], "inline");
        assert_eq!(report["inputs"][0]["findings"], json!([]));
    }
}

#[test]
fn several_inputs_end_in_a_table() {
    let folder = Folder::new("table");
    folder.write("one", 0o755, &handler("rpc").build());
    folder.write("two", 0o755, b"");
    let output = run(go1x(&["inspect", "one", "two"]).current_dir(folder.path()));
    let text = String::from_utf8(output.stdout).unwrap();
    let table = "\nOn provided.al2023
  program  verdict            aws-lambda-go       starts  findings
  one      RPC only → bridge  v1.0.0 to v1.17.0  yes
  two      no handler         –                   –       1 error
";
    let squeezed = |text: &str| {
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert!(squeezed(&text).ends_with(&squeezed(table)), "{text}");
    let said = String::from_utf8(output.stderr).unwrap();
    let error = "error: one thing would not work on provided.al2023; it is marked as an error\nhelp: ";
    assert!(said.starts_with(error), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn sarif_is_what_its_schema_says() {
    let folder = Folder::new("sarif");
    let uses = &[(0, "_LAMBDA_SERVER_PORT")];
    let one = folder.write("a b.bin", 0o644, &GoProgram { uses, ..handler("both") }.build());
    let two = folder.write("two", 0o755, b"MZ");
    let output = run(&mut go1x(&["inspect", "--format", "sarif", &one, &two, "/no/such/file"]));
    assert_eq!(output.status.code(), Some(2));
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    let run = &log["runs"][0];
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    let notified = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert!(
        notified.as_str().unwrap().starts_with("/no/such/file: it cannot be read: No such file"),
        "{notified}"
    );
    let results = run["results"].as_array().unwrap();
    assert!(results.len() >= 2, "{log:#}");
    for result in results {
        let rule = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
        let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert!(!uri.as_str().unwrap().contains(' '), "{uri}");
    }
    let Some(schema) = peers::require_released(peers::Released::SARIF_SCHEMA) else { return };
    let schema: Value = serde_json::from_slice(&fs::read(schema).unwrap()).unwrap();
    assert_eq!(inspect::schema::problems(&schema, &log), Vec::<String>::new());
    // The validator does find what is wrong.
    let mut wrong = log.clone();
    wrong["runs"][0]["results"][0]["level"] = json!("fatal");
    wrong["runs"][0]["tool"]["driver"].as_object_mut().unwrap().remove("name");
    wrong["runs"][0]["surplus"] = json!(1);
    assert_eq!(inspect::schema::problems(&schema, &wrong).len(), 3);
}

#[test]
fn what_cannot_be_read_exits_with_2() {
    let folder = Folder::new("unreadable");
    let main = folder.write("main", 0o755, &handler("rpc").build());
    let output = run(&mut go1x(&["inspect", &main, "/no/such/file"]));
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: /no/such/file: it cannot be read: No such file"), "{said}");
    assert!(said.contains("\nhelp: name programs, zips"), "{said}");
    assert!(
        String::from_utf8(output.stdout).unwrap().contains("RPC only → bridge"),
        "the other one is shown"
    );
    let output = run(&mut go1x(&["inspect", "/dev/zero"]));
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn colour_is_for_terminals() {
    let folder = Folder::new("colour");
    folder.write("main", 0o755, &GoProgram { magic: 0xffff_fffb, ..handler("rpc") }.build());
    let shown = |variables: &[(&str, &str)]| {
        let mut command = go1x(&["inspect", "main"]);
        let output: Output = run(command.current_dir(folder.path()).envs(variables.iter().copied()));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(shown(&[]), SHOWN);
    let coloured = shown(&[("CLICOLOR_FORCE", "1")]);
    assert!(coloured.contains("\x1b[1m\x1b[33mRPC only → bridge\x1b[0m\n"), "{coloured:?}");
    assert_eq!(shown(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), SHOWN);
}

/// The help has the shape of the JSON: all keys that there are, and no others.
#[test]
fn help_has_every_key_of_the_json() {
    fn keys(value: &Value, found: &mut std::collections::BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    found.insert(key.clone());
                    if key != "settings" {
                        keys(value, found);
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }
    let folder = Folder::new("keys");
    let arm = GoProgram { machine: AARCH64, uses: &[(2, "AWS_EXECUTION_ENV")], ..handler("rpc") }.build();
    folder.write("main", 0o644, &arm);
    folder.write("bad.zip", 0o644, b"PK\x03\x04");
    let (_, report) = json(go1x(&["inspect", "--format", "json", folder.path().to_str().unwrap()]));
    let mut found = std::collections::BTreeSet::new();
    keys(&report, &mut found);
    let help = String::from_utf8(run(&mut go1x(&["inspect", "--help"])).stdout).unwrap();
    let outline = help.split("JSON: ").nth(1).unwrap().split("\n\n").next().unwrap();
    let words = outline.split(|c: char| !c.is_ascii_alphabetic() && c != '_').filter(|word| !word.is_empty());
    assert_eq!(words.map(str::to_owned).collect::<std::collections::BTreeSet<_>>(), found);
}

#[test]
fn help_teaches_and_wrong_usage_exits_with_2() {
    let help = run(&mut go1x(&["inspect", "--help"]));
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("Examples:\n  go1x inspect main\n") && help.contains("provided.al2023"), "{help}");
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    for wrong in
        [&["inspect"][..], &["inspect", "--on", "al2023", "main"], &["inspect", "--way", "up", "main"]]
    {
        let output = run(&mut go1x(wrong));
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{wrong:?}: {output:?}");
    }
}
