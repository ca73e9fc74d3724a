//! The migration guide: its commands are run, what they print is compared with what it shows, and what it quotes and
//! dates is looked up.
#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod guide {
    pub(super) mod account;
    pub(super) mod page;
}
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use guide::account::{Account, Invocation};
use guide::page::{self, Block, NOT_RUN, is_like};
use serde_json::{Value, json};

/// The sections with commands: each is run by a test of its own, and begins with a function on go1.x.
const SECTIONS: [&str; 5] = ["Five minutes", "Is my function affected?", "In the zip", "Rebuild", "Rust"];

#[test]
fn every_block_is_run_or_says_why_not() {
    let blocks = page::blocks(&page::text());
    for block in &blocks {
        if block.is_run() {
            assert!(SECTIONS.contains(&&*block.section), "line {}: {} is not run", block.line, block.section);
        } else {
            let reason = block.commands.lines().next().unwrap().trim_start_matches(NOT_RUN);
            assert!(reason.len() > 10, "line {}: why is it not run?", block.line);
        }
    }
    let sections: BTreeSet<_> = blocks.iter().map(|block| &*block.section).collect();
    assert_eq!(sections, SECTIONS.into(), "sections with commands");
}

#[test]
#[should_panic(expected = "line 3: a block of \"console\"")]
fn a_block_of_another_kind_is_noticed() {
    page::blocks("## A\n\n```console\n$ aws\n```\n");
}

#[test]
fn outputs_are_compared() {
    assert!(is_like("a\nb\nc\n", "a\n…\nc\n") && is_like("a\n", "a\n") && is_like("xay", "…a…"));
    assert!(!is_like("a\nb\n", "a\n") && !is_like("a\nb\nc\n", "…\nb\n") && !is_like("ab", "…b…a…"));
    let blocks = page::blocks("## A\n```sh\na\n```\n\n```text\nb\n```\n```sh\nc\n```\n");
    let outputs: Vec<_> = blocks.iter().map(|block| block.output.as_deref()).collect();
    assert_eq!(outputs, [Some("b\n"), None]);
}

/// Runs a section's commands after those that build go1x, which are the page's first, and compares what they print. The
/// invocations in it, or None where something is missing.
fn follow(section: &str) -> Option<(Account, Vec<Invocation>)> {
    let blocks = page::blocks(&page::text());
    let account = Account::open(&section.replace(|c: char| !c.is_ascii_alphanumeric(), "-"))?;
    let (build, rest) = blocks.split_first().unwrap();
    let of_section = rest.iter().filter(|block| block.section == section && block.is_run());
    let all: Vec<&Block> = std::iter::once(build).chain(of_section).collect();
    let script: String =
        all.iter().map(|block| format!("printf '{MARK}{}\\n'\n{}", block.line, block.commands)).collect();
    let done = account.shell(&script);
    let (said, errors) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let outputs: Vec<_> = said.split(MARK).skip(1).map(|part| part.split_once('\n').unwrap()).collect();
    assert!(
        done.status.success(),
        "the commands in line {} of the guide fail:\n{said}\n{errors}\n{}",
        outputs.last().map_or("?", |(line, _)| line),
        account.log()
    );
    assert_eq!(outputs.len(), all.len());
    for (block, (line, output)) in all.iter().zip(outputs) {
        if let Some(shown) = &block.output {
            assert!(is_like(output, shown), "line {line} shows:\n{shown}\nand what is printed is:\n{output}");
        }
    }
    let invocations = account.invocations();
    Some((account, invocations))
}

const MARK: char = '\u{1e}';

/// Which version, runtime, handler setting and number of layers were invoked; all gave this answer.
#[track_caller]
fn assert_all(invocations: &[Invocation], expected: &[&str], answer: impl Fn(&Value) -> bool) {
    let of: Vec<_> = invocations.iter().map(|invocation| &*invocation.of).collect();
    assert_eq!(of, expected);
    for Invocation { of, answer: given } in invocations {
        assert!(answer(given), "{of}: {given}");
    }
}

/// That of the handler to the event, whoever is between them.
fn is_greeting(answer: &Value) -> bool {
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default();
    answer["statusCode"] == 200 && body == json!({"method": "GET", "path": "/orders", "name": "you"})
}

#[test]
fn five_minutes_and_the_way_back() {
    let Some((_account, invocations)) = follow("Five minutes") else { return };
    let expected =
        ["1 go1.x main 0", "$LATEST provided.al2023 main 1", "2 provided.al2023 main 1", "1 go1.x main 0"];
    assert_all(&invocations, &expected, is_greeting);
}

#[test]
fn inspecting() {
    let Some((_account, invocations)) = follow("Is my function affected?") else { return };
    assert_all(&invocations, &[], |_| false);
}

#[test]
fn in_the_zip() {
    let Some((_account, invocations)) = follow("In the zip") else { return };
    let latest = |rest: &str| format!("$LATEST {rest} 0");
    let expected = [latest("go1.x main"), latest("provided.al2023 main"), latest("provided.al2023 bootstrap")];
    assert_all(&invocations, &expected.each_ref().map(String::as_str), is_greeting);
}

#[test]
fn rebuilding() {
    let Some((_account, invocations)) = follow("Rebuild") else { return };
    let expected = ["$LATEST go1.x main 0", "$LATEST provided.al2023 bootstrap 0"];
    assert_all(&invocations, &expected, is_greeting);
}

#[test]
fn a_handler_in_rust() {
    let Some((_account, invocations)) = follow("Rust") else { return };
    assert_all(&invocations, &["$LATEST provided.al2023 orders 0"; 3], |answer| answer["cents"] == 750);
}

#[test]
fn without_a_bootstrap_nothing_starts() {
    let Some(account) = Account::open("no-bootstrap") else { return };
    let change = "aws lambda update-function-configuration --function-name orders --runtime provided.al2023";
    assert!(account.shell(change).status.success());
    let invoked = account.shell("aws lambda invoke --function-name orders --payload fileb://event.json answer.json");
    assert!(!invoked.status.success(), "{invoked:?}");
    // The emulator answers with nothing, and its log has other words than Lambda's, but the same type.
    let failed = "(rapid) Invoke DONE failed: Runtime.InvalidEntrypoint";
    assert!(account.log().contains(failed), "{}", account.log());
}
