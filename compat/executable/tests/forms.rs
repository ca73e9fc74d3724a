//! Every form of what linkers write, by executables made by hand.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use executable::{
    Confidence, Doors, Elf, Error, Form, Glibc, Kind, Machine, Magic, Needs, Object, Obstacle, Program,
    System, Use,
};
use support::{AARCH64, GoProgram, Image, LAYOUTS, X86_64, dynamic, inline_build_info, pointed_build_info};

const MODULES: &str = "path\texample.com/orders\nmod\texample.com/orders\t(devel)\t\n\
     dep\tgithub.com/aws/aws-lambda-go\tv1.17.0\th1:sum=\n\
     dep\texample.com/old\tv1.0.0\n=>\texample.com/new\tv2.0.0\th1:sum=\n\
     build\t-tags=lambda.norpc,osusergo\nbuild\tCGO_ENABLED=0\nbuild\t-ldflags=\"-s -w\"\n";

fn check_modules(program: &Program, form: Form) {
    let info = program.build_info.as_ref().unwrap();
    assert_eq!(info.form, form);
    assert_eq!(info.path, "example.com/orders");
    assert_eq!(info.main.as_ref().unwrap().version, "(devel)");
    assert_eq!(info.dependency("github.com/aws/aws-lambda-go").unwrap().version, "v1.17.0");
    let replaced = info.dependency("example.com/old").unwrap().replaced.clone();
    assert_eq!(replaced, Some(("example.com/new".into(), "v2.0.0".into())));
    assert_eq!(info.tags(), Some(vec!["lambda.norpc", "osusergo"]));
    assert_eq!(info.setting("-ldflags"), Some("-s -w"));
    assert_eq!(info.setting("CGO_ENABLED"), Some("0"));
}

#[test]
fn build_information_is_read_in_all_its_forms() {
    for named in [true, false] {
        let mut image = Image::new(X86_64);
        let at = inline_build_info(&mut image, "go1.21.5", MODULES);
        if named {
            image.section(".go.buildinfo", at, 32);
        }
        let program = Program::read(&image.finish()).unwrap();
        check_modules(&program, Form::Inline);
        assert_eq!(program.go_version(), Some("go1.21.5"));

        let mut image = Image::new(X86_64);
        let at = pointed_build_info(&mut image, "go1.13.8", MODULES);
        if named {
            image.section(".go.buildinfo", at, 32);
        }
        let program = Program::read(&image.finish()).unwrap();
        check_modules(&program, Form::Pointers);
        assert_eq!(program.go_version(), Some("go1.13.8"));
    }
    // Go 1.12, or a header that leads nowhere: the marks alone.
    let mut image = Image::new(X86_64);
    let marks = [
        b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6",
        MODULES.as_bytes(),
        b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2",
    ];
    image.put(&marks.concat());
    let program = Program::read(&image.finish()).unwrap();
    check_modules(&program, Form::Marks);
    assert_eq!(program.go_version(), None);
    assert!(program.is_go());
}

#[test]
fn without_modules_there_is_the_version_alone() {
    let mut image = Image::new(X86_64);
    inline_build_info(&mut image, "devel go1.22-0123abcd", "");
    let program = Program::read(&image.finish()).unwrap();
    let info = program.build_info.unwrap();
    assert_eq!((&*info.go_version, &*info.path, info.tags()), ("devel go1.22-0123abcd", "", None));
    // A text that only looks like a header.
    let mut image = Image::new(X86_64);
    inline_build_info(&mut image, "no version", MODULES);
    assert!(Program::read(&image.finish()).unwrap().build_info.is_none());
}

const INVOKE: &str = "github.com/aws/aws-lambda-go/lambda.(*Function).Invoke";
const RPC: &str = "github.com/aws/aws-lambda-go/lambda.startFunctionRPC";
const API: &str = "github.com/aws/aws-lambda-go/lambda.startRuntimeAPILoop";
const SERVER: &str = "net/rpc.(*Server).ServeCodec";
const REFUSAL: &str = "_LAMBDA_SERVER_PORT was present but the function was compiled without RPC support";

#[test]
fn functions_are_read_from_every_line_table() {
    let magics = [Magic::Go12, Magic::Go116, Magic::Go118, Magic::Go120];
    for ((magic, _), expected) in LAYOUTS.into_iter().zip(magics) {
        for has_sections in [true, false] {
            let functions = &["runtime.main", INVOKE, SERVER, "main.main"];
            let program = GoProgram { magic, has_sections, functions, ..GoProgram::default() };
            let program = Program::read(&program.build()).unwrap();
            assert_eq!(program.line_table, Some(expected), "{magic:x}, {has_sections}");
            assert_eq!(program.functions, 4);
            assert_eq!(program.go_version(), Some(expected.versions()));
            assert_eq!(program.verdict.doors, Doors::Rpc, "{magic:x}, {has_sections}");
            assert_eq!(program.verdict.library.as_deref(), Some("v1.0.0 to v1.17.0"));
        }
    }
}

#[track_caller]
fn check(program: GoProgram<'_>, doors: Doors, confidence: Confidence, library: Option<&str>) -> Program {
    let found = Program::read(&program.build()).unwrap();
    let verdict = &found.verdict;
    assert_eq!(
        (verdict.doors, verdict.confidence, verdict.library.as_deref()),
        (doors, confidence, library),
        "{verdict:?}"
    );
    found
}

#[test]
fn doors_are_told_by_functions_then_versions_then_texts() {
    use Confidence::{High, Low, Medium};
    let go = || GoProgram::default();
    let with = |functions| GoProgram { functions, ..go() };
    check(with(&[INVOKE, SERVER]), Doors::Rpc, High, Some("v1.0.0 to v1.17.0"));
    check(with(&[INVOKE, SERVER, RPC, API]), Doors::Both, High, Some("v1.18.0 or newer"));
    check(with(&[INVOKE, API]), Doors::RuntimeApi, High, Some("v1.34.0 or newer"));
    // In a folder `vendor`, and in one that only ends like it.
    const VENDORED: &str =
        "example.com/orders/vendor/github.com/aws/aws-lambda-go/lambda.startRuntimeAPILoop";
    check(with(&[VENDORED]), Doors::RuntimeApi, High, Some("v1.34.0 or newer"));
    const OTHER: &str = "example.com/not-github.com/aws/aws-lambda-go/lambda.startRuntimeAPILoop";
    check(with(&[OTHER]), Doors::None, High, None);
    // Of two builds of v1.18.0 to v1.33.0 with the tag, the text tells.
    let refuses = GoProgram { functions: &[API], texts: &[REFUSAL], ..go() };
    assert!(check(refuses, Doors::RuntimeApi, High, Some("v1.18.0 to v1.33.0")).verdict.refuses_port);
    let both = GoProgram { functions: &[API, RPC], texts: &[REFUSAL], ..go() };
    assert!(!check(both, Doors::Both, High, Some("v1.18.0 or newer")).verdict.refuses_port);
    // The version of the build information is the better one.
    let known = GoProgram { functions: &[INVOKE, SERVER], build_info: Some(("go1.21.5", MODULES)), ..go() };
    check(known, Doors::Rpc, High, Some("v1.17.0"));
    // It is among the modules, but not in the program.
    let unused = GoProgram { build_info: Some(("go1.21.5", MODULES)), ..go() };
    check(unused, Doors::None, High, Some("v1.17.0"));
    check(go(), Doors::None, High, None);
    // Names that were made unreadable.
    let texts = &["_LAMBDA_SERVER_PORT", "Function.Invoke", "AWS_LAMBDA_RUNTIME_API", "/2018-06-01/runtime/"];
    check(GoProgram { texts, ..go() }, Doors::Both, Low, None);
    check(GoProgram { texts: &texts[..2], ..go() }, Doors::Rpc, Low, None);
    check(GoProgram { texts: &texts[2..], ..go() }, Doors::RuntimeApi, Low, None);
    // By hand, with net/rpc.
    let by_hand = GoProgram { functions: &[SERVER], texts: &texts[..1], ..go() };
    check(by_hand, Doors::Rpc, Medium, None);
}

#[test]
fn without_a_line_table_versions_and_tags_tell() {
    let modules = |version: &str, tags: &str| {
        format!(
            "path\tx\ndep\tgithub.com/aws/aws-lambda-go\t{version}\nbuild\tCGO_ENABLED=0\nbuild\t-tags={tags}\n"
        )
    };
    for (version, tags, doors) in [
        ("v1.17.0", "", Doors::Rpc),
        ("v1.9.0", "lambda.norpc", Doors::Rpc),
        ("v1.18.0", "", Doors::Both),
        ("v1.54.0", "a,lambda.norpc", Doors::RuntimeApi),
    ] {
        let mut image = Image::new(X86_64);
        inline_build_info(&mut image, "go1.21.5", &modules(version, tags));
        let program = Program::read(&image.finish()).unwrap();
        let verdict = program.verdict;
        assert_eq!((verdict.doors, verdict.confidence), (doors, Confidence::Medium), "{version} {tags}");
        assert_eq!(verdict.library.as_deref(), Some(version));
    }
}

#[test]
fn what_is_no_go_program_is_told_by_its_texts() {
    for (texts, doors) in [
        (&["_LAMBDA_SERVER_PORT"][..], Doors::Rpc),
        (&["AWS_LAMBDA_RUNTIME_API", "2018-06-01"], Doors::RuntimeApi),
        (&["AWS_LAMBDA_RUNTIME_API", "2018-06-01", "_LAMBDA_SERVER_PORT"], Doors::Both),
        (&["_LAMBDA_SERVER_PORT", "GO1X_READY_TIMEOUT_MS"], Doors::Bridge),
        (&["nothing of it"], Doors::None),
    ] {
        let mut image = Image::new(X86_64);
        for text in texts {
            image.text(text);
        }
        let program = Program::read(&image.finish()).unwrap();
        assert_eq!(program.verdict.doors, doors, "{texts:?}");
        assert!(!program.is_go() && program.go_version().is_none());
    }
}

#[test]
fn of_a_packed_program_nothing_is_known() {
    let mut image = Image::new(X86_64);
    image.put(b"UPX!");
    let program = Program::read(&image.finish()).unwrap();
    assert!(program.is_packed);
    assert_eq!((program.verdict.doors, program.verdict.confidence), (Doors::None, Confidence::Low));
}

#[test]
fn uses_of_variables_name_the_function_and_leave_the_library_out() {
    let vendored = "example.com/orders/vendor/github.com/aws/aws-lambda-go/lambda.Start";
    let functions = &[
        "runtime.main",
        "github.com/aws/aws-lambda-go/lambda.Start",
        "main.isLambda",
        vendored,
        "main.main",
    ];
    let port = "_LAMBDA_SERVER_PORT";
    let uses = &[(1, port), (2, port), (3, port), (4, "AWS_EXECUTION_ENV")];
    let expected = [("_LAMBDA_SERVER_PORT", "main.isLambda"), ("AWS_EXECUTION_ENV", "main.main")]
        .map(|(variable, function)| Use { variable, function: function.into() });
    for machine in [X86_64, AARCH64] {
        for (magic, is_relative) in LAYOUTS {
            for (has_sections, says_text) in [(true, true), (true, false), (false, true), (false, false)] {
                // Where the code begins is found even if the table does not say it, as since Go 1.26.
                let says_text = says_text || !is_relative;
                let program = GoProgram {
                    machine,
                    magic,
                    functions,
                    uses,
                    has_sections,
                    says_text,
                    ..GoProgram::default()
                };
                let found = Program::read(&program.build()).unwrap().uses;
                assert_eq!(found, expected, "{machine} {magic:x} {has_sections} {says_text}");
            }
        }
    }
}

const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

#[test]
fn a_dynamic_programs_needs_are_read() {
    let versions = ["GLIBC_2.2.5", "GLIBC_2.32", "GLIBC_2.3.4", "GLIBC_PRIVATE", "GLIBC_2.32", "OTHER_9.9"];
    let libraries = ["libpthread.so.0", "libc.so.6", "libsqlite3.so.0"];
    let bytes = dynamic(X86_64, Some(LOADER), &libraries, &versions).finish();
    let needs = Needs::read(&*bytes, &Elf::read(&*bytes).unwrap()).unwrap();
    assert_eq!(needs.loader.as_deref(), Some(LOADER));
    assert_eq!(needs.libraries, libraries);
    assert_eq!(needs.glibc, [Glibc(2, 2, 5), Glibc(2, 3, 4), Glibc(2, 32, 0)]);
    assert_eq!(needs.newest_glibc().unwrap().to_string(), "2.32");
    assert_eq!(needs.other_libraries().collect::<Vec<_>>(), ["libsqlite3.so.0"]);
    // The same from a file, of which only parts are read.
    let path = std::env::temp_dir().join(format!("go1x-executable-{}", std::process::id()));
    std::fs::write(&path, &bytes).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(Needs::read(&file, &Elf::read(&file).unwrap()).unwrap(), needs);
    assert_eq!(Kind::read(&file).unwrap(), Kind::Elf { machine: Machine::X86_64 });
}

#[test]
fn systems_refuse_what_they_cannot_start() {
    use System::{Go1x, ProvidedAl2, ProvidedAl2023};
    let glibc = |version: &str| dynamic(X86_64, Some(LOADER), &["libc.so.6"], &[version]);
    let all = |image: Image| {
        let bytes = image.finish();
        let elf = Elf::read(&*bytes).unwrap();
        let needs = Needs::read(&*bytes, &elf).unwrap();
        [Go1x, ProvidedAl2, ProvidedAl2023].map(|system| system.obstacle(&elf, &needs))
    };
    assert_eq!(all(Image::new(X86_64)), [None, None, None]);
    assert_eq!(all(glibc("GLIBC_2.17")), [None, None, None]);
    let newer = |version| Some(Obstacle::Glibc(version));
    assert_eq!(all(glibc("GLIBC_2.18")), [newer(Glibc(2, 18, 0)), None, None]);
    assert_eq!(all(glibc("GLIBC_2.34")), [newer(Glibc(2, 34, 0)), newer(Glibc(2, 34, 0)), None]);
    assert_eq!(all(glibc("GLIBC_ABI_DT_RELR")), [(); 3].map(|()| newer(Glibc(2, 36, 0))));
    let arm = Some(Obstacle::Machine(Machine::AARCH64));
    assert_eq!(all(Image::new(AARCH64)), [arm, None, None]);
    assert_eq!(all(Image::new(243)), [(); 3].map(|()| Some(Obstacle::Machine(Machine(243)))));
    let musl = all(dynamic(X86_64, Some("/lib/ld-musl-x86_64.so.1"), &[], &[]));
    assert_eq!(musl, [(); 3].map(|()| Some(Obstacle::Loader("/lib/ld-musl-x86_64.so.1".into()))));
    for (object, entry) in [(1, 0), (3, 0), (4, 1)] {
        let image = Image { object, entry, ..Image::new(X86_64) };
        assert_eq!(all(image), [(); 3].map(|()| Some(Obstacle::NotAProgram)), "{object} {entry}");
    }
    // Static, at any address.
    assert_eq!(all(Image { object: 3, ..dynamic(X86_64, None, &[], &[]) }), [None, None, None]);
}

#[test]
fn what_is_not_for_lambda_at_all_is_told() {
    let elf = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Image::new(X86_64).finish();
        change(&mut bytes);
        Elf::read(&*bytes).map(|elf| elf.object).map_err(|error| error.to_string())
    };
    assert_eq!(elf(&|_| ()), Ok(Object::Executable));
    let check = |change: &dyn Fn(&mut Vec<u8>), text: &str| {
        let error = elf(change).unwrap_err();
        assert!(error.contains(text), "{error}");
    };
    check(
        &|bytes| bytes[4] = 1,
        "built for x86_64; Lambda has x86_64 and arm64, of 64 bits and little-endian",
    );
    check(&|bytes| bytes[5] = 2, "built for machine type 15872");
    check(&|bytes| bytes.truncate(63), "its header is cut off");
    check(&|bytes| bytes[0] = 0, "no ELF header");
    check(&|bytes| bytes[57] = 0x10, "more than 512 segments");
    check(&|bytes| bytes[54] = 32, "not described as elf(5)");
    check(&|bytes| bytes[39] = 0xff, "its table of segments lies outside");
    assert!(matches!(Program::read(b""), Err(Error::Malformed(_))));
}

#[test]
fn kinds_are_told_by_their_first_bytes() {
    assert_eq!(Kind::of(b"#!/bin/sh\r\necho"), Kind::Script { interpreter: "/bin/sh\r".into() });
    assert_eq!(Kind::of(b"MZ for another system"), Kind::Other { start: "MZ for another s".into() });
    assert_eq!(
        Kind::of(&[b"\x7fELF\x01\x02".as_slice(), &[0; 12], &[0, 40]].concat()),
        Kind::Elf { machine: Machine(40) }
    );
    for (start, what) in [
        (&b"MZ"[..], "Windows"),
        (b"\xcf\xfa\xed\xfe", "macOS"),
        (b"\xca\xfe\xba\xbe", "macOS"),
        (b"!<arch>\n", "not main"),
        (b"PK\x03\x04", "a zip"),
        (b"", "empty"),
    ] {
        assert!(Kind::foreign(start).unwrap().contains(what), "{start:?}");
    }
    assert_eq!(Kind::foreign(b"text"), None);
}
