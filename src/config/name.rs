//! Names that no table and no setting has, and what was probably meant.

use std::ops::Range;

use toml::de::DeValue;

use super::fault::Fault;
use super::raw::{
    RawAnswers, RawGuard, RawRoute, RawServer, RawServerTls, RawUpstream, RawUpstreamTls,
};
use super::table::settings;

/// Each table, as it is called, as it is written, and what it can say.
fn tables() -> [(&'static str, &'static str, &'static [&'static str]); 7] {
    [
        ("server", "`[server]`", settings::<RawServer>()),
        ("upstream", "`[upstream]`", settings::<RawUpstream>()),
        ("server.tls", "`[server.tls]`", settings::<RawServerTls>()),
        (
            "upstream.tls",
            "`[upstream.tls]`",
            settings::<RawUpstreamTls>(),
        ),
        ("answers", "`[answers]`", settings::<RawAnswers>()),
        ("guard", "`[guard]`", settings::<RawGuard>()),
        ("route", "a `[[route]]`", settings::<RawRoute>()),
    ]
}

/// A setting that this table does not have.
pub(super) fn unknown_setting(table: &'static str, name: &str, span: Range<usize>) -> Fault {
    let tables = tables();
    let (_, written, known) = tables[tables.iter().position(|(of, ..)| *of == table).unwrap_or(0)];
    let fault = Fault::new(Some(span), format!("{written} has no setting `{name}`"));
    let elsewhere = with_setting(name);
    let is_one_off =
        |near: &&str| name.len() != near.len() && strsim::damerau_levenshtein(name, near) == 1;
    if let Some(near) = nearest(name, known).filter(is_one_off) {
        return fault.help(format!("did you mean `{near}`?"));
    }
    if !elsewhere.is_empty() {
        return fault.help(format!("`{name}` belongs in {}", elsewhere.join(" or ")));
    }
    if let Some(near) = nearest(name, known) {
        return fault.help(format!("did you mean `{near}`?"));
    }
    for (_, written, settings) in &tables {
        if let Some(near) = nearest(name, settings) {
            return fault.help(format!(
                "did you mean `{near}`, which belongs in {written}?"
            ));
        }
    }
    fault.help(format!("it has {}", list(known, "`")))
}

/// What stands at the top and is no table there.
pub(super) fn unknown_table(name: &str, span: Range<usize>, value: &DeValue<'_>) -> Fault {
    let mut elements = value.as_array().into_iter().flat_map(|list| list.iter());
    let is_table = value.is_table() || elements.any(|element| element.get_ref().is_table());
    let elsewhere = with_setting(name);
    if !is_table && !elsewhere.is_empty() {
        let message = format!("`{name}` stands in no table");
        let help = format!("`{name}` belongs in {}", elsewhere.join(" or "));
        return Fault::new(Some(span), message).help(help);
    }
    let tables = tables().map(|(name, ..)| name);
    let fault = Fault::new(Some(span), format!("there is no table `{name}`"));
    if name == "tls" {
        return fault.help("write `[server.tls]` for clients, `[upstream.tls]` for the upstream");
    }
    match nearest(name, &tables) {
        Some("route") => fault.help("did you mean `[[route]]`?"),
        Some(near) => fault.help(format!("did you mean `[{near}]`?")),
        None => fault.help(
            "there are `[server]`, `[upstream]`, `[answers]`, `[guard]` and any number of `[[route]]`",
        ),
    }
}

/// The tables that have a setting of this name, as they are written; empty if none has.
fn with_setting(name: &str) -> Vec<&'static str> {
    let tables = tables().into_iter();
    let having = tables.filter(|(_, _, known)| known.contains(&name));
    having.map(|(_, written, _)| written).collect()
}

/// The one of `known` that is most like `name`, if one is like it.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase().replace('-', "_");
    let distances = known.iter().map(|known| {
        let distance = strsim::damerau_levenshtein(&name, &known.replace('-', "_"));
        (distance, *known)
    });
    let near = distances.min()?;
    (near.0 <= near.1.len().max(3) / 3 + 1 && near.0 < near.1.len()).then_some(near.1)
}

/// `a, b and c`, each between quotes.
pub(super) fn list(names: &[&str], quote: &str) -> String {
    let quoted: Vec<String> = names
        .iter()
        .map(|name| format!("{quote}{name}{quote}"))
        .collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some(_) | None => quoted.concat(),
    }
}
