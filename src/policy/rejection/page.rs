//! The page that a browser is shown: our own, or a template that the operator gives.
//!
//! Invariants:
//! - Whatever a template prints is escaped; nothing that it can say undoes that.
//! - A template that cannot be rendered for some rejection is refused when it is read. One that fails all the same, for a
//!   value that nobody foresaw, is passed over for our own page.

use std::ops::Range;

use http::{HeaderValue, Method};
use minijinja::{Environment, Error, HtmlEscape, UndefinedBehavior, Value};

use super::conflict::HolderView;
use super::kind::Sent;
use super::{Answers, Audience, Form, Telling, samples};

const OWN: &str = include_str!("page.html");

/// Nothing is loaded and nothing runs: the one style is known by its digest.
const OWN_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'sha256-I7pzKepOQ5RxSmZn9mMXJLMx1dTB5fbLZzKyRkBLB7Q='; base-uri 'none'; form-action 'none'",
);

/// A page of the operator's may use what the backend has, but still runs nothing.
const GIVEN_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; base-uri 'none'; \
     form-action 'self'",
);

/// Far more than a page takes, and little enough to be over at once.
const FUEL: u64 = 50_000;

const NAME: &str = "page";

/// A page with places for what is to be told.
#[derive(Clone, Debug)]
pub struct Page {
    environment: Environment<'static>,
    security_policy: HeaderValue,
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
    pub(super) key: Option<&'a str>,
    pub(super) holder: Option<HolderView<'a>>,
    /// Where it is told.
    pub(super) page: &'a Page,
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
#[error("{line}:{column}: {message}")]
pub struct PageError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl Page {
    /// Our own.
    pub fn own() -> Self {
        Self::new(OWN.to_owned(), OWN_POLICY).expect("our own page is a template")
    }

    /// One of the operator's, tried on every rejection that these answers may tell.
    pub fn parse(text: &str, answers: &Answers) -> Result<Self, PageError> {
        let failed = |error: &Error| failed(text, error);
        let page = Self::new(text.to_owned(), GIVEN_POLICY).map_err(|error| failed(&error))?;
        if let Some(unknown) = page.unknown_variable() {
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
            let rendered = rejection.with_view(&telling, |view| page.try_render(view));
            rendered.map_err(|error| failed(&error))?;
        }
        Ok(page)
    }

    fn new(text: String, security_policy: HeaderValue) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_debug(true);
        environment.set_fuel(Some(FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_formatter(|out, _state, value| {
            Ok(write!(out, "{}", HtmlEscape(&value.to_string()))?)
        });
        // With everything escaped, they would do nothing, or do it twice.
        for filter in ["safe", "escape", "e"] {
            environment.remove_filter(filter);
        }
        environment.add_template_owned(NAME, text)?;
        Ok(Self {
            environment,
            security_policy,
        })
    }

    /// The page, and what it may load and run.
    pub(super) fn render(&self, view: &View<'_>) -> (String, HeaderValue) {
        match self.try_render(view) {
            Ok(page) => (page, self.security_policy.clone()),
            Err(_) => {
                let page = Self::own().try_render(view);
                let page = page.expect("our own page takes any text and number");
                (page, OWN_POLICY)
            }
        }
    }

    fn try_render(&self, view: &View<'_>) -> Result<String, Error> {
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
    told.extend(view.key.map(|key| ("key", Value::from(key))));
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

fn failed(text: &str, error: &Error) -> PageError {
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
    PageError::at(text, at, message)
}

fn unknown_variable(text: &str, name: &str) -> PageError {
    let at = place_of(text, name).map_or(0, |place| place.start);
    let known = VARIABLES.join("`, `");
    PageError::at(
        text,
        at,
        format!("there is no variable `{name}`; there are `{known}`"),
    )
}

/// Where a template names a variable first.
fn place_of(text: &str, name: &str) -> Option<Range<usize>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let found = text.match_indices(name).find(|(at, _)| {
        let (before, after) = (&text[..*at], &text[at + name.len()..]);
        let last = |marks: [&str; 2]| marks.iter().filter_map(|mark| before.rfind(mark)).max();
        let is_in_tag = last(["{{", "{%"]) > last(["}}", "%}"]);
        is_in_tag && !before.ends_with(is_part) && !after.starts_with(|c| is_part(c) && c != '.')
    });
    found.map(|(at, name)| at..at + name.len())
}

impl PageError {
    fn at(text: &str, at: usize, message: String) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
        }
    }
}
