//! An explanation as text for a person: the facts in short, then how each came about.

use std::fmt;
use std::time::Duration;

use super::explanation::{Explanation, MethodTold, PathTold, RouteTold, TemplateTold};

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.facts(f)?;
        if let Some(route) = &self.route {
            why_this_route(f, route)?;
        }
        effective_method(f, &self.method)?;
        if let Some(path) = &self.path {
            canonical_path(f, path)?;
        }
        self.where_keys_come_from(f)?;
        writeln!(f, "\nwhat would happen now")?;
        writeln!(f, "  {:<8}{}", "first", self.now.first)?;
        writeln!(f, "  {:<8}{}", "second", self.now.second)
    }
}

impl Explanation {
    fn facts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(route) = &self.route {
            let host = route.host.as_ref().map(|host| format!(", on {host}"));
            let host = host.unwrap_or_default();
            let told = format!("{} (methods: {}{host})", route.path, route.methods);
            line(f, "route", &told)?;
        }
        line(f, "method", &method(&self.method))?;
        if let Some(path) = &self.path {
            line(f, "path", &path.canonical)?;
        }
        for (nth, key) in self.keys.iter().enumerate() {
            let digest = if key.has_digest {
                " (differs in each process)"
            } else {
                ""
            };
            // What is so of nearly every key is not worth a word.
            let mode = match key.mode {
                "exclusive" => String::new(),
                mode => format!(" ({mode})"),
            };
            let name = if nth == 0 { "key" } else { "" };
            line(f, name, &format!("{}{mode}{digest}", key.shown))?;
        }
        line(f, "policy", &self.policy.reason)?;
        if let Some(refusal) = &self.refusal {
            line(f, "why", &refusal.detail)?;
        }
        let Some(max_work) = self.policy.max_work_ms else {
            return Ok(());
        };
        let max_work = humantime::format_duration(Duration::from_millis(max_work));
        line(
            f,
            "max work",
            &format!("{max_work} after the upstream was last heard of"),
        )
    }

    fn where_keys_come_from(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.templates.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nwhere the keys come from")?;
        for template in &self.templates {
            key_parts(f, template)?;
        }
        if self.has_destination {
            writeln!(f, "  and the same of its Destination")?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(f, "{name:<10}{value}")
}

fn method(method: &MethodTold) -> String {
    match (method.kind, method.sent == method.effective) {
        ("", _) => method.sent.clone(),
        (kind, true) => format!("{} ({kind})", method.sent),
        (kind, false) => format!("{} ({kind}; sent as {})", method.effective, method.sent),
    }
}

fn why_this_route(f: &mut fmt::Formatter<'_>, route: &RouteTold) -> fmt::Result {
    writeln!(f, "\nwhy this route")?;
    match &route.next {
        Some(next) => writeln!(f, "  it goes before {}; {}", next.path, next.why)?,
        None if route.path == "[guard]" => writeln!(f, "  no other matches, so [guard] speaks")?,
        None => writeln!(f, "  no other matches; without it, [guard] would speak")?,
    }
    for other in &route.passed_over {
        writeln!(f, "  {} matches the path, but {}", other.path, other.why)?;
    }
    Ok(())
}

fn effective_method(f: &mut fmt::Formatter<'_>, method: &MethodTold) -> fmt::Result {
    if method.overrides.is_empty() {
        return Ok(());
    }
    writeln!(f, "\nwhat overrides the method")?;
    for other in &method.overrides {
        writeln!(f, "  {} says {}", other.from, other.method)?;
    }
    writeln!(
        f,
        "  a backend may heed it or not: {} is judged, too, and the strictest verdict holds",
        method.sent
    )
}

fn canonical_path(f: &mut fmt::Formatter<'_>, path: &PathTold) -> fmt::Result {
    if path.steps.is_empty() {
        return Ok(());
    }
    let rules = path.steps.iter().map(|step| step.rule.chars().count());
    let width = rules.max().unwrap_or(0).max("as sent".len());
    writeln!(f, "\nhow the path becomes canonical")?;
    writeln!(f, "  {:<width$}  {}", "as sent", path.sent)?;
    for step in &path.steps {
        writeln!(f, "  {:<width$}  {}", step.rule, step.after)?;
    }
    Ok(())
}

fn key_parts(f: &mut fmt::Formatter<'_>, template: &TemplateTold) -> fmt::Result {
    if template.parts.is_empty() {
        writeln!(f, "  {} is a key as it stands", template.template)?;
    }
    for part in &template.parts {
        let found = match part.values.as_slice() {
            [] => match &part.why {
                Some(why) => format!("no value; {why}"),
                None => "no value".to_owned(),
            },
            [one] if one.is_empty() => "nothing".to_owned(),
            values => values.join(" and "),
        };
        let (source, from) = (&part.source, &part.from);
        let of = if template.template == *source {
            String::new()
        } else {
            format!("{}, where ", template.template)
        };
        writeln!(f, "  {of}{source} is {from}: {found}")?;
    }
    match template.missing {
        Some(missing) => writeln!(f, "  {missing}"),
        None => Ok(()),
    }
}
