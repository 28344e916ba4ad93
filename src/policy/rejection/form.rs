//! Who reads an answer of the gateway's own, as far as the request says: which form it wants, and from which origin it came.

use bytes::Bytes;
use http::HeaderValue;
use mediatype::{MediaType, media_type};

use crate::policy::fields::has_media_type;
use crate::policy::head::{self, Fields};
use crate::policy::present::Named;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `application/problem+json`
    Problem,
    /// `text/plain`
    Text,
    /// `text/html`
    Html,
    /// `application/grpc`: a status and no message ("Trailers-Only").
    Grpc,
    /// `application/grpc-web`: the same, for browsers.
    GrpcWeb,
}

impl Form {
    pub(super) const fn content_type(self) -> HeaderValue {
        const PROBLEM: HeaderValue = HeaderValue::from_static(head::PROBLEM);
        const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
        const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
        const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
        const GRPC_WEB: HeaderValue = HeaderValue::from_static("application/grpc-web+proto");
        match self {
            Self::Problem => PROBLEM,
            Self::Text => TEXT,
            Self::Html => HTML,
            Self::Grpc => GRPC,
            Self::GrpcWeb => GRPC_WEB,
        }
    }
}

/// What most programs accept. Whoever does gets a problem document.
const USUAL: [&[u8]; 3] = [
    b"*/*",
    b"application/json",
    b"application/json, text/plain, */*",
];

/// Who reads an answer.
#[derive(Clone, Debug, Default)]
pub struct Audience {
    /// The form, where something else than `Accept` decides it.
    form: Option<Form>,
    accept: Option<HeaderValue>,
    /// Where the document comes from that sent the request (RFC 6454 §7).
    pub(super) origin: Option<HeaderValue>,
}

impl Audience {
    /// What the fields of a request say.
    pub fn of(fields: &Fields) -> Self {
        let has_type = fields.present().has(Named::ContentType);
        let is = |essence| has_type && has_media_type(fields, essence);
        let call = || {
            if is("application/grpc-web") {
                Form::GrpcWeb
            } else {
                Form::Grpc
            }
        };
        let form = is("application/grpc").then(call);
        let origin = fields.value(Named::Origin);
        Self {
            form,
            accept: all_of_accept(fields),
            origin: origin.and_then(|origin| HeaderValue::from_bytes(origin).ok()),
        }
    }

    /// One that wants this form.
    pub fn wanting(form: Form) -> Self {
        Self {
            form: Some(form),
            ..Self::default()
        }
    }

    /// A gRPC call is answered as one. Else it is as `Accept` has it; who accepts anything, nothing that there is, or
    /// does not say gets a problem document.
    pub(super) fn form(&self) -> Form {
        const TEXT: MediaType<'static> = media_type!(TEXT / PLAIN);
        const HTML: MediaType<'static> = media_type!(TEXT / HTML);
        static OFFERED: [MediaType<'static>; 4] = [
            media_type!(APPLICATION / PROBLEM + JSON),
            media_type!(APPLICATION / JSON),
            TEXT,
            HTML,
        ];
        if let Some(form) = self.form {
            return form;
        }
        let accept = self
            .accept
            .as_ref()
            .and_then(|value| headers_accept::Accept::try_from(value).ok());
        let chosen = accept
            .as_ref()
            .and_then(|accept| accept.negotiate(&OFFERED));
        match chosen {
            Some(chosen) if *chosen == TEXT => Form::Text,
            Some(chosen) if *chosen == HTML => Form::Html,
            Some(_) | None => Form::Problem,
        }
    }
}

/// Several lines are one list (RFC 9110 §5.3). None where they are what is usual: then nothing need be kept of them.
fn all_of_accept(fields: &Fields) -> Option<HeaderValue> {
    let mut lines = fields.values(Named::Accept).peekable();
    let first = lines.next()?;
    if lines.peek().is_none() && USUAL.contains(&first) {
        return None;
    }
    let mut joined = first.to_vec();
    for line in lines {
        joined.extend_from_slice(b", ");
        joined.extend_from_slice(line);
    }
    HeaderValue::from_maybe_shared(Bytes::from(joined)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(lines: &[(&'static str, &'static str)]) -> Form {
        let lines = lines.iter().map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let headers: http::HeaderMap = lines.collect();
        Audience::of(&headers.into()).form()
    }

    #[test]
    fn a_navigation_of_a_browser_gets_a_page_and_what_a_program_sends_does_not() {
        for (accept, expected) in [
            // Chromium, Firefox and Safari.
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
                Form::Html,
            ),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Form::Html,
            ),
            // fetch, XMLHttpRequest, curl; jQuery; axios.
            ("*/*", Form::Problem),
            (
                "application/json, text/javascript, */*; q=0.01",
                Form::Problem,
            ),
            ("application/json, text/plain, */*", Form::Problem),
            ("text/plain;q=0.5, text/html", Form::Html),
            ("text/html;q=0.5, text/plain", Form::Text),
            ("text/*", Form::Text),
            ("text/html;q=0, */*", Form::Problem),
            ("application/vnd.api+json", Form::Problem),
        ] {
            assert_eq!(form(&[("accept", accept)]), expected, "{accept}");
        }
        assert_eq!(form(&[]), Form::Problem);
    }

    #[test]
    fn an_accept_of_several_lines_is_read_whole() {
        for first in ["text/plain;q=0.2", "*/*"] {
            let lines = [("accept", first), ("accept", "text/html")];
            assert_eq!(form(&lines), Form::Html, "{first}");
        }
    }

    #[test]
    fn what_is_not_kept_of_an_accept_asks_for_what_is_sent_without_it() {
        for usual in USUAL {
            let accept = HeaderValue::from_bytes(usual).expect("a value");
            let headers = http::HeaderMap::from_iter([(http::header::ACCEPT, accept.clone())]);
            assert_eq!(Audience::of(&headers.into()).accept, None);
            let kept = Audience {
                accept: Some(accept),
                ..Audience::default()
            };
            assert_eq!(kept.form(), Form::Problem);
        }
    }

    #[test]
    fn a_call_is_answered_as_one_whatever_it_accepts() {
        for (content_type, expected) in [
            ("application/grpc", Form::Grpc),
            ("application/grpc+proto", Form::Grpc),
            ("Application/GRPC; charset=x", Form::Grpc),
            ("application/grpc-web-text", Form::GrpcWeb),
            ("application/grpc-web+proto", Form::GrpcWeb),
            ("application/grpcish", Form::Html),
            ("application/json", Form::Html),
        ] {
            let lines = [("content-type", content_type), ("accept", "text/html")];
            assert_eq!(form(&lines), expected, "{content_type}");
        }
    }
}
