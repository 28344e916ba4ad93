//! What is told about a configuration: each finding with file, line and column, the line itself, and what to write.
//!
//! Drawn by `annotate-snippets`, as rustc and cargo draw theirs. A finding that stands in no file, as one about a flag, is
//! told without a line.

use std::fmt;
use std::ops::Range;

use annotate_snippets::renderer::{DEFAULT_TERM_WIDTH, DecorStyle};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::fault::{Fault, Faults};

/// What is wrong with a configuration, or what about it gives pause, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Report {
    file_name: String,
    text: String,
    kind: Kind,
    findings: Vec<Fault>,
}

/// How many are drawn: who has more has most likely not what they think they have.
const DRAWN: usize = 12;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// There is no configuration.
    Error,
    /// There is one, but it may not be what was meant.
    #[default]
    Warning,
}

impl Report {
    pub(super) fn new(file_name: &str, text: &str, kind: Kind, faults: Faults) -> Self {
        let mut findings = faults.in_order();
        for finding in &mut findings {
            finding.narrow(text);
        }
        Self {
            file_name: file_name.to_owned(),
            text: text.to_owned(),
            kind,
            findings,
        }
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// All of it with the lines of the file, and at the end how many; with colours where `is_terminal`.
    pub fn drawn(&self, is_terminal: bool) -> String {
        let renderer = if is_terminal {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        // A line that is shown in part would have its marks below another character.
        let renderer = renderer
            .decor_style(DecorStyle::Ascii)
            .term_width(DEFAULT_TERM_WIDTH.max(self.longest_line()));
        let mut text = String::new();
        for finding in self.findings.iter().take(DRAWN) {
            text += &renderer.render(&[self.group(finding)]);
            text += "\n\n";
        }
        text + &self.more() + &self.count() + "\n"
    }

    /// What is said of those that are not drawn.
    fn more(&self) -> String {
        let more = self.findings.len().saturating_sub(DRAWN);
        let doubt = if self.kind == Kind::Error && !self.file_name.ends_with(".toml") {
            "; is this a TOML file?"
        } else {
            ""
        };
        match more {
            0 => String::new(),
            more => format!("and {more} more{doubt}\n\n"),
        }
    }

    /// Each finding on one line, as for a log.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.findings.iter().map(|finding| {
            let help = finding.help.as_ref();
            let help = help.map(|help| format!("; {help}")).unwrap_or_default();
            let told = |file_name: &str, (line, column)| format!("{file_name}:{line}:{column}: ");
            let place = finding.span.as_ref();
            let place = place.map(|span| told(&self.file_name, place_in(&self.text, span.start)));
            let within = finding.within.as_ref();
            let within = within.map(|file| told(&file.file_name, place_in(&file.text, file.at)));
            let places: String = place.into_iter().chain(within).collect();
            format!("{places}{}{help}", finding.message)
        })
    }

    fn group<'a>(&'a self, finding: &'a Fault) -> Group<'a> {
        let level = match self.kind {
            Kind::Error => Level::ERROR,
            Kind::Warning => Level::WARNING,
        };
        let title = level.primary_title(&finding.message);
        let help = finding.help.iter().map(|help| Level::HELP.message(help));
        let Some(span) = &finding.span else {
            // A title alone is a group, too.
            return Group::with_title(title).elements(help);
        };
        let mark = AnnotationKind::Primary;
        let mark = mark.span(on_one_line(&self.text, span));
        let beside = finding.beside.iter().map(|(span, label)| {
            let span = on_one_line(&self.text, span);
            AnnotationKind::Context.span(span).label(*label)
        });
        let own = Snippet::source(&self.text).path(&self.file_name);
        let own = own.annotation(mark).annotations(beside);
        let within = finding.within.iter().map(|file| {
            let span = on_one_line(&file.text, &(file.at..file.at));
            let mark = AnnotationKind::Primary.span(span);
            Snippet::source(&file.text)
                .path(&file.file_name)
                .annotation(mark)
        });
        title.elements(within).element(own).elements(help)
    }

    fn longest_line(&self) -> usize {
        let within = self.findings.iter().flat_map(|finding| &finding.within);
        let texts = within.map(|file| &file.text).chain([&self.text]);
        let lengths = texts
            .flat_map(|text| text.lines())
            .map(|line| line.chars().count());
        lengths.max().unwrap_or(0) * 4 + 40
    }

    fn count(&self) -> String {
        let name = match self.kind {
            Kind::Error => "error",
            Kind::Warning => "warning",
        };
        let many = if self.findings.len() == 1 { "" } else { "s" };
        let file = match self.file_name.as_str() {
            "" => String::new(),
            name => format!(" in {name}"),
        };
        format!("writegate: {} {name}{many}{file}", self.findings.len())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.lines().collect();
        f.write_str(&lines.join("\n"))
    }
}

/// What of `span` stands on its first line: at least one character, but at the end of a line.
fn on_one_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = floor(text, span.start);
    let rest = &text[start..];
    let line_end = start + rest.find(['\n', '\r']).unwrap_or(rest.len());
    let one = rest.chars().next().map_or(0, char::len_utf8);
    let end = floor(text, span.end).max(start + one);
    start..end.min(line_end)
}

/// Line and column, from 1, the column in characters.
fn place_in(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..floor(text, at)];
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// The greatest place of a character that is not past `at`.
pub(super) fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}
