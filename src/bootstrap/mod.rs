//! The program `bootstrap`, but for its `main`: settings from the environment, the handler's program, and the
//! door that the mode asks for.

mod environment;
mod program;
mod run;
mod settings;

pub use program::ChildCommand;
pub use run::{Exit, refuse, run};
pub use settings::{Environment, LOG, Mode, Settings, Sharing, log_format};
