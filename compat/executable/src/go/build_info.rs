//! Build information: the version of Go, the modules and the settings that a program was built with.
//!
//! Go's `debug/buildinfo/buildinfo.go` has the forms: since Go 1.18 two texts right behind a header of 32 bytes, from
//! Go 1.13 on two pointers to Go strings in that header. Go 1.12 had no header yet, but the marks around the text.

use crate::Elf;
use crate::bytes::{places, u64_at};
use crate::elf::Section;

/// What a Go program says of its own build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildInfo {
    /// How it was written down.
    pub form: Form,
    /// `go1.21.5`; empty where only the modules are known.
    pub go_version: String,
    /// The main package; empty for programs built without modules, as in a GOPATH.
    pub path: String,
    /// The main module.
    pub main: Option<Module>,
    /// The other modules.
    pub dependencies: Vec<Module>,
    /// `-tags`, `CGO_ENABLED`, `GOARCH`, …; since Go 1.18.
    pub settings: Vec<(String, String)>,
}

/// The form of build information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Texts behind a header: Go 1.18 and newer.
    Inline,
    /// Pointers in a header: Go 1.13 to 1.17.
    Pointers,
    /// No header that leads to it, but its marks: Go 1.12, and programs whose header was damaged.
    Marks,
}

/// A Go module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// As it is imported.
    pub path: String,
    /// `v1.54.0`, `(devel)`.
    pub version: String,
    /// What was taken in its place, by a `replace` of the main module: path and version.
    pub replaced: Option<(String, String)>,
}

const MAGIC: &[u8] = b"\xff Go buildinf:";
const HEADER: usize = 32;
/// Of the magic's places, the headers that are looked at: there is one, and texts that look alike.
const HEADERS_LIMIT: usize = 64;
/// `infoStart` and `infoEnd` of `cmd/go/internal/modload/build.go`.
const START: &[u8] = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
const END: &[u8] = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
/// A thousand modules take 100 KB.
const TEXT_LIMIT: usize = 4 << 20;
const VERSION_LIMIT: usize = 256;

impl BuildInfo {
    /// Finds it in a program; `None` if there is none, as before Go 1.12 and for what is no Go program.
    pub(crate) fn find(bytes: &[u8], elf: &Elf, sections: &[Section]) -> Option<BuildInfo> {
        // The linker puts it at the beginning of its section, or of the first segment that can be written to.
        let section = sections.iter().find(|section| section.name == ".go.buildinfo");
        let segment = elf.segments.iter().find(|segment| segment.is_writable() && segment.size > 0);
        let likely = section.map(|found| found.bytes(bytes)).into_iter();
        let likely = likely.chain(segment.map(|segment| segment.bytes(bytes))).chain([bytes]);
        likely
            .flat_map(|place| places(place, MAGIC).take(HEADERS_LIMIT).filter_map(|at| place.get(at..)))
            .find_map(|header| from_header(header, bytes, elf))
            .or_else(|| from_marks(bytes))
    }

    /// A module by its path, whatever took its place.
    pub fn dependency(&self, path: &str) -> Option<&Module> {
        self.dependencies.iter().find(|module| module.path == path)
    }

    /// A setting of the build.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| known == key).map(|(_, value)| &**value)
    }

    /// The build tags; `None` where they were not written down, before Go 1.18.
    pub fn tags(&self) -> Option<Vec<&str>> {
        if self.settings.is_empty() {
            return None;
        }
        let tags = self.setting("-tags").unwrap_or_default();
        Some(tags.split([',', ' ']).filter(|tag| !tag.is_empty()).collect())
    }

    fn parse(form: Form, go_version: String, text: &str) -> BuildInfo {
        let mut info = BuildInfo {
            form,
            go_version,
            path: String::new(),
            main: None,
            dependencies: Vec::new(),
            settings: Vec::new(),
        };
        let mut replaces_main = false;
        for line in text.lines() {
            let Some((key, rest)) = line.split_once('\t') else { continue };
            let mut words = rest.split('\t').map(str::to_owned);
            let mut word = || words.next().unwrap_or_default();
            match key {
                "path" => info.path = word(),
                "mod" | "dep" => {
                    replaces_main = key == "mod";
                    let module = Module { path: word(), version: word(), replaced: None };
                    if replaces_main {
                        info.main = Some(module);
                    } else {
                        info.dependencies.push(module);
                    }
                }
                "=>" => {
                    let last = if replaces_main { info.main.as_mut() } else { info.dependencies.last_mut() };
                    if let Some(module) = last {
                        module.replaced = Some((word(), word()));
                    }
                }
                "build" => {
                    if let Some((key, value)) = rest.split_once('=') {
                        // Either is quoted if it has blanks or quotes in it (`runtime/debug/mod.go`).
                        info.settings.push((unquoted(key), unquoted(value)));
                    }
                }
                _ => {}
            }
        }
        info
    }
}

/// Without the quotes around it; what is escaped within stays so.
fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let inner = inner.or_else(|| text.strip_prefix('`').and_then(|text| text.strip_suffix('`')));
    inner.unwrap_or(text).to_owned()
}

/// What a header leads to.
fn from_header(header: &[u8], bytes: &[u8], elf: &Elf) -> Option<BuildInfo> {
    let flags = *header.get(15)?;
    if flags & 2 != 0 {
        let (version, rest) = inline(header.get(HEADER..)?)?;
        let text = inline(rest).map(|(text, _)| text).unwrap_or_default();
        return build(Form::Inline, version, text);
    }
    // Of 8 bytes, least significant first, as all of a program that was read thus far.
    if header.get(14) != Some(&8) || flags & 1 != 0 {
        return None;
    }
    let version = string(elf.at(bytes, u64_at(header, 16)?)?, bytes, elf)?;
    let text = u64_at(header, 24).and_then(|address| string(elf.at(bytes, address)?, bytes, elf));
    build(Form::Pointers, version, text.unwrap_or_default())
}

fn build(form: Form, version: &[u8], text: &[u8]) -> Option<BuildInfo> {
    let version = std::str::from_utf8(version).ok().filter(|version| is_version(version))?;
    Some(BuildInfo::parse(form, version.to_owned(), &String::from_utf8_lossy(unframed(text))))
}

/// `go1.21.5`, `go1.26.8 X:nodwarf5`, `devel go1.22-…`, `devel +…`.
fn is_version(text: &str) -> bool {
    text.len() <= VERSION_LIMIT && (text.starts_with("go") || text.starts_with("devel"))
}

/// A text with its length in front, as `binary.Uvarint` writes it, and what follows.
fn inline(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut length, mut count) = (0_u64, 0);
    loop {
        let byte = *bytes.get(count)?;
        length |= u64::from(byte & 0x7f).checked_shl(7 * count as u32)?;
        count += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let length = usize::try_from(length).ok().filter(|length| *length <= TEXT_LIMIT)?;
    bytes.get(count..)?.split_at_checked(length)
}

/// A Go string: address and length.
fn string<'a>(header: &[u8], bytes: &'a [u8], elf: &Elf) -> Option<&'a [u8]> {
    let length = usize::try_from(u64_at(header, 8)?).ok().filter(|length| *length <= TEXT_LIMIT)?;
    if length == 0 {
        return Some(&[]);
    }
    elf.at(bytes, u64_at(header, 0)?)?.get(..length)
}

/// The text between its marks, which are nothing but bytes of that length.
fn unframed(text: &[u8]) -> &[u8] {
    match text.len() {
        33.. if text[text.len() - 17] == b'\n' => &text[16..text.len() - 16],
        _ => &[],
    }
}

fn from_marks(bytes: &[u8]) -> Option<BuildInfo> {
    places(bytes, START).take(HEADERS_LIMIT).find_map(|at| {
        let text = bytes.get(at + START.len()..)?;
        let text = &text[..text.len().min(TEXT_LIMIT)];
        let text = std::str::from_utf8(&text[..places(text, END).next()?]).ok()?;
        // The linker of such a program has the marks themselves in its own data.
        let found = BuildInfo::parse(Form::Marks, String::new(), text);
        (!found.path.is_empty()).then_some(found)
    })
}
