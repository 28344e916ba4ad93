//! What is wrong with a configuration, and where: file, line and column, and the line itself.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use super::table::tables_with;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}", path.display())]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// What came instead.
        source: std::io::Error,
    },
    /// Something in the file is wrong.
    #[error("{file_name}:{line}:{column}: {message}\n{excerpt}")]
    InFile {
        /// The file as it was named.
        file_name: String,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong.
        message: String,
        /// The line, and marks below what is wrong in it.
        excerpt: Excerpt,
    },
    /// Something is wrong that stands in no file.
    #[error("{0}")]
    Elsewhere(String),
}

/// A line of a file with marks below a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    line: usize,
    text: String,
    /// In characters, from 0.
    marked: Range<usize>,
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let indent = " ".repeat(self.marked.start);
        let marks = "^".repeat(self.marked.len().max(1));
        write!(
            f,
            "{margin} |\n{number} | {}\n{margin} | {indent}{marks}",
            self.text
        )
    }
}

/// What is wrong, before it is known in which file.
#[derive(Debug)]
pub(super) struct Fault {
    span: Option<Range<usize>>,
    message: String,
}

impl Fault {
    pub(super) fn new(span: Option<Range<usize>>, message: impl fmt::Display) -> Self {
        let message = message.to_string();
        Self { span, message }
    }
}

/// A configuration's text, and what errors call it.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) file_name: &'a str,
    pub(super) text: &'a str,
}

impl Text<'_> {
    /// The text is not TOML, or not of the shape of a configuration.
    pub(super) fn unreadable(self, error: &toml::de::Error) -> ConfigError {
        let message = with_what_was_meant(error.message());
        let span = error.span();
        self.locate(Fault { span, message })
    }

    pub(super) fn locate(self, fault: Fault) -> ConfigError {
        let Some(span) = fault.span else {
            return ConfigError::Elsewhere(fault.message);
        };
        let start = floor(self.text, span.start);
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let text = self.text[line_start..].lines().next().unwrap_or("");
        let column = before[line_start..].chars().count();
        let end = floor(
            self.text,
            span.end.clamp(start, (line_start + text.len()).max(start)),
        );
        let width = self.text[start..end].chars().count();
        // A tab would put the marks in another column than what they mark.
        let excerpt = Excerpt {
            line,
            text: text.replace('\t', " "),
            marked: column..column + width,
        };
        ConfigError::InFile {
            file_name: self.file_name.to_owned(),
            line,
            column: column + 1,
            message: fault.message,
            excerpt,
        }
    }
}

/// The greatest place of a character that is not past `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// serde says "unknown field `x`, expected one of `a`, `b`", and of an enum's values "unknown variant `x`, …".
fn with_what_was_meant(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let is_unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let Some(unknown) = names.next().filter(|_| is_unknown) else {
        return message.to_owned();
    };
    let elsewhere = tables_with(unknown);
    if !elsewhere.is_empty() && message.starts_with("unknown field") {
        return format!(
            "{message}; `{unknown}` belongs in {}",
            elsewhere.join(" or ")
        );
    }
    let nearest = names
        .map(|name| (strsim::damerau_levenshtein(unknown, name), name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().max(3) / 3 + 1);
    match nearest {
        Some((_, name)) => format!("{message}; did you mean `{name}`?"),
        None => message.to_owned(),
    }
}
