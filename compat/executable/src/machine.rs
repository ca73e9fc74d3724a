//! What a program is built for.

use std::fmt;

/// `e_machine` of an ELF header, elf(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Machine(pub u16);

impl Machine {
    /// What go1.x knew alone.
    pub const X86_64: Machine = Machine(62);
    /// The other one that Lambda has.
    pub const AARCH64: Machine = Machine(183);
    /// What this code was built for.
    pub const OURS: Machine = if cfg!(target_arch = "aarch64") { Machine::AARCH64 } else { Machine::X86_64 };

    /// Go's name of it; of one that Lambda lacks, there is none.
    pub fn goarch(self) -> Option<&'static str> {
        match self {
            Machine::X86_64 => Some("amd64"),
            Machine::AARCH64 => Some("arm64"),
            _ => None,
        }
    }

    /// Lambda's name of it: a function's `Architectures`.
    pub fn lambda_name(self) -> Option<&'static str> {
        match self {
            Machine::X86_64 => Some("x86_64"),
            Machine::AARCH64 => Some("arm64"),
            _ => None,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            62 => f.write_str("x86_64"),
            183 => f.write_str("aarch64 (arm64)"),
            3 => f.write_str("32-bit x86"),
            40 => f.write_str("32-bit ARM"),
            other => write!(f, "machine type {other}"),
        }
    }
}
