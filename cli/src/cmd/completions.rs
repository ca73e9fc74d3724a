//! `go1x completions`: what a shell needs to complete the arguments of `go1x`.

use std::io::{self, Write as _};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Arguments;
use crate::error::Error;

/// Prints completions for a shell
///
/// A script that makes the shell complete commands, options and their values. Where it belongs is the shell's
/// matter; the examples have the usual places.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Completions {
    /// The shell that they are for
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  go1x completions bash > ~/.local/share/bash-completion/completions/go1x
  go1x completions zsh > ~/.zfunc/_go1x    # a folder of fpath
  go1x completions fish > ~/.config/fish/completions/go1x.fish

Exit codes: 0 printed; 2 wrong usage.";

impl Completions {
    pub(super) fn run(self) -> Result<(), Error> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "go1x", &mut script);
        Ok(io::stdout().write_all(&script)?)
    }
}
