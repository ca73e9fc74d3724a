//! Bytes that no linker writes: any are a program or an error, in bounded time and memory.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

#[path = "support/every_question.rs"]
mod every_question;
mod support;

use std::time::{Duration, Instant};

use executable::{Elf, Needs, Program};
use proptest::prelude::*;
use support::{AARCH64, GoProgram, Image, LAYOUTS, X86_64, dynamic, inline_build_info, pointed_build_info};

/// What takes longer than this never ends, or might as well not.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks, within bounded time.
fn ask(bytes: &[u8]) {
    let began = Instant::now();
    every_question::ask(bytes);
    assert!(began.elapsed() < PATIENCE, "{:?} for {} bytes", began.elapsed(), bytes.len());
}

/// One executable for each branch.
fn corpus() -> Vec<Vec<u8>> {
    let functions = &[
        "github.com/aws/aws-lambda-go/lambda.(*Function).Invoke",
        "net/rpc.(*Server).ServeCodec",
        "main.main",
    ];
    let uses = &[(2, "_LAMBDA_SERVER_PORT"), (2, "AWS_EXECUTION_ENV")];
    let modules =
        "path\tx\nmod\tx\t(devel)\ndep\tgithub.com/aws/aws-lambda-go\tv1.17.0\n=>\ty\tv1\nbuild\t-tags=a\n";
    let build_info = Some(("go1.21.5", modules));
    let mut corpus = Vec::new();
    for machine in [X86_64, AARCH64] {
        for (magic, _) in LAYOUTS {
            for (has_sections, says_text) in [(true, true), (false, false)] {
                let program = GoProgram {
                    machine,
                    magic,
                    functions,
                    uses,
                    build_info,
                    has_sections,
                    says_text,
                    ..GoProgram::default()
                };
                corpus.push(program.build());
            }
        }
    }
    let mut pointed = Image::new(X86_64);
    pointed_build_info(&mut pointed, "go1.13.8", modules);
    corpus.push(pointed.finish());
    let versions = ["GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_PRIVATE"];
    corpus.push(
        dynamic(X86_64, Some("/lib64/ld-linux-x86-64.so.2"), &["libc.so.6", "libx.so"], &versions).finish(),
    );
    corpus
}

#[test]
fn cut_anywhere() {
    // The fuzzer begins with these.
    if let Some(folder) = std::env::var_os("GO1X_CORPUS").map(std::path::PathBuf::from) {
        for (index, bytes) in corpus().iter().enumerate() {
            std::fs::write(folder.join(index.to_string()), bytes).unwrap();
        }
    }
    for bytes in corpus() {
        for length in 0..bytes.len() {
            ask(&bytes[..length]);
        }
    }
}

/// Every byte, as what it is least likely to be.
#[test]
fn every_byte_damaged() {
    for mut bytes in corpus() {
        for place in 0..bytes.len() {
            let kept = bytes[place];
            for damaged in [0xff, 0x7f, kept.wrapping_add(1), 0] {
                bytes[place] = damaged;
                ask(&bytes);
            }
            bytes[place] = kept;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn damaged_at_random(
        which in 0..18_usize,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u64>(), 1..9_usize), 1..8),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = corpus().swap_remove(which);
        for (place, value, width) in damage {
            let place = place.index(bytes.len());
            let end = (place + width).min(bytes.len());
            bytes[place..end].copy_from_slice(&value.to_le_bytes()[..end - place]);
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        ask(&bytes);
    }

    #[test]
    fn nothing_but_noise(noise in proptest::collection::vec(any::<u8>(), 0..2_000), is_elf in any::<bool>()) {
        let start: &[u8] = if is_elf { b"\x7fELF\x02\x01" } else { b"" };
        ask(&[start, &noise].concat());
    }
}

/// Numbers that would ask for all memory, or for all time.
#[test]
fn numbers_are_not_believed() {
    // As many functions as a number can say, all of them with the same long name.
    let (long, endless) = ("x".repeat(16_000), format!("main.main\0{}", "x".repeat(40_000)));
    for ((magic, is_relative), name) in
        LAYOUTS.into_iter().flat_map(|layout| [(layout, &long), (layout, &endless)])
    {
        let functions = [(support::BASE, &**name)];
        let mut table = support::line_table(magic, support::BASE, support::BASE, &functions);
        table[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        // Most of the table is an index of zeros, which all lead to the start.
        table.resize(24 << 20, 0);
        let mut image = Image::new(X86_64);
        image.put(&table);
        let bytes = image.finish();
        let program = Program::read(&bytes).unwrap();
        assert!(program.functions <= bytes.len() / if is_relative { 8 } else { 16 });
        ask(&bytes);
    }
    // Magics of every kind, again and again.
    let mut image = Image::new(X86_64);
    for (magic, _) in LAYOUTS {
        image.put(&[&magic.to_le_bytes()[..], &[0, 0, 1, 8]].concat().repeat(1 << 18));
    }
    image.put(&b"\xff Go buildinf:\x08\x02".repeat(1 << 18));
    image.put(&b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6".repeat(1 << 18));
    image.put(&b"_LAMBDA_SERVER_PORT".repeat(1 << 18));
    ask(&image.finish());
    // Texts that are longer than the file, in both forms.
    for length in [u64::MAX, 1 << 40, 1 << 22] {
        let mut image = Image::new(X86_64);
        let at = (inline_build_info(&mut image, "go1.21.5", "path\tx\n") - support::BASE) as usize;
        image.bytes[at + 32..at + 41].copy_from_slice(&[0xff; 9]);
        ask(&image.finish());
        let mut image = Image::new(X86_64);
        let at = pointed_build_info(&mut image, "go1.13.8", "path\tx\n");
        let header = image.bytes.len() - 32 + 16;
        assert!(at > 0);
        let version = u64::from_le_bytes(image.bytes[header..header + 8].try_into().unwrap());
        let place = (version - support::BASE) as usize;
        image.bytes[place + 8..place + 16].copy_from_slice(&length.to_le_bytes());
        assert!(Program::read(&image.finish()).unwrap().build_info.is_none());
    }
    // Versions in a circle, and more of them than there can be.
    let names: Vec<String> = (0..2_000).map(|minor| format!("GLIBC_2.{minor}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let bytes = dynamic(X86_64, Some("/lib64/ld-linux-x86-64.so.2"), &[], &names).finish();
    let needs = Needs::read(&*bytes, &Elf::read(&*bytes).unwrap()).unwrap();
    assert_eq!(needs.glibc.len(), 2_000);
}
