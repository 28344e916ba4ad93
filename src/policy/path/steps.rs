//! The canonical path rule by rule, for who wants to know why it is what it is.
//!
//! What comes out is what [`canonical`](super::canonical) makes in one pass; a property test holds the two together.

use super::{Distinguish, encode, escaped};

/// One rule that changed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What the rule does.
    pub rule: &'static str,
    /// The path as it came to it.
    pub before: String,
    /// The path as it left it.
    pub after: String,
}

/// A byte of the path, or a slash that was sent encoded and is told apart.
type Unit = u16;

const KEPT_SLASH: Unit = 0x100;
const SLASH: Unit = b'/' as Unit;

type Rule = (&'static str, fn(Vec<Unit>, Distinguish) -> Vec<Unit>);

const ENCODE: &str = "encode all but unreserved characters and `/`";

const RULES: [Rule; 6] = [
    ("take `\\` for `/`", |path, _| {
        let slashed = |unit| {
            if unit == Unit::from(b'\\') {
                SLASH
            } else {
                unit
            }
        };
        path.into_iter().map(slashed).collect()
    }),
    ("drop the `;parameters` of segments", |path, _| {
        join(segments(&path).map(|segment| {
            segment
                .split(|unit| *unit == Unit::from(b';'))
                .next()
                .unwrap_or(segment)
        }))
    }),
    ("merge slashes", merge),
    ("remove dot segments", remove_dots),
    ("drop the trailing slash", drop_trailing_slash),
    ("fold case", fold_case),
];

/// Each rule that changes something about `path`, in their order.
pub fn steps(path: &str, distinguish: Distinguish) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut shown = path.to_owned();
    let mut step = |rule, after: String| {
        if after != shown {
            let before = std::mem::replace(&mut shown, after.clone());
            steps.push(Step {
                rule,
                before,
                after,
            });
        }
    };
    let mut units = decoded(path.as_bytes(), distinguish);
    step("decode `%XX`", show(&units));
    for (rule, apply) in RULES {
        units = apply(units, distinguish);
        step(rule, show(&units));
    }
    step(ENCODE, encoded(&units));
    steps
}

fn decoded(path: &[u8], distinguish: Distinguish) -> Vec<Unit> {
    let mut units = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [byte, after @ ..] = rest {
        rest = after;
        let unit = match (byte, escaped(after)) {
            (b'%', Some(decoded)) => {
                rest = &after[2..];
                match decoded {
                    b'/' | b'\\' if distinguish.encoded_slash => KEPT_SLASH,
                    _ => Unit::from(decoded),
                }
            }
            _ => Unit::from(*byte),
        };
        units.push(unit);
    }
    units
}

fn segments(path: &[Unit]) -> impl Iterator<Item = &[Unit]> {
    path.split(|unit| *unit == SLASH)
}

fn join<'a>(segments: impl Iterator<Item = &'a [Unit]>) -> Vec<Unit> {
    segments.collect::<Vec<_>>().join(&SLASH)
}

/// Also begins with a slash what does not.
fn merge(path: Vec<Unit>, _: Distinguish) -> Vec<Unit> {
    let mut merged = vec![SLASH];
    for unit in path {
        if unit != SLASH || merged.last() != Some(&SLASH) {
            merged.push(unit);
        }
    }
    merged
}

/// One at the end leaves a trailing slash.
fn remove_dots(path: Vec<Unit>, _: Distinguish) -> Vec<Unit> {
    const DOT: Unit = b'.' as Unit;
    let mut kept: Vec<&[Unit]> = Vec::new();
    let mut ends_in_slash = false;
    for segment in segments(&path).skip(1) {
        ends_in_slash = true;
        match segment {
            [] | [DOT] => {}
            [DOT, DOT] => drop(kept.pop()),
            _ => {
                kept.push(segment);
                ends_in_slash = false;
            }
        }
    }
    let mut path = vec![SLASH];
    path.extend(join(kept.iter().copied()));
    if ends_in_slash && path.len() > 1 {
        path.push(SLASH);
    }
    path
}

fn drop_trailing_slash(mut path: Vec<Unit>, distinguish: Distinguish) -> Vec<Unit> {
    if path.len() > 1 && path.ends_with(&[SLASH]) && !distinguish.trailing_slash {
        path.pop();
    }
    path
}

fn fold_case(path: Vec<Unit>, distinguish: Distinguish) -> Vec<Unit> {
    let fold = |unit| match u8::try_from(unit) {
        Ok(byte) if !distinguish.case => Unit::from(byte.to_ascii_lowercase()),
        Ok(_) | Err(_) => unit,
    };
    path.into_iter().map(fold).collect()
}

/// As it can be read: what is no text is shown as its replacement.
fn show(units: &[Unit]) -> String {
    let mut bytes = Vec::with_capacity(units.len());
    for unit in units {
        match u8::try_from(*unit) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend_from_slice(b"%2F"),
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.chars()
        .flat_map(|c| {
            let escape = c.is_control().then(|| c.escape_default());
            let plain = (!c.is_control()).then_some(c);
            escape.into_iter().flatten().chain(plain)
        })
        .collect()
}

fn encoded(units: &[Unit]) -> String {
    let mut path = String::with_capacity(units.len() + 16);
    for unit in units {
        match u8::try_from(*unit) {
            Ok(b'/') => path.push('/'),
            Ok(byte) => encode(&[byte], false, &mut path),
            Err(_) => path.push_str("%2F"),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::super::canonical;
    use super::*;
    use proptest::prelude::*;

    fn rules(path: &str, distinguish: Distinguish) -> Vec<&'static str> {
        steps(path, distinguish)
            .into_iter()
            .map(|step| step.rule)
            .collect()
    }

    #[test]
    fn each_rule_that_changes_something_is_told_with_before_and_after() {
        let told: Vec<String> = steps("/Orders//7;v=1/./caf%c3%a9\\x/", Distinguish::default())
            .into_iter()
            .map(|step| format!("{}: {} -> {}", step.rule, step.before, step.after))
            .collect();
        assert_eq!(
            told,
            [
                "decode `%XX`: /Orders//7;v=1/./caf%c3%a9\\x/ -> /Orders//7;v=1/./café\\x/",
                "take `\\` for `/`: /Orders//7;v=1/./café\\x/ -> /Orders//7;v=1/./café/x/",
                "drop the `;parameters` of segments: /Orders//7;v=1/./café/x/ -> /Orders//7/./café/x/",
                "merge slashes: /Orders//7/./café/x/ -> /Orders/7/./café/x/",
                "remove dot segments: /Orders/7/./café/x/ -> /Orders/7/café/x/",
                "drop the trailing slash: /Orders/7/café/x/ -> /Orders/7/café/x",
                "fold case: /Orders/7/café/x -> /orders/7/café/x",
                "encode all but unreserved characters and `/`: /orders/7/café/x -> /orders/7/caf%C3%A9/x",
            ]
        );
        assert!(steps("/orders/7", Distinguish::default()).is_empty());
    }

    #[test]
    fn what_a_route_tells_apart_is_left() {
        let all = Distinguish {
            case: true,
            trailing_slash: true,
            encoded_slash: true,
        };
        assert!(rules("/A%2Fb/", all).is_empty());
        assert_eq!(
            rules("/A%2fb/", Distinguish::default()),
            ["decode `%XX`", "drop the trailing slash", "fold case"]
        );
    }

    proptest! {
        #[test]
        fn the_last_step_leaves_the_canonical_path(
            path in prop_oneof!["[/%.;\\\\aA25fFcC~é]{0,16}", any::<String>()],
            case in any::<bool>(), trailing_slash in any::<bool>(), encoded_slash in any::<bool>(),
        ) {
            let distinguish = Distinguish { case, trailing_slash, encoded_slash };
            let steps = steps(&path, distinguish);
            let last = steps.last().map_or(path.as_str(), |step| step.after.as_str());
            prop_assert_eq!(last, canonical(&path, distinguish));
        }
    }
}
