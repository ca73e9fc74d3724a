//! What is tried of each command: everything that can be wrong, and results as JSON.

use std::fmt;
use std::fs;
use std::io::{Cursor, Write as _};
use std::os::unix::fs::symlink;
use std::process::{Command, Output};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::executables::{AARCH64, GoProgram, X86_64, dynamic};
use crate::room::{Room, shim};
use crate::support::{go1x, handler, run};

/// A line of a shell: variables, go1x, arguments.
pub(crate) struct Case(String);

impl Case {
    pub(crate) fn new(line: &str) -> Case {
        Case(line.to_owned())
    }

    pub(crate) fn command(&self, room: &Room) -> Command {
        let words = self.0.split_whitespace();
        let variables = words.clone().take_while(|word| *word != "go1x");
        let arguments: Vec<&str> = words.skip_while(|word| *word != "go1x").skip(1).collect();
        let mut command = go1x(&arguments);
        command.current_dir(room.0.path()).env("GO1X_BOOTSTRAP", "shim").env_remove("COLUMNS");
        command.envs(variables.map(|variable| variable.split_once('=').expect("NAME=VALUE")));
        command
    }

    pub(crate) fn run(&self, room: &Room) -> Output {
        run(&mut self.command(room))
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One line, one case.
fn cases(command: &str, lines: &str) -> Vec<Case> {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| match line.split_once(" | ") {
            Some((variables, arguments)) => Case(format!("{variables} go1x {command} {arguments}")),
            // The command alone.
            None if line == "." => Case(format!("go1x {command}")),
            None => Case(format!("go1x {command} {line}").replace("  ", " ")),
        })
        .collect()
}

/// What goes wrong.
pub(crate) fn errors(command: &str) -> Vec<Case> {
    let lines = match command {
        "" => {
            "nonsense
             dmo
             help gbo
             help demo twice
             --nonsense
             --vers
             -x"
        }
        "demo" => {
            "--format
             --format jsn
             --format xml
             --nogo
             twice
             TMPDIR=missing | --no-go"
        }
        // Without what depends on the machine: its CPUs, and the architecture that a bootstrap has to be for.
        "bench" => {
            "--quick --full
             --measure luck
             --sizes 7m
             --concurrency 0
             --rounds many
             --frozen always
             --cpu one
             --network none
             --format xml
             --env NAME
             main
             main --events
             main --events missing
             main --events nowhere
             main --events notes
             main --events heavy
             main --events build --sizes 1k
             main --events build --contestants rust-direct
             main --events build --contestants go-direct
             main --events build --contestants go-direct --rebuilt missing
             missing --events build
             build --events build
             polls --events build
             unserved --events build
             --events build
             --rebuilt main
             --any-answer
             --compare main
             --contestants mine --compare mine=missing
             --contestants mine --compare mine=false --compare mine=true
             --contestants mine --compare mine=false --against yours
             --contestants mine --compare mine=false --quick
             --contestants brigde
             GO1X_CACHE=/dev/null/cache | --contestants go-direct
             --report notes
             --report notes/report
             --from missing
             --from notes
             --from build
             --from newer.json
             --from results.json --rounds 3
             --from results.json --network machine
             --from results.json --baseline missing
             --from results.json --baseline faster.json
             --baseline notes"
        }
        "gob" => {
            ".
             one two
             --xml notes
             --json=yes notes
             missing
             build
             notes
             cut.gob
             --json cut.gob
             damaged.gob"
        }
        "inspect" => {
            ".
             --on
             --on al2023 main
             --way= main
             --arch x86 main
             --format html main
             --hander main main.zip
             missing
             missing notes /dev/null
             main.zip cut.zip
             notes
             arm --arch x86_64
             main --way direct
             newer
             newer arm --arch x86_64
             main.zip --handler man"
        }
        "pack" => {
            ".
             --layer
             -o new.zip
             -o
             --layer -o
             --layer --zip main.zip -o new.zip
             --layer --layer -o new.zip
             --layer --no-bootstrap -o new.zip
             --layer --replace -o new.zip
             --layer --image -o new.tar
             --layer --setting main -o new.zip
             --handler main --base base -o new.tar
             --handler main --no-bootstrap --image -o new.tar
             --handler -o new.zip
             --layer --arch amd46 -o new.zip
             --layer --on al2 -o new.zip
             --layer --on go1.x -o new.zip
             --layer -o main.zip
             --layer -o new.zip --manifest main.zip
             --layer -o missing/new.zip
             --layer -o ..
             --layer --bootstrap missing -o new.zip
             --layer --bootstrap build -o new.zip
             --layer --bootstrap notes -o new.zip
             --layer --bootstrap main -o new.zip
             --layer --bootstrap linked -o new.zip
             --layer --arch arm64 -o new.zip
             GO1X_BOOTSTRAP=missing | --layer -o new.zip
             --zip missing -o new.zip
             --zip notes -o new.zip
             --zip cut.zip -o new.zip
             --zip behind.zip -o new.zip
             --zip front.zip -o new.zip
             --zip damaged.zip -o new.zip
             --zip own.zip -o new.zip
             --zip both.zip -o new.zip
             --zip mode.zip -o new.zip
             --zip notes.zip -o new.zip
             --zip main.zip --setting man -o new.zip
             --zip main.zip --bootstrap unserved -o new.zip
             --handler missing -o new.zip
             --handler /dev/zero -o new.zip
             --handler arm -o new.zip
             --handler arm main -o new.zip
             --handler arm --arch x86_64 -o new.zip
             --handler notes -o new.zip
             --handler newer -o new.zip
             --handler main other/main -o new.zip
             --handler other/bootstrap -o new.zip
             --handler nested -o new.zip
             --handler main nowhere -o new.zip
             --handler main elsewhere -o new.zip
             --handler main large -o new.zip
             --handler main --bootstrap unserved -o new.zip
             --image --handler main polls -o new.tar
             --image --handler main --base missing -o new.tar
             --image --handler main --base base -o new.tar
             --image --handler main --base build -o new.tar"
        }
        "completions" => {
            ".
             csh
             bsh
             bash zsh"
        }
        "man" => {
            ".
             one two
             notes
             notes/man1"
        }
        other => panic!("what can go wrong with `go1x {other}`? Its errors belong here"),
    };
    cases(command, lines)
}

/// What has a result as JSON, so that all of the help's shape is seen in it.
pub(crate) fn results(command: &str) -> Vec<Case> {
    let lines = match command {
        "bench" => "--from results.json --format json",
        "demo" => "--no-go --format json",
        "gob" => {
            "--json point.gob
             --json cut.gob
             --json types.gob"
        }
        "inspect" => "--format json main.zip mode.zip looking newer missing",
        "pack" => {
            "--format json --force --handler build looking newest -o results.zip --on provided.al2
             --format json --force --layer -o layer.zip"
        }
        "" | "completions" | "man" => "",
        other => panic!("which results has `go1x {other}`? They belong here"),
    };
    cases(command, lines)
}

/// A folder with all that the cases name.
pub(crate) fn room() -> Room {
    let room = Room::new("manners");
    let write = |name: &str, bytes: &[u8]| room.0.write(name, 0o755, bytes);
    let main = handler("rpc").build();
    let arm = GoProgram { machine: AARCH64, ..handler("rpc") }.build();
    write("main", &main);
    write("arm", &arm);
    write("polls", &handler("runtime-api").build());
    write("other/main", &main);
    write("other/bootstrap", &handler("both").build());
    write("nested/bootstrap/main", &main);
    write("notes", b"notes");
    write("build/main", &main);
    symlink("main", room.path("build/link")).unwrap();
    fs::create_dir(room.path("heavy")).unwrap();
    for (folder, target) in [("nowhere", "missing"), ("elsewhere", "../other")] {
        fs::create_dir(room.path(folder)).unwrap();
        symlink(target, room.path(folder).join("link")).unwrap();
    }
    let large = fs::File::create(room.path("large")).unwrap();
    large.set_len((250 << 20) + 1).unwrap();

    let functions = ["main.isLambda", "net/rpc.(*Server).ServeCodec"];
    let functions = [&functions[..], handler("rpc").functions].concat();
    let uses = &[(0, "_LAMBDA_SERVER_PORT")];
    write("looking", &GoProgram { uses, functions: &functions, ..GoProgram::default() }.build());
    let needing = |version: &str| {
        let loader = Some("/lib64/ld-linux-x86-64.so.2");
        let mut image = dynamic(X86_64, loader, &["libc.so.6"], &[version]);
        image.text("_LAMBDA_SERVER_PORT");
        image
    };
    write("newer", &needing("GLIBC_2.38").finish());
    write("newest", &needing("GLIBC_2.17").finish());
    let mut linked = needing("GLIBC_2.17");
    linked.text("GO1X_READY_TIMEOUT_MS");
    write("linked", &linked.finish());
    write("unserved", &shim(X86_64, &[]));

    let zip = |files: &[(&str, u32, &[u8])]| {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, mode, bytes) in files {
            zip.start_file(*name, SimpleFileOptions::default().unix_permissions(*mode)).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    };
    let whole = zip(&[("main", 0o755, &main)]);
    write("main.zip", &whole);
    write("cut.zip", &whole[..whole.len() - 1]);
    write("behind.zip", &[&whole[..], b"behind"].concat());
    write("front.zip", &[b"#!/bin/sh\n", &whole[..]].concat());
    let mut damaged = whole.clone();
    damaged[100] ^= 1;
    write("damaged.zip", &damaged);
    write("own.zip", &zip(&[("main", 0o755, &main), ("bootstrap", 0o755, b"#!/bin/sh\n")]));
    write("both.zip", &zip(&[("main", 0o755, &main), ("arm", 0o755, &arm)]));
    write("mode.zip", &zip(&[("main", 0o644, &main)]));
    write("notes.zip", &zip(&[("notes", 0o644, b"notes")]));

    // One of everything that can be measured, and twelve rounds: enough to tell that something is slower.
    let results = include_str!("results.json");
    write("results.json", results.as_bytes());
    write("faster.json", results.replace("[9", "[8").as_bytes());
    write("newer.json", results.replace("\"format\": 1", "\"format\": 2").as_bytes());
    let heavy = fs::File::create(room.path("heavy/event")).unwrap();
    heavy.set_len((6 << 20) + 1).unwrap();

    write("base/index.json", b"{\"manifests\": []}");

    // Go's own example (`encoding/gob/doc.go`): `Point{22, 33}`.
    let point = b"\x1f\xff\x81\x03\x01\x01\x05Point\x01\xff\x82\x00\x01\x02\x01\x01X\x01\x04\x00\x01\x01Y\x01\x04\x00\
                  \x00\x00\x07\xff\x82\x01\x2c\x01\x42\x00";
    write("point.gob", point);
    write("cut.gob", &point[..38]);
    let mut damaged = point.to_vec();
    damaged[37] = 9;
    write("damaged.gob", &damaged);
    // What Go sent of arrays and maps.
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../compat/gob/tests/golden/array_of_maps.gob");
    fs::copy(golden, room.path("types.gob")).unwrap();
    room
}
