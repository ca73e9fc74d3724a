//! Reports, made of a run's results alone.
//!
//! `section` says, as data, what there is to tell: words, tables (`table.rs`) and charts (`chart`). `text.rs`,
//! `markdown.rs` and `html.rs` write that down; `json.rs` and `csv.rs` write the raw values. `comparison.rs` finds what
//! differs from an earlier run, with the test of `rank_sum.rs`; `promise.rs` is what go1x is to reach. `line.rs` takes
//! the harm out of names that are anybody's, `unit.rs` gives numbers their form.

mod chart;
mod comparison;
mod csv;
#[cfg(test)]
mod fixture;
mod html;
pub(crate) mod json;
mod line;
#[cfg(test)]
mod look;
mod markdown;
mod promise;
mod rank_sum;
mod section;
mod table;
mod text;
mod unit;
mod view;

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::results::Results;
use crate::error::Error;
use comparison::Comparison;

/// Where the results go.
#[derive(Debug)]
pub(crate) struct Outputs {
    /// A folder for all reports and the raw data.
    folder: Option<PathBuf>,
    /// On stdout: JSON in place of text.
    json: bool,
    /// An earlier run, to be compared with.
    earlier: Option<Results>,
}

impl Outputs {
    /// Before anything is measured: afterwards is too late to learn that a folder cannot be made, or a file not read.
    pub(crate) fn open(
        folder: Option<PathBuf>,
        json: bool,
        baseline: Option<&Path>,
    ) -> Result<Outputs, Error> {
        let earlier = baseline.map(json::read).transpose()?;
        if let Some(folder) = &folder {
            fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
        }
        Ok(Outputs { folder, json, earlier })
    }

    /// Writes all that is asked for. An error if something is slower than in the earlier run.
    pub(crate) fn write(&self, results: &Results) -> Result<(), Error> {
        let comparison = self.earlier.as_ref().map(|earlier| Comparison::of(earlier, results));
        let comparison = comparison.as_ref();
        if let Some(folder) = &self.folder {
            self::folder(results, comparison, folder)?;
        }
        if self.json {
            let mut out = BufWriter::new(io::stdout().lock());
            json::print(results, &mut out)?;
            out.flush()?;
        } else {
            text::write(results, comparison, &mut anstream::stdout())?;
        }
        if let Some(folder) = &self.folder {
            anstream::eprintln!("written: {}", folder.join("index.html").display());
        }
        comparison.map_or(Ok(()), Comparison::verdict)
    }
}

/// The raw values as JSON and CSV, the page, and Markdown.
fn folder(results: &Results, comparison: Option<&Comparison>, folder: &Path) -> Result<(), Error> {
    // The raw values first: whatever fails later, they are there.
    json::write(results, &folder.join("results.json"))?;
    let texts = [
        ("index.html", html::page(results, comparison)?),
        ("summary.md", markdown::text(results, comparison)),
    ];
    for (name, text) in texts {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| cannot(&path, &error))?;
    }
    let path = folder.join("raw.csv");
    let file = File::create(&path).map_err(|error| cannot(&path, &error))?;
    csv::write(results, BufWriter::new(file)).map_err(|error| cannot(&path, &error))
}

fn cannot(path: &Path, error: &dyn Display) -> Error {
    Error::input(format_args!("cannot write {}: {error}", path.display()))
        .with_help("--report takes a folder that you may write to; it is made if it is not there")
}

#[cfg(test)]
mod tests;
