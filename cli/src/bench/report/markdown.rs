//! The report as Markdown, for a pull request.

use std::fmt::Write as _;

use super::super::results::Results;
use super::comparison::Comparison;
use super::line::line;
use super::section::{sections, setting, warnings};
use super::table::{Kind, Table};

pub(crate) fn text(results: &Results, comparison: Option<&Comparison>) -> String {
    let mut text = String::from("# go1x bench\n\n");
    for warning in warnings(results) {
        _ = writeln!(text, "> **Warning.** {}\n", escaped(&warning));
    }
    for note in &results.notes {
        _ = writeln!(text, "- {}", escaped(&line(note)));
    }
    if !results.notes.is_empty() {
        text.push('\n');
    }
    for section in sections(results, comparison) {
        _ = writeln!(text, "## {}\n", escaped(&section.title));
        for words in &section.words {
            _ = writeln!(text, "{}\n", escaped(words));
        }
        for table in &section.tables {
            if section.tables.len() > 1 {
                _ = writeln!(text, "### {}\n", escaped(&table.title));
            }
            if section.is_detail || table.is_folded {
                text += "<details><summary>Numbers</summary>\n\n";
                self::table(&mut text, table);
                text += "</details>\n\n";
            } else {
                self::table(&mut text, table);
            }
        }
    }
    text += "## Setting\n\n";
    for table in setting(results) {
        self::table(&mut text, &table);
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn table(text: &mut String, table: &Table) {
    let titles: Vec<String> = table.columns.iter().map(|column| escaped(&column.title)).collect();
    _ = writeln!(text, "| {} |", titles.join(" | "));
    let rule = |kind| if kind == Kind::Number { "---:" } else { "---" };
    let rules: Vec<&str> = table.columns.iter().map(|column| rule(column.kind)).collect();
    _ = writeln!(text, "| {} |", rules.join(" | "));
    for row in &table.rows {
        let cells = row.iter().zip(&table.columns).map(|(cell, column)| match column.kind {
            Kind::Name => code(cell),
            Kind::Verdict if matches!(cell.as_str(), "not reached" | "slower") => format!("**{cell}**"),
            _ => escaped(cell),
        });
        _ = writeln!(text, "| {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    text.push('\n');
}

/// As it is: within a table's cell a bar alone has to be told from a border.
fn code(name: &str) -> String {
    if name.is_empty() || name == "–" {
        return name.to_owned();
    }
    let longest = name.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let gap = if name.starts_with('`') || name.ends_with('`') { " " } else { "" };
    format!("{fence}{gap}{}{gap}{fence}", name.replace('|', "\\|"))
}

/// Text that is nothing but text. A name behind an `@` would get a message.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    // Brackets alone are brackets.
    let is_link = |c: char| c == '[' && text.contains("](");
    for c in text.chars() {
        if is_link(c) || matches!(c, '\\' | '`' | '*' | '_' | '<' | '>' | '|' | '#' | '~' | '&' | '!' | '$') {
            escaped.push('\\');
        }
        escaped.push(c);
        if c == '@' {
            escaped += "<!-- -->";
        }
    }
    escaped
}
