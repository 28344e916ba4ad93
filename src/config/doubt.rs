//! What about a configuration gives pause, though nothing is wrong: holds that may end too early, routes that never match,
//! keys that no request has, or that all have.

use std::ops::Range;
use std::time::Duration;

use http::Method;

use super::fault::{Fault, Faults};
use super::route::Places;
use crate::policy::pattern::{Pattern, Segment};
use crate::policy::reach::Reach;
use crate::policy::route::{Claim, Route, Treatment};
use crate::policy::template::Template;
use crate::policy::unfillable::Asked;
use crate::policy::{OnConflict, Policy, RouteId};

/// `places` are those of the policy's routes; `response_timeout` comes with where it is set. `asks_clients` says whether a
/// client may show a certificate.
pub(super) fn doubts(
    policy: &Policy,
    places: &[Places],
    response_timeout: (Duration, Option<Range<usize>>),
    asks_clients: bool,
) -> Faults {
    let mut doubts = Faults::default();
    for (index, places) in places.iter().enumerate() {
        let Some(id) = RouteId::at(index) else { break };
        doubts.extend(hasty(policy, id, places, &response_timeout));
        doubts.extend(unreachable(policy, id, places));
        let route = policy.route(id);
        if let Treatment::Guard(claim) = &route.treatment {
            let asked = Asked {
                methods: &route.methods,
                shows_certificates: asks_clients,
            };
            doubts.extend(unfillable(claim, places, asked));
            doubts.extend(late(claim, id, policy, places));
            doubts.extend(shared(claim, &route.pattern, places, id == RouteId::GUARD));
            doubts.extend(apart(claim, route, places));
        }
    }
    doubts
}

/// Past `max_work` a write of which nothing was heard is let go, and its exchange with it: below `response_timeout` that
/// is before the upstream has had its time to answer.
fn hasty(
    policy: &Policy,
    id: RouteId,
    places: &Places,
    (timeout, set): &(Duration, Option<Range<usize>>),
) -> Option<Fault> {
    let route = policy.route(id);
    let is_inherited = id != RouteId::GUARD && places.max_work.is_none();
    let claims = matches!(route.treatment, Treatment::Guard(_));
    if is_inherited || !claims || route.max_work >= *timeout {
        return None;
    }
    let span = places.max_work.clone().or_else(|| set.clone());
    let fault = |message: String| Fault::new(span.clone(), message);
    if route.max_work == Duration::ZERO {
        let message = "`max_work` is 0s: a write whose outcome is unknown lets go at once, though the upstream may still be \
                       at work on it";
        return Some(fault(message.to_owned()).help(
            "write how long the backend can be at work on one write, as PHP-FPM's `request_terminate_timeout`",
        ));
    }
    let shown = humantime::format_duration;
    let message = format!(
        "`max_work` ({}) is below `response_timeout` ({}): a write may be let go while the upstream is still given time to \
         answer it",
        shown(route.max_work),
        shown(*timeout)
    );
    let help = format!(
        "lower `response_timeout`, or raise `max_work` to {} or more",
        shown(*timeout)
    );
    let beside = set.clone().filter(|_| places.max_work.is_some());
    Some(
        fault(message)
            .help(help)
            .beside(beside, "so long it may take"),
    )
}

/// A whole document that waits undoes what it waited for: it was made from what its client had read before.
fn late(claim: &Claim, id: RouteId, policy: &Policy, places: &Places) -> Option<Fault> {
    let takes_documents = |id| policy.route(id).methods.contains(&Method::PUT);
    let waits = matches!(claim.on_conflict, OnConflict::Wait(_));
    // Told where it is said, and not of each route that is as `[guard]`.
    let is_told =
        || places.on_conflict.is_none() && id != RouteId::GUARD && takes_documents(RouteId::GUARD);
    if !waits || !takes_documents(id) || is_told() {
        return None;
    }
    let span = places.on_conflict.clone().or_else(|| places.path.span())?;
    let message = "a PUT that waits for its turn undoes the write that it waited for: the document that it sends was made \
                   from what its client had read before";
    Some(Fault::new(Some(span), message).help(
        "let only what says a change wait, as in `methods = [\"POST\", \"PATCH\", \"DELETE\"]`, and have PUT refused",
    ))
}

fn unreachable(policy: &Policy, id: RouteId, places: &Places) -> Option<Fault> {
    let fault = |message: String| Fault::new(places.path.span(), message);
    match policy.reach(id) {
        Reach::Reached => None,
        Reach::Connect => Some(
            fault("this route can never match: CONNECT is always refused".to_owned())
                .help("leave it out, or give it other methods"),
        ),
        Reach::NoHost => Some(
            fault("this route can never match: no request has such a host".to_owned()).help(
                "write a name or an address, perhaps with a port, as a browser would send it",
            ),
        ),
        Reach::Taken(by) => {
            let labels: Vec<String> = by
                .iter()
                .map(|id| format!("`{}`", policy.route(*id).label))
                .collect();
            let message = format!(
                "this route can never match: what it could is taken by {}, more specific",
                labels.join(" and ")
            );
            Some(fault(message).help("leave it out, or one of those"))
        }
    }
}

/// Keys of its own only: those of `[guard]` are told there.
fn unfillable(claim: &Claim, places: &Places, asked: Asked<'_>) -> Vec<Fault> {
    let pairs = claim.templates.iter().zip(&places.keys);
    pairs
        .flat_map(|(template, given)| {
            let doubts = template.doubts(asked).into_iter();
            doubts.map(|(source, why)| {
                given
                    .fault(format!("`{source}` {}", why.reason()))
                    .help(why.remedy())
            })
        })
        .collect()
}

/// Keys that are one and the same for requests that name different things. Where a route has one path only, that may well be
/// meant.
fn shared(claim: &Claim, pattern: &Pattern, places: &Places, is_guard: bool) -> Vec<Fault> {
    let names: Vec<&str> = pattern
        .parameters()
        .chain(["path", "method", "host"])
        .collect();
    let has_paths = is_guard || pattern.parameters().next().is_some();
    let pairs = claim.templates.iter().zip(&places.keys);
    pairs
        .filter(|(template, _)| template.is_constant())
        .filter_map(|(template, given)| {
            let text = template.as_str();
            let is_name = names.contains(&text);
            let fault = given.fault(format!(
                "`{text}` names no part of the request: all writes here share one key"
            ));
            (is_name || has_paths).then(|| {
                fault.help(if is_name {
                    format!("did you mean `{{{text}}}`?")
                } else {
                    let kind = text.split(':').next().unwrap_or(text);
                    let name = names[0];
                    format!("write what tells resources apart, as in `{kind}:{{{name}}}`")
                })
            })
        })
        .collect()
}

/// A route that takes all the rest, and without a key of its own: each path that it takes is a resource by itself, which
/// such a route is seldom written for.
fn apart(claim: &Claim, route: &Route, places: &Places) -> Option<Fault> {
    let is_by_path =
        |templates: &[Template]| matches!(templates, [one] if one.as_str() == "{path}");
    let (Some(Segment::CatchAll(_)), Some(name)) = (
        route.pattern.segments().last(),
        first_parameter(&route.pattern),
    ) else {
        return None;
    };
    if !places.keys.is_empty() || !is_by_path(&claim.templates) {
        return None;
    }
    let key = format!("{}:{{{name}}}", first_literal(&route.pattern));
    let fault = places.path.fault(format!(
        "`{{path}}` is the key here, so that each path is a resource of its own: writes to two of them with one `{{{name}}}` do \
         not conflict"
    ));
    let path = places.path.text();
    Some(fault.help(if places.path.span().is_some() {
        format!("if all of it is one resource, write `key = \"{key}\"`")
    } else {
        format!("if all of it is one resource, write `--guard '{path}={key}'`")
    }))
}

/// The first that takes one segment.
fn first_parameter(pattern: &Pattern) -> Option<&str> {
    pattern.segments().iter().find_map(|segment| match segment {
        Segment::Parameter(name) => Some(&**name),
        Segment::Literal(_) | Segment::CatchAll(_) => None,
    })
}

/// What a key may begin with: the literal before the first parameter.
fn first_literal(pattern: &Pattern) -> &str {
    let before = pattern
        .segments()
        .iter()
        .map_while(|segment| match segment {
            Segment::Literal(text) => Some(&**text),
            Segment::Parameter(_) | Segment::CatchAll(_) => None,
        });
    before.last().unwrap_or("resource")
}
