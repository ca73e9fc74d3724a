//! `go1x pack --image`; what it makes is looked at with skopeo, unpacked with umoci, and read by Python's tarfile.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

#[path = "../../compat/executable/tests/support/mod.rs"]
mod executables;
mod pack {
    pub(super) mod room;
}
#[path = "inspect/support.rs"]
#[allow(dead_code, reason = "a part of it is for inspections")]
mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use executables::{AARCH64, GoProgram};
use pack::room::{Room, shim};
use serde_json::{Value, json};
use support::handler;

fn mode(room: &Room, path: &str) -> u32 {
    fs::symlink_metadata(room.path(path)).unwrap().permissions().mode() & 0o7777
}

/// A handler, a link to it, and names that an ordinary header of tar cannot hold.
fn build(room: &Room) -> String {
    let long = format!("{}/{}", "folder".repeat(20), "ü".repeat(60));
    room.0.write("build/bin/main", 0o700, &handler("rpc").build());
    room.0.write(&format!("build/{long}"), 0o600, b"long");
    symlink("bin/main", room.path("build/main")).unwrap();
    long
}

#[test]
fn an_image_on_nothing() {
    let room = Room::new("image");
    let long = build(&room);
    let what = ["--image", "--handler", "build", "--setting", "main"];
    let manifest = room.packed(&[&what[..], &["-o", "image"]].concat());
    assert_eq!((&manifest["kind"], &manifest["output"]["code_sha256"]), (&json!("image"), &Value::Null));
    room.packed(&[&what[..], &["-o", "image.tar"]].concat());
    // The tar has the folder's files, and nothing of the time or place.
    room.python(
        "import os, tarfile
t = tarfile.open('image.tar')
have = {m.name: t.extractfile(m).read() for m in t.getmembers() if m.isfile()}
assert have == {os.path.relpath(os.path.join(d, f), 'image'): open(os.path.join(d, f), 'rb').read()
                for d, _, fs in os.walk('image') for f in fs}
assert {(m.mtime, m.uid, m.gid, m.uname) for m in t.getmembers()} == {(0, 0, 0, '')}",
    );
    let other = Room::new("image-again");
    build(&other);
    other.packed(&[&what[..], &["-o", "other.tar"]].concat());
    assert!(other.bytes("other.tar") == room.bytes("image.tar"));

    for source in ["oci:image:latest", "oci-archive:image.tar:latest"] {
        let Some(told) = room.tool("skopeo", &["inspect", source]) else { continue };
        let told: Value = serde_json::from_str(&told).unwrap();
        let digest = format!("sha256:{}", manifest["output"]["sha256"].as_str().unwrap());
        assert_eq!((&told["Digest"], &told["Architecture"]), (&json!(digest), &json!("amd64")));
        let config = room.tool("skopeo", &["inspect", "--config", source]).unwrap();
        let config: Value = serde_json::from_str(&config).unwrap();
        let settings = json!({"Entrypoint": ["/var/runtime/bootstrap"], "Env": ["GO1X_HANDLER=main"], "WorkingDir": "/var/task"});
        assert_eq!(config["config"], settings);
        // It takes all of it over, hashes checked.
        room.tool("skopeo", &["copy", source, "dir:copy"]).unwrap();
    }
    if room.tool("umoci", &["unpack", "--rootless", "--image", "image:latest", "bundle"]).is_some() {
        let root = |name: &str| format!("bundle/rootfs/{name}");
        assert_eq!(room.bytes(&root("var/runtime/bootstrap")), room.bytes("shim"));
        assert_eq!(room.bytes(&root("var/task/bin/main")), room.bytes("build/bin/main"));
        assert_eq!(room.bytes(&root(&format!("var/task/{long}"))), b"long");
        assert_eq!(fs::read_link(room.path(&root("var/task/main"))).unwrap().to_str(), Some("bin/main"));
        assert_eq!(room.bytes(&root("etc/hosts")), b"127.0.0.1 localhost\n");
        for (path, bits) in [
            ("var/task", 0o755),
            ("var/runtime/bootstrap", 0o755),
            ("var/task/bin/main", 0o755),
            (&*format!("var/task/{long}"), 0o644),
            ("tmp", 0o1777),
        ] {
            assert_eq!(mode(&room, &root(path)), bits, "{path}");
        }
    }
}

#[test]
fn an_image_on_a_base() {
    let room = Room::new("base");
    room.0.write("main", 0o755, &handler("rpc").build());
    room.0.write("entry", 0o755, b"#!/bin/sh\nexec /var/runtime/bootstrap\n");
    let umoci = |arguments: &[&str]| room.tool("umoci", arguments);
    if umoci(&["init", "--layout", "base"]).is_none() {
        return;
    }
    umoci(&["new", "--image", "base:latest"]);
    umoci(&[
        "config",
        "--image",
        "base:latest",
        "--architecture",
        "amd64",
        "--os",
        "linux",
        "--config.entrypoint",
        "/lambda-entrypoint.sh",
        "--config.env",
        "GO1X_HANDLER=of the base",
        "--config.env",
        "TZ=:/etc/localtime",
    ]);
    umoci(&["insert", "--rootless", "--image", "base:latest", "entry", "/lambda-entrypoint.sh"]);

    room.packed(&["--image", "--handler", "main", "--base", "base", "-o", "image.tar"]);
    room.packed(&["--image", "--handler", "main", "--base", "base", "-o", "image"]);
    umoci(&["unpack", "--rootless", "--image", "image:latest", "bundle"]);
    assert_eq!(room.bytes("bundle/rootfs/lambda-entrypoint.sh"), room.bytes("entry"));
    assert_eq!(room.bytes("bundle/rootfs/var/runtime/bootstrap"), room.bytes("shim"));
    assert_eq!(room.bytes("bundle/rootfs/var/task/main"), room.bytes("main"));
    let Some(config) = room.tool("skopeo", &["inspect", "--config", "oci-archive:image.tar:latest"]) else {
        return;
    };
    let config: Value = serde_json::from_str(&config).unwrap();
    let settings = json!({"Entrypoint": ["/lambda-entrypoint.sh"], "Cmd": ["main"], "Env": ["TZ=:/etc/localtime"], "WorkingDir": "/var/task"});
    assert_eq!(config["config"], settings);
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 2);

    // On an image of ours the handler is another's, where it was the base's.
    room.0.write("second", 0o755, &handler("both").build());
    room.packed(&["--image", "--handler", "main", "-o", "first"]);
    room.packed(&["--image", "--handler", "second", "--base", "first", "-o", "second.oci"]);
    let config = room.tool("skopeo", &["inspect", "--config", "oci:second.oci:latest"]).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["config"]["Env"], json!(["GO1X_HANDLER=second"]));
    assert_eq!(config["config"]["Cmd"], Value::Null);
}

#[test]
fn a_base_that_is_not_sound_is_refused() {
    let room = Room::new("bad-base");
    room.0.write("main", 0o755, &handler("rpc").build());
    room.packed(&["--image", "--handler", "main", "-o", "base"]);
    let index = room.bytes("base/index.json");
    let text = String::from_utf8(index.clone()).unwrap();
    let refused = |words: &[&str]| {
        room.refused(&["--image", "--handler", "main", "--base", "base"], 2, words);
    };
    let parsed: Value = serde_json::from_slice(&index).unwrap();
    let digest = parsed["manifests"][0]["digest"].as_str().unwrap();
    for (changed, words) in [
        ("{".to_owned(), "base: index.json is malformed"),
        ("[1]".to_owned(), "base: it has no image for amd64"),
        (text.replace("amd64", "arm64"), "base: it has no image for amd64"),
        (text.replace(digest, "sha256:../../../../etc/passwd"), "is no digest of SHA-256"),
        (text.replace(digest, &format!("sha256:{}", "0".repeat(64))), "cannot be read: No such file"),
        (
            text.replace("oci.image.manifest.v1", "docker.distribution.manifest.v2"),
            "skopeo copy --format oci",
        ),
    ] {
        room.0.write("base/index.json", 0o644, changed.as_bytes());
        refused(&[words]);
    }
    room.0.write("base/index.json", 0o644, &index);
    // Every blob in turn.
    for blob in fs::read_dir(room.path("base/blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let sound = fs::read(&path).unwrap();
        let mut damaged = sound.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        fs::write(&path, damaged).unwrap();
        refused(&["is not what its name says: it is damaged"]);
        fs::write(&path, sound).unwrap();
    }
    room.refused(&["--image", "--handler", "main", "--base", "/no/such"], 2, &["/no/such: "]);

    // What cannot run is refused as in a zip, and what is not clear.
    room.0.write("shim", 0o755, &shim(AARCH64, &["Function.Invoke"]));
    room.0.write("arm", 0o755, &GoProgram { machine: AARCH64, ..handler("rpc") }.build());
    room.refused(&["--image", "--handler", "arm", "--base", "base"], 2, &["base: it has no image for arm64"]);
    room.0.write("arm2", 0o755, &GoProgram { machine: AARCH64, ..handler("rpc") }.build());
    room.refused(&["--image", "--handler", "arm", "arm2"], 2, &["it is not clear which", "--setting"]);
    // An image makes way for an image, and for nothing else.
    room.packed(&["--image", "--handler", "arm", "--force", "-o", "base"]);
    fs::create_dir(room.path("mine")).unwrap();
    room.0.write("mine/file", 0o644, b"mine");
    let output = room.pack(&["--image", "--handler", "arm", "--force", "-o", "mine"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(room.bytes("mine/file"), b"mine");
}
