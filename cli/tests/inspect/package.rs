//! Zips and folders: what Lambda would find in `/var/task`, and zips that nobody makes in good faith.

use std::fs;
use std::io::{Cursor, Write as _};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::support::{Folder, check_findings, go1x, handler, json, run};
use crate::executables::{self, AARCH64, GoProgram, X86_64};

/// A zip, file by file: name, mode, content; a mode with `S_IFLNK` makes a link.
fn zipped(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, mode, content) in files {
        let options = SimpleFileOptions::default().unix_permissions(mode & 0o7777);
        if mode & 0o170_000 == 0o120_000 {
            writer.add_symlink(*name, std::str::from_utf8(content).unwrap(), options).unwrap();
        } else if name.ends_with('/') {
            writer.add_directory(*name, options).unwrap();
        } else {
            writer.start_file(*name, options.compression_method(CompressionMethod::Deflated)).unwrap();
            writer.write_all(content).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

const LINK: u32 = 0o120_777;

fn inspect(bytes: &[u8], arguments: &[&str]) -> (i32, Value) {
    let folder = Folder::new("package");
    let path = folder.write("package.zip", 0o644, bytes);
    json(go1x(&[&["inspect", "--format", "json", &path], arguments].concat()))
}

/// A zip, what is asked, and its errors, warnings and notes.
#[track_caller]
fn check(
    files: &[(&str, u32, &[u8])],
    arguments: &[&str],
    errors: &[(&str, &str)],
    warnings: &[(&str, &str)],
    notes: &[(&str, &str)],
) {
    let (code, report) = inspect(&zipped(files), arguments);
    check_findings(&report, "error", errors);
    check_findings(&report, "warning", warnings);
    check_findings(&report, "note", notes);
    assert_eq!(code, i32::from(!errors.is_empty()), "{report:#}");
}

const NO_BOOTSTRAP: (&str, &str) = ("bootstrap", "no bootstrap at its root: Lambda starts that of a layer");

fn bridge() -> Vec<u8> {
    let mut image = executables::Image::new(X86_64);
    image.text("GO1X_READY_TIMEOUT_MS");
    image.finish()
}

#[test]
fn handlers_and_their_settings() {
    let (rpc, both) = (&*handler("rpc").build(), &*handler("both").build());
    check(&[("main", 0o755, rpc)], &[], &[], &[], &[NO_BOOTSTRAP]);
    check(&[("main", 0o755, rpc)], &["--handler", "main", "--way", "bridge"], &[], &[], &[NO_BOOTSTRAP]);
    let several = [("bin/orders", 0o755, rpc), ("bin/users", 0o755, both), ("notes.txt", 0o644, b"notes")];
    let note = ("several-handlers", "2 handlers: bin/orders, bin/users");
    check(&several, &[], &[], &[], &[NO_BOOTSTRAP, note]);
    check(&several, &["--handler", "bin/users"], &[], &[], &[NO_BOOTSTRAP]);
    let wrong = |text| [("handler-setting", text)];
    check(
        &several,
        &["--handler", "orders"],
        &wrong("orders is no file of the package"),
        &[],
        &[NO_BOOTSTRAP],
    );
    let not_main = [("main", 0o755, rpc), ("main/", 0o755, b"")];
    check(&not_main[..1], &["--handler", "other"], &wrong("other is no file"), &[], &[NO_BOOTSTRAP]);
    let (_, report) = inspect(&zipped(&several), &[]);
    let programs = report["inputs"][0]["programs"].as_array().unwrap();
    let settings: Vec<&str> = programs.iter().map(|program| program["next"][0].as_str().unwrap()).collect();
    assert!(
        settings[0].ends_with("handler setting bin/orders")
            && settings[1].ends_with("handler setting bin/users")
    );
    let mut packed = executables::Image::new(X86_64);
    packed.put(b"UPX!");
    check(&[("main", 0o755, &packed.finish())], &[], &[], &[("packed", "main: it was packed by UPX")], &[]);
    let none = [("readme", 0o644, &b"none"[..])];
    check(&none, &[], &[("not-a-handler", "no Lambda handler in it")], &[], &[]);
}

/// What another function of the same zip starts is not this one's error.
#[test]
fn what_is_not_started_is_no_error() {
    let (rpc, norpc) = (&*handler("rpc").build(), &*handler("runtime-api").build());
    let arm = &*GoProgram { machine: AARCH64, ..handler("rpc") }.build();
    let files = [("orders", 0o755, rpc), ("users", 0o644, arm)];
    let arch = "built for aarch64 (arm64), and the function's architecture is x86_64";
    let (cannot, not_executable) =
        (("cannot-start", arch), ("not-executable", "users: it is not executable"));
    let several = ("several-handlers", "2 handlers");
    check(&files, &["--arch", "x86_64"], &[cannot, not_executable], &[], &[NO_BOOTSTRAP, several]);
    let asked = ["--arch", "x86_64", "--handler", "orders"];
    check(&files, &asked, &[], &[cannot, not_executable], &[NO_BOOTSTRAP]);
    // By itself Lambda starts bootstrap alone.
    let files = [("bootstrap", 0o755, norpc), ("old", 0o755, rpc)];
    let wrong = ("wrong-door", "old: by itself it would wait");
    let shadows = ("bootstrap", "not that of a layer");
    check(&files, &["--way", "direct"], &[], &[wrong, shadows, several], &[]);
}

#[test]
fn bootstrap_at_the_root_and_elsewhere() {
    let (rpc, norpc, bridge) = (&*handler("rpc").build(), &*handler("runtime-api").build(), &*bridge());
    // go1x's own, in the zip and alone in a layer.
    check(&[("main", 0o755, rpc), ("bootstrap", 0o755, bridge)], &["--way", "bridge"], &[], &[], &[]);
    check(&[("bootstrap", 0o755, bridge)], &[], &[], &[], &[]);
    // What AWS's build-lambda-zip makes.
    let linked = [("main", 0o755, norpc), ("bootstrap", LINK, &b"main"[..])];
    check(
        &linked,
        &["--way", "direct"],
        &[],
        &[],
        &[("bootstrap", "a link to main, and not that of a layer")],
    );
    let linked = [("main", 0o755, rpc), ("bootstrap", LINK, &b"main"[..])];
    let errors = [("bootstrap", "it serves go1.x's RPC alone, and nobody would call it")];
    check(&linked, &[], &errors, &[], &[]);
    // It shadows the layer that the other program needs.
    let shadowing = [("main", 0o755, rpc), ("bootstrap", 0o755, norpc)];
    let several = ("several-handlers", "2 handlers");
    check(&shadowing, &[], &[], &[("bootstrap", "not that of a layer")], &[several]);
    check(&shadowing, &["--way", "bridge"], &[("bootstrap", "not that of a layer")], &[], &[several]);
    check(&shadowing, &["--on", "go1.x"], &[], &[], &[several]);
    // Not where Lambda looks.
    let deep = [("main", 0o755, norpc), ("bin/bootstrap", 0o755, norpc)];
    let elsewhere = ("bootstrap", "bin/bootstrap: Lambda looks for bootstrap at the root");
    check(&deep, &[], &[], &[elsewhere], &[NO_BOOTSTRAP, several]);
    let missing = ("bootstrap", "it has no bootstrap at its root");
    check(&deep[..1], &["--way", "direct"], &[missing], &[], &[]);
    let scripted = [("main", 0o755, norpc), ("bootstrap", 0o755, &b"#!/bin/sh\nexec ./main\n"[..])];
    check(&scripted, &[], &[], &[], &[("bootstrap", "a script, and not that of a layer")]);
}

#[test]
fn permissions_scripts_and_links() {
    let rpc = &*handler("rpc").build();
    check(
        &[("main", 0o644, rpc)],
        &[],
        &[("not-executable", "main: it is not executable (mode 0644)")],
        &[],
        &[NO_BOOTSTRAP],
    );
    // As Windows makes them: no permissions at all.
    let mut windows = zipped(&[("main", 0o755, rpc)]);
    let directory = windows.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    windows[directory + 5] = 0;
    windows[directory + 38..directory + 42].copy_from_slice(&0x20_u32.to_le_bytes());
    let (code, report) = inspect(&windows, &[]);
    check_findings(&report, "error", &[("not-executable", "main: no permissions are stored")]);
    assert_eq!(code, 1);

    let script = |text: &'static str| [("main", 0o755, rpc), ("bootstrap", 0o755, text.as_bytes())];
    let errors = [("script", "bootstrap: its first line ends as lines on Windows do")];
    let notes = [("bootstrap", "a script")];
    // The other program serves RPC alone, so that the bootstrap's kind is worth a warning.
    check(&script("#!/bin/sh\r\nexec ./main\r\n"), &[], &errors, &notes, &[]);
    let warnings = [("script", "/usr/bin/python3 may not be there"), notes[0]];
    check(&script("#!/usr/bin/python3\n"), &[], &[], &warnings, &[]);

    let links = |target: &'static str| [("main", 0o755, rpc), ("lib/link", LINK, target.as_bytes())];
    check(&links("../main"), &[], &[], &[], &[NO_BOOTSTRAP]);
    for (target, text) in [
        ("../../etc/passwd", "leads to ../../etc/passwd, out of the package"),
        ("/etc/passwd", "leads to /etc/passwd, out of the package"),
        ("gone", "leads to gone, which is not in the package"),
        ("link", "lead in a circle"),
    ] {
        check(&links(target), &[], &[], &[("link", text)], &[NO_BOOTSTRAP]);
    }
    check(
        &[("main", 0o755, rpc), ("bootstrap", LINK, b"gone")],
        &[],
        &[("link", "bootstrap: the link leads to gone")],
        &[],
        &[],
    );
}

#[test]
fn names_and_layout() {
    let rpc = &*handler("rpc").build();
    let with = |name: &'static str| [("main", 0o755, rpc), (name, 0o644, &b"text"[..])];
    for name in ["../evil", "/etc/cron.d/evil", "a/../../evil"] {
        check(&with(name), &[], &[("name", "its name leads out of the package")], &[], &[NO_BOOTSTRAP]);
    }
    check(&with("bin\\main.exe"), &[], &[], &[("name", "backslash")], &[NO_BOOTSTRAP]);
    check(&with("red\x1b[31m"), &[], &[], &[("name", "cannot be seen")], &[NO_BOOTSTRAP]);
    let deep: &'static str = Box::leak(format!("{}file", "deep/".repeat(40)).into_boxed_str());
    check(&with(deep), &[], &[], &[("name", "too many folders deep")], &[NO_BOOTSTRAP]);
    let foldered =
        [("orders/", 0o755, &b""[..]), ("orders/main", 0o755, rpc), ("orders/notes", 0o644, b"text")];
    check(&foldered, &[], &[], &[("in-a-folder", "all of it lies in the folder orders")], &[NO_BOOTSTRAP]);

    // Two files of one name, which no packer writes.
    let mut twice = zipped(&[("main", 0o755, rpc), ("mein", 0o644, b"text")]);
    while let Some(place) = twice.windows(4).position(|window| window == b"mein") {
        twice[place + 1] = b'a';
    }
    let (_, report) = inspect(&twice, &[]);
    let warnings = report["inputs"][0]["findings"].as_array().unwrap();
    assert!(warnings.iter().any(|finding| finding["rule"] == "duplicate-name"), "{report:#}");

    // What a terminal would take for a command is not handed to it.
    let folder = Folder::new("terminal");
    let path = folder.write("package.zip", 0o644, &zipped(&[("\x1b[32mmain", 0o755, rpc)]));
    folder.write("\x1b[32mbad.zip", 0o644, b"PK\x03\x04");
    // With colours of its own, so that nothing else takes them out.
    let mut command = go1x(&["inspect", &path, folder.path().to_str().unwrap()]);
    let output = run(command.env("CLICOLOR_FORCE", "1"));
    for said in [output.stdout, output.stderr] {
        let said = String::from_utf8(said).unwrap();
        assert!(
            said.contains("\\u{1b}[32m") && !said.contains("\x1b[32mmain") && !said.contains("\x1b[32mbad"),
            "{said:?}"
        );
    }
}

#[test]
fn a_folder_is_a_package_and_has_packages_in_it() {
    let rpc = handler("rpc").build();
    let folder = Folder::new("folder");
    folder.write("bin/main", 0o755, &rpc);
    folder.write("out/one.zip", 0o644, &zipped(&[("main", 0o755, &rpc)]));
    folder.write("out/damaged.zip", 0o644, b"PK\x03\x04 and no more");
    folder.write("out/library.jar", 0o644, &zipped(&[("META-INF/", 0o755, b"")]));
    // Neither a circle nor what is outside is followed.
    symlink("..", folder.path().join("bin/circle")).unwrap();
    symlink("/usr/bin", folder.path().join("outside")).unwrap();
    let path = folder.path().to_str().unwrap();
    let (code, report) = json(go1x(&["inspect", "--format", "json", path]));
    assert_eq!(code, 2, "one cannot be read");
    let kinds: Vec<&Value> =
        report["inputs"].as_array().unwrap().iter().map(|input| &input["kind"]).collect();
    assert_eq!(kinds, ["folder", "refused", "zip"]);
    let names = |input: &Value| {
        input["programs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|program| program["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&report["inputs"][0]), [json!("bin/main")]);
    assert_eq!(names(&report["inputs"][2]), [json!("main")]);
    check_findings(&report, "warning", &[("link", "outside: the link leads to /usr/bin")]);
}

#[test]
fn libraries_may_come_with_the_package() {
    let mut linked =
        executables::dynamic(X86_64, Some("/lib64/ld-linux-x86-64.so.2"), &["libsqlite3.so.0"], &[]);
    linked.text("_LAMBDA_SERVER_PORT");
    let linked = &*linked.finish();
    let warnings = [("unsure", "little"), ("libraries", "it needs libsqlite3.so.0")];
    check(&[("main", 0o755, linked)], &[], &[], &warnings, &[NO_BOOTSTRAP]);
    let brought = [("main", 0o755, linked), ("lib/libsqlite3.so.0", 0o644, b"library")];
    check(&brought, &[], &[], &warnings[..1], &[NO_BOOTSTRAP]);
}

#[test]
fn a_folder_of_zips_is_no_package() {
    let folder = Folder::new("zips");
    folder.write("one.zip", 0o644, &zipped(&[("main", 0o755, &handler("rpc").build())]));
    folder.write("notes.txt", 0o644, b"text");
    let path = folder.path().to_str().unwrap();
    let (code, report) = json(go1x(&["inspect", "--format", "json", path]));
    assert_eq!((code, report["inputs"].as_array().unwrap().len()), (0, 1), "{report:#}");
    folder.write(&format!("{}deep", "deep/".repeat(40)), 0o644, b"text");
    let (_, report) = json(go1x(&["inspect", "--format", "json", path]));
    check_findings(&report, "warning", &[("not-looked-at", "more than 32 folders deep")]);
}

/// What unpacks without end is refused before it is unpacked, with the limit in the error.
#[test]
fn bombs_are_refused() {
    let refused = |bytes: &[u8], text: &str| {
        let folder = Folder::new("bomb");
        let path = folder.write("bomb.zip", 0o644, bytes);
        let began = Instant::now();
        let output = run(&mut go1x(&["inspect", &path]));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.starts_with("error: ") && said.contains("the zip is refused") && said.contains(text),
            "{said}"
        );
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    };
    let zeros = vec![0; 64 << 20];
    let bomb = zipped(&[("main", 0o755, &zeros)]);
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    refused(&bomb, "unpacks to 67108864 bytes from 65");
    refused(&bomb, "more than 200 times its size");

    // Sizes that are lies: many files, each of almost all that a number can say.
    let many: Vec<String> = (0..3).map(|number| format!("file{number}")).collect();
    let many: Vec<(&str, u32, &[u8])> = many.iter().map(|name| (&**name, 0o755, &b"x"[..])).collect();
    let mut lying = zipped(&many);
    let entries: Vec<usize> =
        (0..lying.len() - 4).filter(|at| lying[*at..].starts_with(b"PK\x01\x02")).collect();
    for at in entries {
        // Compressed and uncompressed size.
        lying[at + 20..at + 28].copy_from_slice(&[0xf0; 8]);
    }
    refused(&lying, "it unpacks to more than 4194304000 bytes; Lambda takes 262144000");

    // ZIP64's directory, which could ask for more memory than there is.
    let plain = zipped(&[("main", 0o755, b"x")]);
    let end = plain.windows(4).rposition(|window| window == b"PK\x05\x06").unwrap();
    let mut zip64 = plain[..end].to_vec();
    zip64.extend(b"PK\x06\x07");
    zip64.extend([0; 16]);
    zip64.extend(&plain[end..]);
    refused(&zip64, "ZIP64");

    // A program whose size in the directory is smaller than what comes out.
    let program = handler("rpc").build();
    let mut short = zipped(&[("main", 0o755, &program)]);
    let entry = short.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    short[entry + 24..entry + 28].copy_from_slice(&100_u32.to_le_bytes());
    let (code, report) = inspect(&short, &[]);
    assert_eq!(code, 1, "{report:#}");
}

#[test]
fn packages_too_large_for_lambda() {
    // Not a bomb: it does not get small.
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..(53 << 20) / 8)
        .flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        })
        .collect();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored =
        SimpleFileOptions::default().unix_permissions(0o755).compression_method(CompressionMethod::Stored);
    writer.start_file("main", stored).unwrap();
    writer.write_all(&handler("rpc").build()).unwrap();
    writer.start_file("noise", stored).unwrap();
    writer.write_all(&noise).unwrap();
    let (_, report) = inspect(&writer.finish().unwrap().into_inner(), &[]);
    check_findings(&report, "warning", &[("size", "a request takes 52428800")]);

    // A folder's files are measured, not read.
    let folder = Folder::new("large");
    folder.write("main", 0o755, &handler("rpc").build());
    let large = fs::File::create(folder.path().join("large")).unwrap();
    large.set_len((250 << 20) + 1).unwrap();
    let (code, report) = json(go1x(&["inspect", "--format", "json", folder.path().to_str().unwrap()]));
    check_findings(&report, "error", &[("size", "Lambda takes 262144000, with layers")]);
    assert_eq!(code, 1);
}

/// The command itself, with zips that are damaged at random: never a panic, never a signal.
#[test]
fn damaged_zips_end_in_an_exit_code() {
    let (rpc, bridge) = (handler("rpc").build(), bridge());
    let files = [
        ("bin/main", 0o755, &*rpc),
        ("bootstrap", 0o755, &*bridge),
        ("lib/link", LINK, &b"../bin/main"[..]),
        ("run", 0o755, b"#!/bin/sh\r\n"),
    ];
    let sound = zipped(&files);
    let folder = Folder::new("damaged");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut codes = [0; 3];
    for round in 0..200 {
        let mut bytes = sound.clone();
        for _ in 0..=random(4) {
            let place = random(bytes.len());
            bytes[place] = random(256) as u8;
        }
        if round % 8 == 0 {
            bytes.truncate(random(bytes.len()));
        }
        let path = folder.write("damaged.zip", 0o644, &bytes);
        for format in ["text", "sarif"] {
            let output = run(&mut go1x(&["inspect", "--format", format, &path]));
            let code = output.status.code().unwrap_or(-1);
            assert!((0..3).contains(&code), "round {round}: {output:?}");
            codes[code as usize] += 1;
        }
    }
    assert!(codes.iter().all(|count| *count > 0), "of each there are some: {codes:?}");
}
