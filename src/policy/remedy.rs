//! What would refuse overlaps, as it is written: into the log by who lets them through, and into a configuration by who sums
//! up the log. A path is written with its identifiers as parameters, so that it stands for every resource of its kind.

use std::fmt;

use super::generalise::generalise;
use super::plan::Remedy;

/// What to write into the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Advice {
    /// A route with this path.
    Guard(String),
    /// A route with this path and `on_conflict = "reject"`: without it, it would do as `[guard]` does.
    Rejecting(String),
    /// `on_conflict = "reject"` in the route with this path, or in `[guard]`.
    Reject(String),
}

const GUARD: &str = "--guard ";
const ROUTE: &str = "[[route]] path = ";
const REJECTS: &str = " on_conflict = 'reject'";
const REJECT: &str = "on_conflict = 'reject' in ";
const BETWEEN: &str = ", and ";

impl Advice {
    /// For a write of the route with this label.
    pub fn new(remedy: &Remedy, label: &str) -> Self {
        let general = |path: &str| {
            let mut route = String::new();
            generalise(path, &mut route);
            route
        };
        match remedy {
            Remedy::Route(path) => Self::Guard(general(path)),
            Remedy::RejectingRoute(path) => Self::Rejecting(general(path)),
            Remedy::Reject => Self::Reject(label.to_owned()),
        }
    }

    /// Several on one line.
    pub fn line(several: &[Self]) -> String {
        let texts: Vec<String> = several.iter().map(ToString::to_string).collect();
        texts.join(BETWEEN)
    }

    /// What a line says, each once; what is no advice on it is left out.
    pub fn parse(line: &str) -> Vec<Self> {
        let mut several: Vec<Self> = line.split(BETWEEN).filter_map(Self::one).collect();
        several.sort_unstable();
        several.dedup();
        several
    }

    /// What does as much and more: two routes with one path cannot stand beside each other.
    pub fn including(&self) -> Option<Self> {
        match self {
            Self::Guard(path) => Some(Self::Rejecting(path.clone())),
            Self::Rejecting(_) | Self::Reject(_) => None,
        }
    }

    fn one(text: &str) -> Option<Self> {
        let quoted = |text: &str| Some(text.strip_prefix('\'')?.strip_suffix('\'')?.to_owned());
        if let Some(path) = text.strip_prefix(GUARD) {
            return quoted(path).map(Self::Guard);
        }
        if let Some(route) = text.strip_prefix(ROUTE) {
            return quoted(route.strip_suffix(REJECTS)?).map(Self::Rejecting);
        }
        let label = text.strip_prefix(REJECT)?;
        Some(Self::Reject(label.to_owned()))
    }

    /// As it stands in a configuration.
    pub fn toml(&self) -> String {
        match self {
            Self::Guard(path) => format!("[[route]]\npath = \"{path}\"\n"),
            Self::Rejecting(path) => {
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

/// As on a line of the log: a flag to paste into a shell, or settings. Neither has a character that JSON escapes.
impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guard(path) => write!(f, "{GUARD}'{path}'"),
            Self::Rejecting(path) => write!(f, "{ROUTE}'{path}'{REJECTS}"),
            Self::Reject(label) => write!(f, "{REJECT}{label}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_pasted_and_read_again() {
        let route = Advice::new(&Remedy::Route("/accounts/7/deposit".into()), "[guard]");
        assert_eq!(route.to_string(), "--guard '/accounts/{id}/deposit'");
        assert_eq!(
            route.toml(),
            "[[route]]\npath = \"/accounts/{id}/deposit\"\n"
        );
        let reject = Advice::new(&Remedy::Reject, "/a/{id}");
        assert_eq!(reject.to_string(), "on_conflict = 'reject' in /a/{id}");
        let path = "/accounts/8/deposit".into();
        let rejecting = Advice::new(&Remedy::RejectingRoute(path), "[guard]");
        assert_eq!(
            rejecting.to_string(),
            "[[route]] path = '/accounts/{id}/deposit' on_conflict = 'reject'"
        );
        assert_eq!(route.including().as_ref(), Some(&rejecting));
        let several = [route, rejecting, reject];
        let line = Advice::line(&several);
        assert_eq!(Advice::parse(&line), several);
        assert_eq!(Advice::parse(&format!("{line}, and {line}")), several);
        assert_eq!(Advice::parse("--guard /a, and what not"), []);
    }
}
