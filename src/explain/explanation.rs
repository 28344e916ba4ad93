//! What is told about one request: the shape of `explain --json`, and what its text is written from.
//!
//! The shape is stable: a later version may add fields, and takes none away. `docs/explain.md` has it.

use serde::Serialize;

/// What would happen to one request, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The route that speaks; none where the request is refused before one is looked for.
    pub route: Option<RouteTold>,
    /// The method.
    pub method: MethodTold,
    /// The path; none where the request is refused before it is read.
    pub path: Option<PathTold>,
    /// The keys that it would claim, as a log would show them.
    pub keys: Vec<KeyTold>,
    /// What the keys are made of.
    pub templates: Vec<TemplateTold>,
    /// Whether the target of a `MOVE` or `COPY` gives keys, too.
    pub has_destination: bool,
    /// What becomes of it, and by which rule.
    pub policy: PolicyTold,
    /// What the client is told, if the request is refused whatever else is in flight.
    pub refusal: Option<RefusalTold>,
    /// What would happen now.
    pub now: Now,
}

impl Explanation {
    /// As JSON, with a line break at the end.
    pub fn json(&self) -> String {
        // Texts, numbers and lists of them: there is nothing that JSON could not hold.
        let json = serde_json::to_string_pretty(self).unwrap_or_default();
        json + "\n"
    }
}

/// A route and why it is that one.
#[derive(Clone, Debug, Serialize)]
pub struct RouteTold {
    /// Its path as configured; `[guard]` where no route speaks.
    pub path: String,
    /// The host that it is for; none for any.
    pub host: Option<String>,
    /// `unsafe`, or its list.
    pub methods: String,
    /// The route that would speak without it, and the rule by which it does not.
    pub next: Option<Other>,
    /// Routes that match the path, but not all else.
    pub passed_over: Vec<Other>,
}

/// Another route, and what tells against it.
#[derive(Clone, Debug, Serialize)]
pub struct Other {
    /// Its path as configured.
    pub path: String,
    /// Why it does not speak.
    pub why: String,
}

/// The method and what made it so.
#[derive(Clone, Debug, Serialize)]
pub struct MethodTold {
    /// As sent.
    pub sent: String,
    /// The one that counts.
    pub effective: String,
    /// Whether the request is treated as a write; none where it came to no verdict.
    pub is_write: Option<bool>,
    /// The same in words.
    #[serde(skip)]
    pub kind: &'static str,
    /// What overrides it; all of them are judged, and the strictest verdict holds.
    pub overrides: Vec<OverrideTold>,
}

/// An override of the method.
#[derive(Clone, Debug, Serialize)]
pub struct OverrideTold {
    /// Where it stands.
    pub from: String,
    /// What it says.
    pub method: String,
}

/// The path and how it became canonical.
#[derive(Clone, Debug, Serialize)]
pub struct PathTold {
    /// As sent, without the query.
    pub sent: String,
    /// The one that routes and keys see.
    pub canonical: String,
    /// Each rule that changed something.
    pub steps: Vec<StepTold>,
}

/// One rule of the canonical path.
#[derive(Clone, Debug, Serialize)]
pub struct StepTold {
    /// What it does.
    pub rule: &'static str,
    /// The path as it came to it.
    pub before: String,
    /// The path as it left it.
    pub after: String,
}

/// A key.
#[derive(Clone, Debug, Serialize)]
pub struct KeyTold {
    /// As a log would show it.
    pub shown: String,
    /// How it would have it: `exclusive`, `shared`, or on a key above its own the intention of that.
    pub mode: &'static str,
    /// Whether a digest that differs in each process stands for a credential in it.
    pub has_digest: bool,
}

/// A template and what it found.
#[derive(Clone, Debug, Serialize)]
pub struct TemplateTold {
    /// As configured.
    pub template: String,
    /// Its sources, from left to right.
    pub parts: Vec<PartTold>,
    /// What is done about a source without a value; none if each has one.
    pub missing: Option<&'static str>,
}

/// A source and what it found.
#[derive(Clone, Debug, Serialize)]
pub struct PartTold {
    /// As it stands in the template.
    pub source: String,
    /// Where it looked.
    pub from: String,
    /// What it found; each value gives a key.
    pub values: Vec<String>,
    /// Why the body has no value, if it would stand there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A verdict.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyTold {
    /// In one word.
    pub verdict: Verdict,
    /// In a sentence, with the setting that it rests on.
    pub reason: String,
    /// How long the keys stay held after the upstream was last heard of; none where nothing is claimed.
    pub max_work_ms: Option<u64>,
}

/// A verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Its keys are held, and an overlap is refused.
    Guarded,
    /// A read: its keys are held beside other reads.
    Shared,
    /// It is forwarded, and an overlap is counted.
    Observed,
    /// It is forwarded, and nothing is claimed.
    Forwarded,
    /// It is answered by the gateway.
    Refused,
}

/// What a client is told.
#[derive(Clone, Debug, Serialize)]
pub struct RefusalTold {
    /// The status.
    pub status: u16,
    /// The name of its problem type.
    pub problem: String,
    /// In a sentence.
    pub detail: String,
}

/// What would happen if the request came now, and then one like it.
#[derive(Clone, Debug, Serialize)]
pub struct Now {
    /// To the first.
    pub first: String,
    /// To a second, while the first is in flight.
    pub second: String,
}
