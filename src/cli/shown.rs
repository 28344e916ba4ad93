//! Text of others on a terminal: names of files, lines of logs, what was pasted.

/// Without what a terminal obeys.
pub(crate) fn shown(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let shown = |c: char| {
        if c.is_control() || !c.is_ascii() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        assert_eq!(shown("a\u{1b}[1mé"), "a\\u{1b}[1m\\u{e9}");
        assert_eq!(shown("/var/log/a b.log"), "/var/log/a b.log");
    }
}
