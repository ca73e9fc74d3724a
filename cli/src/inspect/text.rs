//! The result for people: a block for each program, and a table of all.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::finding::{Finding, Level};
use super::report::{Input, InputKind, ProgramReport, Report};

const WIDTH: usize = 80;
/// Where a block's text begins, behind its labels.
const INDENT: usize = 13;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// All of the report.
pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let looked_at = report.inputs.iter().filter(|input| input.error.is_none());
    for (index, input) in looked_at.enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        self::input(input, out)?;
    }
    let programs: usize = report.inputs.iter().map(|input| input.programs.len()).sum();
    if report.inputs.len() > 1 || programs > 1 {
        writeln!(out)?;
        summary(report, out)?;
    }
    Ok(())
}

fn input(input: &Input, out: &mut dyn Write) -> io::Result<()> {
    let path = visible(&input.path);
    if input.kind != InputKind::File || input.programs.is_empty() {
        write!(out, "{BOLD}{path}{BOLD:#}")?;
        if let Some(size) = input.unpacked_size {
            write!(out, "{DIM}  {}, {} unpacked{DIM:#}", kind(input.kind), megabytes(size))?;
        }
        writeln!(out)?;
        let programs: BTreeSet<&str> = input.programs.iter().map(|program| &*program.name).collect();
        let is_programs =
            |finding: &&Finding| finding.member.as_deref().is_some_and(|name| programs.contains(name));
        for finding in input.findings.iter().filter(|finding| !is_programs(finding)) {
            self::finding(finding, out)?;
        }
    }
    let of = findings_by_program(input);
    for (index, program) in input.programs.iter().enumerate() {
        if index > 0 || input.kind != InputKind::File {
            writeln!(out)?;
        }
        let title = if input.kind == InputKind::File { path.clone() } else { visible(&program.name) };
        block(&title, program, out)?;
        for finding in of.get(&*program.name).into_iter().flatten() {
            self::finding(&Finding { member: None, ..(*finding).clone() }, out)?;
        }
    }
    Ok(())
}

/// The findings about each program, by its name; of a file, all.
fn findings_by_program(input: &Input) -> BTreeMap<&str, Vec<&Finding>> {
    let mut found: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    let alone = input.programs.first().filter(|_| input.kind == InputKind::File);
    for finding in &input.findings {
        let name = alone.map(|program| &*program.name).or(finding.member.as_deref());
        found.entry(name.unwrap_or_default()).or_default().push(finding);
    }
    found
}

fn kind(kind: InputKind) -> &'static str {
    match kind {
        InputKind::Zip => "zip",
        InputKind::Folder => "folder",
        InputKind::File | InputKind::Refused => "file",
    }
}

fn block(title: &str, program: &ProgramReport, out: &mut dyn Write) -> io::Result<()> {
    let verdict = &program.verdict;
    let style = match verdict.doors {
        "none" => RED,
        "rpc" => YELLOW,
        _ => GREEN,
    };
    writeln!(out, "{BOLD}{title}{BOLD:#}: {style}{}{style:#}", verdict.text)?;
    labelled("why", &format!("{} (confidence: {})", verdict.reason, verdict.confidence), out)?;
    labelled("built", &built(program), out)?;
    labelled("needs", &needs(program), out)?;
    let runs = program.runs_on.iter().filter(|on| on.runs).map(|on| on.runtime).collect::<Vec<_>>();
    let nowhere = || program.runs_on.last().and_then(|on| on.obstacle.clone()).unwrap_or_default();
    let runs = if runs.is_empty() { format!("nowhere on Lambda: {}", nowhere()) } else { runs.join(", ") };
    labelled("starts on", &runs, out)?;
    for (index, step) in program.next.iter().enumerate() {
        labelled(if index == 0 { "next" } else { "or" }, step, out)?;
    }
    Ok(())
}

fn built(program: &ProgramReport) -> String {
    let mut parts = Vec::new();
    if let Some(go) = &program.go {
        let version = go.version.as_deref().unwrap_or("Go");
        parts.push(if go.build_info.is_some() {
            version.to_owned()
        } else {
            format!("{version} (by its line table: there is no build information)")
        });
    }
    if let Some(library) = &program.aws_lambda_go {
        parts.push(format!("aws-lambda-go {library}"));
    }
    match program.go.as_ref().and_then(|go| go.tags.as_ref()) {
        Some(tags) if !tags.is_empty() => parts.push(format!("tags {}", tags.join(","))),
        _ => {}
    }
    parts.push(program.architecture.clone());
    if program.stripped {
        parts.push("stripped".to_owned());
    }
    parts.join(", ")
}

fn needs(program: &ProgramReport) -> String {
    let Some(loader) = &program.loader else { return "nothing: it is linked statically".to_owned() };
    let mut text = match program.glibc.last() {
        Some(newest) => format!("glibc {newest} or newer"),
        None => "a C library".to_owned(),
    };
    text += &format!(", loader {loader}");
    if !program.libraries.is_empty() {
        text += &format!(", {}", program.libraries.join(", "));
    }
    text
}

/// What a user should know, marked by how bad it is.
pub(crate) fn finding(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let (style, word) = match finding.level {
        Level::Error => (RED, "error"),
        Level::Warning => (YELLOW, "warning"),
        Level::Note => (CYAN, "note"),
    };
    let member = finding.member.as_deref().map(|member| format!("{member}: ")).unwrap_or_default();
    styled(style, word, &format!("{member}{}", finding.message), out)?;
    match &finding.help {
        Some(help) => styled(DIM, "", help, out),
        None => Ok(()),
    }
}

/// A line, or some, with a label in front.
pub(crate) fn labelled(label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    styled(DIM, label, text, out)
}

/// A label, and words in lines of the right width behind it. They may be anybody's.
fn styled(style: Style, label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "  {style}{label:<width$}{style:#}", width = INDENT - 2)?;
    let mut column = INDENT;
    for (index, word) in visible(text).split_whitespace().enumerate() {
        let width = word.chars().count();
        if index > 0 && column + 1 + width > WIDTH {
            write!(out, "\n{:INDENT$}", "")?;
            column = INDENT;
        } else if index > 0 {
            write!(out, " ")?;
            column += 1;
        }
        write!(out, "{word}")?;
        column += width;
    }
    writeln!(out)
}

/// One line for each program, and one for each package in which there is none.
fn summary(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<[String; 5]> = report.inputs.iter().flat_map(|input| rows(input, report.on)).collect();
    let header = ["program", "verdict", "aws-lambda-go", "starts", "findings"].map(str::to_owned);
    let mut widths = [0; 5];
    for row in rows.iter().chain([&header]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    writeln!(out, "{BOLD}On {}{BOLD:#}", report.on)?;
    for (index, row) in [&header].into_iter().chain(&rows).enumerate() {
        let style = if index == 0 { DIM } else { Style::new() };
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        writeln!(out, "  {style}{}{style:#}", line.trim_end())?;
    }
    Ok(())
}

fn rows(input: &Input, on: &str) -> Vec<[String; 5]> {
    let path = visible(&input.path);
    let row = |name: String, verdict: &str, findings: String| {
        [name, verdict.to_owned(), "–".to_owned(), "–".to_owned(), findings]
    };
    if let Some(why) = &input.error {
        return vec![row(path, "refused", visible(why))];
    }
    if input.programs.is_empty() {
        return vec![row(path, "no handler", counted(&input.findings))];
    }
    let of = findings_by_program(input);
    let of_program = |program: &ProgramReport| {
        let name = match input.kind {
            InputKind::File => path.clone(),
            _ => format!("{path} {}", visible(&program.name)),
        };
        let runs = program.runs_on.iter().any(|other| other.runtime == on && other.runs);
        [
            name,
            program.verdict.text.to_owned(),
            visible(program.aws_lambda_go.as_deref().unwrap_or("–")),
            if runs { "yes" } else { "no" }.to_owned(),
            counted(of.get(&*program.name).into_iter().flatten().copied()),
        ]
    };
    let programs: Vec<_> = input.programs.iter().map(of_program).collect();
    // What is wrong with the package itself has a line of its own.
    let names: BTreeSet<&str> = input.programs.iter().map(|program| &*program.name).collect();
    let others = of.iter().filter(|(name, _)| !names.contains(*name)).flat_map(|(_, found)| found).copied();
    let others = counted(others);
    let whole = (!others.is_empty()).then(|| row(path.clone(), kind(input.kind), others));
    whole.into_iter().chain(programs).collect()
}

/// How many errors and warnings there are.
fn counted<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let (mut errors, mut warnings) = (0, 0);
    for finding in findings {
        match finding.level {
            Level::Error => errors += 1,
            Level::Warning => warnings += 1,
            Level::Note => {}
        }
    }
    let told = [(errors, "error"), (warnings, "warning")].into_iter().filter(|(count, _)| *count > 0);
    told.map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Without what a terminal would take for a command: names are anybody's.
pub(crate) fn visible(text: &str) -> String {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if unseen(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// With Lambda's megabyte, 1024².
pub(crate) fn megabytes(size: u64) -> String {
    format!("{:.1} MB", size as f64 / 1024.0 / 1024.0)
}
