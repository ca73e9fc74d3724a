//! The go1x command line: one word per subcommand, one file for each in `cmd`.

mod bench;
mod cmd;
mod demo;
mod error;
mod inspect;
mod pack;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    if demo::builtin::is_called() {
        return demo::builtin::serve();
    }
    match cmd::Arguments::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
