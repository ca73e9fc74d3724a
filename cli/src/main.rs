//! The go1x command line: one word per subcommand, one file for each in `cmd`.

mod bench;
mod cmd;
mod demo;
mod error;
mod inspect;
mod output;
mod pack;
mod usage;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

const HELP: ErrorKind = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;

fn main() -> ExitCode {
    if demo::builtin::is_called() {
        return demo::builtin::serve();
    }
    let arguments = match cmd::Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help that was asked for, and help in place of arguments.
        Err(help) if !help.use_stderr() || help.kind() == HELP => help.exit(),
        Err(error) => return usage::refused(&error, cmd::Arguments::command()).report(),
    };
    match arguments.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
