//! A table as data. Text, Markdown and HTML are made of the same ones.

use super::line::line;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    /// What it shows; unique within a report.
    pub(crate) title: String,
    pub(crate) columns: Vec<Column>,
    /// As many cells in each as there are columns.
    pub(crate) rows: Vec<Vec<String>>,
    /// Long, and for those alone who look for it: it is not printed, and folded up elsewhere.
    pub(crate) is_folded: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) title: String,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Given by somebody: a contestant's, an event's, a command.
    Name,
    Words,
    /// To the right.
    Number,
    /// One of few words, which may be good or bad news.
    Verdict,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, columns: &[(&str, Kind)]) -> Table {
        let columns = columns.iter().map(|(title, kind)| Column { title: line(title), kind: *kind });
        Table { title: line(&title.into()), columns: columns.collect(), rows: Vec::new(), is_folded: false }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().map(|cell| line(&cell)).collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
    }

    /// Without the columns in which no row has anything.
    pub(crate) fn without_empty_columns(mut self) -> Table {
        let kept: Vec<bool> = (0..self.columns.len())
            .map(|at| self.rows.iter().any(|row| !matches!(row[at].as_str(), "" | "–")))
            .collect();
        let keep = |at: usize| kept[at];
        self.columns = pick(self.columns, keep);
        self.rows = self.rows.into_iter().map(|row| pick(row, keep)).collect();
        self
    }
}

fn pick<T>(all: Vec<T>, keep: impl Fn(usize) -> bool) -> Vec<T> {
    all.into_iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, item)| item).collect()
}
