//! A program, as far as it can be known without starting it.

use crate::elf::Section;
use crate::go::{BuildInfo, LineTable, Magic, functions_that_name};
use crate::handler::LIBRARY;
use crate::{Confidence, Doors, Elf, Error, Needs, System, Verdict};

/// A program, as far as it can be known without starting it.
#[derive(Debug, Clone)]
pub struct Program {
    /// What it is, and for which processor.
    pub elf: Elf,
    /// What it needs of the system.
    pub needs: Needs,
    /// Its build information, if it is a Go program that has it.
    pub build_info: Option<BuildInfo>,
    /// The layout of its line table, if it is a Go program.
    pub line_table: Option<Magic>,
    /// How many functions that table has.
    pub functions: usize,
    /// Whether it has no symbols for a debugger, as `-ldflags=-s` has it.
    pub is_stripped: bool,
    /// Whether it was packed by UPX, which hides all the rest.
    pub is_packed: bool,
    /// Which of Lambda's doors it opens.
    pub verdict: Verdict,
    /// Uses of go1.x's variables that are not aws-lambda-go's own.
    pub uses: Vec<Use>,
}

/// A function that names one of go1.x's variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The variable.
    pub variable: &'static str,
    /// The function, with its package.
    pub function: String,
}

/// Variables that go1.x had set and `provided.*` has not, and that programs look at.
pub const VARIABLES: [&str; 2] = ["_LAMBDA_SERVER_PORT", "AWS_EXECUTION_ENV"];

impl Program {
    /// Reads a whole ELF file. The time and memory that it takes are bounded by the file's size, whatever is in it.
    pub fn read(bytes: &[u8]) -> Result<Program, Error> {
        let elf = Elf::read(bytes)?;
        let needs = Needs::read(bytes, &elf)?;
        let sections = elf.sections(bytes);
        let has = |name: &str| sections.iter().any(|section: &Section| section.name == name);
        let build_info = BuildInfo::find(bytes, &elf, &sections);
        let table = LineTable::find(bytes, &elf, &sections);
        // UPX' own header stands right behind the segments (`src/stub/src/include/header.S`).
        let is_packed = bytes[..bytes.len().min(1024)].windows(4).any(|four| four == b"UPX!");
        let verdict = match Verdict::of(bytes, build_info.as_ref(), table.as_ref()) {
            verdict if is_packed && verdict.doors == Doors::None => Verdict {
                confidence: Confidence::Low,
                reason: "nothing of it can be read: it was packed by UPX".to_owned(),
                ..verdict
            },
            verdict => verdict,
        };
        let mut uses = Vec::new();
        for variable in VARIABLES {
            let Some(table) = &table else { break };
            let functions = functions_that_name(variable, bytes, &elf, table);
            let others = functions.into_iter().filter(|name| !is_of_library(name));
            uses.extend(others.map(|name| Use { variable, function: name.to_owned() }));
        }
        Ok(Program {
            is_stripped: !has(".symtab"),
            is_packed,
            line_table: table.as_ref().map(|table| table.magic),
            functions: table.as_ref().map_or(0, LineTable::count),
            elf,
            needs,
            build_info,
            verdict,
            uses,
        })
    }

    /// Whether it was built by Go.
    pub fn is_go(&self) -> bool {
        self.build_info.is_some() || self.line_table.is_some()
    }

    /// The version of Go: `go1.21.5`, or which ones it can be.
    pub fn go_version(&self) -> Option<&str> {
        let exact = self.build_info.as_ref().map(|info| &*info.go_version);
        exact.filter(|version| !version.is_empty()).or(self.line_table.map(Magic::versions))
    }

    /// The systems that it can be started on.
    pub fn runs_on(&self) -> impl Iterator<Item = System> {
        System::ALL.into_iter().filter(|system| system.obstacle(&self.elf, &self.needs).is_none())
    }
}

/// Whether a function is aws-lambda-go's own, in a folder `vendor` or not.
fn is_of_library(name: &str) -> bool {
    let name = name.rsplit_once("/vendor/").map_or(name, |(_, name)| name);
    name.strip_prefix(LIBRARY).is_some_and(|rest| rest.starts_with(['/', '.', '@']))
}
