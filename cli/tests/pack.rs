//! `go1x pack`, as its users call it; what it makes is looked at with Python's zipfile and with Info-ZIP.
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
use std::os::unix::fs::symlink;

use executables::{AARCH64, GoProgram, X86_64, dynamic};
use pack::room::{Room, shim};
use peers::Peer;
use serde_json::json;
use support::handler;

/// Name, mode with the kind of file, the packer's system, time, method, content: as Python sees the files of a zip.
const LOOK: &str = "
import json, zipfile
def look(name):
    z = zipfile.ZipFile(name)
    assert z.testzip() is None
    return [[i.filename, oct(i.external_attr >> 16), i.create_system, i.date_time, i.compress_type,
             i.extra.hex(), i.comment.decode(), i.flag_bits, z.read(i).hex()] for i in z.infolist()]
";

#[test]
fn a_layer_has_bootstrap_at_its_root() {
    let room = Room::new("layer");
    let output = room.pack(&["--layer", "-o", "layer.zip"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    for part in [
        "layer.zip: layer, x86_64\n  size       ",
        "\n  files      bootstrap 0755, ",
        "\n  inspect    bootstrap: go1x's bootstrap: the bridge\n",
        "\n\nNext:\n  aws lambda publish-layer-version --layer-name go1x --zip-file fileb://layer.zip \\\n      \
         --compatible-runtimes provided.al2023 --compatible-architectures x86_64\n",
    ] {
        assert!(told.contains(part), "{part:?} is not in:\n{told}");
    }
    let seen = room.python(&format!("{LOOK}print(json.dumps(look('layer.zip')))"));
    let content: String = room.bytes("shim").iter().map(|byte| format!("{byte:02x}")).collect();
    let time = [1980, 1, 1, 0, 0, 0];
    assert_eq!(seen, json!([["bootstrap", "0o100755", 3, time, 8, "", "", 0, content]]));
    if let Some(listed) = room.tool("unzip", &["-Z", "layer.zip"]) {
        let line = listed.lines().nth(2).unwrap();
        assert!(line.starts_with("-rwxr-xr-x ") && line.ends_with(" 80-Jan-01 00:00 bootstrap"), "{listed}");
    }
}

/// A zip with all that a zip may have: times, comments, extra fields, data descriptors, folders, links, stored files,
/// names beyond ASCII, files of packers on Windows.
const OLD: &str = "
import json, zipfile, io
class Stream(io.RawIOBase):
    def __init__(self, f): self.f = f
    def writable(self): return True
    def write(self, b): return self.f.write(b)
def add(z, name, data, mode, system=3, method=8, extra=b'', comment=b''):
    i = zipfile.ZipInfo(name, (2019, 3, 4, 5, 6, 8))
    i.external_attr, i.create_system, i.compress_type, i.extra, i.comment = mode << 16, system, method, extra, comment
    z.writestr(i, data)
with open('old.zip', 'wb') as f, zipfile.ZipFile(Stream(f), 'w') as z:
    add(z, 'bin/', b'', 0o40755, method=0)
    add(z, 'bin/orders', open('main', 'rb').read(), 0o100755, extra=bytes.fromhex('feca0400') + b'okay')
    FIRST
    add(z, 'main', b'bin/orders', 0o120777, method=0)
    add(z, 'täglich.json', b'{}' * 500, 0, system=0, comment='für später'.encode())
    z.comment = b'PK, of the year 2019'
";

fn write_old(room: &Room, first: &str) -> Vec<u8> {
    room.0.write("main", 0o755, &handler("rpc").build());
    room.python(&OLD.replace("FIRST", first));
    room.bytes("old.zip")
}

#[test]
fn every_other_file_of_a_zip_stays_byte_for_byte() {
    let room = Room::new("zip");
    let old = write_old(&room, "pass");
    let manifest = room.packed(&["--zip", "old.zip", "-o", "new.zip"]);
    assert_eq!(manifest["kind"], "zip");
    assert_eq!(room.bytes("old.zip"), old, "it is only read");

    // All files with their headers are the beginning of the zip, as they were.
    let new = room.bytes("new.zip");
    let directory = old.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    assert!(new.starts_with(&old[..directory]));
    // So are their records in the directory: nothing has moved.
    let end = old.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
    assert!(new.windows(end - directory).any(|window| window == &old[directory..end]));
    let seen = room.python(&format!(
        "{LOOK}old, new = look('old.zip'), look('new.zip')
assert len(old) == 4 and new[:-1] == old, (old, new)
print(json.dumps([new[-1][:-1], zipfile.ZipFile('new.zip').comment.decode()]))"
    ));
    let added = json!(["bootstrap", "0o100755", 3, [1980, 1, 1, 0, 0, 0], 8, "", "", 0]);
    assert_eq!(seen, json!([added, "PK, of the year 2019"]));

    // Again: the bootstrap that is there is go1x's, and the same.
    room.packed(&["--zip", "new.zip", "-o", "again.zip"]);
    assert_eq!(room.bytes("again.zip"), new);
    // A newer one takes its place.
    let newer = shim(X86_64, &["Function.Invoke", "a newer one"]);
    room.0.write("shim", 0o755, &newer);
    room.packed(&["--zip", "new.zip", "-o", "newer.zip"]);
    assert!(room.bytes("newer.zip").starts_with(&old[..directory]));

    if room.tool("unzip", &["-q", "newer.zip", "-d", "task"]).is_some() {
        assert_eq!(room.bytes("task/bootstrap"), newer);
        assert_eq!(fs::read_link(room.path("task/main")).unwrap().to_str(), Some("bin/orders"));
        assert_eq!(room.bytes("task/main"), room.bytes("main"));
    }
}

#[test]
fn anothers_bootstrap_is_replaced_when_that_is_said() {
    let room = Room::new("replace");
    write_old(&room, "add(z, 'bootstrap', b'#!/bin/sh\\n' * 99, 0o100755)");
    room.refused(
        &["--zip", "old.zip"],
        1,
        &[
            "old.zip has a bootstrap already, which is not go1x's: Lambda starts it, and no layer's",
            "--replace",
        ],
    );
    room.packed(&["--zip", "old.zip", "--replace", "-o", "new.zip"]);
    // The files behind it have moved to the front, headers and all.
    room.python(&format!(
        "{LOOK}
def raw(name):
    z = zipfile.ZipFile(name)
    b, starts = open(name, 'rb').read(), [i.header_offset for i in z.infolist()] + [z.start_dir]
    return {{i.filename: b[i.header_offset:min(s for s in starts if s > i.header_offset)].hex() for i in z.infolist()}}
old, new = look('old.zip'), look('new.zip')
assert [i for i in old if i[0] != 'bootstrap'] == new[:-1] and len(new) == len(old) == 5
old, new = raw('old.zip'), raw('new.zip')
assert old.pop('bootstrap') != new.pop('bootstrap') and old == new"
    ));
    // The handler itself is not lost by it.
    room.python("import zipfile\nzipfile.ZipFile('only.zip', 'w').write('main', 'bootstrap')");
    let words = ["there is no Lambda handler in it", "not written"];
    room.refused(&["--zip", "only.zip"], 1, &["pack it under another name, by --handler"]);
    room.refused(&["--zip", "only.zip", "--replace"], 1, &words);
}

#[test]
fn a_new_zip_is_the_same_wherever_it_is_made() {
    let room = Room::new("new");
    let build = |room: &Room, names: &[&str], mode: u32| {
        for name in names {
            match *name {
                "build/main" => room.0.write(name, mode, &handler("rpc").build()),
                "build/run.sh" => room.0.write(name, mode, b"#!/bin/sh\n"),
                name => room.0.write(name, 0o600, name.as_bytes()),
            };
        }
        room.0.write("elsewhere/conf", 0o600, b"told by a link");
        fs::create_dir_all(room.path("build/lib")).unwrap();
        symlink("../a.json", room.path("build/lib/inside")).unwrap();
        symlink(room.path("elsewhere/conf"), room.path("build/outside")).unwrap();
    };
    let names = ["build/main", "build/run.sh", "build/a.json", "build/lib/z"];
    build(&room, &names, 0o755);
    let manifest = room.packed(&["--handler", "build", "-o", "new.zip"]);
    let seen = room.python(&format!("{LOOK}print(json.dumps([i[:3] for i in look('new.zip')]))"));
    let files = [
        ("a.json", "0o100644"),
        ("bootstrap", "0o100755"),
        ("lib/inside", "0o120777"),
        ("lib/z", "0o100644"),
        ("main", "0o100755"),
        ("outside", "0o100644"),
        ("run.sh", "0o100755"),
    ];
    assert_eq!(seen, json!(files.map(|(name, mode)| json!([name, mode, 3]))));
    let hashes = room.python(
        "import hashlib, json, zipfile
z = zipfile.ZipFile('new.zip')
print(json.dumps([hashlib.sha256(z.read(i)).hexdigest() for i in z.infolist()]))",
    );
    let entries = manifest["entries"].as_array().unwrap();
    assert_eq!(
        entries.iter().map(|entry| &entry["sha256"]).collect::<Vec<_>>(),
        hashes.as_array().unwrap().iter().collect::<Vec<_>>()
    );
    assert_eq!((&entries[2]["link"], &entries[4]["mode"]), (&json!("../a.json"), &json!("0755")));
    let whole = room.python(
        "import base64, hashlib, json
h = hashlib.sha256(open('new.zip', 'rb').read())
print(json.dumps([h.hexdigest(), base64.b64encode(h.digest()).decode()]))",
    );
    assert_eq!(whole, json!([manifest["output"]["sha256"], manifest["output"]["code_sha256"]]));

    if room.tool("unzip", &["-q", "new.zip", "-d", "task"]).is_some() {
        assert_eq!(fs::read_link(room.path("task/lib/inside")).unwrap().to_str(), Some("../a.json"));
        assert_eq!(room.bytes("task/outside"), b"told by a link");
        assert_eq!(room.bytes("task/bootstrap"), room.bytes("shim"));
    }

    // Written in another order, at another time, where nothing has execute bits.
    let other = Room::new("elsewhere");
    build(&other, &["build/lib/z", "build/a.json", "build/run.sh", "build/main"], 0o644);
    other.packed(&["--handler", "build", "-o", "b.zip"]);
    assert!(other.bytes("b.zip") == room.bytes("new.zip"));
    let piped = other.pack(&["--handler", "build", "-o", "-"]);
    assert!(piped.status.success() && piped.stdout == room.bytes("new.zip"));
}

/// If this fails and nothing here was changed, the library for deflate makes other bytes than it did: packages are
/// sound, but no longer those of older releases. Say so in CHANGELOG.md.
#[test]
fn the_same_bytes_as_in_the_release_before() {
    let room = Room::new("golden");
    room.0.write("words.txt", 0o644, "a go1.x handler does not ask for its events. ".repeat(400).as_bytes());
    room.0.write("main", 0o755, &handler("rpc").build());
    let manifest = room.packed(&["--handler", "main", "words.txt", "-o", "golden.zip"]);
    assert_eq!(manifest["output"]["sha256"], GOLDEN);
}

const GOLDEN: &str = "f8213132647d3c3902b6415ed2be3f520b8751398e65b9433b2f0f3ab70020d6";

#[test]
fn for_a_layer_the_zip_does_without_bootstrap() {
    let room = Room::new("without");
    let main = GoProgram { machine: AARCH64, ..handler("both") };
    room.0.write("shim", 0o755, b"it is not looked at");
    room.0.write("main", 0o755, &main.build());
    let manifest = room.packed(&["--handler", "main", "--no-bootstrap", "-o", "main.zip"]);
    assert_eq!(manifest["architecture"], "arm64");
    let names: Vec<_> = manifest["entries"].as_array().unwrap().iter().map(|entry| &entry["name"]).collect();
    assert_eq!(names, ["main"]);
}

#[test]
fn what_could_not_run_is_not_written() {
    let room = Room::new("refusals");
    let main = room.0.write("main", 0o755, &handler("rpc").build());
    room.0.write("arm", 0o755, &GoProgram { machine: AARCH64, ..handler("rpc") }.build());
    room.0.write("notes", 0o644, b"notes");
    room.0.write("other/main", 0o755, b"");
    room.0.write("bootstrap", 0o755, &handler("both").build());
    let refused = |arguments: &[&str], code, words: &[&str]| room.refused(arguments, code, words);

    refused(&["--handler", "arm"], 2, &["shim is built for x86_64, and the function for aarch64 (arm64)"]);
    refused(&["--handler", "arm", "main"], 1, &["programs for x86_64 and for arm64", "--arch"]);
    refused(
        &["--handler", "arm", "--arch", "x86_64"],
        1,
        &["it would not run on provided.al2023, and is not written: arm: ", "built for aarch64", "help: "],
    );
    refused(&["--handler", "notes"], 1, &["there is no Lambda handler in it"]);
    refused(
        &["--handler", "main", "--setting", "man"],
        1,
        &["the handler setting man is no file of the package", "it can be main"],
    );
    refused(&["--handler", "main", "other/main"], 2, &["two files would both be main"]);
    refused(&["--handler", "bootstrap"], 1, &["would have the same name"]);
    room.0.write("nested/bootstrap/main", 0o755, &handler("rpc").build());
    refused(&["--handler", "nested"], 1, &["it has a folder bootstrap"]);
    refused(&["--handler", "/no/such/file"], 2, &["/no/such/file: No such file"]);
    refused(&["--handler", "/dev/zero"], 2, &["/dev/zero is not a file"]);
    refused(&["--layer", "--on", "go1.x"], 2, &["go1.x starts no bootstrap"]);

    let newer = dynamic(X86_64, Some("/lib64/ld-linux-x86-64.so.2"), &["libc.so.6"], &["GLIBC_2.38"]);
    let mut newer = newer;
    newer.text("_LAMBDA_SERVER_PORT");
    room.0.write("newer", 0o755, &newer.finish());
    refused(&["--handler", "newer"], 1, &["it needs GLIBC_2.38, and provided.al2023 has 2.34"]);

    // 250 MB, of which none is on the disk.
    let large = fs::File::create(room.path("large")).unwrap();
    large.set_len((250 << 20) + 1).unwrap();
    refused(&["--handler", "main", "large"], 2, &["more than 262144000 bytes"]);
    drop(large);

    // Of a folder: links that lead nowhere, or to folders elsewhere.
    fs::create_dir(room.path("build")).unwrap();
    symlink("nowhere", room.path("build/link")).unwrap();
    refused(&["--handler", &main, "build"], 2, &["build/link is a link to nowhere, which is no file"]);
    fs::remove_file(room.path("build/link")).unwrap();
    symlink("../other", room.path("build/link")).unwrap();
    refused(&["--handler", &main, "build"], 2, &["build/link is a link to ../other, which is no file"]);
}

#[test]
fn the_bootstrap_has_to_be_one() {
    let room = Room::new("shims");
    room.0.write("main", 0o755, &handler("rpc").build());
    let help =
        "help: build it (cargo build --release -p go1x --bin bootstrap --target x86_64-unknown-linux-musl)";
    let mut linked = dynamic(X86_64, Some("/lib64/ld-linux-x86-64.so.2"), &["libc.so.6"], &["GLIBC_2.17"]);
    linked.text("GO1X_READY_TIMEOUT_MS");
    for (bytes, why) in [
        (&b"#!/bin/sh\n"[..], "is not go1x's bootstrap: "),
        (&handler("rpc").build(), "is not go1x's bootstrap: it has none of its settings in it"),
        (&linked.finish(), "is linked dynamically (loader /lib64/ld-linux-x86-64.so.2)"),
        (&shim(AARCH64, &[]), "is built for aarch64 (arm64), and the function for x86_64"),
    ] {
        room.0.write("shim", 0o755, bytes);
        room.refused(&["--layer"], 2, &[why, help]);
        room.refused(&["--handler", "main"], 2, &[why, help]);
    }
    room.refused(
        &["--layer", "--bootstrap", "/no/such"],
        2,
        &["/no/such cannot be read: No such file", help],
    );
    // Built with the feature norpc it is for handlers that poll for themselves.
    room.0.write("shim", 0o755, &shim(X86_64, &[]));
    room.refused(
        &["--handler", "main"],
        1,
        &["main: it serves RPC alone, and this bootstrap was built without"],
    );
    room.0.write("polls", 0o755, &handler("runtime-api").build());
    for what in [&["--handler", "polls", "-o", "polls.zip"][..], &["--layer", "-o", "layer.zip"]] {
        let manifest = room.packed(what);
        let findings = manifest["inspect"]["findings"].as_array().unwrap();
        let note = findings.iter().find(|finding| finding["member"] == "bootstrap").unwrap();
        assert!(note["message"].as_str().unwrap().starts_with("it was built without RPC"), "{note}");
    }
    // One that is named comes before the variable.
    room.0.write("named", 0o755, &shim(X86_64, &["Function.Invoke"]));
    room.packed(&["--handler", "main", "--bootstrap", "named", "-o", "main.zip"]);
}

#[test]
fn a_zip_that_is_not_understood_is_refused() {
    let room = Room::new("damaged");
    let old = write_old(&room, "pass");
    let refused = |bytes: &[u8], code, words: &[&str]| {
        room.0.write("bad.zip", 0o644, bytes);
        room.refused(&["--zip", "bad.zip"], code, words);
    };
    refused(b"", 2, &["bad.zip: the zip is refused: "]);
    refused(&old[..old.len() - 1], 2, &["bad.zip"]);
    refused(
        &[&b"#!/bin/sh\n"[..], &old].concat(),
        2,
        &["bad.zip: something stands in front of it", "pack it anew"],
    );
    refused(&[&old[..], b"behind"].concat(), 2, &["bad.zip: something follows its end record"]);
    // A byte of the program: it has another checksum then.
    let mut damaged = old.clone();
    damaged[old.len() / 4] ^= 1;
    refused(&damaged, 2, &["bad.zip", "bin/orders", "cannot be unpacked"]);
    // Any other byte of the directory: an answer, whatever it is.
    let directory = old.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    for at in (directory..old.len()).step_by(5) {
        let mut damaged = old.clone();
        damaged[at] ^= 0xff;
        room.0.write("bad.zip", 0o644, &damaged);
        let output = room.pack(&["--zip", "bad.zip", "--force", "-o", "answer.zip"]);
        assert!(matches!(output.status.code(), Some(0..=2)), "{at}: {output:?}");
    }
    room.python("import zipfile\nz = zipfile.ZipFile('main.zip', 'w')\ni = zipfile.ZipInfo('main')\ni.external_attr = 0o100644 << 16\nz.writestr(i, open('main', 'rb').read())");
    room.refused(
        &["--zip", "main.zip"],
        1,
        &["main: it is not executable (mode 0644)", "pack it with mode 0755"],
    );
}

#[test]
fn nothing_is_written_over_unless_that_is_said() {
    let room = Room::new("overwrite");
    room.0.write("layer.zip", 0o644, b"mine");
    room.0.write("layer.json", 0o644, b"mine too");
    for outputs in
        [["-o", "layer.zip", "--manifest", "new.json"], ["-o", "new.zip", "--manifest", "layer.json"]]
    {
        let output = room.pack(&[&["--layer"], &outputs[..]].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(" is there already\nhelp: --force writes over it"), "{said}");
    }
    assert_eq!((room.bytes("layer.zip"), room.bytes("layer.json")), (b"mine".into(), b"mine too".into()));
    assert!(!room.path("new.zip").exists() && !room.path("new.json").exists());
    let told = room.packed(&["--layer", "--force", "-o", "layer.zip", "--manifest", "layer.json"]);
    let kept: serde_json::Value = serde_json::from_slice(&room.bytes("layer.json")).unwrap();
    assert_eq!(kept, told);
    assert_eq!(room.bytes("layer.zip").len() as u64, told["output"]["size"].as_u64().unwrap());
    let missing = room.pack(&["--layer", "-o", "no/such/folder.zip"]);
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
    assert_eq!(room.pack(&["--layer", "--zip", "layer.zip", "-o", "x.zip"]).status.code(), Some(2));
    assert_eq!(room.pack(&["-o", "x.zip"]).status.code(), Some(2));
}

/// What Go itself built, packed by Info-ZIP, with bootstrap added to it.
#[test]
fn real_handlers() {
    let room = Room::new("real");
    let Some(old) = peers::require(Peer::HandlerOld) else { return };
    let Some(new) = peers::require(Peer::HandlerCurrent) else { return };
    for (path, name) in [(old, "old"), (new, "bin/new")] {
        room.0.write(name, 0o755, &fs::read(path).unwrap());
    }
    symlink("bin/new", room.path("current")).unwrap();
    if room.tool("zip", &["-qry", "real.zip", "old", "bin", "current"]).is_none() {
        return;
    }
    let manifest = room.packed(&["--zip", "real.zip", "-o", "packed.zip", "--setting", "current"]);
    let doors: Vec<_> = manifest["inspect"]["programs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|program| &program["verdict"]["doors"])
        .collect();
    assert_eq!(doors, ["rpc", "both", "bridge"]);
    room.tool("unzip", &["-q", "packed.zip", "-d", "task"]).unwrap();
    for name in ["old", "bin/new", "current"] {
        assert!(room.bytes(&format!("task/{name}")) == room.bytes(name), "{name}");
    }
    let listed = room.tool("unzip", &["-Z", "packed.zip"]).unwrap();
    assert_eq!(listed.lines().filter(|line| line.starts_with("-rwxr-xr-x")).count(), 3, "{listed}");
    assert!(
        listed.lines().any(|line| line.starts_with("lrwxrwxrwx") && line.ends_with("current")),
        "{listed}"
    );
}
