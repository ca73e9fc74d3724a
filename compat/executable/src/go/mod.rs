//! What the Go linker leaves in a program, stripped or not: its build information, and its table of functions.

mod build_info;
mod line_table;
mod references;

pub use build_info::{BuildInfo, Form, Module};
pub(crate) use line_table::LineTable;
pub use line_table::Magic;
pub(crate) use references::functions_that_name;
