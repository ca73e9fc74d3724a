//! How much room a text takes. Which letters will be used is not known: this is that of the widest common ones.

/// The width of a text in letters of this height, rather too large than too small.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| part(c) * size).sum()
}

/// A letter's width as a part of its height, as DejaVu Sans has it.
fn part(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '\'' | '|' | ' ' | '.' | ',' | ':' | ';' | '\u{202f}' => 0.36,
        'f' | 'r' | 't' | 'I' | 'J' | '(' | ')' | '[' | ']' | '-' | '/' | '"' => 0.47,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 1.02,
        '+' | '<' | '=' | '>' | '~' | '#' | '&' | '×' | '÷' | 'G' | 'N' | 'O' | 'Q' => 0.86,
        '!'..='@' | '['..='~' => 0.65,
        'A'..='Z' => 0.78,
        '–' | 'µ' => 0.65,
        '\u{a0}'..='\u{24f}' => 0.85,
        // Other scripts, and what they lack is drawn as a box.
        _ => 1.3,
    }
}

/// In lines that are not wider. What has no gaps is broken anywhere: nothing is cut.
pub(crate) fn wrap(text: &str, size: f64, limit: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0.0;
    for word in text.split_inclusive([' ', '/', '-', '_']) {
        let wide = width(word.trim_end(), size);
        if used > 0.0 && used + wide > limit {
            lines.push(String::new());
            used = 0.0;
        }
        for c in word.chars() {
            let wide = part(c) * size;
            if used > 0.0 && used + wide > limit && c != ' ' {
                lines.push(String::new());
                used = 0.0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            used += wide;
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_wide_as_they_may_be_and_nothing_is_lost() {
        for text in [
            "go-direct",
            "a name of many words",
            &"W".repeat(100),
            "",
            "x yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy z",
        ] {
            let lines = wrap(text, 10.0, 80.0);
            assert!(lines.iter().all(|line| width(line, 10.0) <= 80.0), "{lines:?}");
            let letters = |text: &str| text.replace(' ', "");
            assert_eq!(letters(&lines.concat()), letters(text));
        }
        assert_eq!(wrap("go-direct, rebuilt", 10.0, 80.0), ["go-direct,", "rebuilt"]);
    }
}
