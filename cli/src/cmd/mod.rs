//! The subcommands, and what they have in common.

mod bench;
mod completions;
mod demo;
mod gob;
mod inspect;
mod man;
mod pack;

use std::sync::LazyLock;

use clap::{Parser, Subcommand, ValueEnum};

use crate::error::Error;

/// Runs unchanged go1.x Lambda functions on provided.al2 and provided.al2023.
#[derive(Debug, Parser)]
#[command(name = "go1x", version = VERSION.as_str(), after_help = EXAMPLES)]
#[command(arg_required_else_help = true, max_term_width = 80)]
#[command(subcommand_value_name = "COMMAND", subcommand_help_heading = "Commands")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  go1x demo            see it work, on this machine, in a few seconds
  go1x help demo       what the demo does, step by step
  go1x inspect main    what a handler is, where it runs, what it needs
  go1x help pack       how to make a layer, or a zip, for provided.al2023
  go1x bench --quick   what the bridge costs, against the rebuilt handler
  go1x gob FILE        what is in a gob stream, byte by byte

Environment:
  NO_COLOR         no colours, if set
  CLICOLOR_FORCE   colours on pipes too, if set

Exit codes: 0 success; 1 the function or a check failed; 2 wrong usage or input;
130 interrupted (Ctrl-C).";

/// With what a report of an error needs: the commit, if it is known, and whether there is RPC in the build.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let rpc = if go1x::rpc::VARIABLE.is_some() { "rpc" } else { "norpc" };
    let commit = option_env!("GO1X_COMMIT").map(|commit| format!("{commit}, ")).unwrap_or_default();
    format!("{} ({commit}{rpc})", env!("CARGO_PKG_VERSION"))
});

#[derive(Debug, Subcommand)]
enum Command {
    // Boxed, as it has many more flags than the others.
    Bench(Box<bench::Bench>),
    Demo(demo::Demo),
    Gob(gob::Gob),
    Inspect(inspect::Inspect),
    Pack(pack::Pack),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Error> {
        match self.command {
            Command::Bench(bench) => bench.run(),
            Command::Demo(demo) => demo.run(),
            Command::Gob(gob) => gob.run(),
            Command::Inspect(inspect) => inspect.run(),
            Command::Pack(pack) => pack.run(),
            Command::Completions(completions) => completions.run(),
            Command::Man(man) => man.run(),
        }
    }
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, 80 columns wide
    Text,
    /// For programs: one JSON object
    Json,
}
