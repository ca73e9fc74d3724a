//! Reports, made of a run's results alone.
//!
//! `section` says, as data, what there is to tell: words, tables (`table.rs`) and charts (`chart`). `text.rs`,
//! `markdown.rs` and `html.rs` write that down; `json.rs` and `csv.rs` write the raw values. `comparison.rs` finds what
//! differs from an earlier run, with the test of `rank_sum.rs`; `promise.rs` is what go1x is to reach. `line.rs` takes
//! the harm out of names that are anybody's, `unit.rs` gives numbers their form.

mod chart;
pub(crate) mod comparison;
mod csv;
#[cfg(test)]
mod fixture;
mod html;
pub(crate) mod json;
mod line;
mod markdown;
pub(crate) mod promise;
mod rank_sum;
mod section;
mod table;
pub(crate) mod text;
mod unit;
mod view;

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use super::results::Results;
use crate::error::Error;
use comparison::Comparison;

/// Writes the page, Markdown, JSON and CSV into a folder, which is made if need be.
pub(crate) fn write(results: &Results, comparison: Option<&Comparison>, folder: &Path) -> Result<(), Error> {
    let cannot = |path: &Path, error: &dyn std::fmt::Display| {
        Error::failed(format!("cannot write {}: {error}", path.display()))
    };
    fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    // The raw values first: whatever fails later, they are there.
    json::write(results, &folder.join("results.json"))?;
    let texts = [
        ("report.html", html::page(results, comparison)?),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn render() {
        for (name, results) in [
            ("full", fixture::full()),
            ("small", fixture::small()),
            ("empty", fixture::empty()),
            ("hostile", fixture::hostile()),
        ] {
            write(&results, None, &Path::new("/tmp/report/out").join(name)).unwrap();
            let mut out = Vec::new();
            text::write(&results, None, &mut out).unwrap();
            fs::write(Path::new("/tmp/report/out").join(name).join("text.txt"), out).unwrap();
        }
    }
}
