//! House rules, as far as a machine can see them. Each test is one rule; what it prints names file and line.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below a folder whose name ends so; paths are relative to the repository.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let relative = path.strip_prefix(root()).unwrap();
            let skipped = relative == Path::new("target") || relative == Path::new("fuzz/target");
            if entry.file_type().unwrap().is_dir() {
                if !skipped && !relative.starts_with(".git") {
                    folders.push(path);
                }
            } else if relative.to_str().is_some_and(|name| name.ends_with(ending)) {
                found.push(relative.to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The members of the workspace, the root package as ".".
fn members() -> Vec<String> {
    let manifest = read("Cargo.toml");
    let list =
        manifest.lines().find_map(|line| line.strip_prefix("members = [")).expect("one line of members");
    list.trim_end_matches(']').split(',').map(|member| member.trim().trim_matches('"').to_owned()).collect()
}

/// The Rust files of programs and libraries: no tests, no benchmarks.
fn sources() -> Vec<PathBuf> {
    members().iter().flat_map(|member| files(&format!("{member}/src"), ".rs")).collect()
}

/// The lines of code of a source file with their numbers: no comments, and nothing from the first test module on,
/// which is last. None at all of a file that its parent declares for tests only.
fn code(path: &Path) -> Vec<(usize, String)> {
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let siblings = ["mod.rs", "lib.rs", "main.rs"].map(|name| root().join(path).with_file_name(name));
    let test_only = format!("#[cfg(test)]\nmod {stem};");
    if siblings.iter().any(|sibling| fs::read_to_string(sibling).is_ok_and(|text| text.contains(&test_only)))
    {
        return Vec::new();
    }
    let text = read(path);
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..tests].lines().enumerate().map(|(number, line)| (number + 1, line));
    lines
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number, line.to_owned()))
        .collect()
}

/// Every line of code that has one of the texts, but for those in the allowed files.
fn offences(paths: &[PathBuf], texts: &[&str], allowed: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in paths {
        if allowed.iter().any(|allowed| path.starts_with(allowed)) {
            continue;
        }
        for (number, line) in code(path) {
            if texts.iter().any(|text| line.contains(text)) {
                found.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    found
}

#[track_caller]
fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}\n  {}", found.join("\n  "));
}

/// A table of a manifest, line by line.
fn table(manifest: &str, name: &str) -> Vec<String> {
    let header = format!("[{name}]");
    let mut lines = manifest.lines().skip_while(|line| *line != header).skip(1);
    let body: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with('[')).collect();
    body.into_iter().map(str::to_owned).collect()
}

/// What a line of a dependency table asks for.
fn dependency(line: &str) -> Option<&str> {
    let name = line.split(['=', '.']).next()?.trim();
    (!name.is_empty() && !line.starts_with('#')).then_some(name)
}

fn dependencies(member: &str) -> Vec<String> {
    let manifest = read(format!("{member}/Cargo.toml"));
    table(&manifest, "dependencies").iter().filter_map(|line| dependency(line)).map(str::to_owned).collect()
}

#[test]
fn scans_see_something() {
    let sources = sources();
    assert!(sources.contains(&PathBuf::from("src/invoke_loop.rs")), "{sources:?}");
    assert!(sources.contains(&PathBuf::from("compat/gob/src/wire.rs")), "{sources:?}");
    assert!(members().contains(&"cli".to_owned()), "{:?}", members());
    assert!(dependencies("compat/netrpc").contains(&"go1x-gob".to_owned()));
    assert!(code(Path::new("src/rpc/on/messages_golden.rs")).is_empty(), "it is for tests only");
    assert!(!offences(&sources, &["async fn ready"], &[]).is_empty());
}

#[test]
fn the_seam_alone_names_the_feature_norpc() {
    let seam = ["src/rpc/mod.rs"];
    let feature = ["feature = \"norpc\"", "feature = \"rpc\""];
    assert_none(&offences(&sources(), &feature, &seam), "features of the legacy door: src/rpc/mod.rs alone");
}

#[test]
fn anyhow_is_for_programs() {
    let programs = ["src/bin", "cli"];
    assert_none(&offences(&sources(), &["anyhow"], &programs), "libraries have errors of their own");
}

#[test]
fn the_contract_alone_spells_the_runtime_apis_headers() {
    let allowed = ["compat/runtime-api/src/contract.rs"];
    let sources = sources();
    assert_none(&offences(&sources, &["\"lambda-runtime-"], &allowed), "header names: contract.rs alone");
    assert_none(&offences(&sources, &["\"Lambda-Runtime-"], &[]), "header names are in lower case");
}

#[test]
fn nothing_panics_on_purpose() {
    // A test without its Go peer fails by panicking, and the demo's own handler panics when it is asked to.
    let allowed = ["compat/go/src/require.rs", "cli/src/demo/builtin.rs"];
    let texts = [".unwrap()", "todo!(", "unimplemented!(", "unreachable!(", "panic!(", "dbg!("];
    assert_none(&offences(&sources(), &texts, &allowed), "an error is a value; expect() with the invariant");
}

#[test]
fn the_environment_is_read_at_the_door() {
    let product = files("src", ".rs");
    let allowed = ["src/start.rs", "src/bin"];
    assert_none(&offences(&product, &["env::var", "env::vars"], &allowed), "all others are passed it");
}

#[test]
fn rooms_import_what_they_may() {
    let check = |member: &str, forbidden: &[&str]| {
        let all = dependencies(member);
        let found: Vec<_> = all.iter().filter(|name| forbidden.contains(&name.as_str())).collect();
        assert!(found.is_empty(), "{member} must not know {found:?}");
    };
    check("compat/gob", &["tokio", "hyper", "tracing", "go1x", "go1x-netrpc", "go1x-runtime-api"]);
    check("compat/netrpc", &["hyper", "go1x", "go1x-runtime-api"]);
    check("compat/runtime-api", &["go1x", "go1x-gob", "go1x-netrpc"]);
    check("compat/tcp", &["go1x", "go1x-gob", "go1x-netrpc", "go1x-runtime-api"]);
    check("compat/go", &["go1x", "go1x-gob", "go1x-netrpc", "go1x-runtime-api"]);
    check(".", &["go1x-cli"]);
    assert!(
        dependencies("compat/executable").is_empty(),
        "it is a part of bootstrap, and needs nothing else"
    );

    let netrpc = files("compat/netrpc/src", ".rs");
    assert_none(&offences(&netrpc, &["Lambda", "lambda", "Invoke"], &[]), "net/rpc knows nothing of Lambda");
    let mut rpc = offences(&files("src/rpc", ".rs"), &["runtime_api::"], &[]);
    rpc.retain(|line| line.contains("Client") || line.contains("contract"));
    assert_none(&rpc, "the legacy door knows the Runtime API's values alone");
    let invoke_loop = [PathBuf::from("src/invoke_loop.rs")];
    assert_none(&offences(&invoke_loop, &["rpc::", "bootstrap"], &[]), "the loop does not know the handler");
}

#[test]
fn dependencies_say_why() {
    let core = ["tokio", "serde", "serde_json", "bytes", "hyper", "anyhow"];
    let mut found = Vec::new();
    for member in members() {
        let manifest = read(format!("{member}/Cargo.toml"));
        for name in ["dependencies", "dev-dependencies", "build-dependencies"] {
            // A comment is for the lines right below it, up to one that needs none; hyper has companions.
            let mut explained = false;
            for line in table(&manifest, name) {
                let Some(dependency) = dependency(&line) else {
                    explained = line.starts_with('#');
                    continue;
                };
                if core.contains(&dependency) {
                    explained &= dependency == "hyper";
                } else if !explained && !dependency.starts_with("go1x") {
                    found.push(format!("{member}/Cargo.toml, [{name}]: {dependency}"));
                }
            }
        }
    }
    assert_none(&found, "a dependency beyond the core has a reason above it");
}

#[test]
fn no_member_leaves_the_common_lints() {
    for member in members() {
        let manifest = read(format!("{member}/Cargo.toml"));
        assert!(table(&manifest, "lints").contains(&"workspace = true".to_owned()), "{member}: [lints]");
    }
    // And what is a workspace of its own says it again.
    for (manifest, of) in [("Cargo.toml", "workspace.lints"), ("benches/peers/rust/Cargo.toml", "lints")] {
        let has = |lints: &str, line: &str| {
            let lints = format!("{of}.{lints}");
            assert!(table(&read(manifest), &lints).contains(&line.to_owned()), "{manifest}: {lints}: {line}");
        };
        has("rust", "unsafe_code = \"forbid\"");
        has("clippy", "unwrap_used = \"warn\"");
    }
}

#[test]
fn every_file_says_what_it_knows() {
    let bare = |path: &&PathBuf| !read(path).starts_with("//! ");
    let found: Vec<_> = sources().iter().filter(bare).map(|path| path.display().to_string()).collect();
    assert_none(&found, "a file opens with //! and one sentence");
}

#[test]
fn without_rpc_neither_gob_nor_netrpc_is_in_the_tree() {
    let tree = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--locked", "--package", "go1x"])
            .args(["--edges", "normal", "--prefix", "none"])
            .args(arguments)
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let with = tree(&[]);
    let without = tree(&["--no-default-features", "--features", "norpc"]);
    for crate_name in ["go1x-gob ", "go1x-netrpc "] {
        assert!(with.contains(crate_name), "{crate_name}is in the default build:\n{with}");
        assert!(!without.contains(crate_name), "{crate_name}is in the build without RPC:\n{without}");
    }
    for tree in [&with, &without] {
        assert!(!tree.contains("clap ") && !tree.contains("go1x-peers "), "not for the sandbox:\n{tree}");
    }
}

#[test]
fn the_readme_starts_with_the_two_commands() {
    let readme = read("README.md");
    let block = readme
        .split("```sh\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("a block of commands");
    let commands: Vec<_> = block
        .lines()
        .map(|line| line.split('#').next().unwrap().trim())
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(commands, ["cargo go1x demo", "cargo test"]);
    assert!(read(".ci/run").contains("\ncargo test 2>&1"), "the gate runs the README's command");
    assert!(read(".ci/run").contains("\ncargo go1x demo\n"), "the gate runs the README's command");
}

#[test]
fn the_readme_maps_every_room() {
    let readme = read("README.md");
    let map = readme.split("\n## Code map\n").nth(1).expect("a code map");
    let map = map.split("\n## ").next().unwrap();
    for member in members() {
        let room = if member == "." { "src" } else { &member };
        assert!(map.contains(&format!("`{room}`")), "the code map lacks `{room}`");
    }
    let msrv = read("Cargo.toml");
    let msrv = msrv.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(readme.contains(&format!("Rust {msrv}")), "the README names the oldest Rust, {msrv}");
}

/// Every name in the sources that starts so.
fn names(sources: &[PathBuf], prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in sources {
        for (_, line) in code(path) {
            for (start, _) in line.match_indices(prefix) {
                let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let rest = line[start..].strip_prefix(prefix).unwrap_or_default();
                let length = rest.find(|c| !name(c)).unwrap_or(rest.len());
                found.insert(prefix.to_owned() + &rest[..length]);
            }
        }
    }
    found
}

#[test]
fn what_users_meet_is_documented() {
    let product = files("src", ".rs");
    let readme = read("README.md");
    let documents = readme.clone() + &read("migration-guide.md");
    let types = names(&product, "Runtime.Go1x");
    assert!(types.len() > 5, "{types:?}");
    for name in types {
        assert!(
            documents.contains(&format!("`{name}`")),
            "neither README.md nor migration-guide.md has {name}"
        );
    }
    for name in names(&product, "GO1X_") {
        assert!(readme.contains(&format!("`{name}`")), "README.md lacks the setting {name}");
    }
}

#[test]
fn nothing_is_left_lying_about() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
    let machines = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    let mut found = Vec::new();
    for ending in [".rs", ".md", ".toml", ".go", ".sh", ".ci/run", ".ci/release"] {
        for path in files("", ending) {
            // Bytes that a peer wrote are as they are.
            let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
            for (number, line) in text.lines().enumerate() {
                let mark = marks.iter().any(|mark| line.contains(mark));
                let is_path =
                    |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "_-.".contains(c));
                let machine = machines.iter().any(|m| line.match_indices(m).any(|(at, _)| is_path(at)));
                if mark || machine {
                    found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
                }
            }
        }
    }
    let built = tracked().into_iter().filter(|path| path.split('/').any(|part| part == "target"));
    found.extend(built);
    assert_none(&found, "no notes to ourselves, no places of one machine, nothing that was built");
}

/// What git knows of; nothing outside a clone.
fn tracked() -> Vec<String> {
    let listed = std::process::Command::new("git").arg("ls-files").current_dir(root()).output();
    let listed =
        listed.map(|listed| String::from_utf8_lossy(&listed.stdout).into_owned()).unwrap_or_default();
    listed.lines().map(str::to_owned).collect()
}
