//! The page that a browser is shown: our own, or a template that the operator gives.

use http::HeaderValue;

use super::Answers;
use super::template::{Escaping, Template, TemplateError, View};

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

/// A page with places for what is to be told, and what it may load and run.
#[derive(Clone, Debug)]
pub struct Page {
    template: Template,
    security_policy: HeaderValue,
}

impl Page {
    /// Our own.
    pub fn own() -> Self {
        Self {
            template: Template::new(OWN.to_owned(), Escaping::Html)
                .expect("our own page is a template"),
            security_policy: OWN_POLICY,
        }
    }

    /// One of the operator's.
    pub fn parse(text: &str, answers: &Answers) -> Result<Self, TemplateError> {
        Ok(Self {
            template: Template::parse(text, Escaping::Html, answers)?,
            security_policy: GIVEN_POLICY,
        })
    }

    pub(super) fn render(&self, view: &View<'_>) -> (String, HeaderValue) {
        match self.template.render(view) {
            Ok(page) => (page, self.security_policy.clone()),
            Err(_) => {
                let page = Self::own().template.render(view);
                let page = page.expect("our own page takes any text and number");
                (page, OWN_POLICY)
            }
        }
    }
}
