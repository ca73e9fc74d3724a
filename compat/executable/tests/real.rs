//! Programs that Go itself built: today's, on many versions of aws-lambda-go and in many ways, and those that old
//! toolchains left in packages.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

#[path = "support/every_question.rs"]
mod every_question;

use std::fs;
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use executable::{BuildInfo, Confidence, Doors, Form, Magic, Module, Obstacle, Program, System};
use peers::{Released, Variant};

fn read(variant: &Variant) -> Option<Program> {
    let path = peers::require_variant(variant)?;
    Some(Program::read(&fs::read(path).unwrap()).unwrap())
}

const NORPC: &[&str] = &["-tags", "lambda.norpc"];
const STRIPPED: &[&str] = &["-trimpath", "-ldflags=-s -w"];
/// For go1.x's processor, and without the system's linker: the tests' machine need not have either.
const STATIC: &[(&str, &str)] = &[("CGO_ENABLED", "0"), ("GOARCH", "amd64")];

#[test]
fn the_doors_of_every_version() {
    use Doors::{Both, Rpc, RuntimeApi};
    for (version, doors, norpc, refuses) in [
        // Version, as built by default, with the tag, and whether that refuses to start on go1.x.
        ("v1.0.0", Rpc, Rpc, false),
        ("v1.6.0", Rpc, Rpc, false),
        ("v1.17.0", Rpc, Rpc, false),
        ("v1.18.0", Both, RuntimeApi, true),
        ("v1.33.0", Both, RuntimeApi, true),
        ("v1.34.1", Both, RuntimeApi, false),
        ("v1.54.0", Both, RuntimeApi, false),
    ] {
        let of =
            |arguments| Variant { aws_lambda_go: version, arguments, environment: STATIC, ..Variant::ECHO };
        for (arguments, doors) in [(STRIPPED, doors), (NORPC, norpc)] {
            let Some(program) = read(&of(arguments)) else { return };
            let verdict = &program.verdict;
            assert_eq!(
                (verdict.doors, verdict.confidence),
                (doors, Confidence::High),
                "{version}: {verdict:?}"
            );
            assert_eq!(verdict.library.as_deref(), Some(version));
            assert_eq!(verdict.refuses_port, refuses && doors == RuntimeApi, "{version}");
            assert_eq!(program.is_stripped, arguments == STRIPPED, "{version}");
            assert_eq!(program.uses, [], "{version}");
            assert_eq!(program.runs_on().count(), 3, "{version}");
            assert!(program.functions > 1_000, "{version}");
            let info = program.build_info.as_ref().unwrap();
            assert_eq!((info.form, &*info.path), (Form::Inline, "example.com/orders"));
            let tags = info.tags().unwrap();
            assert_eq!(tags.contains(&"lambda.norpc"), arguments == NORPC, "{tags:?}");
        }
    }
}

/// As before Go had modules, and as packers and linkers leave them.
#[test]
fn without_build_information_and_without_sections() {
    for (version, doors, known) in
        [("v1.17.0", Doors::Rpc, "v1.0.0 to v1.17.0"), ("v1.18.0", Doors::Both, "v1.18.0 or newer")]
    {
        let variant = Variant {
            aws_lambda_go: version,
            arguments: STRIPPED,
            environment: STATIC,
            in_gopath: true,
            ..Variant::ECHO
        };
        let Some(path) = peers::require_variant(&variant) else { return };
        let mut bytes = fs::read(path).unwrap();
        for without_sections in [false, true] {
            if without_sections {
                // e_shoff, e_shnum, e_shstrndx.
                bytes[40..48].fill(0);
                bytes[60..64].fill(0);
            }
            let program = Program::read(&bytes).unwrap();
            let verdict = &program.verdict;
            assert_eq!((verdict.doors, verdict.confidence), (doors, Confidence::High), "{verdict:?}");
            assert_eq!(verdict.library.as_deref(), Some(known));
            assert!(program.build_info.as_ref().is_none_or(|info| info.dependencies.is_empty()));
        }
    }
}

/// Looks at the variables in each of the ways that a program may, and calls AWS's library, which does too.
const LOOKING: &str = "package main

import (
	\"os\"

	\"github.com/aws/aws-lambda-go/lambda\"
)

type sandbox struct{ region string }

//go:noinline
func (s sandbox) isGo1x() bool { return os.Getenv(\"AWS_EXECUTION_ENV\") == \"AWS_Lambda_go1.x\" }

//go:noinline
func isLambda() bool { _, found := os.LookupEnv(\"_LAMBDA_SERVER_PORT\"); return found }

func handle() (string, error) { return \"\", nil }

func main() {
	if isLambda() || (sandbox{}).isGo1x() {
		lambda.Start(handle)
	}
}
";

#[test]
fn uses_outside_the_library_name_their_functions() {
    let pie: &[&str] = &["-buildmode=pie"];
    for (aws_lambda_go, arguments, architecture) in [
        ("v1.0.0", &[][..], "amd64"),
        ("v1.18.0", STRIPPED, "amd64"),
        ("v1.54.0", STRIPPED, "amd64"),
        ("v1.54.0", pie, "amd64"),
        ("v1.17.0", STRIPPED, "arm64"),
        ("v1.54.0", NORPC, "arm64"),
    ] {
        let environment: &[(&str, &str)] = if architecture == "arm64" {
            &[("CGO_ENABLED", "0"), ("GOARCH", "arm64")]
        } else {
            &[("CGO_ENABLED", "0"), ("GOARCH", "amd64")]
        };
        let variant = Variant { aws_lambda_go, source: LOOKING, arguments, environment, in_gopath: false };
        let Some(program) = read(&variant) else { return };
        let uses: Vec<_> = program.uses.iter().map(|usage| (usage.variable, &*usage.function)).collect();
        let expected =
            [("_LAMBDA_SERVER_PORT", "main.isLambda"), ("AWS_EXECUTION_ENV", "main.sandbox.isGo1x")];
        assert_eq!(uses, expected, "{aws_lambda_go} {arguments:?} {architecture}");
        assert_eq!(program.elf.machine.goarch(), Some(architecture));
        let on_go1x = System::Go1x.obstacle(&program.elf, &program.needs);
        assert_eq!(on_go1x.is_none(), architecture == "amd64", "{on_go1x:?}");
    }
}

#[test]
fn cgo_needs_the_c_library_of_where_it_was_built() {
    let source = "package main

// #include <stdlib.h>
// static int number(const char *text) { return atoi(text); }
import \"C\"
import \"github.com/aws/aws-lambda-go/lambda\"

func handle() (int, error) { return int(C.number(C.CString(\"3\"))), nil }

func main() { lambda.Start(handle) }
";
    let environment = &[("CGO_ENABLED", "1")];
    let Some(program) = read(&Variant { source, environment, ..Variant::ECHO }) else { return };
    assert!(program.needs.is_dynamic());
    assert!(program.needs.libraries.contains(&"libc.so.6".to_owned()), "{:?}", program.needs);
    // Which version that is depends on this machine; that one is found, does not.
    let newest = program.needs.newest_glibc().unwrap();
    let system = System::ProvidedAl2;
    let obstacle = system.obstacle(&program.elf, &program.needs);
    assert_eq!(obstacle == Some(Obstacle::Glibc(newest)), newest > system.glibc(), "{obstacle:?}");
    assert_eq!((program.verdict.doors, program.verdict.confidence), (Doors::Both, Confidence::High));
}

#[test]
fn no_handler_is_told_from_a_handler() {
    let source = "package main

import (
	\"fmt\"

	\"github.com/aws/aws-lambda-go/events\"
)

func main() { fmt.Println(events.S3Event{}) }
";
    let Some(program) = read(&Variant { source, environment: STATIC, ..Variant::ECHO }) else { return };
    let verdict = &program.verdict;
    assert_eq!((verdict.doors, verdict.confidence), (Doors::None, Confidence::High), "{verdict:?}");
    assert_eq!(verdict.library.as_deref(), Some("v1.54.0"));
}

#[test]
fn programs_of_old_toolchains() {
    let forms = [
        (Form::Pointers, Magic::Go12),
        (Form::Pointers, Magic::Go12),
        (Form::Pointers, Magic::Go116),
        (Form::Pointers, Magic::Go116),
        (Form::Inline, Magic::Go118),
        (Form::Inline, Magic::Go118),
    ];
    for ((version, released), (form, magic)) in Released::ESBUILD.into_iter().zip(forms) {
        let Some(path) = peers::require_released(released) else { return };
        let program = Program::read(&fs::read(path).unwrap()).unwrap();
        let info: &BuildInfo = program.build_info.as_ref().unwrap();
        assert_eq!((&*info.go_version, info.form), (version, form));
        assert_eq!(program.line_table, Some(magic), "{version}");
        assert!(program.functions > 2_500, "{version}: {}", program.functions);
        // The oldest was built without modules.
        let path = if version == "go1.13.8" { "" } else { "github.com/evanw/esbuild/cmd/esbuild" };
        assert_eq!(info.path, path, "{version}");
        assert_eq!(program.verdict.doors, Doors::None, "{version}");
    }
}

/// Before Go 1.13 there was no header, before 1.12 nothing at all; AWS's SDK is told from the program's own code.
#[test]
fn programs_of_still_older_toolchains() {
    let [oldest, x86_64, arm64] = Released::APP_BUILDER;
    let read =
        |released| Some(Program::read(&fs::read(peers::require_released(released)?).unwrap()).unwrap());
    let Some(program) = read(oldest) else { return };
    assert!(program.build_info.is_none());
    assert_eq!(program.go_version(), Some("Go 1.2 to 1.15"));
    assert!(program.functions > 4_000, "{}", program.functions);
    for (released, architecture) in [(x86_64, "amd64"), (arm64, "arm64")] {
        let Some(program) = read(released) else { return };
        let info = program.build_info.as_ref().unwrap();
        assert_eq!((info.form, &*info.go_version), (Form::Marks, ""));
        assert_eq!(info.path, "github.com/develar/app-builder");
        assert!(info.dependency("github.com/aws/aws-sdk-go").is_some());
        assert_eq!(
            (program.line_table, program.elf.machine.goarch()),
            (Some(Magic::Go12), Some(architecture))
        );
        let uses: Vec<_> = program.uses.iter().map(|usage| (usage.variable, &*usage.function)).collect();
        assert_eq!(uses, [("AWS_EXECUTION_ENV", "github.com/aws/aws-sdk-go/aws/corehandlers.glob..func8")]);
        assert_eq!(program.verdict.doors, Doors::None);
    }
}

/// Go's own reader is the judge, of today's programs and of old ones.
#[test]
fn build_information_is_what_go_itself_reads() {
    let today = Variant {
        arguments: &["-ldflags=-s -w", "-tags=a,lambda.norpc"],
        environment: STATIC,
        ..Variant::ECHO
    };
    let Some(today) = peers::require_variant(&today) else { return };
    let mut paths = vec![today];
    for (_, released) in Released::ESBUILD {
        let Some(path) = peers::require_released(released) else { return };
        paths.push(path);
    }
    for path in paths {
        let output = Command::new("go").args(["version", "-m"]).arg(&path).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let judged = String::from_utf8(output.stdout).unwrap();
        let mut lines = judged.lines();
        let version = lines.next().unwrap().rsplit(": ").next().unwrap();
        let program = Program::read(&fs::read(&path).unwrap()).unwrap();
        let info = program.build_info.unwrap();
        assert_eq!(info.go_version, version);
        // The same lines, but for the sums of modules.
        let without_sums: Vec<String> = lines
            .map(|line| {
                line.split('\t')
                    .filter(|word| !word.is_empty() && !word.starts_with("h1:"))
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        let mut read = Vec::new();
        if !info.path.is_empty() {
            read.push(format!("path {}", info.path));
        }
        let module = |kind: &str, module: &Module| format!("{kind} {} {}", module.path, module.version);
        read.extend(info.main.iter().map(|main| module("mod", main)));
        read.extend(info.dependencies.iter().map(|dependency| module("dep", dependency)));
        let quoted =
            |text: &str| if text.contains([' ', '"']) { format!("{text:?}") } else { text.to_owned() };
        read.extend(
            info.settings.iter().map(|(key, value)| format!("build {}={}", quoted(key), quoted(value))),
        );
        assert_eq!(read, without_sums, "{}", path.display());
    }
}

/// Real programs, damaged where it matters most: in their headers and tables, and anywhere.
#[test]
fn damaged_at_random() {
    let mut paths = vec![];
    let cgo = Variant { environment: &[("CGO_ENABLED", "1")], ..Variant::ECHO };
    for path in [peers::require_variant(&cgo), peers::require_released(Released::ESBUILD[1].1)] {
        let Some(path) = path else { return };
        paths.push(path);
    }
    for path in paths {
        let sound = fs::read(&path).unwrap();
        // Where the tables begin: their first bytes are what the rest is found by.
        let tables: Vec<usize> =
            [&b"\xff Go buildinf:"[..], b"\xfb\xff\xff\xff\0\0", b"\xf1\xff\xff\xff\0\0", b"libc.so.6"]
                .iter()
                .flat_map(|start| sound.windows(start.len()).position(|window| window == *start))
                .chain([0, sound.len() - 4096])
                .collect();
        let place =
            (any::<prop::sample::Index>(), 0..4096_usize, any::<prop::sample::Index>(), any::<bool>());
        let damage = proptest::collection::vec((place, any::<u64>(), 1..9_usize), 1..12);
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(100) });
        let result = runner.run(&damage, |damage| {
            let mut bytes = sound.clone();
            for ((table, into, anywhere, is_table), value, width) in damage {
                let near = (tables[table.index(tables.len())] + into % 128).min(bytes.len() - 1);
                let at = if is_table { near } else { anywhere.index(bytes.len()) };
                let end = (at + width).min(bytes.len());
                bytes[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
            }
            every_question::ask(&bytes);
            Ok(())
        });
        result.unwrap();
    }
}
