//! `[answers]`: how the gateway's own answers look, and who may read them.

use std::path::Path;

use toml::Spanned;

use super::error::Fault;
use super::raw::RawAnswers;
use super::value::{self, OneOrMany};
use crate::policy::rejection::{Answers, Cors, Disclose, Page, WebOrigin};

pub(super) fn answers(raw: RawAnswers, beside: &Path) -> Result<Answers, Fault> {
    let mut answers = Answers {
        type_base: match raw.type_base {
            Some(text) => text.0,
            None => "https://writegate.example/problems".to_owned(),
        },
        disclose: raw.disclose.map_or(Disclose::default(), |named| named.0),
        cors: raw.cors.map_or(Ok(Cors::default()), cors)?,
        page: Page::own(),
    };
    if let Some(file) = raw.html {
        answers.page = page(&file, beside, &answers)?;
    }
    Ok(answers)
}

fn cors(raw: Spanned<OneOrMany>) -> Result<Cors, Fault> {
    if matches!(raw.as_ref(), OneOrMany::One(text) if text == "*") {
        return Ok(Cors::Any);
    }
    let mut listed = Vec::new();
    for text in value::texts(Some(raw), "cors")?.unwrap_or_default() {
        let origin = text.parse(WebOrigin::parse)?;
        if listed.contains(&origin) {
            return Err(text.fault("this origin is given twice"));
        }
        listed.push(origin);
    }
    Ok(Cors::Listed(listed.into()))
}

/// A template of the operator's. What is wrong in it is told with its own file, line and column, at the setting that names it.
fn page(file: &Spanned<String>, beside: &Path, answers: &Answers) -> Result<Page, Fault> {
    let path = beside.join(file.as_ref());
    let fault = |message: String| Fault::new(Some(file.span()), message);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        fault(format!(
            "cannot read the template {}: {error}",
            path.display()
        ))
    })?;
    Page::parse(&text, answers).map_err(|error| fault(format!("{}:{error}", path.display())))
}
