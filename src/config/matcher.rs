//! What decides which requests a route speaks for, beside its path: methods, host, and what it tells apart.

use http::Method;
use toml::Spanned;

use super::choice::no_choice;
use super::fault::{Fault, Faults};
use super::value::{self, Given, OneOrMany};
use crate::policy::host::canonical_host;
use crate::policy::method::Methods;
use crate::policy::path::Distinguish;

/// The methods that are given, or these. A list of none would be a setting without effect: `none` says what to write.
pub(super) fn methods_or(
    default: &Methods,
    given: Option<Spanned<OneOrMany>>,
    none: &str,
    faults: &mut Faults,
) -> Methods {
    let Some(given) = given else {
        return default.clone();
    };
    match given.as_ref() {
        OneOrMany::One(text) if text == "unsafe" => return Methods::Unsafe,
        OneOrMany::Many(texts) if texts.is_empty() => {
            let fault = Fault::new(Some(given.span()), "`methods` cannot be empty");
            faults.push(fault.help(none));
        }
        OneOrMany::One(_) | OneOrMany::Many(_) => {}
    }
    let is_one = matches!(given.as_ref(), OneOrMany::One(_));
    let mut listed = Vec::new();
    for text in value::list(given) {
        listed.extend(faults.take(method(&text, is_one, &listed)));
    }
    Methods::Listed(listed.into())
}

fn method(text: &Given, is_one: bool, listed: &[Method]) -> Result<Method, Fault> {
    let upper = text.text().to_ascii_uppercase();
    match Method::from_bytes(upper.as_bytes()) {
        Ok(_) if is_one => {
            let fault = text.fault("`methods` is \"unsafe\" or a list");
            Err(fault.help(format!("write `methods = [\"{upper}\"]`")))
        }
        Ok(method) if listed.contains(&method) => Err(text.fault("this method is listed twice")),
        Ok(method) if method.as_str() == "UNSAFE" => {
            let fault = text.fault("\"unsafe\" stands for a list, not in one");
            Err(fault.help("write `methods = \"unsafe\"`"))
        }
        Ok(method) => Ok(method),
        Err(_) => Err(text.fault(format!("`{}` is no method", text.text()))),
    }
}

pub(super) fn distinguish(given: Spanned<OneOrMany>, faults: &mut Faults) -> Distinguish {
    const KNOWN: &str = "\"case\", \"trailing-slash\" or \"encoded-slash\"";
    let mut distinguish = Distinguish::default();
    for text in value::list(given) {
        match text.text() {
            "case" => distinguish.case = true,
            "trailing-slash" => distinguish.trailing_slash = true,
            "encoded-slash" => distinguish.encoded_slash = true,
            other => faults.push(text.fault(no_choice(other, KNOWN))),
        }
    }
    distinguish
}

pub(super) fn host(given: Spanned<String>) -> Result<Box<str>, Fault> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._~:[]".contains(c);
    let host = canonical_host(given.as_ref());
    if let Some(port) = port_that_is_none(&host) {
        let message = format!("`{port}` is no port: it is at most {}", u16::MAX);
        return Err(Fault::new(Some(given.span()), message)
            .help("write a name or an address, perhaps with a port"));
    }
    if host.is_empty() || !host.chars().all(is_host) {
        let text = given.as_ref();
        let fault = Fault::new(Some(given.span()), format!("`{text}` is no host"));
        return Err(fault.help(if text.contains("//") {
            "write the host alone, without scheme and path"
        } else if text.contains('*') {
            "a host matches as a whole: give a route for each, or leave `host` out for any"
        } else {
            "write a name or an address, perhaps with a port"
        }));
    }
    Ok(host.into())
}

/// The digits after the only colon, or the one after an address in brackets, of which no request can have made a port.
fn port_that_is_none(host: &str) -> Option<&str> {
    let (name, port) = host.rsplit_once(':')?;
    let is_after_name = !name.contains(':') || name.ends_with(']');
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    (is_after_name && is_number && port.parse::<u16>().is_err()).then_some(port)
}
