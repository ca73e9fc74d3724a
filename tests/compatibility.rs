//! What becomes of a handler: by the aws-lambda-go that it is on, the tag that it is built with, and `GO1X_MODE`. Each
//! is built and run; the table is also the migration guide's.
#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use peers::{Library, Peer, Unavailable};
use serde_json::{Value, json};
use support::shipped::not_run;
use support::{Sandbox, children, eventually};

/// What can become of it. The text is the guide's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// `bootstrap` drives it over net/rpc: all is as on go1.x.
    Driven,
    /// It polls the Runtime API itself; `bootstrap` has made way for it, or looks after it.
    Polls,
    /// It polls the Runtime API itself although it was to be driven. It works; but `bootstrap` warns of it, and ends it
    /// when `GO1X_READY_TIMEOUT_MS` is over.
    PollsUnasked,
    /// It ends at once, with the library's words in the log, and the start fails.
    Refuses,
    /// It listens on a port of its own choosing for a call that nobody makes, and says nothing.
    Waits,
}
use Fate::{Driven, Polls, PollsUnasked, Refuses, Waits};

impl Fate {
    const ALL: [(Fate, &str); 5] = [
        (Driven, "driven over RPC"),
        (Polls, "polls for itself"),
        (PollsUnasked, "polls for itself, and is warned of"),
        (Refuses, "fails to start"),
        (Waits, "**waits for ever**"),
    ];
}

const MODES: [&str; 3] = ["auto", "rpc", "direct"];

/// How it is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tag {
    None,
    Norpc,
}

/// The versions, the tags, and the fate in each of [`MODES`].
const TABLE: [(&[&str], &[Tag], [Fate; 3]); 4] = [
    // No Runtime API client, and the tag means nothing yet: whoever does not drive them waits with them.
    (&["v1.0.0", "v1.6.0", "v1.13.3", "v1.17.0"], &[Tag::None, Tag::Norpc], [Driven, Driven, Waits]),
    // Both doors: the port's variable is looked at first.
    (
        &["v1.18.0", "v1.20.0", "v1.27.0", "v1.33.0", "v1.34.0", "v1.40.0", "v1.46.0", "v1.54.0", "v1.55.1"],
        &[Tag::None],
        [Driven, Driven, Polls],
    ),
    // Without RPC, the port's variable was an error first: auto starts them again without it. …
    (&["v1.18.0", "v1.20.0", "v1.27.0", "v1.33.0"], &[Tag::Norpc], [Polls, Refuses, Polls]),
    // … and is not looked at any more.
    (&["v1.34.0", "v1.40.0", "v1.46.0", "v1.54.0", "v1.55.1"], &[Tag::Norpc], [Polls, PollsUnasked, Polls]),
];

/// What one that polls for itself does worse than one that is driven.
struct Lacks {
    /// The request id in the context: fixed in v1.19.1.
    request_id: bool,
    /// A line in the log for an error: since v1.27.1.
    log: bool,
    /// The exception for X-Ray: since v1.46.0.
    xray: bool,
}

fn lacks(version: &str) -> Lacks {
    let number =
        |text: &str| text[1..].split('.').map(|part| part.parse::<u32>().unwrap()).collect::<Vec<_>>();
    let older_than = |than: &str| number(version) < number(than);
    Lacks { request_id: older_than("v1.19.1"), log: older_than("v1.27.1"), xray: older_than("v1.46.0") }
}

type Cells = BTreeMap<(String, Tag), [Fate; 3]>;

fn table() -> Cells {
    let mut cells = Cells::new();
    for (versions, tags, fates) in TABLE {
        for version in versions {
            for tag in tags {
                let twice = cells.insert(((*version).to_owned(), *tag), fates);
                assert_eq!(twice, None, "{version} {tag:?} is there twice");
            }
        }
    }
    cells
}

#[test]
fn the_table_has_all_versions_with_and_without_the_tag() {
    let all = Library::ALL.map(|library| library.version().to_owned());
    let all: BTreeSet<_> = all
        .into_iter()
        .flat_map(|version| [Tag::None, Tag::Norpc].map(|tag| (version.clone(), tag)))
        .collect();
    assert_eq!(table().into_keys().collect::<BTreeSet<_>>(), all);
}

#[test]
fn the_migration_guide_has_the_same_table() {
    let guide = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("migration-guide.md")).unwrap();
    let header = "| aws-lambda-go | built with `lambda.norpc` | `auto` | `rpc` | `direct` |\n";
    let (_, rows) = guide.split_once(header).expect("the guide has the table");
    let mut cells = Cells::new();
    for row in rows.lines().skip(1).take_while(|line| line.starts_with('|')) {
        let columns: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [versions, tag, fates @ ..] = &columns[..] else { panic!("{row}") };
        let tags: &[Tag] = match *tag {
            "no" => &[Tag::None],
            "yes" => &[Tag::Norpc],
            "either way" => &[Tag::None, Tag::Norpc],
            other => panic!("{other:?} in {row}"),
        };
        let fate = |text: &&str| {
            // What follows in parentheses is for the reader.
            let text = text.split(" (").next().unwrap();
            Fate::ALL
                .into_iter()
                .find(|(_, name)| *name == text)
                .unwrap_or_else(|| panic!("{text:?} in {row}"))
                .0
        };
        let fates: Vec<Fate> = fates.iter().map(fate).collect();
        for version in versions.split(", ") {
            for tag in tags {
                let twice = cells.insert((version.to_owned(), *tag), fates[..].try_into().unwrap());
                assert_eq!(twice, None, "{version} {tag:?} is there twice");
            }
        }
    }
    assert_eq!(cells, table());
}

#[tokio::test]
async fn auto_does_what_the_table_says() {
    check("auto").await;
}

#[tokio::test]
async fn rpc_does_what_the_table_says() {
    check("rpc").await;
}

#[tokio::test]
async fn direct_does_what_the_table_says() {
    check("direct").await;
}

/// Builds and runs each handler in this mode.
async fn check(mode: &'static str) {
    let column = MODES.iter().position(|name| *name == mode).unwrap();
    for library in Library::ALL {
        for tag in [Tag::None, Tag::Norpc] {
            let Some(program) = program(library, tag) else { continue };
            let fate = table()[&(library.version().to_owned(), tag)][column];
            let handler =
                Handler { what: format!("{library}, tag {tag:?}, mode {mode}"), library, program, mode };
            match fate {
                Driven => handler.is_driven().await,
                Polls => handler.polls().await,
                PollsUnasked => handler.polls_unasked().await,
                Refuses => handler.refuses().await,
                Waits => handler.waits().await,
            }
        }
    }
}

/// The handler's executable. None, after a line that says why, if this version is not to be had here, or asks for a
/// newer Go.
fn program(library: Library, tag: Tag) -> Option<PathBuf> {
    let peer = if tag == Tag::None { Peer::On(library) } else { Peer::OnNorpc(library) };
    match peers::build(peer) {
        Err(error @ Unavailable::Module { .. }) => not_run(&format!("{library}: {error}")),
        Err(error @ Unavailable::Build { .. }) if error.to_string().contains("requires go >= ") => {
            not_run(&format!("{library}: {error}"));
        }
        _ => return peers::require(peer),
    }
    None
}

/// One handler in one mode.
struct Handler {
    what: String,
    library: Library,
    program: PathBuf,
    mode: &'static str,
}

const NO_RPC: &str = "_LAMBDA_SERVER_PORT was present but the function was compiled without RPC support";

impl Handler {
    async fn start(&self, variables: &[(&str, &str)]) -> Sandbox {
        let mode = [("GO1X_MODE", self.mode)];
        let variables: Vec<_> = mode.iter().chain(variables).copied().collect();
        Sandbox::start(&self.program, &variables).await
    }

    async fn is_driven(&self) {
        let Handler { what, .. } = self;
        let sandbox = self.start(&[]).await;
        let outcome = sandbox.invoke(r#""id""#).await;
        assert_eq!(outcome.payload, json!(outcome.request_id).to_string(), "{what}: {}", sandbox.output());
        let first = children(sandbox.pid());

        let (error, outcome) = sandbox.fail(r#""error""#).await;
        assert_eq!(error, json!({"errorMessage": "sold out", "errorType": "errorString"}), "{what}");
        assert!(outcome.xray_cause.is_some(), "{what}");
        sandbox.says("sold out: errorString null\n").await;
        assert_eq!(children(sandbox.pid()), first, "{what}: an error costs nothing");

        let (panic, _) = sandbox.fail(r#""panic""#).await;
        assert_is_panic(&panic, what);
        sandbox.says("kaboom: string [{").await;
        let outcome = sandbox.invoke(r#""id""#).await;
        assert_eq!(outcome.payload, json!(outcome.request_id).to_string(), "{what}: {}", sandbox.output());
        assert_ne!(children(sandbox.pid()), first, "{what}: a panic costs the process, and no more");
    }

    async fn polls(&self) {
        let Handler { what, .. } = self;
        let lacks = lacks(self.library.version());
        let sandbox = self.start(&[]).await;
        let outcome = sandbox.invoke(r#""id""#).await;
        let id = if lacks.request_id { "" } else { &outcome.request_id };
        assert_eq!(outcome.payload, json!(id).to_string(), "{what}: {}", sandbox.output());

        let (error, outcome) = sandbox.fail(r#""error""#).await;
        assert_eq!(error, json!({"errorMessage": "sold out", "errorType": "errorString"}), "{what}");
        assert_eq!(outcome.xray_cause.is_none(), lacks.xray, "{what}");

        let (panic, _) = sandbox.fail(r#""panic""#).await;
        assert_is_panic(&panic, what);
        // Nobody is there to start a fresh one: that is the platform's part.
        assert_eq!(sandbox.exit().await.code(), Some(1), "{what}: {}", sandbox.output());
        let output = sandbox.output();
        assert!(
            output.contains("calling the handler function resulted in a panic, the process should exit"),
            "{what}: {output}"
        );
        assert_eq!(!output.contains("sold out"), lacks.log, "{what}: {output}");
    }

    async fn polls_unasked(&self) {
        let Handler { what, .. } = self;
        let sandbox = self.start(&[("GO1X_READY_TIMEOUT_MS", "300")]).await;
        let outcome = sandbox.invoke(r#""id""#).await;
        assert_eq!(outcome.payload, json!(outcome.request_id).to_string(), "{what}: {}", sandbox.output());
        assert_eq!(sandbox.exit().await.code(), Some(1), "{what}");
        let text = "it talks to the Runtime API itself, as a program built with the tag lambda.norpc does; GO1X_MODE=auto \
                    or direct leaves it to that";
        assert!(sandbox.output().contains(text), "{what}: {}", sandbox.output());
    }

    async fn refuses(&self) {
        let Handler { what, .. } = self;
        let sandbox = self.start(&[]).await;
        let (error, _, status) = sandbox.init_failure().await;
        assert_eq!(error["errorType"], "Runtime.Go1xHandlerExited", "{what}: {error}");
        assert_eq!(status.code(), Some(1), "{what}");
        assert!(sandbox.output().contains(NO_RPC), "{what}: {}", sandbox.output());
    }

    async fn waits(&self) {
        let Handler { what, .. } = self;
        let sandbox = self.start(&[]).await;
        // bootstrap has made way for it. Once it listens, it never asks for an event.
        eventually(what, || listens(sandbox.pid(), &self.program)).await;
        assert_eq!(sandbox.output(), "", "{what}");
        // The platform's limits pass in no time here, since only the emulator looks at this clock.
        tokio::time::pause();
        let outcome = sandbox.emulator.invoke(r#""id""#).await;
        tokio::time::resume();
        let error: Value = serde_json::from_slice(&outcome.payload).unwrap();
        assert_eq!(error["errorType"], "Sandbox.Timedout", "{what}: {outcome:?}");
        assert!(listens(sandbox.pid(), &self.program), "{what}: it is still at it");
        assert_eq!(sandbox.output(), "", "{what}");
    }
}

fn assert_is_panic(failure: &Value, what: &str) {
    assert_eq!(
        (&failure["errorMessage"], &failure["errorType"]),
        (&json!("kaboom"), &json!("string")),
        "{what}"
    );
    let frames = failure["stackTrace"].as_array().unwrap();
    assert!(frames.iter().any(|frame| frame["label"] == "handle"), "{what}: {failure}");
}

/// Whether the process runs this program and listens on some port.
fn listens(pid: u32, program: &Path) -> bool {
    let file = |name: &str| fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
    let tables = file("tcp") + &file("tcp6");
    let listeners = tables.lines().filter_map(|line| {
        let columns: Vec<_> = line.split_ascii_whitespace().collect();
        (columns.get(3) == Some(&"0A")).then(|| format!("socket:[{}]", columns[9]))
    });
    let listeners: BTreeSet<_> = listeners.collect();
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let mut open = open.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|running| running == program)
        && open.any(|target| listeners.contains(&*target.to_string_lossy()))
}
