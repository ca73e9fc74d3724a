//! Adds a file to a zip that is there: every byte of the others stays, their headers, times and extra fields too.
//!
//! A library would read the directory and write it anew from what it understood of it. Here its records are moved as
//! they are, and only where they say that a file begins is a number changed (APPNOTE.TXT of PKWARE, 4.3.12, 4.3.16).

use std::ops::Range;

/// The directory of a zip: a record for each file, behind all of them.
pub(crate) struct Directory<'a> {
    /// The zip up to the directory.
    files: &'a [u8],
    records: Vec<Record<'a>>,
    /// The end record, with the zip's comment.
    end: &'a [u8],
}

struct Record<'a> {
    bytes: &'a [u8],
    name: &'a [u8],
    /// Where the file's own header begins.
    offset: usize,
}

const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;
const RECORD: &[u8] = b"PK\x01\x02";
const RECORD_LENGTH: usize = 46;
/// The field of a record that has the offset.
const OFFSET: Range<usize> = 42..46;
const COUNT_LIMIT: usize = 65_534;

impl<'a> Directory<'a> {
    pub(crate) fn read(zip: &'a [u8]) -> Result<Directory<'a>, &'static str> {
        let at = end_record(zip).ok_or("something follows its end record")?;
        let end = &zip[at..];
        let (count, size, start) = (u16_at(end, 10), u32_at(end, 12), u32_at(end, 16));
        if start.checked_add(size) != Some(at) {
            return Err("something stands in front of it, or between its files and their directory");
        }
        let mut rest = &zip[start..at];
        let mut records = Vec::new();
        while !rest.is_empty() {
            let (record, behind) = Record::split(rest).ok_or("its directory is damaged")?;
            if record.offset >= start {
                return Err("its directory is damaged");
            }
            records.push(record);
            rest = behind;
        }
        if records.len() != count || count > COUNT_LIMIT {
            return Err("its directory has not as many files as it says");
        }
        Ok(Directory { files: &zip[..start], records, end })
    }

    /// Whether a file has that name.
    pub(crate) fn has(&self, is_it: impl Fn(&[u8]) -> bool) -> bool {
        self.records.iter().any(|record| is_it(record.name))
    }

    /// A zip with the one file of `new`, and without those that it takes the place of.
    pub(crate) fn with(
        &self,
        new: &Directory<'_>,
        is_replaced: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<u8>, &'static str> {
        let (replaced, kept): (Vec<&Record<'_>>, Vec<&Record<'_>>) =
            self.records.iter().partition(|record| is_replaced(record.name));
        let mut gone: Vec<Range<usize>> = replaced.iter().map(|record| self.place(record)).collect();
        gone.sort_by_key(|place| place.start);
        gone.dedup();
        if kept.iter().any(|record| gone.iter().any(|place| place.contains(&record.offset))) {
            return Err("its files overlap");
        }

        let mut zip = Vec::with_capacity(self.files.len() + new.files.len());
        let mut from = 0;
        for place in &gone {
            zip.extend_from_slice(&self.files[from..place.start]);
            from = place.end;
        }
        zip.extend_from_slice(&self.files[from..]);
        let added = zip.len();
        zip.extend_from_slice(new.files);

        let start = zip.len();
        for record in &kept {
            let before = gone.iter().take_while(|place| place.start < record.offset);
            record.write(record.offset - before.map(Range::len).sum::<usize>(), &mut zip)?;
        }
        for record in &new.records {
            record.write(added + record.offset, &mut zip)?;
        }
        let size = zip.len() - start;

        let count = kept.len() + new.records.len();
        let count = u16::try_from(count).map_err(|_| "it would have more than 65535 files")?.to_le_bytes();
        let end = zip.len();
        zip.extend_from_slice(self.end);
        zip[end + 8..end + 10].copy_from_slice(&count);
        zip[end + 10..end + 12].copy_from_slice(&count);
        zip[end + 12..end + 16].copy_from_slice(&short(size)?);
        zip[end + 16..end + 20].copy_from_slice(&short(start)?);
        Ok(zip)
    }

    /// A file's header and content: up to the next, whatever lies between.
    fn place(&self, record: &Record<'_>) -> Range<usize> {
        let later = self.records.iter().map(|other| other.offset).filter(|offset| *offset > record.offset);
        record.offset..later.min().unwrap_or(self.files.len())
    }
}

impl<'a> Record<'a> {
    /// The first record, and what follows it.
    fn split(bytes: &'a [u8]) -> Option<(Record<'a>, &'a [u8])> {
        let head = bytes.get(..RECORD_LENGTH).filter(|head| head.starts_with(RECORD))?;
        let name = u16_at(head, 28);
        let (bytes, rest) =
            bytes.split_at_checked(RECORD_LENGTH + name + u16_at(head, 30) + u16_at(head, 32))?;
        let offset = u32_at(head, OFFSET.start);
        Some((Record { bytes, name: &bytes[RECORD_LENGTH..RECORD_LENGTH + name], offset }, rest))
    }

    /// The record of a file that begins elsewhere.
    fn write(&self, offset: usize, zip: &mut Vec<u8>) -> Result<(), &'static str> {
        let at = zip.len();
        zip.extend_from_slice(self.bytes);
        zip[at + OFFSET.start..at + OFFSET.end].copy_from_slice(&short(offset)?);
        Ok(())
    }
}

/// Where the end record is: its comment reaches to the end of the zip.
fn end_record(zip: &[u8]) -> Option<usize> {
    let last = zip.len().checked_sub(END_LENGTH)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    let is_end = |at: &usize| {
        zip[*at..].starts_with(END) && u16_at(zip, at + END_LENGTH - 2) == zip.len() - at - END_LENGTH
    };
    (first..=last).rev().find(is_end)
}

fn short(number: usize) -> Result<[u8; 4], &'static str> {
    u32::try_from(number).map(u32::to_le_bytes).map_err(|_| "it would have more than 4 GB")
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) | usize::from(bytes[at + 1]) << 8
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u16_at(bytes, at) | u16_at(bytes, at + 2) << 16
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _, Write as _};

    use proptest::prelude::*;
    use zip::write::SimpleFileOptions;
    use zip::{ZipArchive, ZipWriter};

    use super::*;

    fn zip(files: &[(&str, &[u8])], comment: &str) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.set_comment(comment).unwrap();
        for (name, content) in files {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn contents(zip: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
        let mut content = |index| {
            let mut file = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().unwrap().into_owned(), bytes)
        };
        (0..ZipArchive::new(Cursor::new(zip)).unwrap().len()).map(&mut content).collect()
    }

    #[test]
    fn a_file_takes_the_place_of_others() {
        let new = zip(&[("new", b"new")], "");
        let new = Directory::read(&new).unwrap();
        let old = zip(&[("x", b"1"), ("a", b"2"), ("x/", b""), ("b", b"3"), ("./x", b"4")], "said");
        let is_x = |name: &[u8]| name == b"x" || name == b"./x";
        let added = Directory::read(&old).unwrap().with(&new, is_x).unwrap();
        let names: Vec<_> = contents(&added).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "x/", "b", "new"]);
        assert!(added.ends_with(b"said"));
        // To an empty one, and in the place of all.
        for old in [zip(&[], ""), zip(&[("x", b"1")], "")] {
            let added = Directory::read(&old).unwrap().with(&new, is_x).unwrap();
            assert_eq!(contents(&added), [("new".to_owned(), b"new".to_vec())]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        #[test]
        fn damaged_at_random_it_is_a_zip_or_refused(
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u64>(), 1..9_usize), 1..6),
            length in any::<prop::sample::Index>(),
            is_cut in any::<bool>(),
        ) {
            let mut bytes = zip(&[("x", b"1"), ("a", b"2"), ("b", b"3")], "");
            for (place, value, width) in damage {
                // Most of what is read is at the end.
                let place = bytes.len() - 1 - place.index(180.min(bytes.len()));
                let end = (place + width).min(bytes.len());
                bytes[place..end].copy_from_slice(&value.to_le_bytes()[..end - place]);
            }
            if is_cut {
                bytes.truncate(length.index(bytes.len()));
            }
            let new = zip(&[("new", b"new")], "");
            let new = Directory::read(&new).unwrap();
            if let Ok(directory) = Directory::read(&bytes) {
                _ = directory.with(&new, |name| name.starts_with(b"x"));
            }
        }
    }
}
