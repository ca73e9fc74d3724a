//! What the help says: which commands there are, and their options.

use crate::support::{go1x, run};

/// What is printed; width and colour are those of a pipe.
#[track_caller]
pub(crate) fn help(arguments: &[&str]) -> String {
    let arguments: Vec<&str> = arguments.iter().copied().filter(|argument| !argument.is_empty()).collect();
    let output = run(go1x(&arguments).env_remove("COLUMNS"));
    assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// All commands by name, and the empty name for the program alone.
pub(crate) fn commands() -> Vec<String> {
    let text = help(&["--help"]);
    let (_, list) = text.split_once("\nCommands:\n").expect("a list of commands");
    let lines = list.lines().take_while(|line| !line.is_empty());
    // What does not begin in the third column goes on with the line before.
    let names =
        lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(str::to_owned).filter(|name| name != "help").collect();
    assert!(names.len() >= 4, "{text}");
    [String::new()].into_iter().chain(names).collect()
}

/// An option, or what else an argument can be.
pub(crate) struct Argument {
    /// `--format`; of one without a flag, `<FILE>`.
    pub(crate) name: String,
    /// The values that it can have, if they are known.
    pub(crate) values: Vec<String>,
}

/// All arguments that the help of a command has.
pub(crate) fn options(command: &str) -> Vec<Argument> {
    let text = help(&[command, "-h"]);
    let sections =
        text.split("\n\n").filter(|part| part.starts_with("Options:") || part.starts_with("Arguments:"));
    let mut found: Vec<Argument> = Vec::new();
    for section in sections {
        let mut items: Vec<String> = Vec::new();
        for line in section.lines().skip(1) {
            let text = line.trim_start();
            let starts = line.len() - text.len() <= 6 && text.starts_with(['-', '<', '[']);
            match items.last_mut() {
                Some(last) if !starts => *last += &format!(" {text}"),
                _ => items.push(text.to_owned()),
            }
        }
        for item in items {
            let words = item.split([' ', ',']).filter(|word| !word.is_empty());
            let name = words
                .clone()
                .find(|word| word.starts_with("--"))
                .or(words.clone().next())
                .unwrap()
                .to_owned();
            let values =
                item.split_once("[possible values: ").map(|(_, values)| values.trim_end_matches(']'));
            let values =
                values.into_iter().flat_map(|values| values.split(", ")).map(str::to_owned).collect();
            found.push(Argument { name, values });
        }
    }
    assert!(found.iter().any(|argument| argument.name == "--help"), "{text}");
    found
}
