//! What a Linux executable is, what it needs, and which of Lambda's doors a Go handler opens, told from its bytes.
//!
//! ```
//! use executable::{Kind, Machine, Program};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bytes = std::fs::read("/proc/self/exe")?;
//! assert_eq!(Kind::of(&bytes), Kind::Elf { machine: Machine::OURS });
//!
//! let program = Program::read(&bytes)?;
//! assert!(program.go_version().is_none(), "this one is written in Rust");
//! # Ok(())
//! # }
//! ```
//!
//! Nothing is run, nothing is written. Of a file that may be anybody's: any bytes are a value or an [`Error`], no
//! length in them is believed, and time and memory are bounded by the file's size.
//!
//! | | |
//! | --- | --- |
//! | [`Kind`] | by the first 256 bytes: ELF, script, anything else |
//! | [`Elf`], [`Needs`], [`System`] | processor, loader, libraries, glibc; which of Lambda's systems has them. They read what they need from any [`Source`], so `bootstrap` has them too |
//! | [`Program`] | all of that, and Go's part, from a file in memory: [`BuildInfo`], the functions in it, the [`Verdict`] |
//!
//! # What cannot be known
//!
//! Uses of variables are found where code takes the address of the constant text (`os.Getenv("AWS_EXECUTION_ENV")`);
//! a text that a table of variables has, or that is put together at run time, is not. Programs whose names were made
//! unreadable are told by their texts, and the verdict says so by its [`Confidence`].

mod bytes;
mod elf;
mod error;
mod go;
mod handler;
mod kind;
mod machine;
mod needs;
mod program;
mod source;
mod system;

pub use elf::{Elf, Object};
pub use error::Error;
pub use go::{BuildInfo, Form, Magic, Module};
pub use handler::{Confidence, Doors, Verdict};
pub use kind::Kind;
pub use machine::Machine;
pub use needs::{Glibc, Needs};
pub use program::{Program, Use, VARIABLES};
pub use source::Source;
pub use system::{Obstacle, System};
