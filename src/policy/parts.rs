//! What each key template makes of a request, part by part, for who wants to know where a key comes from.

use http::Method;

use super::Policy;
use super::content::NoValue;
use super::path::canonical;
use super::plan::Head;
use super::route::{RouteId, Treatment};
use super::source::{Facts, Source};

/// One source of a template, and what the request has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// As it stands in the template.
    pub source: String,
    /// Where it looks.
    pub from: String,
    /// What it found, as it may be shown; empty if the request has no value for it.
    pub values: Vec<String>,
    /// What is the matter with the body, if the value would stand there.
    pub why: Option<NoValue>,
}

impl Policy {
    /// Of each template of the route, its text and its parts. None of a route that guards nothing.
    pub fn parts(&self, head: &Head<'_>, id: RouteId, method: &Method) -> Vec<(String, Vec<Part>)> {
        let route = self.route(id);
        let Treatment::Guard(claim) = &route.treatment else {
            return Vec::new();
        };
        let path = canonical(head.path, route.distinguish);
        let facts = Facts {
            path: &path,
            method,
            host: head.host,
            query: head.query,
            headers: head.headers,
            client_subject: head.client_subject,
            content: head.content,
            fold_case: !route.distinguish.case,
        };
        let templates = claim.templates.iter();
        templates
            .map(|template| {
                let found = template.found(&facts, &self.digests).into_iter();
                let part = |(source, values): (&Source, Vec<String>)| Part {
                    source: source.to_string(),
                    from: source.place(),
                    why: source
                        .why_none(&facts)
                        .filter(|_| values.is_empty())
                        .cloned(),
                    values,
                };
                (template.as_str().to_owned(), found.map(part).collect())
            })
            .collect()
    }
}

impl Source {
    /// Where it looks.
    fn place(&self) -> String {
        match self {
            Self::Parameter { segment, .. } => format!("segment {} of the path", segment + 1),
            Self::Rest { segment, .. } => format!("the path from segment {}", segment + 1),
            Self::Path => "the canonical path".to_owned(),
            Self::Method => "the effective method".to_owned(),
            Self::Host => "the host".to_owned(),
            Self::ClientSubject => "the certificate of the client".to_owned(),
            Self::Query(name) => format!("the query parameter `{name}`"),
            Self::Header(name) => format!("the field `{name}`"),
            Self::Cookie(name) => format!("the cookie `{name}`"),
            Self::Json(pointer) => format!("`{pointer}` in the JSON of the body"),
            Self::Form(name) => format!("the field `{name}` of the form in the body"),
        }
    }
}
