//! A template of an answer: our own page, or what the operator gives.
//!
//! Invariants:
//! - Whatever a template prints is escaped as its form asks for; nothing that it can say undoes that.
//! - A template that cannot be rendered for some rejection is refused when it is read. One that fails all the same, for a
//!   value that nobody foresaw, is passed over for our own answer.

use http::Method;
use minijinja::{
    Environment, Error, ErrorKind, HtmlEscape, Output, State, UndefinedBehavior, Value,
};
use serde::de::IgnoredAny;

use super::conflict::HolderView;
use super::sent::Sent;
use super::{Answers, Audience, Form, Telling, samples};
use crate::policy::key::Key;

mod place;

/// Far more than an answer takes, and little enough to be over at once.
const FUEL: u64 = 50_000;

const NAME: &str = "template";

/// A text with places for what is to be told.
#[derive(Clone, Debug)]
pub struct Template {
    environment: Environment<'static>,
}

/// How a template prints a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escaping {
    /// As text of a page.
    Html,
    /// As a value of JSON, a text in its quotes.
    Json,
    /// As it is.
    None,
}

/// What can be told of a rejection.
pub(super) struct View<'a> {
    pub(super) name: &'a str,
    pub(super) r#type: &'a str,
    pub(super) title: &'a str,
    pub(super) status: u16,
    pub(super) detail: &'a str,
    pub(super) method: &'a str,
    pub(super) sent: Sent,
    /// Seconds.
    pub(super) retry_after: Option<u64>,
    /// Those that were met; none where they may not be told.
    pub(super) keys: &'a [Key],
    pub(super) holder: Option<HolderView<'a>>,
}

/// The variables, as they are written.
pub const VARIABLES: [&str; 14] = [
    "name",
    "type",
    "title",
    "status",
    "detail",
    "method",
    "sent",
    "retry_after",
    "key",
    "holder",
    "holder.method",
    "holder.route",
    "holder.since",
    "holder.age_ms",
];

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// Where, in bytes of the text.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub help: Option<&'static str>,
}

impl Template {
    /// One of the operator's, tried on every rejection that these answers may tell.
    pub fn parse(text: &str, escaping: Escaping, answers: &Answers) -> Result<Self, TemplateError> {
        let template =
            Self::new(text.to_owned(), escaping).map_err(|error| failed(text, &error))?;
        if let Some(unknown) = template.unknown_variable() {
            return Err(unknown_variable(text, &unknown));
        }
        let audience = Audience::wanting(Form::Html);
        for rejection in samples::all() {
            let telling = Telling {
                answers,
                audience: &audience,
                method: &Method::PUT,
                is_last: false,
            };
            let rendered = rejection.with_view(&telling, |view| template.render(view));
            let rendered = rendered.map_err(|error| failed(text, &error))?;
            if escaping == Escaping::Json {
                check_json(text, rejection.name(), &rendered, |marked| {
                    let marked = Self::new(marked, escaping)?;
                    rejection.with_view(&telling, |view| marked.render(view))
                })?;
            }
        }
        Ok(template)
    }

    pub(super) fn new(text: String, escaping: Escaping) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_debug(true);
        environment.set_fuel(Some(FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_formatter(match escaping {
            Escaping::Html => print_html,
            Escaping::Json => print_json,
            Escaping::None => print,
        });
        // With everything escaped, they would do nothing, or do it twice.
        for filter in ["safe", "escape", "e"] {
            environment.remove_filter(filter);
        }
        // What it prints of the engine is of no use to a client.
        environment.remove_global("debug");
        environment.add_template_owned(NAME, text)?;
        Ok(Self { environment })
    }

    pub(super) fn render(&self, view: &View<'_>) -> Result<String, Error> {
        let template = self.environment.get_template(NAME)?;
        template.render(variables(view))
    }

    fn unknown_variable(&self) -> Option<String> {
        let template = self.environment.get_template(NAME).ok()?;
        let is_known = |name: &String| {
            let mut globals = self.environment.globals();
            VARIABLES.contains(&&**name) || globals.any(|(global, _)| global == name)
        };
        let mut names: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        names.retain(|name| !is_known(name));
        names.sort_unstable();
        names.into_iter().next()
    }
}

fn print_html(
    out: &mut Output<'_>,
    _state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    Ok(write!(out, "{}", HtmlEscape(&value.to_string()))?)
}

fn print_json(
    out: &mut Output<'_>,
    _state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    let json = serde_json::to_string(value);
    let json = json.map_err(|error| {
        Error::new(ErrorKind::BadSerialization, "no value of JSON").with_source(error)
    })?;
    Ok(out.write_str(&json)?)
}

fn print(out: &mut Output<'_>, _state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    Ok(write!(out, "{value}")?)
}

/// What is no JSON is told where the template makes it.
fn check_json(
    text: &str,
    name: &str,
    rendered: &str,
    render: impl FnOnce(String) -> Result<String, Error>,
) -> Result<(), TemplateError> {
    let checked: Result<IgnoredAny, _> = serde_json::from_str(rendered);
    checked.map(drop).map_err(|error| {
        let at = place::of_json(text, render).unwrap_or(0);
        let message = format!(
            "what it makes of `{name}` is not JSON: {}",
            place::without(&error)
        );
        let help = "a text is printed with its quotes: write `{{ detail }}` without any";
        TemplateError {
            help: Some(help),
            ..TemplateError::new(at, message)
        }
    })
}

/// The variables of a template. One that has no value is not defined, so that a template that prints it is found out.
fn variables(view: &View<'_>) -> Value {
    let mut told = vec![
        ("name", Value::from(view.name)),
        ("type", Value::from(view.r#type)),
        ("title", Value::from(view.title)),
        ("status", Value::from(view.status)),
        ("detail", Value::from(view.detail)),
        ("method", Value::from(view.method)),
        ("sent", Value::from(view.sent.name())),
    ];
    told.extend(
        view.retry_after
            .map(|after| ("retry_after", Value::from(after))),
    );
    told.extend(
        view.keys
            .first()
            .map(|key| ("key", Value::from(key.shown()))),
    );
    told.extend(view.holder.as_ref().map(|holder| {
        let holder = [
            ("method", Value::from(holder.method)),
            ("route", Value::from(holder.route)),
            ("since", Value::from(holder.since)),
            ("age_ms", Value::from(holder.age_ms)),
        ];
        ("holder", Value::from_pairs(holder))
    }));
    Value::from_pairs(told)
}

fn failed(text: &str, error: &Error) -> TemplateError {
    let line_start = |line: usize| {
        let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
        lines.map(str::len).sum::<usize>()
    };
    let at = error.range().map_or_else(
        || line_start(error.line().unwrap_or(1)),
        |range| range.start,
    );
    let message = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    TemplateError::new(at, message)
}

fn unknown_variable(text: &str, name: &str) -> TemplateError {
    let at = place::of_variable(text, name).map_or(0, |place| place.start);
    let known = VARIABLES.join("`, `");
    TemplateError::new(
        at,
        format!("there is no variable `{name}`; there are `{known}`"),
    )
}

impl TemplateError {
    const fn new(at: usize, message: String) -> Self {
        let help = None;
        Self { at, message, help }
    }
}
