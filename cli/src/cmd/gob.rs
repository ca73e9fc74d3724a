//! `go1x gob`: what is in a gob stream, byte by byte.

use std::fs;
use std::io::{self, BufWriter, Read as _, Write};
use std::path::PathBuf;

use anstream::{AutoStream, ColorChoice};
use clap::Args;
use gob::dump::{self, Style};

use crate::error::Error;

/// Shows what is in a gob stream, byte by byte
///
/// A line for each part of the stream: where it is, its bytes, what they mean. Type definitions, values with
/// their fields and types, interface values and what they hold, values that encode themselves. One direction of
/// a recorded net/rpc connection is such a stream, and a message that was cut off is shown up to there.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Gob {
    /// The stream; - is the standard input
    file: PathBuf,
    /// Write the same as one JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  go1x gob request.gob
  go1x gob --json request.gob | jq '.messages[].value | select(.ServiceMethod)'
  nc -l 9000 | go1x gob - | less -R

JSON: {messages: [{def?: {id, kind, name, commonId, elem?, key?, len?,
  fields?: [{name, id}]}, id?, value?, partial?}], error?}
  A message defines a type (def), or has a value of the type id. Integers are
  decimal texts, floats their 64 bits in hexadecimal, bytes base64.

Environment:
  NO_COLOR     no colours, if set

Exit codes: 0 all of the stream was read; 2 it is malformed (what could be read
is shown), or there is no such file.";

impl Gob {
    pub(super) fn run(self) -> Result<(), Error> {
        let stream = self.read()?;
        let out = io::stdout();
        let style = match AutoStream::choice(&out) {
            ColorChoice::Never => Style::Plain,
            _ => Style::Ansi,
        };
        let mut out = BufWriter::new(out.lock());
        let result = if self.json {
            let result = dump::json(&stream, &mut out)?;
            writeln!(out)?;
            result
        } else {
            dump::text(&stream, style, &mut out)?
        };
        out.flush()?;
        result.map_err(|error| {
            let help = match error.offset() {
                0 | 1 => "is this gob? A stream is one direction of a connection, from the first byte on",
                _ if error.is_cut() => "the recording ends too early; what there is of it is shown",
                _ if self.json => {
                    "what comes before is shown; the value that breaks off is marked as partial"
                }
                _ => "what could be read is shown, with every error in its place",
            };
            Error::input(format_args!("{}: {error}", self.name())).with_help(help)
        })
    }

    fn read(&self) -> Result<Vec<u8>, Error> {
        let read = if self.file.as_os_str() == "-" {
            let mut stream = Vec::new();
            io::stdin().read_to_end(&mut stream).map(|_| stream)
        } else {
            fs::read(&self.file)
        };
        read.map_err(|error| {
            Error::input(format_args!("{} cannot be read: {error}", self.name()))
                .with_help("name a file with a gob stream in it, or - for the standard input")
        })
    }

    fn name(&self) -> String {
        if self.file.as_os_str() == "-" { "standard input".into() } else { self.file.display().to_string() }
    }
}
