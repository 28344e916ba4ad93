//! A plan in words: each part of an explanation from what the policy says of the request.

use http::Method;

use super::explanation::{
    Explanation, KeyTold, MethodTold, Now, Other, OverrideTold, PartTold, PathTold, PolicyTold,
    RouteTold, StepTold, TemplateTold, Verdict,
};
use crate::config::Config;
use crate::policy::content::NoValue;
use crate::policy::method::{heeded, is_safe};
use crate::policy::path::steps::steps;
use crate::policy::path::{Distinguish, canonical};
use crate::policy::route::Treatment;
use crate::policy::{
    Because, Guard, Head, Key, Lock, Mode, OnConflict, OnMissingKey, Plan, Purpose, RouteId,
};

pub(super) fn planned(config: &Config, head: &Head<'_>, plan: &Plan) -> Explanation {
    let guard = plan.guard.as_ref();
    let distinguish = config.policy.route(plan.route).distinguish;
    let locks = guard.into_iter().flat_map(|guard| &guard.locks);
    Explanation {
        route: Some(route(config, head, plan.route, &plan.method)),
        method: method(head, plan),
        path: Some(path(head, distinguish)),
        keys: locks
            .map(|lock| KeyTold {
                shown: lock.key.shown().to_owned(),
                mode: mode(lock.mode),
                has_digest: lock.key.is_concealed(),
            })
            .collect(),
        templates: match (guard, plan.because) {
            (Some(_), _) | (None, Because::NoKey) => templates(config, head, plan),
            (None, _) => Vec::new(),
        },
        has_destination: guard.is_some() && matches!(plan.method.as_str(), "MOVE" | "COPY"),
        policy: PolicyTold {
            verdict: match guard.map(|guard| guard.purpose) {
                Some(Purpose::Write) => Verdict::Guarded,
                Some(Purpose::Read) => Verdict::Shared,
                Some(Purpose::Observe) => Verdict::Observed,
                None => Verdict::Forwarded,
            },
            reason: reason(plan),
            max_work_ms: guard.map(millis),
        },
        refusal: None,
        now: now(guard),
    }
}

pub(super) fn route(
    config: &Config,
    head: &Head<'_>,
    id: RouteId,
    effective: &Method,
) -> RouteTold {
    let policy = &config.policy;
    let other = |(id, why): (RouteId, String)| Other {
        path: policy.route(id).label.to_string(),
        why,
    };
    // With an override, the route may be that of the method as sent.
    let mut choices = [effective, head.method]
        .map(|method| policy.choice(head, method))
        .into_iter();
    let choice = choices.find(|choice| choice.route == id);
    let (next, passed_over) = choice
        .map(|choice| (choice.next, choice.passed_over))
        .unwrap_or_default();
    let route = policy.route(id);
    RouteTold {
        path: route.label.to_string(),
        host: route.host.as_deref().map(str::to_owned),
        methods: route.methods.to_string(),
        next: next.map(other),
        passed_over: passed_over.into_iter().map(other).collect(),
    }
}

fn method(head: &Head<'_>, plan: &Plan) -> MethodTold {
    MethodTold {
        sent: head.method.to_string(),
        effective: plan.method.to_string(),
        is_write: Some(plan.is_write),
        kind: match (plan.is_write, is_safe(&plan.method)) {
            (true, true) => "a write, because a route guards it",
            (true, false) => "a write",
            (false, _) => "safe",
        },
        overrides: heeded(head)
            .into_iter()
            .map(|(place, method)| OverrideTold {
                from: place.to_string(),
                method: method.to_string(),
            })
            .collect(),
    }
}

pub(super) fn path(head: &Head<'_>, distinguish: Distinguish) -> PathTold {
    let steps = steps(head.path, distinguish).into_iter();
    PathTold {
        sent: head.path.to_owned(),
        canonical: canonical(head.path, distinguish).into_owned(),
        steps: steps
            .map(|step| StepTold {
                rule: step.rule,
                before: step.before,
                after: step.after,
            })
            .collect(),
    }
}

fn templates(config: &Config, head: &Head<'_>, plan: &Plan) -> Vec<TemplateTold> {
    let on_missing_key = match &config.policy.route(plan.route).treatment {
        Treatment::Forward => return Vec::new(),
        Treatment::Guard(claim) => claim.on_missing_key,
    };
    let missing = match on_missing_key {
        OnMissingKey::Path => {
            "where a value is missing, the canonical path is the key (on_missing_key = \"path\")"
        }
        OnMissingKey::Reject => {
            "where a value is missing, the request is refused (on_missing_key = \"reject\")"
        }
        OnMissingKey::Forward => {
            "where a value is missing, it is done without this key (on_missing_key = \"forward\")"
        }
    };
    let parts = config
        .policy
        .parts(head, plan.route, &plan.method)
        .into_iter();
    parts
        .map(|(template, parts)| TemplateTold {
            template,
            missing: parts
                .iter()
                .any(|part| part.values.is_empty())
                .then_some(missing),
            parts: parts
                .into_iter()
                .map(|part| PartTold {
                    source: part.source,
                    from: part.from,
                    values: part.values,
                    why: part.why.map(why_none),
                })
                .collect(),
        })
        .collect()
}

fn why_none(why: NoValue) -> String {
    if why == NoValue::NoBody {
        return "it has no body (-d gives it one)".to_owned();
    }
    why.to_string()
}

/// The claim of a guard that nothing else stands in the way of, and then of another one like it.
fn now(guard: Option<&Guard>) -> Now {
    let Some(guard) = guard else {
        return Now {
            first: "forwarded as it streams; nothing is claimed".to_owned(),
            second: "forwarded beside it".to_owned(),
        };
    };
    let keys: Vec<&str> = guard.keys().map(Key::shown).collect();
    let keys = keys.join(", ");
    let first = match guard.purpose {
        Purpose::Observe => format!("forwarded; note is taken that it is at work on {keys}"),
        Purpose::Read => format!(
            "forwarded; it shares {keys} with other reads until its response has arrived whole, or its client has left"
        ),
        Purpose::Write => {
            format!("forwarded; it holds {keys} until its response has arrived whole")
        }
    };
    let are_compatible = |lock: &Lock| lock.mode.is_compatible_with(lock.mode);
    let second = match guard.purpose {
        _ if guard.locks.iter().all(are_compatible) => {
            "forwarded beside it: their claims are shared".to_owned()
        }
        Purpose::Observe => {
            "forwarded beside it; the overlap is counted, and logged with what would refuse it"
                .to_owned()
        }
        Purpose::Read | Purpose::Write => second_of(guard),
    };
    let itself = if guard.joins() {
        "; the same write of the same client gets the response of the first (on_duplicate = \"join\")"
    } else {
        ""
    };
    let second = format!("{second}{itself}");
    Now { first, second }
}

fn second_of(guard: &Guard) -> String {
    let status = guard.status.code();
    match guard.on_conflict {
        OnConflict::Wait(patience) => format!(
            "waits for its turn, at most {}; then it is refused with {} (wait-timeout), and never sent to the upstream",
            humantime::format_duration(patience.wait),
            status.as_str()
        ),
        OnConflict::Reject | OnConflict::Observe => format!(
            "refused with {} (write-in-flight), and never sent to the upstream",
            status.as_str()
        ),
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::IntentionShared => "intention-shared",
        Mode::IntentionExclusive => "intention-exclusive",
        Mode::Shared => "shared",
        Mode::SharedIntentionExclusive => "shared, intention-exclusive",
        Mode::Exclusive => "exclusive",
    }
}

fn millis(guard: &Guard) -> u64 {
    u64::try_from(guard.max_work.as_millis()).unwrap_or(u64::MAX)
}

fn reason(plan: &Plan) -> String {
    let text = match plan.because {
        Because::RouteGuards => return guarded(plan.guard.as_ref()),
        Because::ReadsAreShared => {
            "shared: a read beside other reads, and beside no write that is not (reads = \"shared\")"
        }
        Because::RouteObserves => {
            "observed: forwarded, an overlap is counted (on_conflict = \"observe\")"
        }
        Because::PostIsObserved => {
            "observed: forwarded, an overlap is counted (a POST without a route, post = \"observe\"); a route, or --guard, \
             would guard it"
        }
        Because::PostIsForwarded => "forwarded: a POST without a route (post = \"forward\")",
        Because::MethodIsSafe => "forwarded: the method is safe, so it changes nothing",
        Because::MethodIsNotListed => {
            "forwarded: the method is not among `methods` of [guard], and no route speaks for it"
        }
        Because::RouteForwards => "forwarded: the route says guard = false",
        Because::Grpc => "forwarded: a gRPC call is guarded only by a route with a key of its own",
        Because::Upgrade => {
            "forwarded: an upgrade is guarded only by a route with a key of its own"
        }
        Because::NoKey => {
            "forwarded: the request has no value for the key (on_missing_key = \"forward\")"
        }
    };
    text.to_owned()
}

fn guarded(guard: Option<&Guard>) -> String {
    let status = guard.map(|guard| guard.status).unwrap_or_default().code();
    let status = status.as_str();
    match guard.map(|guard| guard.on_conflict) {
        Some(OnConflict::Wait(patience)) => format!(
            "guarded: a write that meets another on one of its keys waits up to {} for its turn, then it is refused with {status}",
            humantime::format_duration(patience.wait)
        ),
        Some(OnConflict::Reject | OnConflict::Observe) | None => format!(
            "guarded: a write that meets another on one of its keys is refused with {status}"
        ),
    }
}
