//! Wrong usage, told as all errors are: clap's words in our shape.

use std::env;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::Error;

/// The error for arguments that clap refuses.
pub(crate) fn refused(error: &clap::Error, go1x: Command) -> Error {
    let command = env::args_os().nth(1).and_then(|name| go1x.find_subcommand(name));
    let called = command.map_or("go1x".to_owned(), |command| format!("go1x {}", command.get_name()));
    let (what, mut help) = parts(error, &called);
    // `help` looks for no similar commands; without it, the same word is looked for.
    if let (ErrorKind::InvalidSubcommand, Some(ContextValue::String(name))) =
        (error.kind(), error.get(ContextKind::InvalidSubcommand))
        && let Err(again) = go1x.try_get_matches_from(["go1x", name])
    {
        help = parts(&again, &called).1;
    }
    Error::input(what).with_help(help.join("\n      "))
}

/// What is wrong, and what to do: a similar name, the possible values, or the usage.
fn parts(error: &clap::Error, called: &str) -> (String, Vec<String>) {
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
        // That what looks like an option may be a file's name is seldom what is wrong.
        let found =
            lines.filter_map(|line| line.strip_prefix("tip: ")).filter(|tip| !tip.starts_with("to pass '"));
        tips.extend(found.map(str::to_owned));
        usage = usage.or(paragraph.strip_prefix("Usage: "));
    }
    tips.append(&mut help);
    if tips.is_empty() {
        tips.extend(usage.map(|usage| format!("usage: {}", usage.replace('\n', "\n      "))));
        tips.push(format!("`{called} --help` has more"));
    }
    (what, tips)
}
