//! The program to ship: the static release build of `bootstrap`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path that `GO1X_BOOTSTRAP` names, else that of a fresh build. None, after a line that says why, where the
/// target for static programs is not installed.
pub fn shipped() -> Option<PathBuf> {
    static SHIPPED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match SHIPPED.get_or_init(find) {
        Ok(path) => Some(path.clone()),
        Err(reason) => {
            not_run(reason);
            None
        }
    }
}

/// Says that the current test did not run, past the test runner, which keeps back what passing tests print.
pub fn not_run(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    _ = std::io::stderr().write_all(format!("NOT RUN: {test}: {reason}\n").as_bytes());
}

fn find() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("GO1X_BOOTSTRAP").filter(|value| !value.is_empty()) {
        let named = PathBuf::from(named);
        assert!(named.is_file(), "GO1X_BOOTSTRAP names {}, no file", named.display());
        return Ok(named);
    }
    let library =
        Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output().unwrap();
    if !Path::new(String::from_utf8_lossy(&library.stdout).trim()).is_dir() {
        return Err(format!(
            "needs the program to ship: `rustup target add {TARGET}`, or name it in GO1X_BOOTSTRAP"
        ));
    }
    let built_here = Path::new(env!("CARGO_BIN_EXE_bootstrap")).parent().unwrap();
    let folder = built_here.parent().unwrap();
    let arguments = ["--quiet", "--locked", "--release", "--package", "go1x", "--bin", "bootstrap"];
    let built = Command::new(env!("CARGO"))
        .arg("build")
        .args(arguments)
        .args(["--target", TARGET])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", folder)
        .status()
        .unwrap();
    assert!(built.success(), "the program to ship builds");
    Ok(folder.join(TARGET).join("release/bootstrap"))
}

const TARGET: &str =
    if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-musl" } else { "x86_64-unknown-linux-musl" };
