//! `go1x man`: the manual, a page for each command.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man as Page;
use clap_mangen::roff::{Roff, roman};

use super::Arguments;
use crate::error::Error;

/// Writes the manual pages
///
/// go1x.1 for the program and go1x-COMMAND.1 for each command: what --help says, for the command man.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Man {
    /// Where they are written; it is made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  go1x man ~/.local/share/man/man1
  go1x man . && man ./go1x-inspect.1

Exit codes: 0 written; 2 wrong usage, or a folder that cannot be written to.";

impl Man {
    pub(super) fn run(self) -> Result<(), Error> {
        self.write().map_err(|error| {
            Error::input(format_args!("{} cannot be written to: {error}", self.folder.display()))
                .with_help("name a folder that you may write to; it is made if it is not there")
        })
    }

    fn write(&self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut go1x = Arguments::command().disable_help_subcommand(true);
        go1x.build();
        let commands = go1x.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
        for command in commands.chain([go1x.clone()]) {
            // A command has the version of the program.
            let source = format!("go1x {}", go1x.get_version().unwrap_or_default());
            let page = Page::new(command.clone()).source(source);
            let mut text = Vec::new();
            page.render_title(&mut text)?;
            page.render_name_section(&mut text)?;
            page.render_synopsis_section(&mut text)?;
            page.render_description_section(&mut text)?;
            page.render_options_section(&mut text)?;
            if command.has_subcommands() {
                page.render_subcommands_section(&mut text)?;
            }
            closing(&command).to_writer(&mut text)?;
            fs::write(self.folder.join(page.get_filename()), text)?;
        }
        Ok(())
    }
}

/// What comes after the options in a help, as sections: `Examples:` with indented lines, `Exit codes: …`, or notes.
/// (clap's own way would run the lines of examples into one.)
fn closing(command: &Command) -> Roff {
    let mut page = Roff::new();
    let mut last = String::new();
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        let (heading, lines) = match paragraph.split_once(':') {
            Some(("Exit codes", text)) => ("EXIT STATUS".to_owned(), text.trim_start()),
            Some((heading, lines)) if !heading.contains('\n') => {
                (heading.to_uppercase(), lines.trim_matches('\n'))
            }
            _ => ("NOTES".to_owned(), paragraph),
        };
        if heading == last {
            page.control("PP", []);
        } else {
            page.control("SH", [&*heading]);
        }
        let is_prose = !lines.contains("\n ") && !lines.starts_with(' ');
        if !is_prose {
            page.control("nf", []);
        }
        for line in lines.lines() {
            page.text([roman(line)]);
        }
        if !is_prose {
            page.control("fi", []);
        }
        last = heading;
    }
    page
}
