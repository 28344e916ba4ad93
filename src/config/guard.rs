//! `[guard]`, every `[[route]]` and every `--guard` become the [`Policy`]. What a route does not set is as in `[guard]`.
//!
//! A route that is wrong is left out of what is judged further, so that nothing is said that only comes of it.

use std::time::Duration;

use http::Method;
use toml::Spanned;

use super::choice::Named;
use super::fault::{Fault, Faults};
use super::matcher::{distinguish, methods_or};
use super::name::nearest;
use super::overrides::Origin;
use super::raw::{RawDuplicate, RawGuard, RawPost, RawRoute};
use super::route::{Defaults, Places};
use super::table::Read;
use super::value::{self, Given, OneOrMany};
use crate::policy::method::Methods;
use crate::policy::path::Distinguish;
use crate::policy::pattern::Pattern;
use crate::policy::rejection::ConflictStatus;
use crate::policy::route::{Claim, Post, Treatment};
use crate::policy::template::{Template, TemplateError};
use crate::policy::{Mode, OnConflict, OnDuplicate, OnMissingKey, Policy, Route, Scope};

const GUARDS_NO_METHOD: &str = "to guard only what routes name, write a `[[route]]` with `path = \"/{*rest}\"` and \
                                `guard = false`";

/// A policy, with the places of each of its routes; none if some fault leaves none.
pub(super) fn policy(
    guard: Read<RawGuard>,
    routes: Vec<Read<RawRoute>>,
    guarded_paths: &[String],
    faults: &mut Faults,
) -> Option<(Policy, Vec<Places>)> {
    let (defaults, post, guard) = defaults(guard.raw, faults);
    let routes = routes
        .into_iter()
        .filter_map(|route| defaults.route(route, faults));
    let (mut places, mut built): (Vec<Places>, Vec<Route>) = routes.unzip();
    let of_file = built.len();
    for text in guarded_paths {
        let Some((path, keys)) = faults.take(guarded(text)) else {
            continue;
        };
        let Some(route) = defaults.guarded_path(&path, &keys, faults) else {
            continue;
        };
        let is_same = |other: &Route| other.pattern.has_same_paths(&route.pattern);
        match built.iter().position(is_same) {
            Some(nth) if nth < of_file => faults.push(path.fault(format!(
                "the configuration has this route already: change the one for `{}` there",
                built[nth].label
            ))),
            Some(_) => faults.push(path.fault("this path is given twice")),
            None => {
                built.push(route);
                places.push(Places::outside(path, keys));
            }
        }
    }
    let (own, guard) = guard?;
    places.insert(0, own);
    match Policy::new(guard, post, built) {
        Ok(policy) => Some((policy, places)),
        Err(equals) => {
            for equal in equals {
                let (first, second) = (&places[equal.first.index()], &places[equal.second.index()]);
                let message = format!(
                    "this route and the one for `{}` match the same requests",
                    first.path.text()
                );
                let fault = second
                    .path
                    .fault(message)
                    .beside(first.path.span(), "the other");
                faults
                    .push(fault.help("give them different hosts or methods, or make one of them"));
            }
            None
        }
    }
}

/// `PATH` or `PATH=KEY`, as `--guard` has them; a path that has a `=` of its own is written with `%3D`.
fn guarded(text: &str) -> Result<(Given, Vec<Given>), Fault> {
    let given = |text| Given::outside(text, Origin::Flag("--guard"));
    if text.contains(",/") {
        let fault = given(text).fault("this would be one path with a comma in it");
        return Err(fault.help("write `--guard` before each path; a literal comma is `%2C`"));
    }
    match text.split_once('=') {
        None => Ok((given(text), Vec::new())),
        Some((path, "")) => {
            let fault = given(text).fault("there is no key behind the `=`");
            Err(fault.help(format!("write `{path}={{path}}`, or leave out the `=`")))
        }
        Some((path, key)) => Ok((given(path), vec![given(key)])),
    }
}

/// `[guard]`, for all that do not say otherwise and as the route that it is; none if its keys are wrong.
fn defaults(raw: RawGuard, faults: &mut Faults) -> (Defaults, Post, Option<(Places, Route)>) {
    let methods = methods_or(&Methods::Unsafe, raw.methods, GUARDS_NO_METHOD, faults);
    let on_conflict_span = raw.on_conflict.as_ref().map(Spanned::span);
    let on_conflict = raw
        .on_conflict
        .map_or(OnConflict::Reject, |conflict| conflict.into_inner().0);
    let post = post(raw.post, &methods, on_conflict, faults);
    let max_work = raw.max_work.as_ref().map(Spanned::span);
    let given = keys(raw.key, raw.keys, faults).unwrap_or_else(|| vec![Given::unwritten("{path}")]);
    let templates = templates(&given, &Pattern::default(), faults);
    let mut defaults = Defaults {
        methods,
        keys: given,
        on_conflict,
        on_duplicate: duplicate(raw.on_duplicate),
        mode: raw
            .mode
            .map_or(Mode::Exclusive, |mode| mode.into_inner().0.into()),
        shares_reads: raw
            .reads
            .is_some_and(|reads| reads.into_inner().0.are_shared()),
        scope: raw
            .scope
            .map_or(Scope::default(), |scope| scope.into_inner().0),
        status: raw
            .status
            .map_or(ConflictStatus::default(), |status| status.into_inner().0),
        max_work: raw
            .max_work
            .map_or(Duration::from_secs(60), |span| span.into_inner().0),
        on_missing_key: raw
            .on_missing_key
            .map_or(OnMissingKey::Path, |missing| missing.into_inner().0),
        distinguish: raw
            .distinguish
            .map_or(Distinguish::default(), |given| distinguish(given, faults)),
    };
    let Some(templates) = templates else {
        // It is told once, not of each route, too.
        defaults.keys = vec![Given::unwritten("{path}")];
        return (defaults, post, None);
    };
    let places = Places {
        path: Given::unwritten("[guard]"),
        keys: defaults.keys.clone(),
        max_work,
        on_conflict: on_conflict_span,
    };
    let route = Route {
        label: "[guard]".into(),
        max_work: defaults.max_work,
        host: None,
        methods: if defaults.shares_reads {
            defaults.methods.clone().with_reads()
        } else {
            defaults.methods.clone()
        },
        distinguish: defaults.distinguish,
        treatment: Treatment::Guard(Claim {
            templates,
            has_own_key: false,
            on_conflict: defaults.on_conflict,
            on_duplicate: defaults.on_duplicate,
            mode: defaults.mode,
            shares_reads: defaults.shares_reads,
            scope: defaults.scope,
            status: defaults.status,
            on_missing_key: defaults.on_missing_key,
        }),
        pattern: Pattern::default(),
    };
    (defaults, post, Some((places, route)))
}

fn duplicate(given: Option<Spanned<Named<RawDuplicate>>>) -> OnDuplicate {
    given.map_or(OnDuplicate::default(), |named| named.into_inner().0.into())
}

fn post(
    given: Option<Spanned<Named<RawPost>>>,
    methods: &Methods,
    on_conflict: OnConflict,
    faults: &mut Faults,
) -> Post {
    let Some(given) = given else {
        return match methods {
            Methods::Unsafe | Methods::UnsafeAndReads => Post::Observe,
            // Who lists POST by name means it.
            Methods::Listed(_) => Post::Guard,
        };
    };
    let mut idle = |why, help| faults.push(Fault::new(Some(given.span()), why).help(help));
    match (&given.as_ref().0, on_conflict) {
        _ if !methods.contains(&Method::POST) => idle(
            "`post` has no effect: `methods` does not list POST",
            "add \"POST\" to `methods`, or leave `post` out",
        ),
        (RawPost::Observe, OnConflict::Observe) => idle(
            "`post = \"observe\"` has no effect: with `on_conflict = \"observe\"` every write is observed",
            "leave `post` out",
        ),
        (RawPost::Observe, OnConflict::Reject | OnConflict::Wait(_))
        | (RawPost::Guard | RawPost::Forward, _) => {}
    }
    match given.as_ref().0 {
        RawPost::Observe => Post::Observe,
        RawPost::Guard => Post::Guard,
        RawPost::Forward => Post::Forward,
    }
}

pub(super) fn keys(
    key: Option<Spanned<OneOrMany>>,
    keys: Option<Spanned<OneOrMany>>,
    faults: &mut Faults,
) -> Option<Vec<Given>> {
    if let (Some(key), Some(keys)) = (&key, &keys) {
        let fault = Fault::new(Some(keys.span()), "give `key` or `keys`, not both");
        faults.push(fault.beside(Some(key.span()), "the other"));
    }
    value::texts(key.or(keys), "keys", faults)
}

/// None if one of them is wrong.
pub(super) fn templates(
    keys: &[Given],
    pattern: &Pattern,
    faults: &mut Faults,
) -> Option<Box<[Template]>> {
    let mut templates = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        if keys[..at].iter().any(|before| before.text() == key.text()) {
            faults.push(key.fault("this key is given twice").help("leave one out"));
        }
        match Template::parse(key.text(), pattern) {
            Ok(template) => templates.push(template),
            Err(error) => {
                let fault = key.fault(&error);
                let help =
                    meant(&error, pattern).map(|meant| format!("did you mean `{{{meant}}}`?"));
                faults.push(Fault { help, ..fault });
            }
        }
    }
    (templates.len() == keys.len()).then(|| templates.into())
}

/// The source that was probably meant, without its braces.
fn meant(error: &TemplateError, pattern: &Pattern) -> Option<String> {
    if let TemplateError::BadPointer { pointer, .. } = error {
        return (!pointer.starts_with('/')).then(|| format!("json:/{pointer}"));
    }
    let TemplateError::Unknown { name, .. } = error else {
        return None;
    };
    match name.split_once(':') {
        Some((kind, rest)) => {
            let kind = nearest(kind, &["query", "header", "cookie", "json", "form"])?;
            Some(format!("{kind}:{rest}"))
        }
        None => {
            let known: Vec<&str> = pattern
                .parameters()
                .chain(["path", "method", "host"])
                .collect();
            nearest(name, &known).map(str::to_owned)
        }
    }
}
