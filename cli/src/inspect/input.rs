//! A path of the command line: what it turns out to be, and all that is found there.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use executable::Program;

use super::archive::Archive;
use super::entry::{Budget, Content, Entry};
use super::finding::Finding;
use super::folder::Folder;
use super::package::{Package, UNPACKED_LIMIT};
use super::report::{Input, InputKind, ProgramReport};
use super::{Asked, program};

/// A zip of more bytes does not fit Lambda unpacked either.
const ZIP_LIMIT: u64 = UNPACKED_LIMIT + (16 << 20);

/// Looks at a path: a program, a zip, or a folder, with the zips in it behind it.
pub(crate) fn inspect(path: &Path, asked: &Asked) -> Vec<Input> {
    match look(path, asked) {
        Ok(inputs) => inputs,
        Err(why) => vec![Input::refused(path, why)],
    }
}

fn look(path: &Path, asked: &Asked) -> Result<Vec<Input>, String> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if metadata.is_dir() {
        return folder(path, asked);
    }
    if !metadata.is_file() {
        return Err("it is neither a file nor a folder".into());
    }
    let size = metadata.len();
    let mut start = Vec::new();
    let open = || File::open(path).map_err(|error| unreadable(&error));
    open()?.take(4).read_to_end(&mut start).map_err(|error| unreadable(&error))?;
    // An empty zip is its end record alone.
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return Ok(vec![zip(path, asked)?]);
    }
    let content = Content::read(open()?, size, &mut Budget::new()).map_err(|error| unreadable(&error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mode = Some(metadata.permissions().mode() & 0o7777);
    Ok(vec![alone(path, &Entry { name, mode, size, content }, asked)])
}

fn unreadable(error: &io::Error) -> String {
    format!("it cannot be read: {error}")
}

/// A file that is not in a package.
fn alone(path: &Path, entry: &Entry, asked: &Asked) -> Input {
    let mut input = Input::new(path, InputKind::File, entry.size);
    let error = |rule, text: String| vec![Finding::error(rule, text)];
    input.findings = match &entry.content {
        Content::Program(Ok(program)) => {
            let mut found = program::findings(program, asked);
            found.extend(program::libraries(program, |_| false));
            if program.verdict.doors == executable::Doors::None && !program.is_packed {
                let text = format!("it is not a Lambda handler: {}", program.verdict.reason);
                found.push(Finding::error("not-a-handler", text).with_help("a handler calls lambda.Start"));
            }
            if !entry.is_executable() {
                let text = format!("it is not executable (mode {:04o})", entry.mode.unwrap_or_default());
                found.push(Finding::warning("not-executable", text).with_help("chmod 0755: a zip keeps it"));
            }
            input.programs.push(report(entry, program, asked));
            found
        }
        Content::Program(Err(why)) => {
            error("unreadable-program", format!("it cannot be read as a program: {why}"))
        }
        Content::Unseen(why) => error("not-looked-at", why.clone()),
        Content::Script { interpreter } => {
            let text = format!("it is a script for {:?}, not a handler", interpreter.trim_end());
            error("not-a-handler", text)
        }
        Content::Other { foreign } => {
            let what = foreign.unwrap_or("neither a program for Linux nor a zip");
            let help = "build it with GOOS=linux, and the package main";
            vec![Finding::error("cannot-start", format!("it is {what}")).with_help(help)]
        }
        Content::Folder | Content::Link(_) => Vec::new(),
    };
    input
}

fn zip(path: &Path, asked: &Asked) -> Result<Input, String> {
    inspect_zip(path, &read_zip(path)?, asked)
}

/// Reads a zip into memory, unless it is larger than Lambda takes.
pub(crate) fn read_zip(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(ZIP_LIMIT + 1).read_to_end(&mut bytes));
    let size = read.map_err(|error| unreadable(&error))? as u64;
    if size > ZIP_LIMIT {
        return Err(format!(
            "the zip has more than {ZIP_LIMIT} bytes; Lambda takes {UNPACKED_LIMIT} unpacked"
        ));
    }
    Ok(bytes)
}

/// Looks at a zip in memory; `path` is what it is called.
pub(crate) fn inspect_zip(path: &Path, bytes: &[u8], asked: &Asked) -> Result<Input, String> {
    let size = bytes.len() as u64;
    let archive = Archive::read(bytes).map_err(|why| format!("the zip is refused: {why}"))?;
    let mut input = Input::new(path, InputKind::Zip, size);
    input.findings = archive.findings;
    package(&mut input, &archive.entries, Some(size), asked);
    Ok(input)
}

fn folder(path: &Path, asked: &Asked) -> Result<Vec<Input>, String> {
    let folder = Folder::read(path).map_err(|error| unreadable(&error))?;
    let mut inputs = Vec::new();
    let has_program = folder.entries.iter().any(|entry| matches!(entry.content, Content::Program(_)));
    let mut input = Input::new(path, InputKind::Folder, 0);
    input.findings = folder.findings;
    // A folder with nothing but zips is a place to keep them.
    if has_program || folder.zips.is_empty() {
        package(&mut input, &folder.entries, None, asked);
        inputs.push(input);
    } else if !input.findings.is_empty() {
        inputs.push(input);
    }
    let zips: Vec<PathBuf> = folder.zips;
    inputs.extend(zips.iter().map(|path| zip(path, asked).unwrap_or_else(|why| Input::refused(path, why))));
    Ok(inputs)
}

fn package(input: &mut Input, entries: &[Entry], packed: Option<u64>, asked: &Asked) {
    let package = Package::new(entries, asked);
    input.unpacked_size = Some(entries.iter().fold(0, |sum: u64, entry| sum.saturating_add(entry.size)));
    input.findings.extend(package.findings(packed));
    let programs = package.programs().filter(|(_, program)| program::is_of_interest(program));
    input.programs = programs.map(|(entry, program)| report(entry, program, asked)).collect();
}

fn report(entry: &Entry, program: &Program, asked: &Asked) -> ProgramReport {
    let setting = entry.name.trim_start_matches("./");
    ProgramReport::new(&entry.name, program, program::next_steps(program, asked, setting))
}
