//! The migration guide: its commands are run, what they print is compared with what it shows, and what it quotes
//! and dates is looked up.
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

#[test]
fn every_block_is_run_or_says_why_not() {
    let blocks = page::blocks(&page::text());
    assert!(blocks.len() > 10, "{blocks:?}");
    for Block { line, section, commands, .. } in &blocks {
        if let Some(reason) = commands.strip_prefix(NOT_RUN) {
            assert!(reason.lines().next().unwrap().len() > 10, "line {line}: why is it not run?");
        } else {
            let test = format!("follow({section:?})");
            assert!(include_str!("guide.rs").contains(&test), "line {line}: no test here says {test}");
        }
    }
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

/// Runs a section's commands after those that build go1x, which are the page's first, and compares what they print.
/// The invocations in it, or None where something is missing.
fn follow(section: &str) -> Option<Vec<Invocation>> {
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
    Some(account.invocations())
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
    let Some(invocations) = follow("Five minutes") else { return };
    let expected =
        ["1 go1.x main 0", "$LATEST provided.al2023 main 1", "2 provided.al2023 main 1", "1 go1.x main 0"];
    assert_all(&invocations, &expected, is_greeting);
}

#[test]
fn inspecting() {
    let Some(invocations) = follow("Is my function affected?") else { return };
    assert_all(&invocations, &[], |_| false);
}

#[test]
fn in_the_zip() {
    let Some(invocations) = follow("In the zip") else { return };
    let expected = [
        "$LATEST go1.x main 0",
        "$LATEST provided.al2023 main 0",
        "1 go1.x main 0",
        "$LATEST provided.al2023 bootstrap 0",
    ];
    assert_all(&invocations, &expected, is_greeting);
}

#[test]
fn rebuilding() {
    let Some(invocations) = follow("Rebuild") else { return };
    let expected = ["$LATEST go1.x main 0", "$LATEST provided.al2023 bootstrap 0"];
    assert_all(&invocations, &expected, is_greeting);
}

#[test]
fn a_handler_in_rust() {
    let Some(invocations) = follow("Rust") else { return };
    assert_all(&invocations, &["$LATEST provided.al2023 orders 0"; 3], |answer| answer["cents"] == 750);
}

#[test]
fn an_image() {
    let Some(invocations) = follow("Image") else { return };
    assert_all(&invocations, &[], |_| false);
}

#[test]
fn without_a_bootstrap_nothing_starts() {
    let Some(account) = Account::open("no-bootstrap") else { return };
    let change = "aws lambda update-function-configuration --function-name orders --runtime provided.al2023";
    assert!(account.shell(change).status.success());
    let invoked =
        account.shell("aws lambda invoke --function-name orders --payload fileb://event.json answer.json");
    assert!(!invoked.status.success(), "{invoked:?}");
    // The emulator answers with nothing, and its log has other words than Lambda's, but the same type.
    let failed = "(rapid) Invoke DONE failed: Runtime.InvalidEntrypoint";
    assert!(account.log().contains(failed), "{}", account.log());
}

/// The dates on which AWS stops something, by `deadlines.json`.
fn deadlines() -> Value {
    serde_json::from_str(&read("deadlines.json")).unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_table_of_deadlines_is_that_of_the_data() {
    let data = deadlines();
    let text = page::text();
    let (_, rows) = text.split_once("| no updates of code and configuration |\n").expect("the table");
    let rows: Vec<Vec<_>> =
        rows.lines().skip(1).take_while(|line| line.starts_with('|')).map(cells).collect();
    let expected = data["runtimes"].as_object().unwrap().iter().map(|(runtime, dates)| {
        let date = |name: &str| dates[name].as_str().unwrap();
        vec![runtime.as_str(), date("deprecated"), date("createBlocked"), date("updateBlocked")]
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());

    let as_of = data["asOf"].as_str().unwrap();
    let go1x = &data["runtimes"]["go1.x"];
    for (page, text) in [("migration-guide.md", text), ("README.md", read("README.md"))] {
        assert!(text.contains(&format!("s known in {as_of}")), "{page}: as known in {as_of}");
        for name in ["deprecated", "updateBlocked"] {
            assert!(text.contains(go1x[name].as_str().unwrap()), "{page}: {name}");
        }
    }
}

/// What stands in a row of a table, without emphasis, and of names what stands in backticks.
fn cells(row: &str) -> Vec<&str> {
    let cell = |text| {
        let text: &str = str::trim(text);
        text.strip_prefix('`').and_then(|name| name.split('`').next()).unwrap_or(text).trim_matches('*')
    };
    row.trim_matches('|').split('|').map(cell).collect()
}

#[test]
fn no_other_dates_are_named() {
    // From when on INIT is billed everywhere; that is past.
    let mut known = BTreeSet::from(["2025-08-01".to_owned()]);
    known.extend(dates(&deadlines().to_string()));
    let mut texts = vec!["README.md".to_owned(), "migration-guide.md".to_owned()];
    texts.extend(sources(&["cli/src"]));
    for path in texts {
        for date in dates(&read(&path)) {
            assert!(known.contains(&date), "{path} names {date}, which deadlines.json lacks");
        }
    }
}

/// All that looks like a date; folders of reports begin with one, and go on.
fn dates(text: &str) -> Vec<String> {
    let shape = |at: usize| {
        let bytes = text.as_bytes().get(at..at + 10)?;
        let fits = bytes.iter().zip(b"2000-00-00").all(|(byte, of)| match of {
            b'0' => byte.is_ascii_digit(),
            of => byte == of,
        });
        let goes_on = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || "-/".contains(c));
        (fits && !goes_on(&text[at + 10..])).then(|| text[at..at + 10].to_owned())
    };
    text.match_indices("20").filter_map(|(at, _)| shape(at)).collect()
}

/// The Rust files below folders.
fn sources(folders: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<_> = folders.iter().map(|folder| (*folder).to_owned()).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn what_it_quotes_is_said_somewhere() {
    // By the product; or by tests of it, where a text is put together.
    let mut paths = sources(&["src", "compat/executable/src", "compat/runtime-api/src", "tests"]);
    paths.retain(|path| !path.starts_with("tests/guide"));
    let said: String = paths.iter().map(|path| read(path)).collect();
    // A text that goes on in the next line, and what is escaped in it.
    let said: Vec<_> = said
        .split("\\\n")
        .enumerate()
        .map(|(n, part)| if n == 0 { part } else { part.trim_start() })
        .collect();
    let said = said.concat().replace("\\\"", "\"");
    let text = page::text();
    let (_, section) = text.split_once("\n## Troubleshooting\n").unwrap();
    let mut count = 0;
    for line in section.lines() {
        // The second column is what to do.
        let line = if line.starts_with('|') { line.split('|').nth(1).unwrap() } else { line };
        for quote in quoted(line) {
            let pieces = quote.split(['…', '=']).flat_map(|piece| piece.split("/var/task/main"));
            for piece in pieces.map(|piece| piece.trim_matches(|c: char| !c.is_alphanumeric())) {
                let others = OTHERS_WORDS.iter().any(|(words, _)| words.contains(piece));
                if piece.len() >= 8 && !others {
                    count += 1;
                    assert!(said.contains(piece), "nobody says {piece:?}, of: {quote}");
                }
            }
        }
    }
    assert!(count > 40, "{count}");
}

/// Whose words they are if they are not ours.
const OTHERS_WORDS: [(&str, &str); 5] = [
    ("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]", "Lambda"),
    ("Runtime.InvalidEntrypoint", "Lambda"),
    ("version 'GLIBC_2.17' not found", "the loader of the C library"),
    ("lookup localhost on 127.0.0.1:53", "Go's resolver"),
    ("rpc: can't find service Function.Invoke", "Go's net/rpc"),
];

#[test]
fn proofs_and_links_lead_somewhere() {
    let text = page::text();
    let mut proofs = 0;
    for proof in quoted(&text.replace('\n', " ")).filter(|quote| quote.starts_with("cargo test")) {
        let mut words = proof.split(' ');
        let folder = if words.any(|word| word == "go1x-cli") { "cli/tests" } else { "tests" };
        let mut words = proof.split(' ').skip_while(|word| *word != "--test").skip(1);
        let file = read(&format!("{folder}/{}.rs", words.next().expect("a test's file")));
        let norpc = file.contains("#![cfg(feature = \"norpc\")]");
        assert_eq!(proof.contains("--features norpc"), norpc, "{proof}");
        if let Some(name) = words.next() {
            assert!(file.contains(&format!("fn {name}(")), "{proof}");
        }
        proofs += 1;
    }
    assert!(proofs > 8, "{proofs}");

    let anchor = |heading: &str| -> String {
        let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
        heading.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
    };
    let anchors: BTreeSet<_> = text
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#')))
        .collect();
    for (at, _) in text.match_indices("](") {
        let link = text[at + 2..].split(')').next().unwrap();
        match link.split_once('#') {
            Some(("", name)) => assert!(anchors.contains(name), "{link}"),
            _ if link.starts_with("https://") => {}
            _ => assert!(root().join(link.split('#').next().unwrap()).exists(), "{link}"),
        }
    }
}
