//! The manners of all commands, whatever they are for: what they say of themselves, of wrong usage and of what is
//! wrong with their input. The snapshots lie in `manners/`; `SNAPSHOTS=overwrite cargo test -p go1x-cli --test manners`
//! writes them anew, and what has changed is then for `git diff`.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

#[path = "../../compat/executable/tests/support/mod.rs"]
mod executables;
mod manners {
    pub(super) mod cases;
    pub(super) mod help;
    pub(super) mod shape;
}
#[path = "pack/room.rs"]
#[allow(dead_code, reason = "a part of it is for packages")]
mod room;
#[path = "inspect/support.rs"]
#[allow(dead_code, reason = "a part of it is for inspections")]
mod support;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use manners::cases::{Case, errors, results, room};
use manners::help::{commands, help, options};
use manners::shape::Shape;
use snapbox::{Data, assert_data_eq};
use support::{go1x, run};

#[track_caller]
fn check(name: &str, said: String) {
    let path = format!("{}/tests/manners/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    assert_data_eq!(said, Data::read_from(path.as_ref(), None).raw());
}

#[test]
fn help_is_as_it_was() {
    for command in commands() {
        let short = help(&[&*command, "-h"]);
        let long = help(&[&*command, "--help"]);
        for text in [&short, &long] {
            assert!(text.contains("\nExamples:\n  go1x "), "{command}: there are no examples:\n{text}");
            assert!(text.contains("\nExit codes: 0 "), "{command}: there are no exit codes:\n{text}");
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{command}: more than 80 columns: {line}");
            }
        }
        if command != GO1X {
            assert_eq!(help(&["help", &command]), long, "go1x help {command}");
        }
        let (name, line) = match &*command {
            GO1X => ("go1x", "go1x".to_owned()),
            name => (name, format!("go1x {name}")),
        };
        check(&format!("{name}-help"), format!("$ {line} -h\n{short}\n$ {line} --help\n{long}"));
    }
}

/// The program without a command.
const GO1X: &str = "";

/// Every error of every command: its exit code, and `error: …` with `help: …` on stderr alone.
#[test]
fn errors_are_as_they_were() {
    let room = room();
    for command in commands() {
        let mut said = String::new();
        for case in errors(&command) {
            let output = case.run(&room);
            let error = String::from_utf8(output.stderr).unwrap();
            let code = output.status.code().unwrap();
            assert!(code == 1 || code == 2, "{case}: {code}: {error}");
            assert!(error.starts_with("error: ") && error.contains("\nhelp: "), "{case}: {error}");
            said += &format!("$ {case}\n{error}? {code}\n\n");
        }
        let name = if command == GO1X { "go1x" } else { &command };
        check(&format!("{name}-errors"), said);
    }
}

#[test]
fn a_misspelt_word_finds_the_one_that_is_meant() {
    let said = |arguments: &[&str]| {
        let output = run(&mut go1x(arguments));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let mut tried = 0;
    for command in commands() {
        if command != GO1X {
            let expected = format!(
                "error: unrecognized subcommand '{command}x'\nhelp: a similar subcommand exists: '{command}'\n"
            );
            let wrong = format!("{command}x");
            assert_eq!(said(&[&wrong]), expected);
            assert_eq!(said(&["help", &wrong]), expected);
        }
        let words: Vec<&str> = command.split_whitespace().collect();
        for option in options(&command) {
            let wrong = format!("{}x", option.name);
            if option.name.starts_with("--") {
                let expected = format!(
                    "error: unexpected argument '{wrong}' found\nhelp: a similar argument exists: '{}'\n",
                    option.name
                );
                assert_eq!(said(&[&words[..], &[&wrong]].concat()), expected);
            }
            let Some(value) = option.values.first() else { continue };
            let wrong = format!("{value}x");
            let name = Some(&*option.name).filter(|name| name.starts_with("--"));
            let text = said(&[&words[..], &name.into_iter().chain([&*wrong]).collect::<Vec<_>>()].concat());
            assert!(text.starts_with(&format!("error: invalid value '{wrong}' for '")), "{text}");
            let help = format!(
                "\nhelp: a similar value exists: '{value}'\n      possible values: {}\n",
                option.values.join(", ")
            );
            assert!(text.ends_with(&help), "{text}");
            tried += 1;
        }
    }
    assert!(tried >= 5, "the help of commands was not understood: {tried} options with values");
}

#[test]
fn words_that_are_no_text_are_refused_like_others() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let strange = OsStr::from_bytes(b"\xff");
    for command in commands() {
        let words = command.split_whitespace();
        let output = run(go1x(&words.collect::<Vec<_>>()).arg("--nonsense").arg(strange));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with("error: ") && said.contains("\nhelp: "), "{said}");
    }
    let output = run(go1x(&[]).arg(strange));
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn json_is_as_the_help_has_it() {
    let room = room();
    for command in commands() {
        let text = help(&[&*command, "-h"]);
        let offers = options(&command)
            .iter()
            .any(|option| option.name == "--json" || option.values.iter().any(|value| value == "json"));
        let documented = text.split_once("\nJSON: ").map(|(_, rest)| rest);
        assert_eq!(documented.is_some(), offers, "{command}: JSON, and its shape in the help:\n{text}");
        let Some(documented) = documented else { continue };
        let shape = Shape::parse(documented);
        let mut seen = BTreeSet::new();
        for case in results(&command) {
            let output = case.run(&room);
            let json = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|error| panic!("{case}: {error}: {output:?}"));
            let problems = shape.problems(&json, &mut seen);
            assert!(problems.is_empty(), "{case}: {problems:#?}");
        }
        let unseen: Vec<_> = shape.places().into_iter().filter(|place| !seen.contains(place)).collect();
        assert!(unseen.is_empty(), "{command}: in the help, but in no result that was looked at: {unseen:?}");
    }
}

#[test]
fn colour_is_for_terminals_and_for_who_asks_for_it() {
    for command in commands() {
        for arguments in [[&*command, "--nonsense"], [&*command, "--help"]] {
            let said = |variables: &[(&str, &str)]| {
                let Output { stdout, stderr, .. } = said_with(&arguments, variables);
                String::from_utf8([stdout, stderr].concat()).unwrap()
            };
            let plain = said(&[]);
            assert!(!plain.contains('\x1b'), "{plain:?}");
            let coloured = said(&[("CLICOLOR_FORCE", "1")]);
            assert!(coloured.contains('\x1b'), "{coloured:?}");
            assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
            assert_eq!(said(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), plain);
        }
    }
}

fn said_with(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let arguments: Vec<&str> = arguments.iter().copied().filter(|argument| !argument.is_empty()).collect();
    run(go1x(&arguments).env_remove("COLUMNS").envs(variables.iter().copied()))
}

#[test]
fn whoever_reads_may_leave() {
    let room = room();
    let helps = commands().into_iter().map(|command| Case::new(&format!("go1x {command} --help")));
    let results = commands().into_iter().flat_map(|command| results(&command));
    let shells = ["bash", "zsh"].map(|shell| Case::new(&format!("go1x completions {shell}")));
    for case in helps.chain(results).chain(shells) {
        let whole = case.run(&room);
        let mut command = case.command(&room);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let code = output.status.code();
        // What was found is the same, or nobody is there to hear of it.
        assert!(code == Some(0) || code == whole.status.code(), "{case}: {output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.is_empty() || said == String::from_utf8(whole.stderr).unwrap(), "{case}: {said}");
    }
}

#[test]
fn an_output_that_takes_nothing_is_an_error() {
    let room = room();
    let results = commands().into_iter().flat_map(|command| results(&command));
    for case in results.chain([Case::new("go1x completions zsh")]) {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = case.command(&room).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{case}: {said}");
        assert!(
            said.starts_with("error: No space left on device") && said.contains("\nhelp: "),
            "{case}: {said}"
        );
    }
}

#[test]
fn an_error_that_nobody_hears_is_one_all_the_same() {
    let room = room();
    for command in commands() {
        for case in errors(&command) {
            let expected = case.run(&room).status.code();
            let mut command = case.command(&room);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            drop(child.stderr.take());
            assert_eq!(child.wait().unwrap().code(), expected, "{case}");
        }
    }
}

/// Whatever a command waits for, Ctrl-C ends it, and shells say 130.
#[test]
fn an_interrupt_ends_a_command_that_waits() {
    use std::os::unix::process::ExitStatusExt as _;
    let mut child = go1x(&["gob", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let status = child.wait().unwrap();
    assert!(status.signal() == Some(2) || status.code() == Some(130), "{status:?}");
}

#[test]
fn completions_are_for_all_commands_and_options() {
    for shell in options("completions").into_iter().find(|option| !option.values.is_empty()).unwrap().values {
        let output = run(&mut go1x(&["completions", &shell]));
        assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
        let script = String::from_utf8(output.stdout).unwrap();
        for command in commands() {
            assert!(script.contains(&command), "{shell}: {command}");
            for option in options(&command) {
                let name = option.name.trim_start_matches('-');
                assert!(!option.name.starts_with("--") || script.contains(name), "{shell}: {command} {name}");
            }
        }
    }
}

/// What the shells themselves make of it.
#[test]
fn shells_complete_commands_options_and_values() {
    for (shell, complete) in [("bash", bash as fn(&str, &str) -> String), ("zsh", zsh), ("fish", fish)] {
        if Command::new(shell).arg("--version").output().is_err() {
            let line = format!("NOT RUN: shells_complete_commands_options_and_values needs {shell}\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            continue;
        }
        let script = String::from_utf8(run(&mut go1x(&["completions", shell])).stdout).unwrap();
        for (line, completed) in [
            ("go1x ins", "inspect"),
            ("go1x inspect --form", "--format"),
            ("go1x inspect --format s", "sarif"),
        ] {
            assert_eq!(complete(&script, line), completed, "{shell}: {line}");
        }
    }
}

fn bash(script: &str, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let [.., before, word] = words[..] else { panic!("{line}") };
    let program = format!(
        "{script}\nCOMP_WORDS=({line}); COMP_CWORD={}; _go1x go1x {word:?} {before:?}; echo \"${{COMPREPLY[@]}}\"",
        words.len() - 1,
    );
    said(Command::new("bash").args(["--norc", "-c", &program]))
}

fn fish(script: &str, line: &str) -> String {
    let program = format!("{script}\ncomplete -C '{line}'");
    // What it is, behind a tab.
    said(Command::new("fish").args(["--no-config", "-c", &program])).split('\t').next().unwrap().to_owned()
}

/// It completes only what is typed: so a key is pressed, in a terminal, and the line entered.
fn zsh(script: &str, line: &str) -> String {
    let room = room();
    std::fs::write(room.path("_go1x"), script).unwrap();
    let typed = format!(
        "zmodload zsh/zpty\n\
         zpty it 'zsh -f -i'\n\
         zpty -w it \"PS1=; unsetopt prompt_cr; fpath=({} \\$fpath); autoload -Uz compinit; compinit -u -D\"\n\
         zpty -w it 'go1x() {{ print -r \"<\"${{@[-1]}}\">\" }}'\n\
         zpty -w it $'{line}\\t'\n\
         zpty -r -m it said $'*<[a-z-]##>*'\n\
         print -r -- \"$said\"",
        room.path("").display()
    );
    let said = said(Command::new("timeout").args(["20", "zsh", "-f", "-o", "extended_glob", "-c", &typed]));
    let (_, entered) = said.rsplit_once('<').unwrap();
    entered.split('>').next().unwrap().to_owned()
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_manual_says_what_help_says() {
    let room = room();
    let output = Case::new("go1x man share/man/man1").run(&room);
    assert!(output.status.success() && output.stderr.is_empty() && output.stdout.is_empty(), "{output:?}");
    for command in commands() {
        let name = if command == GO1X { "go1x.1".to_owned() } else { format!("go1x-{command}.1") };
        let page = String::from_utf8(room.bytes(&format!("share/man/man1/{name}"))).unwrap();
        assert!(page.starts_with(".ie \\n(.g") || page.contains("\n.TH go1x"), "{page}");
        // Roff writes a hyphen as \-, and protects a dot that begins a line.
        let plain = page.replace("\\-", "-").replace("\\&", "").replace("\\(aq", "'").replace("\\*(Aq", "'");
        let text = help(&[&*command, "--help"]);
        let (_, examples) = text.split_once("\nExamples:\n").unwrap();
        for line in examples.lines().take_while(|line| !line.is_empty()) {
            assert!(plain.contains(line.trim().replace('\\', "\\\\").as_str()), "{name}: {line}\n{plain}");
        }
        for heading in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH EXAMPLES", ".SH \"EXIT STATUS\""]
        {
            assert!(page.contains(heading), "{name}: {heading}\n{page}");
        }
        for option in options(&command) {
            assert!(
                plain.contains(option.name.trim_matches(['<', '>', '[', ']', '.'])),
                "{name}: {}",
                option.name
            );
        }
    }
}
