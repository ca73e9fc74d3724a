//! What `go1x pack` makes, unpacked by others' tools and run as Lambda would.
#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use peers::Peer;
use serde_json::{Value, json};
use support::Folder;
use support::lambda::Lambda;
use support::shipped::{not_run, shipped};

/// The command line; Cargo has built it already if the tests of the whole workspace are run.
fn go1x() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_bootstrap")).parent().unwrap();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--package", "go1x-cli", "--bin", "go1x"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", folder.parent().unwrap())
        .status()
        .unwrap();
    assert!(built.success(), "the command line builds");
    folder.join("go1x")
}

#[track_caller]
fn works(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Unpacks with Python's zipfile, and gives files the modes that the zip has of them, which that leaves to others.
const UNPACK: &str = "
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    for i in z.infolist():
        os.chmod(z.extract(i, sys.argv[2]), i.external_attr >> 16 & 0o777)
";

#[tokio::test]
async fn a_layer_runs_an_untouched_handler() {
    let Some(handler) = peers::require(Peer::HandlerOld) else { return };
    let Some(bootstrap) = shipped() else { return };
    let folder = Folder::new("pack-layer");
    let layer = folder.path().join("layer.zip");
    works(Command::new(go1x()).args(["pack", "--layer", "-o"]).arg(&layer).arg("--bootstrap").arg(bootstrap));
    let opt = folder.path().join("opt");
    works(Command::new("python3").args(["-c", UNPACK]).args([&layer, &opt]));
    let Some(function) = Lambda::new().layer(&opt).task(&handler).start().await else { return };
    assert_eq!(function.ask(r#"{"a":[1,"ü"]}"#).await, json!({"a": [1, "ü"]}));
}

#[tokio::test]
async fn a_zip_runs_with_bootstrap_in_it() {
    let Some(handler) = peers::require(Peer::HandlerOld) else { return };
    let Some(bootstrap) = shipped() else { return };
    if let Err(error) = Command::new("unzip").arg("-v").output() {
        not_run(&format!("needs unzip of Info-ZIP: {error}"));
        return;
    }
    let folder = Folder::new("pack-zip");
    let path = |name: &str| folder.path().join(name);
    let old = folder.write("old/bin/orders", 0o755, &std::fs::read(&handler).unwrap());
    let pack = "import sys, zipfile
zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED).write(sys.argv[2], 'bin/orders')";
    works(Command::new("python3").args(["-c", pack]).args([&path("old.zip"), &old]));
    let packed = [
        ("in.zip", vec![PathBuf::from("--zip"), path("old.zip")]),
        ("new.zip", vec![PathBuf::from("--handler"), path("old")]),
    ];
    for (name, what) in packed {
        let mut command = Command::new(go1x());
        command.arg("pack").args(what).arg("-o").arg(path(name)).arg("--bootstrap").arg(&bootstrap);
        works(&mut command);
        let task = path(&format!("{name}.task"));
        works(Command::new("unzip").arg("-q").arg(path(name)).arg("-d").arg(&task));
        let started = Lambda::new().task(&task).handler("bin/orders").start().await;
        let Some(function) = started else { return };
        assert_eq!(function.ask(r#"{"a":[1,"ü"]}"#).await, json!({"a": [1, "ü"]}), "{name}");
        let (error, _) = function.fail(r#"{"do":"error","message":"sold out"}"#).await;
        assert_eq!(error["errorMessage"], "sold out", "{name}");
    }
}

#[tokio::test]
async fn an_image_runs_by_its_own_settings() {
    let Some(handler) = peers::require(Peer::HandlerOld) else { return };
    let Some(bootstrap) = shipped() else { return };
    if let Err(error) = Command::new("umoci").arg("--version").output() {
        not_run(&format!("needs umoci: {error}"));
        return;
    }
    let folder = Folder::new("pack-image");
    let path = |name: &str| folder.path().join(name);
    let mut command = Command::new(go1x());
    command.args(["pack", "--image", "--handler"]).arg(&handler).arg("-o").arg(path("image"));
    works(command.arg("--bootstrap").arg(bootstrap));
    let unpack = ["unpack", "--rootless", "--image", "image:latest", "bundle"];
    works(Command::new("umoci").args(unpack).current_dir(folder.path()));
    let config: Value = serde_json::from_slice(&std::fs::read(path("bundle/config.json")).unwrap()).unwrap();
    assert_eq!(config["process"]["args"], json!(["/var/runtime/bootstrap"]));
    assert_eq!(config["process"]["cwd"], "/var/task");
    let environment = config["process"]["env"].as_array().unwrap();
    let setting = environment.iter().find_map(|value| value.as_str()?.strip_prefix("GO1X_HANDLER=")).unwrap();

    // The handler setting of a function with an image says nothing.
    let root = path("bundle/rootfs");
    let lambda = Lambda::new().layer(&root.join("var/runtime")).task(&root.join("var/task")).handler("");
    let Some(function) = lambda.variable("GO1X_HANDLER", setting).start().await else { return };
    assert_eq!(function.ask(r#"{"a":[1,"ü"]}"#).await, json!({"a": [1, "ü"]}));
}
