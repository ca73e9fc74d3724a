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

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::results::Results;
use crate::error::Error;
use crate::output;
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
            output::try_folder(folder).map_err(|error| cannot(folder, &error))?;
        }
        Ok(Outputs { folder, json, earlier })
    }

    /// Writes all that is asked for. An error if something is slower than in the earlier run, or nothing can be compared
    /// with that: whoever reads, or does not, changes nothing about it.
    pub(crate) fn write(&self, results: &Results) -> Result<(), Error> {
        let comparison = self.earlier.as_ref().map(|earlier| Comparison::of(earlier, results));
        let comparison = comparison.as_ref();
        // First what needs no room: what was measured is then told, even if it cannot be kept.
        let printed = self.print(results, comparison);
        let kept = self.folder.as_deref().map_or(Ok(()), |folder| keep(results, comparison, folder));
        if let (Some(folder), Ok(())) = (&self.folder, &kept) {
            _ = writeln!(anstream::stderr(), "written: {}", folder.join("index.html").display());
        }
        Error::all([comparison.map_or(Ok(()), Comparison::verdict), printed, kept])
    }

    fn print(&self, results: &Results, comparison: Option<&Comparison>) -> Result<(), Error> {
        if self.json {
            let mut out = BufWriter::new(io::stdout().lock());
            json::print(results, &mut out)?;
            out.flush()?;
        } else {
            text::write(results, comparison, &mut anstream::stdout())?;
        }
        Ok(())
    }
}

/// The raw values as JSON and CSV, the page, and Markdown.
fn keep(results: &Results, comparison: Option<&Comparison>, folder: &Path) -> Result<(), Error> {
    let write = |name: &str, content: &dyn Fn(&mut BufWriter<&mut File>) -> io::Result<()>| {
        let path = folder.join(name);
        let written = output::replace(&path, |file| {
            let mut file = BufWriter::new(file);
            content(&mut file)?;
            file.flush()
        });
        written.map_err(|error| cannot(&path, &error))
    };
    // The raw values first: whatever fails later, they are there.
    write("results.json", &|file| json::print(results, file))?;
    let page = html::page(results, comparison)?;
    write("index.html", &|file| file.write_all(page.as_bytes()))?;
    write("summary.md", &|file| file.write_all(markdown::text(results, comparison).as_bytes()))?;
    write("raw.csv", &|file| Ok(csv::write(results, file)?))
}

fn cannot(path: &Path, error: &io::Error) -> Error {
    Error::input(format_args!("cannot write {}: {error}", path.display()))
        .with_help("--report takes a folder that you may write to; it is made if it is not there")
}

#[cfg(test)]
mod tests;
