//! One `[[route]]`, or one `--guard`. What it does not set is as in `[guard]`.
//!
//! A setting that can have no effect where it stands is a fault.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::fault::{Fault, Faults};
use super::guard::{keys, templates};
use super::matcher::{distinguish, host, methods_or};
use super::raw::RawRoute;
use super::table::Read;
use super::value::{Given, OneOrMany};
use crate::policy::method::Methods;
use crate::policy::path::Distinguish;
use crate::policy::pattern::Pattern;
use crate::policy::rejection::ConflictStatus;
use crate::policy::route::{Claim, Treatment};
use crate::policy::template::Template;
use crate::policy::{Mode, OnConflict, OnDuplicate, OnMissingKey, Route, Scope};

const MATCHES_NO_METHOD: &str =
    "a route without methods matches nothing: write `methods = \"unsafe\"`, or a list";

/// What `[guard]` says, and with it every route that does not say otherwise.
pub(super) struct Defaults {
    pub(super) methods: Methods,
    pub(super) keys: Vec<Given>,
    pub(super) on_conflict: OnConflict,
    pub(super) on_duplicate: OnDuplicate,
    pub(super) mode: Mode,
    pub(super) shares_reads: bool,
    pub(super) scope: Scope,
    pub(super) status: ConflictStatus,
    pub(super) max_work: Duration,
    pub(super) on_missing_key: OnMissingKey,
    pub(super) distinguish: Distinguish,
}

/// Where a route says what may give pause: its own settings only.
pub(super) struct Places {
    pub(super) path: Given,
    pub(super) keys: Vec<Given>,
    pub(super) max_work: Option<Range<usize>>,
    pub(super) on_conflict: Option<Range<usize>>,
}

impl Defaults {
    /// None if something about it is wrong.
    pub(super) fn route(
        &self,
        read: Read<RawRoute>,
        faults: &mut Faults,
    ) -> Option<(Places, Route)> {
        let before = faults.count();
        let has_wrong_settings = read.has_wrong_settings();
        let is_path_wrong = read.is_wrong("path");
        let (span, mut raw) = (read.span, read.raw);
        let Some(path) = raw.path.take() else {
            if !is_path_wrong {
                let fault = Fault::new(span, "this route has no `path`");
                faults.push(fault.help("say what it matches, as in `path = \"/orders/{id}\"`"));
            }
            return None;
        };
        let path_span = path.span();
        let path = Given::new(path.into_inner(), path_span);
        let forwards = raw.guard == Some(false);
        if forwards {
            faults.extend(idle_settings(&raw));
        }
        let max_work = raw.max_work.as_ref().map(Spanned::span);
        let distinguish = match raw.distinguish.take() {
            Some(given) => distinguish(given, faults),
            None => self.distinguish,
        };
        let pattern = faults.take(path.parse(|text| Pattern::parse(text, distinguish)));
        let own_keys = keys(raw.key.take(), raw.keys.take(), faults);
        let host = raw.host.take().map(|given| faults.take(host(given)));
        let methods = methods_or(&self.methods, raw.methods.take(), MATCHES_NO_METHOD, faults);
        let shares_reads = self.shares_reads(&raw);
        let pattern = pattern?;
        let label = path.text().into();
        let treatment = if forwards {
            Treatment::Forward
        } else {
            Treatment::Guard(self.claim(&raw, own_keys.as_deref(), &pattern, faults)?)
        };
        let places = Places {
            path,
            keys: own_keys.unwrap_or_default(),
            max_work,
            on_conflict: raw.on_conflict.as_ref().map(Spanned::span),
        };
        let route = Route {
            label,
            max_work: raw
                .max_work
                .map_or(self.max_work, |span| span.into_inner().0),
            host: host.flatten(),
            methods: if shares_reads && !forwards {
                methods.with_reads()
            } else {
                methods
            },
            distinguish,
            treatment,
            pattern,
        };
        (!has_wrong_settings && faults.count() == before).then_some((places, route))
    }

    fn claim(
        &self,
        raw: &RawRoute,
        own_keys: Option<&[Given]>,
        pattern: &Pattern,
        faults: &mut Faults,
    ) -> Option<Claim> {
        let templates = templates(own_keys.unwrap_or(&self.keys), pattern, faults)?;
        if let Some(missing) = &raw.on_missing_key
            && !templates.iter().any(Template::may_make_none)
        {
            let message = "`on_missing_key` has no effect: every request of this route has a value for its key";
            faults.push(Fault::new(Some(missing.span()), message).help("leave it out"));
        }
        let on_conflict = raw
            .on_conflict
            .as_ref()
            .map_or(self.on_conflict, |conflict| conflict.as_ref().0);
        if let Some(status) = &raw.status
            && on_conflict == OnConflict::Observe
        {
            let message =
                "`status` has no effect: with `on_conflict = \"observe\"` no write is refused";
            faults.push(Fault::new(Some(status.span()), message).help("leave it out"));
        }
        if let Some(duplicate) = &raw.on_duplicate
            && on_conflict == OnConflict::Observe
        {
            let message = "`on_duplicate` has no effect: with `on_conflict = \"observe\"` no write is refused";
            faults.push(Fault::new(Some(duplicate.span()), message).help("leave it out"));
        }
        Some(Claim {
            templates,
            has_own_key: own_keys.is_some(),
            on_conflict,
            on_duplicate: raw
                .on_duplicate
                .as_ref()
                .map_or(self.on_duplicate, |named| named.as_ref().0.into()),
            mode: raw
                .mode
                .as_ref()
                .map_or(self.mode, |mode| mode.as_ref().0.into()),
            shares_reads: self.shares_reads(raw),
            scope: raw
                .scope
                .as_ref()
                .map_or(self.scope, |scope| scope.as_ref().0),
            status: raw
                .status
                .as_ref()
                .map_or(self.status, |status| status.as_ref().0),
            on_missing_key: raw
                .on_missing_key
                .as_ref()
                .map_or(self.on_missing_key, |missing| missing.as_ref().0),
        })
    }

    fn shares_reads(&self, raw: &RawRoute) -> bool {
        raw.reads
            .as_ref()
            .map_or(self.shares_reads, |reads| reads.as_ref().0.are_shared())
    }

    /// `keys` are its own; none for those of `[guard]`.
    pub(super) fn guarded_path(
        &self,
        path: &Given,
        keys: &[Given],
        faults: &mut Faults,
    ) -> Option<Route> {
        let keys = if keys.is_empty() { &self.keys } else { keys };
        let pattern = faults.take(path.parse(|text| Pattern::parse(text, self.distinguish)))?;
        Some(Route {
            label: path.text().into(),
            max_work: self.max_work,
            host: None,
            // Whatever `[guard]` lists: who names a path on the command line wants its POST guarded, too.
            methods: Methods::Unsafe,
            distinguish: self.distinguish,
            treatment: Treatment::Guard(Claim {
                templates: templates(keys, &pattern, faults)?,
                // Named on purpose: no Content-Type of a client's takes it out again.
                has_own_key: true,
                on_conflict: self.on_conflict,
                on_duplicate: self.on_duplicate,
                mode: self.mode,
                // Only its writes are meant.
                shares_reads: false,
                scope: self.scope,
                status: self.status,
                on_missing_key: self.on_missing_key,
            }),
            pattern,
        })
    }
}

impl Places {
    /// Of a route that stands in no file.
    pub(super) fn outside(path: Given, keys: Vec<Given>) -> Self {
        Self {
            path,
            keys,
            max_work: None,
            on_conflict: None,
        }
    }
}

/// The settings of a route that say something about its holds, of which a route with `guard = false` has none. Of
/// `distinguish`, only encoded slashes decide what a route matches.
fn idle_settings(raw: &RawRoute) -> Vec<Fault> {
    let tells_keys_apart = |given: &&Spanned<OneOrMany>| match given.as_ref() {
        OneOrMany::One(text) => text != "encoded-slash",
        OneOrMany::Many(texts) => texts.iter().any(|text| text.as_ref() != "encoded-slash"),
    };
    let distinguish = raw.distinguish.as_ref().filter(tells_keys_apart);
    let given = [
        ("key", raw.key.as_ref().map(Spanned::span)),
        ("keys", raw.keys.as_ref().map(Spanned::span)),
        ("on_conflict", raw.on_conflict.as_ref().map(Spanned::span)),
        ("on_duplicate", raw.on_duplicate.as_ref().map(Spanned::span)),
        ("mode", raw.mode.as_ref().map(Spanned::span)),
        ("reads", raw.reads.as_ref().map(Spanned::span)),
        ("scope", raw.scope.as_ref().map(Spanned::span)),
        ("status", raw.status.as_ref().map(Spanned::span)),
        ("max_work", raw.max_work.as_ref().map(Spanned::span)),
        (
            "on_missing_key",
            raw.on_missing_key.as_ref().map(Spanned::span),
        ),
        ("distinguish", distinguish.map(Spanned::span)),
    ];
    let idle = given.into_iter().filter(|(_, span)| span.is_some());
    idle.map(|(name, span)| {
        let message = format!("`{name}` has no effect in a route with `guard = false`");
        Fault::new(span, message).help(format!("leave out `{name}`, or `guard = false`"))
    })
    .collect()
}
