//! Names and notes as one line each: they come from users and files.

use crate::inspect::text::visible;

/// Longer ones are cut; no layout holds a megabyte.
const LIMIT: usize = 400;

/// Without what a terminal or a browser would take for more than letters, and not longer than a line may be.
pub(crate) fn line(text: &str) -> String {
    let shown = visible(text.replace(['\n', '\t'], " ").trim());
    match shown.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_to_a_terminal_are_shown() {
        assert_eq!(line("a\u{1b}[31mb\u{202e}c\nd "), "a\\u{1b}[31mb\\u{202e}c d");
        assert_eq!(line(&"ä".repeat(5000)).chars().count(), LIMIT + 1);
    }
}
