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
        let page = template(&file, beside, |text| Page::parse(text, &answers));
        if let Some(page) = faults.take(page) {
            templates.page = page;
        }
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
    let within = |text: &str, at| {
        let (file_name, text) = (path.display().to_string(), text.to_owned());
        Some(Box::new(Within {
            file_name,
            text,
            at,
        }))
    };
    let bytes = std::fs::read(&path).map_err(|error| {
        fault(format!(
            "cannot read the template {}: {error}",
            path.display()
        ))
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        // What stands before it is the same in the text that is shown.
        let at = error.valid_up_to();
        let message = format!("this byte, {:#04x}, is no part of UTF-8", bytes[at]);
        Fault {
            within: within(&String::from_utf8_lossy(&bytes), at),
            ..fault(message).help("save the template as UTF-8")
        }
    })?;
    parse(text).map_err(|error| Fault {
        within: within(text, error.at),
        help: error.help.map(str::to_owned),
        ..fault(error.message)
    })
}
