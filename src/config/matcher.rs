//! What decides which requests a route speaks for, beside its path: methods, host, and what it tells apart.

use http::Method;
use toml::Spanned;

use super::error::Fault;
use super::value::{self, OneOrMany};
use crate::policy::host::canonical_host;
use crate::policy::method::Methods;
use crate::policy::path::Distinguish;

/// The methods that are given, or these. A list of none would be a setting without effect.
pub(super) fn methods_or(
    default: &Methods,
    given: Option<Spanned<OneOrMany>>,
    none: &str,
) -> Result<Methods, Fault> {
    let Some(given) = given else {
        return Ok(default.clone());
    };
    let span = given.span();
    match methods(given)? {
        Methods::Listed(listed) if listed.is_empty() => Err(Fault::new(Some(span), none)),
        given @ (Methods::Listed(_) | Methods::Unsafe) => Ok(given),
    }
}

fn methods(given: Spanned<OneOrMany>) -> Result<Methods, Fault> {
    if matches!(given.as_ref(), OneOrMany::One(text) if text == "unsafe") {
        return Ok(Methods::Unsafe);
    }
    let is_one = matches!(given.as_ref(), OneOrMany::One(_));
    let mut listed = Vec::new();
    for text in value::list(given) {
        let method = Method::from_bytes(text.text().to_ascii_uppercase().as_bytes());
        match method {
            Ok(_) if is_one => {
                return Err(text.fault("write \"unsafe\", or a list such as [\"PUT\", \"PATCH\"]"));
            }
            Ok(method) if listed.contains(&method) => {
                return Err(text.fault("this method is listed twice"));
            }
            Ok(method) if method.as_str() == "UNSAFE" => {
                return Err(text.fault("write `methods = \"unsafe\"`, not in a list"));
            }
            Ok(method) => listed.push(method),
            Err(_) => return Err(text.fault(format!("`{}` is no method", text.text()))),
        }
    }
    Ok(Methods::Listed(listed.into()))
}

pub(super) fn distinguish(given: Spanned<OneOrMany>) -> Result<Distinguish, Fault> {
    let mut distinguish = Distinguish::default();
    for text in value::list(given) {
        match text.text() {
            "case" => distinguish.case = true,
            "trailing-slash" => distinguish.trailing_slash = true,
            "encoded-slash" => distinguish.encoded_slash = true,
            other => {
                let known = "\"case\", \"trailing-slash\" and \"encoded-slash\"";
                return Err(
                    text.fault(format!("`{other}` cannot be told apart: there are {known}"))
                );
            }
        }
    }
    Ok(distinguish)
}

pub(super) fn host(given: Spanned<String>) -> Result<Box<str>, Fault> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._~:[]".contains(c);
    let host = canonical_host(given.as_ref());
    if host.is_empty() || !host.chars().all(is_host) {
        let message = format!(
            "`{}` is no host: write a name or an address, perhaps with a port",
            given.as_ref()
        );
        return Err(Fault::new(Some(given.span()), message));
    }
    Ok(host.into())
}
