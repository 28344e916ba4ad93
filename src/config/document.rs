//! A TOML text becomes a [`RawConfig`], table by table, and every fault on the way is told.
//!
//! A line that is no TOML is told, and what stands on the others is read all the same, up to a list that is not closed:
//! nobody can say where that ends. What depends on several settings is judged only once all is TOML.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Faults};
use super::name;
use super::raw::RawConfig;
use super::report::floor;
use super::table::{self, Read};

type Value<'a> = Spanned<DeValue<'a>>;

/// Reads `text`; `None` if it is not TOML as a whole.
pub(super) fn read(text: &str, faults: &mut Faults) -> Option<RawConfig> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let unreadable = Unreadable::new(text, document.get_ref(), errors, faults);
    let mut found = Vec::new();
    let mut raw = RawConfig::default();
    let mut is_upstream_misspelt = false;
    for (name, value) in document.into_inner() {
        let found = &mut found;
        match name.get_ref().as_ref() {
            "server" => {
                let (server, tls) = without_tls(value);
                raw.server = one("server", server, found);
                raw.server_tls = within("server.tls", tls, found);
            }
            "upstream" => {
                let (upstream, tls) = without_tls(value);
                raw.upstream = one("upstream", upstream, found);
                raw.upstream_tls = within("upstream.tls", tls, found);
            }
            "answers" => raw.answers = one("answers", value, found),
            "guard" => raw.guard = one("guard", value, found),
            "route" => raw.route = several("route", value, found),
            unknown => {
                is_upstream_misspelt |= name::nearest(unknown, &["upstream"]).is_some();
                found.push(name::unknown_table(unknown, name.span(), value.get_ref()));
            }
        }
    }
    if is_upstream_misspelt || raw.upstream.is_any_wrong(name::is_url) {
        raw.upstream.note_wrong("url");
    }
    let is_whole = unreadable.is_nothing();
    faults.extend(found.into_iter().filter(|fault| !unreadable.hides(fault)));
    is_whole.then_some(raw)
}

/// A table that stands once.
fn one<T: DeserializeOwned + Default>(
    name: &'static str,
    value: Spanned<DeValue<'_>>,
    faults: &mut Vec<Fault>,
) -> Read<T> {
    let span = value.span();
    let is_list = value.get_ref().is_array();
    if let DeValue::Table(table) = value.into_inner() {
        let unknown = |setting: &str, span, value: &DeValue<'_>| {
            name::unknown_setting(name, setting, span, value)
        };
        return table::read(table, span, faults, unknown);
    }
    let message = if is_list {
        format!("there is one `[{name}]` only")
    } else {
        format!("`{name}` is a table")
    };
    let help = format!("write `[{name}]`, and its settings below it");
    faults.push(Fault::new(Some(span), message).help(help));
    Read::default()
}

/// A table, and the one within it that is read by itself.
fn without_tls(mut value: Value<'_>) -> (Value<'_>, Option<Value<'_>>) {
    let tls = match value.get_mut() {
        DeValue::Table(table) => table.remove("tls"),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_) => None,
    };
    (value, tls)
}

/// A table within another, where it is there.
fn within<T: DeserializeOwned + Default>(
    name: &'static str,
    value: Option<Value<'_>>,
    faults: &mut Vec<Fault>,
) -> Read<T> {
    value.map_or_else(Read::default, |value| one(name, value, faults))
}

/// A table that stands as often as is wished.
fn several<T: DeserializeOwned + Default>(
    name: &'static str,
    value: Spanned<DeValue<'_>>,
    faults: &mut Vec<Fault>,
) -> Vec<Read<T>> {
    let span = value.span();
    let mut wrong = |span| {
        let message = format!("there may be several of `{name}`");
        let help = format!("write `[[{name}]]`, with two brackets, and its settings below it");
        faults.push(Fault::new(Some(span), message).help(help));
    };
    let DeValue::Array(elements) = value.into_inner() else {
        wrong(span);
        return Vec::new();
    };
    let mut tables = Vec::new();
    for element in elements {
        let span = element.span();
        if let DeValue::Table(table) = element.into_inner() {
            tables.push((table, span));
        } else {
            wrong(span);
        }
    }
    let unknown = |setting: &str, span, value: &DeValue<'_>| {
        name::unknown_setting(name, setting, span, value)
    };
    let tables = tables.into_iter();
    tables
        .map(|(table, span)| table::read(table, span, faults, unknown))
        .collect()
}

/// What of a text is no TOML.
struct Unreadable<'a> {
    text: &'a str,
    /// Where each line begins of which something is no TOML.
    lines: BTreeSet<usize>,
    /// From here on nothing can be told.
    end: usize,
}

impl<'a> Unreadable<'a> {
    /// Tells the first fault of each line: those after it mostly come of it.
    fn new(
        text: &'a str,
        document: &DeTable<'_>,
        mut errors: Vec<toml::de::Error>,
        faults: &mut Faults,
    ) -> Self {
        let mut unreadable = Self {
            text,
            lines: BTreeSet::new(),
            end: text.len() + 1,
        };
        let place = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
        errors.sort_by_key(place);
        let in_list = errors.iter().find(|error| is_of_list(error));
        if errors.iter().any(is_open_list)
            && let Some(start) = in_list.and_then(|error| list_around(document, place(error)))
        {
            let fault = Fault::new(Some(start..start + 1), "this list is not closed");
            faults.push(fault.help("close it with `]`: what follows cannot be read until it is"));
            unreadable.lines.insert(unreadable.line_start(start));
            unreadable.end = start;
        }
        for error in errors {
            let line = unreadable.line_start(place(&error));
            if place(&error) >= unreadable.end {
                break;
            }
            if unreadable.lines.insert(line) {
                faults.push(no_toml(&error));
            }
        }
        unreadable
    }

    fn is_nothing(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether a fault may be one of what was made of what is no TOML.
    fn hides(&self, fault: &Fault) -> bool {
        let is_hidden = |span: &Range<usize>| {
            span.end >= self.end || self.lines.contains(&self.line_start(span.start))
        };
        let is_lost = |span: &Range<usize>| is_hidden(span) || self.is_below_no_heading(span.start);
        fault.span.as_ref().is_some_and(is_lost)
    }

    /// Whether the heading above is no TOML: then nobody can say to which table this belongs.
    fn is_below_no_heading(&self, at: usize) -> bool {
        let above = &self.text[..self.line_start(at)];
        let mut end = above.len();
        for line in above.split_inclusive('\n').rev() {
            end -= line.len();
            if line.trim_start().starts_with('[') {
                return self.lines.contains(&end);
            }
        }
        false
    }

    fn line_start(&self, at: usize) -> usize {
        let before = &self.text[..floor(self.text, at)];
        before.rfind('\n').map_or(0, |at| at + 1)
    }
}

fn no_toml(error: &toml::de::Error) -> Fault {
    let span = error.span().unwrap_or_default();
    // Said of all that begins as no value does.
    if !error.message().starts_with("string values must be quoted") {
        return Fault::new(Some(span), error.message());
    }
    if span.is_empty() {
        return Fault::new(Some(span), "a value is missing");
    }
    let help = "a text stands in quotes; numbers, `true` and `false` do without";
    Fault::new(Some(span), "this is no value").help(help)
}

fn is_of_list(error: &toml::de::Error) -> bool {
    ["array", "inline table"]
        .iter()
        .any(|word| error.message().contains(word))
}

fn is_open_list(error: &toml::de::Error) -> bool {
    error.message().starts_with("unclosed") && is_of_list(error)
}

/// Where the list begins that `at` is in.
fn list_around(table: &DeTable<'_>, at: usize) -> Option<usize> {
    table.values().find_map(|value| {
        if let Some(table) = value.get_ref().as_table() {
            return list_around(table, at);
        }
        let elements = value.get_ref().as_array()?;
        let mut tables = elements
            .iter()
            .filter_map(|element| element.get_ref().as_table())
            .peekable();
        if tables.peek().is_some() {
            return tables.find_map(|table| list_around(table, at));
        }
        // What it lacks is missed where it should be, which may be right after it.
        let span = value.span();
        (span.start..=span.end).contains(&at).then_some(span.start)
    })
}
