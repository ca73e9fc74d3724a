//! The guide as a reader follows it: sections, and in these, commands and what they print.

use std::fs;
use std::path::Path;

/// Commands of the page.
#[derive(Debug)]
pub(crate) struct Block {
    /// The line that they begin at.
    pub(crate) line: usize,
    /// The heading of the section, of the second level.
    pub(crate) section: String,
    pub(crate) commands: String,
    /// What stands right below as their output; `…` is anything.
    pub(crate) output: Option<String>,
}

/// What a block that is not run begins with; the reason follows.
pub(crate) const NOT_RUN: &str = "# Not run by the tests: ";

impl Block {
    pub(crate) fn is_run(&self) -> bool {
        !self.commands.starts_with(NOT_RUN)
    }
}

pub(crate) fn text() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("migration-guide.md")).unwrap()
}

/// All commands of a page, in its order.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut section = String::new();
    // Whether only empty lines stand between here and the last commands.
    let mut right_below = false;
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.to_owned();
        }
        let Some(language) = line.trim_start().strip_prefix("```") else {
            right_below &= line.is_empty();
            continue;
        };
        assert!(
            !line.starts_with(' '),
            "line {}: a block of a list: the test does not look there",
            number + 1
        );
        let mut body = String::new();
        for (_, line) in lines.by_ref().take_while(|(_, line)| *line != "```") {
            body += line;
            body += "\n";
        }
        match language {
            "sh" => {
                let line = number + 1;
                found.push(Block { line, section: section.clone(), commands: body, output: None });
            }
            "text" if right_below => {
                let block = found.last_mut().expect("there are commands above");
                block.output = Some(body);
            }
            other => panic!(
                "line {}: a block of {other:?}: neither commands (sh) nor, right below, what they print (text)",
                number + 1
            ),
        }
        right_below = language == "sh";
    }
    found
}

/// Whether a text is as a pattern says, in which `…` is anything.
pub(crate) fn is_like(text: &str, pattern: &str) -> bool {
    let mut pieces = pattern.trim_end().split('…');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.trim_end().strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}
