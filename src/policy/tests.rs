//! What a policy decides about requests. Here: policies and plans in a few words each.

use std::time::Duration;

use http::header::HeaderName;
use http::{HeaderValue, Method, Uri};

use super::head::Fields;
use super::key::OnMissingKey;
use super::method::Methods;
use super::path::Distinguish;
use super::pattern::Pattern;
use super::present::Named;
use super::rejection::ConflictStatus;
use super::route::{Claim, Post, Treatment};
use super::template::Template;
use super::*;

mod choice;
mod keys;
mod methods;
mod properties;
mod reach;
mod routing;

fn route(path: &str, keys: &[&str]) -> Route {
    route_with(path, keys, Distinguish::default())
}

fn route_with(path: &str, keys: &[&str], distinguish: Distinguish) -> Route {
    let pattern = Pattern::parse(path, distinguish).unwrap();
    let default_keys = ["{path}"];
    let texts = if keys.is_empty() { &default_keys } else { keys };
    let templates = texts
        .iter()
        .map(|text| Template::parse(text, &pattern).unwrap())
        .collect();
    Route {
        label: path.into(),
        max_work: Duration::from_secs(60),
        host: None,
        methods: Methods::Unsafe,
        distinguish,
        treatment: Treatment::Guard(Claim {
            templates,
            has_own_key: !keys.is_empty(),
            on_conflict: OnConflict::Reject,
            on_duplicate: OnDuplicate::Conflict,
            mode: Mode::Exclusive,
            shares_reads: false,
            scope: Scope::Key,
            status: ConflictStatus::default(),
            on_missing_key: OnMissingKey::Path,
        }),
        pattern,
    }
}

fn only(method: &Method, route: Route) -> Route {
    let methods = Methods::Listed([method.clone()].into());
    Route { methods, ..route }
}

fn off(route: Route) -> Route {
    let treatment = Treatment::Forward;
    Route { treatment, ..route }
}

fn on_host(host: &str, route: Route) -> Route {
    let host = Some(host.into());
    Route { host, ..route }
}

fn on_missing(on_missing_key: OnMissingKey, mut route: Route) -> Route {
    if let Treatment::Guard(claim) = &mut route.treatment {
        claim.on_missing_key = on_missing_key;
    }
    route
}

fn policy(routes: impl IntoIterator<Item = Route>) -> Policy {
    policy_with(Post::Observe, routes)
}

fn policy_with(post: Post, routes: impl IntoIterator<Item = Route>) -> Policy {
    let label = "[guard]".into();
    let guard = Route {
        label,
        ..route("/", &[])
    };
    Policy::new(guard, post, routes.into_iter().collect()).unwrap()
}

/// A plan in words: the route, what happens, the keys as shown.
fn plan(policy: &Policy, method: &str, target: &str, fields: &[(&'static str, &str)]) -> String {
    match try_plan(policy, method, target, fields) {
        Ok(plan) => said(policy, &plan),
        Err(error) => error.to_string(),
    }
}

fn said(policy: &Policy, plan: &Plan) -> String {
    let label = &policy.route(plan.route).label;
    match &plan.guard {
        None => format!("{label} {:?}", plan.because),
        Some(guard) => {
            let keys: Vec<&str> = guard.keys().map(Key::shown).collect();
            format!("{label} {:?} {}", guard.purpose, keys.join(" "))
        }
    }
}

fn try_plan(
    policy: &Policy,
    method: &str,
    target: &str,
    fields: &[(&'static str, &str)],
) -> Result<Plan, KeyError> {
    let uri: Uri = target.parse().unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let headers: Fields = fields
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        })
        .collect();
    // As the gateway does.
    let host = headers.value(Named::Host);
    let host = host.filter(|_| policy.asks_for_host());
    let host = host.map_or("", |host| std::str::from_utf8(host).unwrap());
    policy.plan(&Head {
        method: &method,
        path: uri.path(),
        query: uri.query(),
        host,
        headers: &headers,
        client_subject: None,
        content: None,
    })
}

/// The routes of the design's example.
fn orders() -> Policy {
    policy([
        route("/orders/{id}/{*rest}", &["order:{id}"]),
        off(only(&Method::POST, route("/orders", &[]))),
        route("/update-resource", &[]),
    ])
}
