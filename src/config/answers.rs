//! `[answers]`: how the gateway's own answers look, and who may read them.

use std::path::Path;

use toml::Spanned;

use super::fault::{Fault, Faults, Within};
use super::raw::RawAnswers;
use super::value::{self, OneOrMany};
use crate::policy::rejection::{
    Answers, Cors, Disclose, Escaping, Page, Template, TemplateError, Templates, WebOrigin,
};

/// None if something about them is wrong.
pub(super) fn answers(raw: RawAnswers, beside: &Path, faults: &mut Faults) -> Option<Answers> {
    let mut answers = Answers {
        type_base: match raw.type_base {
            Some(text) => text.0,
            None => "https://writegate.example/problems".to_owned(),
        },
        disclose: raw.disclose.map_or(Disclose::default(), |named| named.0),
        cors: raw
            .cors
            .map_or(Cors::default(), |given| cors(given, faults)),
        templates: Templates::default(),
    };
    let mut templates = Templates::default();
    if let Some(file) = raw.html {
        templates.page =
            faults.take(template(&file, beside, |text| Page::parse(text, &answers)))?;
    }
    let mut other = |file: Option<Spanned<String>>, escaping| {
        let parse = |text: &str| Template::parse(text, escaping, &answers);
        faults.take(template(&file?, beside, parse))
    };
    templates.json = other(raw.json, Escaping::Json);
    templates.text = other(raw.text, Escaping::None);
    answers.templates = templates;
    Some(answers)
}

fn cors(raw: Spanned<OneOrMany>, faults: &mut Faults) -> Cors {
    if matches!(raw.as_ref(), OneOrMany::One(text) if text == "*") {
        return Cors::Any;
    }
    let mut listed = Vec::new();
    for text in value::texts(Some(raw), "cors", faults).unwrap_or_default() {
        let Some(origin) = faults.take(text.parse(WebOrigin::parse)) else {
            continue;
        };
        if listed.contains(&origin) {
            faults.push(text.fault("this origin is given twice"));
        }
        listed.push(origin);
    }
    Cors::Listed(listed.into())
}

/// A template of the operator's. What is wrong in it is told with its own file, line and column, at the setting that names it.
fn template<T>(
    file: &Spanned<String>,
    beside: &Path,
    parse: impl Fn(&str) -> Result<T, TemplateError>,
) -> Result<T, Fault> {
    let path = beside.join(file.as_ref());
    let fault = |message: String| Fault::new(Some(file.span()), message);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        fault(format!(
            "cannot read the template {}: {error}",
            path.display()
        ))
    })?;
    parse(&text).map_err(|error| {
        let within = Within {
            file_name: path.display().to_string(),
            at: place_of(&text, error.line, error.column),
            text: text.clone(),
        };
        Fault {
            within: Some(Box::new(within)),
            ..fault(error.message)
        }
    })
}

/// In bytes, of a line and a column from 1.
fn place_of(text: &str, line: usize, column: usize) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let start: usize = lines.map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let before = rest.chars().take(column.saturating_sub(1));
    start + before.map(char::len_utf8).sum::<usize>()
}
