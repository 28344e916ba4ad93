//! What would have refused an overlap, out of the words of its line: routes with parameters, so that one stands for every
//! identifier that was seen.

use crate::audit::pattern::generalise;

/// What to write into the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Remedy {
    /// A route with this path.
    Route(String),
    /// A route with this path and `on_conflict = "reject"`: without it, it would do as `[guard]` does.
    RejectingRoute(String),
    /// `on_conflict = "reject"` in the route with this path, or in `[guard]`.
    Reject(String),
}

impl Remedy {
    /// The remedies that `would_refuse` names.
    pub(super) fn parse(would_refuse: &str) -> Vec<Self> {
        let texts = would_refuse.split(", and ");
        let mut remedies: Vec<Self> = texts.filter_map(Self::one).collect();
        remedies.sort_unstable();
        remedies.dedup();
        remedies
    }

    fn one(text: &str) -> Option<Self> {
        let quoted = |text: &str| Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned());
        if let Some(path) = text.strip_prefix("[[route]] path = ") {
            let mut route = String::new();
            let rejects = path.strip_suffix(" on_conflict = \"reject\"");
            generalise(&quoted(rejects.unwrap_or(path))?, &mut route);
            return Some(match rejects {
                Some(_) => Self::RejectingRoute(route),
                None => Self::Route(route),
            });
        }
        let label = text.strip_prefix("on_conflict = \"reject\" for ")?;
        quoted(label).map(Self::Reject)
    }

    /// What does as much and more: two routes with one path cannot stand beside each other.
    pub(super) fn including(&self) -> Option<Self> {
        match self {
            Self::Route(path) => Some(Self::RejectingRoute(path.clone())),
            Self::RejectingRoute(_) | Self::Reject(_) => None,
        }
    }

    /// As it stands in a configuration.
    pub(super) fn toml(&self) -> String {
        match self {
            Self::Route(path) => format!("[[route]]\npath = \"{path}\"\n"),
            Self::RejectingRoute(path) => {
                format!("[[route]]\npath = \"{path}\"\non_conflict = \"reject\"\n")
            }
            Self::Reject(label) if label == "[guard]" => {
                "# In [guard], in place of what it has:\n# on_conflict = \"reject\"\n".to_owned()
            }
            Self::Reject(path) => format!(
                "# In the route with path = \"{path}\", in place of what it has:\n# on_conflict = \"reject\"\n"
            ),
        }
    }
}
