//! Wrong usage, told as all errors are: clap's words in our shape.

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::Error;

/// The error for arguments that clap refuses.
pub(crate) fn refused(error: &clap::Error, go1x: Command) -> Error {
    let (what, mut help) = parts(error);
    // `help` looks for no similar commands; without it, the same word is looked for.
    if let (ErrorKind::InvalidSubcommand, Some(ContextValue::String(name))) =
        (error.kind(), error.get(ContextKind::InvalidSubcommand))
        && let Err(again) = go1x.try_get_matches_from(["go1x", name])
    {
        help = parts(&again).1;
    }
    Error::input(what).with_help(help.join("\n      "))
}

/// What is wrong, and what to do: a similar name, the possible values, or the usage.
fn parts(error: &clap::Error) -> (String, Vec<String>) {
    let text = error.render().to_string();
    let mut paragraphs = text.trim_end().split("\n\n");
    let mut lines = paragraphs.next().unwrap_or_default().lines().map(str::trim);
    let mut what = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let mut help = Vec::new();
    let mut names = Vec::new();
    for line in lines {
        match line.strip_prefix('[').and_then(|values| values.strip_suffix(']')) {
            Some(values) => help.push(values.to_owned()),
            None => names.push(line),
        }
    }
    if !names.is_empty() {
        what = format!("{what} {}", names.join(", "));
    }
    let (mut tips, mut usage) = (Vec::new(), None);
    for paragraph in paragraphs {
        let lines = paragraph.lines().map(str::trim);
        tips.extend(lines.filter_map(|line| line.strip_prefix("tip: ")).map(str::to_owned));
        usage = usage.or(paragraph.strip_prefix("Usage: "));
    }
    tips.append(&mut help);
    if tips.is_empty() {
        tips.extend(usage.map(|usage| format!("usage: {usage}")));
        let command = |word: &&str| word.starts_with(|first: char| first.is_ascii_lowercase());
        let words = usage.unwrap_or("go1x").split(' ').take_while(command);
        tips.push(format!("`{} --help` has more", words.collect::<Vec<_>>().join(" ")));
    }
    (what, tips)
}
