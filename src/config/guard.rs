//! `[guard]`, every `[[route]]` and every `--guard` become the [`Policy`]. What a route does not set is as in `[guard]`.

use std::ops::Range;
use std::time::Duration;

use http::Method;
use toml::Spanned;

use super::choice::Named;
use super::error::Fault;
use super::matcher::{distinguish, host, methods_or};
use super::overrides::Origin;
use super::raw::{RawGuard, RawPost, RawRoute};
use super::value::{self, Given, OneOrMany};
use crate::policy::method::Methods;
use crate::policy::path::Distinguish;
use crate::policy::pattern::Pattern;
use crate::policy::rejection::ConflictStatus;
use crate::policy::route::{Claim, Post, Treatment};
use crate::policy::template::Template;
use crate::policy::{Mode, OnMissingKey, Policy, Route};

const MATCHES_NO_METHOD: &str =
    "this route matches no method: set its `methods`, as in `methods = \"unsafe\"`";
const GUARDS_NO_METHOD: &str = "`methods` cannot be empty: to guard only what routes name, write a `[[route]]` with \
                                `path = \"/{*rest}\"` and `guard = false`";

/// What `[guard]` says, and with it every route that does not say otherwise.
struct Defaults {
    methods: Methods,
    keys: Vec<Given>,
    mode: Mode,
    status: ConflictStatus,
    max_work: Duration,
    on_missing_key: OnMissingKey,
    distinguish: Distinguish,
}

pub(super) fn policy(
    guard: RawGuard,
    routes: Vec<Spanned<RawRoute>>,
    guarded_paths: &[String],
) -> Result<Policy, Fault> {
    let (defaults, post) = defaults(guard)?;
    let everywhere = Pattern::default();
    let guard = Route {
        label: "[guard]".into(),
        max_work: defaults.max_work,
        host: None,
        methods: defaults.methods.clone(),
        distinguish: defaults.distinguish,
        treatment: Treatment::Guard(Claim {
            templates: templates(&defaults.keys, &everywhere)?,
            has_own_key: false,
            mode: defaults.mode,
            status: defaults.status,
            on_missing_key: defaults.on_missing_key,
        }),
        pattern: everywhere,
    };
    let mut paths = Vec::new();
    let mut built = Vec::new();
    for route in routes {
        let (path, route) = defaults.route(route)?;
        paths.push(path);
        built.push(route);
    }
    let of_file = built.len();
    for path in guarded_paths {
        let path = Given::outside(path, Origin::Flag("--guard"));
        let route = defaults.guarded_path(&path)?;
        let is_same = |other: &Route| other.pattern.has_same_paths(&route.pattern);
        match built.iter().position(is_same) {
            Some(nth) if nth < of_file => {
                let label = &built[nth].label;
                return Err(path.fault(format!(
                    "the configuration has this route already: change the one for `{label}` there"
                )));
            }
            Some(_) => return Err(path.fault("this path is given twice")),
            None => built.push(route),
        }
        paths.push(path);
    }
    Policy::new(guard, post, built).map_err(|equal| {
        let (first, second) = (&paths[equal.first.index() - 1], &paths[equal.second.index() - 1]);
        second.fault(format!(
            "this route and the one for `{}` match the same requests: give them different hosts or methods",
            first.text()
        ))
    })
}

fn defaults(raw: RawGuard) -> Result<(Defaults, Post), Fault> {
    let methods = methods_or(&Methods::Unsafe, raw.methods, GUARDS_NO_METHOD)?;
    let mode = raw
        .on_conflict
        .map_or(Mode::Exclusive, |conflict| conflict.into_inner().0);
    let post = post(raw.post, &methods, mode)?;
    let defaults = Defaults {
        methods,
        keys: match keys(raw.key, raw.keys)? {
            Some(keys) => keys,
            None => vec![Given::new("{path}".to_owned(), 0..0)],
        },
        mode,
        status: raw
            .status
            .map_or(ConflictStatus::default(), |status| status.into_inner().0),
        max_work: raw
            .max_work
            .map_or(Duration::from_secs(60), |span| span.into_inner().0),
        on_missing_key: raw
            .on_missing_key
            .map_or(OnMissingKey::Path, |missing| missing.into_inner().0),
        distinguish: match raw.distinguish {
            Some(given) => distinguish(given)?,
            None => Distinguish::default(),
        },
    };
    Ok((defaults, post))
}

fn post(
    given: Option<Spanned<Named<RawPost>>>,
    methods: &Methods,
    mode: Mode,
) -> Result<Post, Fault> {
    let Some(given) = given else {
        return Ok(match methods {
            Methods::Unsafe => Post::Observe,
            // Who lists POST by name means it.
            Methods::Listed(_) => Post::Guard,
        });
    };
    let idle = |why| Err(Fault::new(Some(given.span()), why));
    match (&given.as_ref().0, mode) {
        _ if !methods.contains(&Method::POST) => {
            idle("`post` has no effect: `methods` does not list POST")
        }
        (RawPost::Observe, Mode::Observed) => idle(
            "`post = \"observe\"` has no effect: with `on_conflict = \"observe\"` every write is observed",
        ),
        (RawPost::Observe, Mode::Exclusive) => Ok(Post::Observe),
        (RawPost::Guard, _) => Ok(Post::Guard),
        (RawPost::Forward, _) => Ok(Post::Forward),
    }
}

impl Defaults {
    fn route(&self, raw: Spanned<RawRoute>) -> Result<(Given, Route), Fault> {
        let span = raw.span();
        let mut raw = raw.into_inner();
        let Some(path) = raw.path.take() else {
            return Err(Fault::new(Some(span), "this route has no `path`"));
        };
        let path_span = path.span();
        let path = Given::new(path.into_inner(), path_span);
        let forwards = raw.guard == Some(false);
        if forwards && let Some((name, span)) = idle_setting(&raw) {
            let message = format!("`{name}` has no effect in a route with `guard = false`");
            return Err(Fault::new(Some(span), message));
        }
        let distinguish = match raw.distinguish {
            Some(given) => distinguish(given)?,
            None => self.distinguish,
        };
        let pattern = path.parse(|text| Pattern::parse(text, distinguish))?;
        let own_keys = keys(raw.key, raw.keys)?;
        let treatment = if forwards {
            Treatment::Forward
        } else {
            let templates = templates(own_keys.as_ref().unwrap_or(&self.keys), &pattern)?;
            if let Some(missing) = &raw.on_missing_key
                && !templates.iter().any(Template::may_make_none)
            {
                let message = "`on_missing_key` has no effect: every request of this route has a value for its key";
                return Err(Fault::new(Some(missing.span()), message));
            }
            let mode = raw
                .on_conflict
                .map_or(self.mode, |conflict| conflict.into_inner().0);
            if let Some(status) = &raw.status
                && mode == Mode::Observed
            {
                let message =
                    "`status` has no effect: with `on_conflict = \"observe\"` no write is refused";
                return Err(Fault::new(Some(status.span()), message));
            }
            Treatment::Guard(Claim {
                templates,
                has_own_key: own_keys.is_some(),
                mode,
                status: raw
                    .status
                    .map_or(self.status, |status| status.into_inner().0),
                on_missing_key: raw
                    .on_missing_key
                    .map_or(self.on_missing_key, |missing| missing.into_inner().0),
            })
        };
        let route = Route {
            label: path.text().into(),
            max_work: raw
                .max_work
                .map_or(self.max_work, |span| span.into_inner().0),
            host: raw.host.map(host).transpose()?,
            methods: methods_or(&self.methods, raw.methods, MATCHES_NO_METHOD)?,
            distinguish,
            treatment,
            pattern,
        };
        Ok((path, route))
    }

    fn guarded_path(&self, path: &Given) -> Result<Route, Fault> {
        let pattern = path.parse(|text| Pattern::parse(text, self.distinguish))?;
        Ok(Route {
            label: path.text().into(),
            max_work: self.max_work,
            host: None,
            // Whatever `[guard]` lists: who names a path on the command line wants its POST guarded, too.
            methods: Methods::Unsafe,
            distinguish: self.distinguish,
            treatment: Treatment::Guard(Claim {
                templates: templates(&self.keys, &pattern)?,
                // Named on purpose: no Content-Type of a client's takes it out again.
                has_own_key: true,
                mode: self.mode,
                status: self.status,
                on_missing_key: self.on_missing_key,
            }),
            pattern,
        })
    }
}

/// A setting of a route that says something about its holds, of which a route with `guard = false` has none. Of
/// `distinguish`, only encoded slashes decide what a route matches.
fn idle_setting(raw: &RawRoute) -> Option<(&'static str, Range<usize>)> {
    let texts =
        |name, given: &Option<Spanned<OneOrMany>>| given.as_ref().map(|given| (name, given.span()));
    let tells_keys_apart = |given: &Spanned<OneOrMany>| match given.as_ref() {
        OneOrMany::One(text) => text != "encoded-slash",
        OneOrMany::Many(texts) => texts.iter().any(|text| text.as_ref() != "encoded-slash"),
    };
    texts("key", &raw.key)
        .or_else(|| texts("keys", &raw.keys))
        .or_else(|| Some(("on_conflict", raw.on_conflict.as_ref()?.span())))
        .or_else(|| Some(("status", raw.status.as_ref()?.span())))
        .or_else(|| Some(("max_work", raw.max_work.as_ref()?.span())))
        .or_else(|| Some(("on_missing_key", raw.on_missing_key.as_ref()?.span())))
        .or_else(|| {
            let given = raw
                .distinguish
                .as_ref()
                .filter(|given| tells_keys_apart(given))?;
            Some(("distinguish", given.span()))
        })
}

fn keys(
    key: Option<Spanned<OneOrMany>>,
    keys: Option<Spanned<OneOrMany>>,
) -> Result<Option<Vec<Given>>, Fault> {
    match (key, keys) {
        (Some(_), Some(keys)) => Err(Fault::new(
            Some(keys.span()),
            "give `key` or `keys`, not both",
        )),
        (key, keys) => value::texts(key.or(keys), "keys"),
    }
}

fn templates(keys: &[Given], pattern: &Pattern) -> Result<Box<[Template]>, Fault> {
    let templates = keys
        .iter()
        .map(|key| key.parse(|text| Template::parse(text, pattern)));
    templates.collect()
}
