//! `go1x --version`: the commit that the program was built from, and whether there is RPC in it.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

#[path = "../build.rs"]
#[allow(dead_code, reason = "its main is Cargo's to call")]
mod build;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn it_is_the_commit_of_this_clone() {
    let output = Command::new(env!("CARGO_BIN_EXE_go1x")).arg("--version").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let commit = build::commit(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    let commit = commit.map(|commit| format!("{commit}, ")).unwrap_or_default();
    assert_eq!(said, format!("go1x {} ({commit}rpc)\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn changes_of_what_it_is_made_of_are_told() {
    let room = Room::new("dirty");
    room.write("cli/src/main.rs", "one");
    room.write("README.md", "one");
    assert_eq!(build::commit(&room.0), None, "there is no repository");
    room.git(&["init", "--quiet"]);
    assert_eq!(build::commit(&room.0), None, "there is no commit");
    room.commit();
    let first = room.git(&["rev-parse", "HEAD"])[..7].to_owned();
    let dirty = Some(format!("{first}-dirty"));
    assert_eq!(build::commit(&room.0), Some(first.clone()));
    room.write("README.md", "two");
    room.write("cli/src/notes", "not a part of it");
    assert_eq!(build::commit(&room.0), Some(first.clone()), "what the program is made of is the same");
    room.write("cli/src/main.rs", "two");
    assert_eq!(build::commit(&room.0), dirty);
    room.git(&["add", "cli/src/main.rs"]);
    assert_eq!(build::commit(&room.0), dirty);
    room.commit();
    let second = build::commit(&room.0).unwrap();
    assert!(second != first && second.len() == 7, "{second}");
}

#[test]
fn it_is_never_the_commit_of_a_repository_around_it() {
    let room = Room::new("around");
    room.write("vendor/go1x/cli/src/main.rs", "one");
    room.git(&["init", "--quiet"]);
    room.commit();
    assert_eq!(build::commit(&room.0.join("vendor/go1x")), None);
}

/// A folder that is gone after the test.
struct Room(PathBuf);

impl Room {
    fn new(name: &str) -> Room {
        let folder = std::env::temp_dir().join(format!("go1x-version-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Room(folder)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        let user = ["-c", "user.name=a test", "-c", "user.email=", "-c", "commit.gpgsign=false"];
        self.git(&[&user[..], &["commit", "--quiet", "--message", "a commit"]].concat());
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git").args(arguments).current_dir(&self.0).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}
