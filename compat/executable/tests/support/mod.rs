//! Executables made by hand: small, and with every form of what linkers write.

#![allow(dead_code, unreachable_pub, reason = "each test target uses its part")]

/// Where an image is mapped.
pub const BASE: u64 = 0x40_0000;
const SEGMENTS: usize = 6;
const RESERVED: usize = 64 + SEGMENTS * 56;

pub const X86_64: u16 = 62;
pub const AARCH64: u16 = 183;

/// An ELF file in the making: all of it is one segment, so that an address is a place plus [`BASE`].
pub struct Image {
    pub bytes: Vec<u8>,
    pub machine: u16,
    pub object: u16,
    pub entry: u64,
    pub segments: Vec<(u32, u64, u64)>,
    pub sections: Vec<(&'static str, u64, u64)>,
}

impl Image {
    pub fn new(machine: u16) -> Image {
        let (segments, sections) = (Vec::new(), Vec::new());
        Image { bytes: vec![0; RESERVED], machine, object: 2, entry: BASE, segments, sections }
    }

    /// Adds bytes at the next round place; returns their address.
    pub fn put(&mut self, bytes: &[u8]) -> u64 {
        self.bytes.resize(self.bytes.len().next_multiple_of(16), 0);
        let address = BASE + self.bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
        address
    }

    pub fn text(&mut self, text: &str) -> u64 {
        // So that it does not run into the next.
        self.put(&[text.as_bytes(), &[0]].concat())
    }

    /// A Go string's header.
    pub fn go_string(&mut self, text: &str) -> u64 {
        let address = self.text(text);
        self.put(&[address.to_le_bytes(), (text.len() as u64).to_le_bytes()].concat())
    }

    pub fn segment(&mut self, kind: u32, address: u64, size: usize) {
        self.segments.push((kind, address, size as u64));
    }

    pub fn section(&mut self, name: &'static str, address: u64, size: usize) {
        self.sections.push((name, address, size as u64));
    }

    pub fn finish(mut self) -> Vec<u8> {
        let (mut names, mut headers) = (vec![0], vec![0; 64]);
        for (name, address, size) in &self.sections {
            headers.extend(section(names.len(), *address, address - BASE, *size));
            names.extend(name.bytes().chain([0]));
        }
        let place = self.put(&names) - BASE;
        headers.extend(section(0, 0, place, names.len() as u64));
        let table = self.put(&headers) - BASE;
        let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        header.extend(self.object.to_le_bytes());
        header.extend(self.machine.to_le_bytes());
        header.extend(1_u32.to_le_bytes());
        header.extend(self.entry.to_le_bytes());
        header.extend(64_u64.to_le_bytes());
        header.extend((if self.sections.is_empty() { 0 } else { table }).to_le_bytes());
        header.extend(0_u32.to_le_bytes());
        let count = self.segments.len() as u16 + 1;
        let sections = if self.sections.is_empty() { 0 } else { self.sections.len() as u16 + 2 };
        for number in [64, 56, count, 64, sections, sections.saturating_sub(1)] {
            header.extend(number.to_le_bytes());
        }
        let size = self.bytes.len() as u64;
        // Readable, writable, executable.
        header.extend(segment(1, 7, 0, BASE, size));
        for (kind, address, size) in &self.segments {
            header.extend(segment(*kind, 4, address - BASE, *address, *size));
        }
        self.bytes[..header.len()].copy_from_slice(&header);
        self.bytes
    }
}

fn section(name: usize, address: u64, offset: u64, size: u64) -> Vec<u8> {
    let mut bytes = (name as u32).to_le_bytes().to_vec();
    bytes.extend(1_u32.to_le_bytes());
    for number in [0, address, offset, size, 0, 0, 0] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.truncate(64);
    bytes
}

fn segment(kind: u32, flags: u32, offset: u64, address: u64, size: u64) -> Vec<u8> {
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend(flags.to_le_bytes());
    for number in [offset, address, address, size, size, 16] {
        bytes.extend(u64::to_le_bytes(number));
    }
    bytes
}

/// What stands around the text of Go's modules.
pub fn framed(modules: &str) -> String {
    format!("0123456789abcdef{modules}0123456789abcdef")
}

const MAGIC: &[u8] = b"\xff Go buildinf:";

/// Build information as Go 1.18 and newer write it.
pub fn inline_build_info(image: &mut Image, version: &str, modules: &str) -> u64 {
    let mut bytes = [MAGIC, &[8, 2], &[0; 16]].concat();
    let modules = if modules.is_empty() { String::new() } else { framed(modules) };
    for text in [version, &modules] {
        let mut length = text.len();
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(text.bytes());
    }
    image.put(&bytes)
}

/// Build information as Go 1.13 to 1.17 write it.
pub fn pointed_build_info(image: &mut Image, version: &str, modules: &str) -> u64 {
    let (version, modules) = (image.go_string(version), image.go_string(&framed(modules)));
    let mut bytes = [MAGIC, &[8, 0]].concat();
    bytes.extend(version.to_le_bytes());
    bytes.extend(modules.to_le_bytes());
    image.put(&bytes)
}

/// The layouts of line tables: their magics, and whether addresses are distances.
pub const LAYOUTS: [(u32, bool); 4] =
    [(0xffff_fffb, false), (0xffff_fffa, false), (0xffff_fff0, true), (0xffff_fff1, true)];

/// A line table for functions in the order of their addresses, with `text` as it stands in the header.
pub fn line_table(magic: u32, start: u64, text: u64, functions: &[(u64, &str)]) -> Vec<u8> {
    let is_relative = magic & 0xf0 == 0xf0 && magic & 0xf < 2;
    let word = |number: u64| number.to_le_bytes();
    let header = match magic & 0xff {
        0xfb => 16,
        0xfa => 8 * 8,
        _ => 9 * 8,
    };
    let mut names = Vec::new();
    let places: Vec<usize> = functions
        .iter()
        .map(|(_, name)| {
            let place = names.len();
            names.extend(name.bytes().chain([0]));
            place
        })
        .collect();
    names.resize(names.len().next_multiple_of(8), 0);
    let address = |address: u64| {
        if is_relative { ((address - start) as u32).to_le_bytes().to_vec() } else { word(address).to_vec() }
    };
    let width = if is_relative { 4 } else { 8 };
    let place = |number: usize| {
        if is_relative { (number as u32).to_le_bytes().to_vec() } else { word(number as u64).to_vec() }
    };
    // The first layout has the index behind its header and counts from the table's start, names included.
    let first = magic & 0xff == 0xfb;
    let index_size = 2 * width * functions.len() + width;
    let base = if first { header } else { 0 };
    let names_at = if first { base + index_size + functions.len() * 16 } else { 0 };
    let mut index = Vec::new();
    let mut bodies = Vec::new();
    for ((at, _), name) in functions.iter().zip(&places) {
        index.extend(address(*at));
        index.extend(place(base + index_size + bodies.len()));
        bodies.extend(address(*at));
        bodies.extend(((names_at + name) as u32).to_le_bytes());
        bodies.resize(bodies.len().next_multiple_of(16), 0);
    }
    index.extend(address(functions.last().map_or(0, |(at, _)| at + 64)));
    // What follows a function's fields in the first layout is counted on above.
    bodies.resize(functions.len() * 16, 0);
    let mut table = magic.to_le_bytes().to_vec();
    table.extend([0, 0, 1, 8]);
    table.extend(word(functions.len() as u64));
    if first {
        table.extend(index);
        table.extend(bodies);
        table.extend(names);
        return table;
    }
    table.extend(word(0));
    if is_relative {
        table.extend(word(text));
    }
    let pcln = header + names.len();
    for offset in [header, 0, 0, 0, pcln] {
        table.extend(word(offset as u64));
    }
    assert_eq!(table.len(), header);
    table.extend(names);
    table.extend(index);
    table.extend(bodies);
    table
}

/// How a Go program is put together.
pub struct GoProgram<'a> {
    pub machine: u16,
    pub magic: u32,
    pub functions: &'a [&'a str],
    /// A function by its place, and the text whose address it takes.
    pub uses: &'a [(usize, &'a str)],
    pub texts: &'a [&'a str],
    /// Version and modules, as Go 1.18 writes them.
    pub build_info: Option<(&'a str, &'a str)>,
    pub has_sections: bool,
    /// Whether the table's header says where the code begins: up to Go 1.25.
    pub says_text: bool,
}

impl Default for GoProgram<'_> {
    fn default() -> Self {
        GoProgram {
            machine: X86_64,
            magic: 0xffff_fff1,
            functions: &["runtime.main", "main.main"],
            uses: &[],
            texts: &[],
            build_info: None,
            has_sections: true,
            says_text: true,
        }
    }
}

impl GoProgram<'_> {
    pub fn build(&self) -> Vec<u8> {
        let mut image = Image::new(self.machine);
        for text in self.texts {
            image.text(text);
        }
        let constants: Vec<u64> = self.uses.iter().map(|(_, text)| image.text(text)).collect();
        let code = image.put(&vec![0x90; self.functions.len() * 64]);
        for (index, ((function, _), constant)) in self.uses.iter().zip(constants).enumerate() {
            let at = code + *function as u64 * 64 + 8 * (1 + index as u64 % 6);
            let instructions =
                if self.machine == X86_64 { lea(at, constant) } else { adrp_add(at, constant) };
            let place = (at - BASE) as usize;
            image.bytes[place..place + instructions.len()].copy_from_slice(&instructions);
        }
        if let Some((version, modules)) = self.build_info {
            let address = inline_build_info(&mut image, version, modules);
            if self.has_sections {
                image.section(".go.buildinfo", address, 32);
            }
        }
        let functions: Vec<(u64, &str)> = self
            .functions
            .iter()
            .enumerate()
            .map(|(index, name)| (code + index as u64 * 64, *name))
            .collect();
        let said = if self.says_text { code } else { 0 };
        let table = line_table(self.magic, code, said, &functions);
        let address = image.put(&table);
        if self.has_sections {
            image.section(".text", code, self.functions.len() * 64);
            image.section(".gopclntab", address, table.len());
        }
        if !self.says_text && !self.has_sections {
            let mut module = vec![address, address + 72];
            module.resize(20, 0);
            module.extend([code, code + 64, code, code + 64]);
            let words: Vec<u8> = module.iter().flat_map(|word| word.to_le_bytes()).collect();
            image.put(&words);
        }
        image.finish()
    }
}

/// `lea rax, [rip + …]`.
fn lea(at: u64, target: u64) -> Vec<u8> {
    let distance = (target as i64 - (at as i64 + 7)) as i32;
    [&[0x48, 0x8d, 0x05][..], &distance.to_le_bytes()].concat()
}

/// `adrp x3, …; add x3, x3, …`.
fn adrp_add(at: u64, target: u64) -> Vec<u8> {
    let pages = ((target as i64 >> 12) - (at as i64 >> 12)) as u32;
    let page = 0x9000_0000 | (pages & 3) << 29 | (pages >> 2 & 0x7_ffff) << 5 | 3;
    let add = 0x9100_0000 | (target as u32 & 0xfff) << 10 | 3 << 5 | 3;
    [page.to_le_bytes(), add.to_le_bytes()].concat()
}

/// A dynamically linked program, with its loader, libraries and versions of glibc's symbols.
pub fn dynamic(machine: u16, loader: Option<&str>, libraries: &[&str], versions: &[&str]) -> Image {
    let mut image = Image::new(machine);
    let mut strings = vec![0];
    let mut string = |text: &str| {
        let place = strings.len();
        strings.extend(text.bytes().chain([0]));
        place as u64
    };
    let mut dynamic: Vec<(u64, u64)> = libraries.iter().map(|library| (1, string(library))).collect();
    let versions: Vec<u64> = versions.iter().map(|version| string(version)).collect();
    let file = string("libc.so.6");
    let mut needs = Vec::new();
    needs.extend(1_u16.to_le_bytes());
    needs.extend((versions.len() as u16).to_le_bytes());
    for number in [file as u32, 16, 0] {
        needs.extend(number.to_le_bytes());
    }
    for (index, version) in versions.iter().enumerate() {
        let next = if index + 1 < versions.len() { 16 } else { 0 };
        for number in [0, 0, *version as u32, next] {
            needs.extend(number.to_le_bytes());
        }
    }
    let (strings_at, needs_at) = (image.put(&strings), image.put(&needs));
    dynamic.extend([(5, strings_at), (10, strings.len() as u64)]);
    if !versions.is_empty() {
        dynamic.extend([(0x6fff_fffe, needs_at), (0x6fff_ffff, 1)]);
    }
    dynamic.push((0, 0));
    let bytes: Vec<u8> =
        dynamic.iter().flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()].concat()).collect();
    let at = image.put(&bytes);
    image.segment(2, at, bytes.len());
    if let Some(loader) = loader {
        let at = image.text(loader);
        image.segment(3, at, loader.len() + 1);
    }
    image
}
