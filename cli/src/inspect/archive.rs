//! A zip, read in memory: nothing is unpacked to disk, and what unpacks without end is refused.
//!
//! At most the zip and one of its programs are in memory at a time; neither may be larger than what Lambda takes.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;
use zip::result::ZipError;

use super::entry::{Budget, Content, Entry};
use super::finding::Finding;
use super::package::UNPACKED_LIMIT;

/// What is in a zip.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) entries: Vec<Entry>,
    pub(crate) findings: Vec<Finding>,
}

/// Entries of a zip that is no ZIP64.
const ENTRIES_LIMIT: usize = 65_535;
/// What the sizes may say in all.
const CLAIM_LIMIT: u64 = 16 * UNPACKED_LIMIT;
/// How many times its packed size a file may have: deflate does not reach 1 033, and no program comes near this.
const RATIO_LIMIT: u64 = 200;
/// Smaller files may be all zeros.
const RATIO_FROM: u64 = 16 << 20;

impl Archive {
    /// Reads a zip. An error says why it is refused.
    pub(crate) fn read(bytes: &[u8]) -> Result<Archive, String> {
        if is_zip64(bytes) {
            return Err(
                "it is a ZIP64 archive, for more than 65535 files or 4 GB: more than Lambda takes".into()
            );
        }
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| problem(&error))?;
        if archive.len() > ENTRIES_LIMIT {
            return Err(format!("it has {} files: more than {ENTRIES_LIMIT} are not read", archive.len()));
        }
        let mut findings = Vec::new();
        if archive.has_duplicate_names() {
            let text = "some files have the same name; which of them is unpacked is up to who unpacks it";
            findings.push(Finding::warning("duplicate-name", text).with_help("pack it anew"));
        }
        refuse_bombs(&mut archive)?;
        let mut budget = Budget::new();
        let mut entries = Vec::new();
        for index in 0..archive.len() {
            let entry = read_entry(&mut archive, index, &mut budget);
            entries.push(
                entry.map_err(|error| format!("its file {index} cannot be read: {}", problem(&error)))?,
            );
        }
        Ok(Archive { entries, findings })
    }
}

/// Whether the directory of the zip is one of ZIP64: its locator stands right before the end record (APPNOTE.TXT of
/// PKWARE, 4.3.15).
fn is_zip64(bytes: &[u8]) -> bool {
    let is_locator =
        |record: &[u8]| record.starts_with(b"PK\x06\x07") && record[20..].starts_with(b"PK\x05\x06");
    bytes.windows(24).any(is_locator)
}

/// Looks at what the zip says of its files before any is unpacked.
fn refuse_bombs(archive: &mut ZipArchive<Cursor<&[u8]>>) -> Result<(), String> {
    let mut claim = 0_u64;
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index).map_err(|error| problem(&error))?;
        let (size, packed) = (file.size(), file.compressed_size());
        let name = String::from_utf8_lossy(file.name_raw()).into_owned();
        if size >= RATIO_FROM && size / RATIO_LIMIT > packed {
            return Err(format!(
                "{name:?} unpacks to {size} bytes from {packed}: more than {RATIO_LIMIT} times its size, as no \
                 program does"
            ));
        }
        claim = claim.saturating_add(size);
        if claim > CLAIM_LIMIT {
            return Err(format!(
                "it unpacks to more than {CLAIM_LIMIT} bytes; Lambda takes {UNPACKED_LIMIT}"
            ));
        }
    }
    Ok(())
}

fn read_entry(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    index: usize,
    budget: &mut Budget,
) -> Result<Entry, ZipError> {
    let raw = archive.by_index_raw(index)?;
    let name = raw.name().map_or_else(|_| String::from_utf8_lossy(raw.name_raw()).into_owned(), Into::into);
    // Where permissions are, whoever made the zip. Of one that was made on Windows there are none.
    let mode = Some(raw.external_attributes() >> 16).filter(|mode| mode & 0o777 != 0);
    let (size, encrypted) = (raw.size(), raw.encrypted());
    let (is_folder, is_link) = (raw.is_dir(), raw.is_symlink());
    drop(raw);
    let content = if is_folder {
        Content::Folder
    } else if encrypted {
        Content::Unseen("it is encrypted".into())
    } else {
        match archive.by_index(index) {
            Ok(file) if is_link => Content::link(file),
            // One byte more than it says would be a lie, and is not waited for.
            Ok(file) => Content::read(file.take(size.saturating_add(1)), size, budget),
            Err(ZipError::Io(error)) => Err(error),
            Err(error) => Ok(Content::Unseen(problem(&error))),
        }
        .unwrap_or_else(|error| Content::Unseen(format!("it cannot be unpacked: {error}")))
    };
    Ok(Entry { name, mode: mode.map(|mode| mode & 0o7777), size, content })
}

fn problem(error: &ZipError) -> String {
    match error {
        ZipError::CompressionMethodNotSupported(method) => {
            format!("it is compressed by method {method}; Lambda takes deflate, and stored files")
        }
        // Which of the library's structures ends too early is nothing for users.
        ZipError::InvalidArchive(text) if text.contains("EOCD") => {
            "it is no zip, or its end is missing".to_owned()
        }
        ZipError::InvalidArchive(text) if text.contains("::") => "it is cut off or damaged".to_owned(),
        ZipError::InvalidArchive(text) => format!("it is damaged: {text}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    /// A program's beginning, a script, a link and a folder.
    fn sound() -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().unix_permissions(0o755);
        let mut program = b"\x7fELF\x02\x01\x01".to_vec();
        program.resize(400, 0);
        for (name, content) in [("main", &*program), ("bin/run", b"#!/bin/sh\n"), ("notes", b"notes")] {
            writer.start_file(name, options).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.add_symlink("bootstrap", "main", options).unwrap();
        writer.add_directory("lib/", options).unwrap();
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn a_sound_zip_is_read() {
        let archive = Archive::read(&sound()).unwrap();
        let names: Vec<&str> = archive.entries.iter().map(|entry| &*entry.name).collect();
        assert_eq!(names, ["main", "bin/run", "notes", "bootstrap", "lib/"]);
        assert!(matches!(&archive.entries[0].content, Content::Program(_)));
        assert!(
            matches!(&archive.entries[1].content, Content::Script { interpreter } if interpreter == "/bin/sh")
        );
        assert!(matches!(&archive.entries[3].content, Content::Link(target) if target == "main"));
        assert!(matches!(&archive.entries[4].content, Content::Folder));
    }

    #[test]
    fn cut_and_damaged_anywhere_it_is_a_value_or_refused() {
        let mut bytes = sound();
        for length in 0..bytes.len() {
            _ = Archive::read(&bytes[..length]);
        }
        for place in 0..bytes.len() {
            let kept = bytes[place];
            for damaged in [0xff, 0, kept ^ 0x80, kept.wrapping_add(1)] {
                bytes[place] = damaged;
                _ = Archive::read(&bytes);
            }
            bytes[place] = kept;
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn damaged_at_random(
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u64>(), 1..9_usize), 1..8),
            repeated in any::<bool>(),
        ) {
            let mut bytes = sound();
            if repeated {
                bytes.extend_from_within(..);
            }
            for (place, value, width) in damage {
                let place = place.index(bytes.len());
                let end = (place + width).min(bytes.len());
                bytes[place..end].copy_from_slice(&value.to_le_bytes()[..end - place]);
            }
            _ = Archive::read(&bytes);
        }
    }
}
