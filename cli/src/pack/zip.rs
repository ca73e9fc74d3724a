//! A new zip, of the same bytes whenever and wherever it is made: no times, no users, Unix modes.

use std::io::{Cursor, Write as _};

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::member::{Content, Member};

/// Writes members in their order.
pub(crate) fn write(members: &[Member]) -> Result<Vec<u8>, ZipError> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for Member { name, content } in members {
        match content {
            Content::File { bytes, is_executable } => {
                writer.start_file(name, options(if *is_executable { 0o755 } else { 0o644 }))?;
                writer.write_all(bytes)?;
            }
            Content::Link(target) => writer.add_symlink(name, target, options(0o777))?,
        }
    }
    Ok(writer.finish()?.into_inner())
}

fn options(mode: u32) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        // 1980-01-01, the oldest there is.
        .last_modified_time(DateTime::default())
        // Whoever unpacks it believes modes only if a Unix made it.
        .system(System::Unix)
        .unix_permissions(mode)
}
