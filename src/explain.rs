//! What would happen to one request, and why.
//!
//! Its head is written as a client would send it, checked as the gateway checks it, and judged by the same
//! [`Policy`](crate::policy::Policy). Keys are shown as a log would show them.

use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use http::{Method, Uri};

use crate::cli::Asked;
use crate::config::Config;
use crate::content;
use crate::policy::content::Content;
use crate::policy::head::{self, Fields, Framing, Limits, Malformed};
use crate::policy::present::Named;
use crate::policy::rejection::{Audience, Form, Rejection, Telling};
use crate::policy::{Awaits, Head, Plan, RouteId};

pub mod explanation;
mod telling;
mod text;

pub use explanation::Explanation;

use explanation::{MethodTold, Now, PolicyTold, RefusalTold, Verdict};
use telling::{path, planned, route};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const LOCALHOST: HeaderValue = HeaderValue::from_static("localhost");

/// Why a request would be refused, and the route that spoke, as far as it came to that.
struct Refused {
    route: Option<RouteId>,
    rejection: Rejection,
}

/// What would happen to this request.
pub fn explain(config: &Config, asked: &Asked) -> Explanation {
    let fields = fields(asked);
    let (target, framing) = match checked(asked, &fields, config.server.limits.head) {
        Ok(checked) => checked,
        Err(why) => {
            let refusal = refusal(config, &asked.method, &Rejection::Malformed(why));
            return refused(&asked.method, refusal);
        }
    };
    let headers = Fields::from_iter(fields);
    let host = host(&target, &headers);
    let head = Head {
        method: &asked.method,
        path: target.path(),
        query: target.query(),
        host: &host,
        headers: &headers,
        client_subject: asked.client_subject.as_deref(),
        content: None,
    };
    let (verdict, content) = judge(config, &head, framing, asked.body.as_deref());
    let content = content.as_ref();
    let head = Head { content, ..head };
    match verdict {
        Ok(plan) => planned(config, &head, &plan),
        Err(why) => {
            let refusal = refusal(config, head.method, &why.rejection);
            let distinguish = why.route.map(|id| config.policy.route(id).distinguish);
            Explanation {
                route: why.route.map(|id| route(config, &head, id, head.method)),
                path: Some(path(&head, distinguish.unwrap_or_default())),
                ..refused(head.method, refusal)
            }
        }
    }
}

/// What the gateway does before it claims, in its order; and what the body says, if that was asked.
fn judge(
    config: &Config,
    head: &Head<'_>,
    framing: Framing,
    body: Option<&str>,
) -> (Result<Plan, Refused>, Option<Content>) {
    let plan = match plan(config, head) {
        Ok(plan) => plan,
        Err(refused) => return (Err(refused), None),
    };
    let body = body.unwrap_or_default().as_bytes();
    let octets = match framing {
        Framing::Length(octets) => octets,
        Framing::Chunked => body.len() as u64,
    };
    if config.server.max_body.is_some_and(|max| octets > max) {
        let refused = Refused {
            route: Some(plan.route),
            rejection: Rejection::BodyTooLarge,
        };
        return (Err(refused), None);
    }
    let limit = config.server.request_buffer;
    let fits = octets <= limit as u64;
    let content = match plan.awaits {
        Awaits::Keys => content::foreseen(head.headers, Some(octets), limit),
        Awaits::Method if fits && !body.is_empty() => None,
        Awaits::Method | Awaits::Nothing => return (Ok(plan), None),
    };
    let wanted = config.policy.wanted();
    let content = content.unwrap_or_else(|| content::read(head.headers, body, wanted, limit));
    let head = Head {
        content: Some(&content),
        ..*head
    };
    (self::plan(config, &head), Some(content))
}

fn plan(config: &Config, head: &Head<'_>) -> Result<Plan, Refused> {
    config.policy.plan(head).map_err(|error| Refused {
        route: config.policy.refusing_route(head),
        rejection: Rejection::NoKey(error),
    })
}

/// What is told where it came to no plan.
fn refused(sent: &Method, refusal: RefusalTold) -> Explanation {
    let told = format!("refused with {} ({})", refusal.status, refusal.problem);
    Explanation {
        route: None,
        method: MethodTold {
            sent: sent.to_string(),
            effective: sent.to_string(),
            is_write: None,
            kind: "",
            overrides: Vec::new(),
        },
        path: None,
        keys: Vec::new(),
        templates: Vec::new(),
        has_destination: false,
        policy: PolicyTold {
            verdict: Verdict::Refused,
            reason: told.clone(),
            max_work_ms: None,
        },
        refusal: Some(refusal),
        now: Now {
            first: format!("{told}, never sent to the upstream"),
            second: "the same, whatever else is in flight".to_owned(),
        },
    }
}

/// The fields that were asked for, and what a client adds to them. As curl does, it sends a body without a media type as a
/// form.
fn fields(asked: &Asked) -> Vec<(HeaderName, HeaderValue)> {
    let mut fields = asked.headers.clone();
    let has = |name: &HeaderName| asked.headers.iter().any(|(given, _)| given == name);
    if !has(&HOST) {
        fields.push((HOST, host_of_target(&asked.target).unwrap_or(LOCALHOST)));
    }
    let Some(body) = &asked.body else {
        return fields;
    };
    if !has(&CONTENT_TYPE) {
        fields.push((CONTENT_TYPE, FORM));
    }
    if !has(&CONTENT_LENGTH) && !has(&TRANSFER_ENCODING) {
        fields.push((CONTENT_LENGTH, HeaderValue::from(body.len())));
    }
    fields
}

fn host_of_target(target: &str) -> Option<HeaderValue> {
    let url: Uri = target.contains("://").then(|| target.parse().ok())??;
    HeaderValue::from_str(url.authority()?.as_str()).ok()
}

/// The target, and how the body is framed, if the request can be understood in one way only.
fn checked(
    asked: &Asked,
    fields: &[(HeaderName, HeaderValue)],
    limits: Limits,
) -> Result<(Uri, Framing), Malformed> {
    let mut raw = format!("{} {} HTTP/1.1\r\n", asked.method, asked.target).into_bytes();
    for (name, value) in fields {
        raw.extend_from_slice(
            &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat(),
        );
    }
    raw.extend_from_slice(b"\r\n");
    let framing = head::check(&raw, limits)?;
    let target = asked.target.parse().ok().ok_or(Malformed::Target)?;
    Ok((target, framing))
}

/// RFC 9112 §3.2.2: the host of an absolute target goes before the field.
fn host(target: &Uri, fields: &Fields) -> String {
    let of_field = || str::from_utf8(fields.value(Named::Host)?).ok();
    let of_target = target.authority().map(|authority| authority.as_str());
    of_target.or_else(of_field).unwrap_or("").to_owned()
}

/// What the client would be told.
fn refusal(config: &Config, method: &Method, rejection: &Rejection) -> RefusalTold {
    let answer = rejection.answer(&Telling {
        answers: &config.answers,
        audience: &Audience::wanting(Form::Text),
        method,
        is_last: false,
    });
    let text = String::from_utf8_lossy(answer.body());
    RefusalTold {
        status: answer.status().as_u16(),
        problem: rejection.name().to_owned(),
        detail: text.lines().last().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests;
