//! The report for a terminal, 80 columns wide.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, presets};

use super::super::results::Results;
use super::comparison::Comparison;
use super::line::line;
use super::section::{sections, setting, warnings};
use super::table::{Kind, Table};

const WIDTH: u16 = 80;
const BOLD: Style = Style::new().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// All of it. Colours are for a stream that takes them out where they do not belong.
pub(crate) fn write(
    results: &Results,
    comparison: Option<&Comparison>,
    out: &mut dyn Write,
) -> io::Result<()> {
    for warning in warnings(results) {
        paragraph(&format!("{YELLOW}warning:{YELLOW:#} "), &warning, out)?;
    }
    for note in &results.notes {
        paragraph("note: ", &line(note), out)?;
    }
    for section in sections(results, comparison) {
        writeln!(out, "\n{BOLD}{}{BOLD:#}", section.title)?;
        for words in &section.words {
            paragraph("", words, out)?;
        }
        for table in section.tables.iter().filter(|table| !table.is_folded) {
            if section.tables.len() > 1 {
                write!(out, "\n{BOLD}{}{BOLD:#}", table.title)?;
            }
            writeln!(out)?;
            self::table(table, out)?;
        }
    }
    for table in setting(results) {
        writeln!(out, "\n{BOLD}{}{BOLD:#}", table.title)?;
        self::table(&table, out)?;
    }
    Ok(())
}

/// Words in lines of the right width, behind a label that may be styled.
fn paragraph(label: &str, words: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut column = anstream::adapter::strip_str(label).to_string().chars().count();
    write!(out, "{label}")?;
    for (at, word) in words.split(' ').enumerate() {
        let width = word.chars().count();
        if at > 0 && column + 1 + width > usize::from(WIDTH) {
            writeln!(out)?;
            column = 0;
        } else if at > 0 {
            write!(out, " ")?;
            column += 1;
        }
        for c in word.chars() {
            // A word may be longer than a line.
            if column == usize::from(WIDTH) {
                writeln!(out)?;
                column = 0;
            }
            write!(out, "{c}")?;
            column += 1;
        }
    }
    writeln!(out)
}

fn table(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(presets::NOTHING.header_separator(LineStyle::none().fill('─')));
    drawn.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    drawn.set_header(table.columns.iter().map(|column| &column.title));
    for row in &table.rows {
        drawn.add_row(row);
    }
    let widths: u16 = drawn.column_max_content_widths().iter().sum();
    let gaps = table.columns.len().saturating_sub(1) as u16;
    let gap = if widths.saturating_add(2 * gaps) > WIDTH { 1 } else { 2 };
    for (at, (column, drawn)) in table.columns.iter().zip(drawn.column_iter_mut()).enumerate() {
        drawn.set_padding((0, if at < usize::from(gaps) { gap } else { 0 }));
        if column.kind == Kind::Number {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in drawn.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
