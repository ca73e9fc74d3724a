//! What was packed, with hashes, as JSON has it; `text.rs` says the same.

use std::io::{Cursor, Read, copy};
use std::path::Path;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use crate::inspect::finding::{Finding, Level};
use crate::inspect::report::Input;
use crate::inspect::{Asked, input};

/// What was packed.
#[derive(Debug, Serialize)]
pub(crate) struct Manifest {
    /// Of this shape. Fields may be added to it; another number says that some have changed.
    version: u32,
    /// The version of go1x that packed it.
    go1x: &'static str,
    pub(crate) kind: Kind,
    pub(crate) architecture: &'static str,
    pub(crate) output: Output,
    /// In their order in the package.
    pub(crate) entries: Vec<Entry>,
    /// What `go1x inspect` says of it.
    pub(crate) inspect: Input,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A layer with `bootstrap`.
    Layer,
    /// A zip that was there, with `bootstrap`.
    Zip,
    /// A new zip.
    Handler,
    /// A container image.
    Image,
}

/// The package itself.
#[derive(Debug, Serialize)]
pub(crate) struct Output {
    pub(crate) path: String,
    pub(crate) size: u64,
    /// Of an image, the digest of its manifest.
    pub(crate) sha256: String,
    /// The same in base64, as AWS has it of a function's zip and of layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code_sha256: Option<String>,
}

/// One file of the package.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Permissions, in octal; none if none are stored.
    pub(crate) mode: Option<String>,
    /// In bytes, unpacked.
    pub(crate) size: u64,
    /// Of its content, unpacked; of a link, of where it leads.
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<String>,
}

impl Manifest {
    /// Looks at a package that is not written yet. An error says why it cannot be read.
    pub(crate) fn of(
        path: &Path,
        zip: &[u8],
        kind: Kind,
        architecture: &'static str,
        asked: &Asked,
    ) -> Result<Manifest, String> {
        let inspect = input::inspect_zip(path, zip, asked)?;
        let hash = Sha256::digest(zip);
        let output = Output {
            path: path.display().to_string(),
            size: zip.len() as u64,
            sha256: hexadecimal(&hash),
            code_sha256: Some(base64(&hash)),
        };
        let entries = entries(zip)?;
        let go1x = env!("CARGO_PKG_VERSION");
        Ok(Manifest { version: 1, go1x, kind, architecture, output, entries, inspect })
    }

    /// What would keep it from running.
    pub(crate) fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.inspect.findings.iter().filter(|finding| finding.level == Level::Error)
    }

    /// The handlers in it: the settings that the function may have.
    pub(crate) fn handlers(&self) -> impl Iterator<Item = &str> {
        let programs = self.inspect.programs.iter();
        let handlers = programs.filter(|program| !matches!(program.verdict.doors, "bridge" | "none"));
        handlers.map(|program| program.name.trim_start_matches("./"))
    }
}

/// Unpacks each file to nowhere, which also checks it. How much that can be in all was looked at by then.
fn entries(zip: &[u8]) -> Result<Vec<Entry>, String> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|error| error.to_string())?;
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).map_err(|error| format!("its file {index}: {error}"))?;
        let name = String::from_utf8_lossy(file.name_raw()).into_owned();
        let mode = Some(file.external_attributes() >> 16).filter(|mode| mode & 0o777 != 0);
        let (size, is_link) = (file.size(), file.is_symlink());
        let mut hash = HashWriter(Sha256::new());
        let mut target = Vec::new();
        let unpacked = if is_link {
            file.take(LINK_LIMIT).read_to_end(&mut target).map(|_| hash.0.update(&target))
        } else {
            copy(&mut file, &mut hash).map(drop)
        };
        unpacked.map_err(|error| format!("its file {name} cannot be unpacked: {error}"))?;
        entries.push(Entry {
            mode: mode.map(|mode| format!("{:04o}", mode & 0o7777)),
            size,
            sha256: hexadecimal(&hash.0.finalize()),
            link: is_link.then(|| String::from_utf8_lossy(&target).into_owned()),
            name,
        });
    }
    Ok(entries)
}

/// `PATH_MAX`.
const LINK_LIMIT: u64 = 4096;

/// What is written to it is hashed.
pub(crate) struct HashWriter(pub(crate) Sha256);

impl std::io::Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// As images have it of what is in them.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hexadecimal(&Sha256::digest(bytes)))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |index: usize| u32::from(three.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * index)) as usize & 63];
            text.push(if index > three.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of RFC 4648, section 10.
    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
