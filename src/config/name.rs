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
pub(super) fn unknown_setting(
    table: &'static str,
    name: &str,
    span: Range<usize>,
    value: &DeValue<'_>,
) -> Fault {
    let tables = tables();
    let (_, written, known) = tables[tables.iter().position(|(of, ..)| *of == table).unwrap_or(0)];
    let fault = Fault::new(Some(span), format!("{written} has no setting `{name}`"));
    if value.is_table()
        && let Some((_, meant, _)) = tables.iter().find(|(of, ..)| *of == name)
    {
        return fault.help(format!(
            "{} is a table of its own: write its heading, and its settings below that",
            meant.trim_start_matches("a ")
        ));
    }
    let elsewhere = with_setting(name);
    let is_one_off =
        |near: &&str| name.len() != near.len() && strsim::damerau_levenshtein(name, near) == 1;
    if let Some(near) = nearest(name, known).filter(is_one_off) {
        return fault.help(format!("did you mean `{near}`?"));
    }
    if let Some(meant) = called_otherwise(table, name) {
        return fault.help(meant);
    }
    if !elsewhere.is_empty() {
        return fault.help(format!("`{name}` belongs in {}", elsewhere.join(" or ")));
    }
    if let Some(near) = nearest(name, known) {
        return fault.help(format!("did you mean `{near}`?"));
    }
    for (_, written, settings) in &tables {
        let is_alike = |near: &&str| strsim::damerau_levenshtein(name, near) <= near.len() / 3;
        if let Some(near) = nearest(name, settings).filter(is_alike) {
            return fault.help(format!(
                "did you mean `{near}`, which belongs in {written}?"
            ));
        }
    }
    fault.help(format!("it has {}", list(known, "`")))
}

/// What other programs have under this name.
fn called_otherwise(table: &str, name: &str) -> Option<&'static str> {
    Some(match (table, name) {
        ("server", "port" | "bind" | "host" | "address" | "addr") => {
            "write where to listen as `listen = \"0.0.0.0:8080\"`"
        }
        ("server", "timeout") => {
            "there are `head_timeout`, `body_timeout`, `receive_timeout`, `send_timeout` and `idle_timeout`"
        }
        ("upstream", name) if URL.contains(&name) => {
            "write where the backend is as `url = \"http://127.0.0.1:3000\"`"
        }
        ("upstream", "timeout") => {
            "there are `connect_timeout`, `response_timeout`, `exchange_timeout` and `idle_timeout`"
        }
        ("guard" | "route", "timeout" | "ttl" | "lease") => {
            "how long the backend can be at work on one write is `max_work`"
        }
        ("server", "log_level" | "log" | "level") => OF_LOG,
        _ => return None,
    })
}

/// What other programs call `url` in `[upstream]`.
const URL: [&str; 6] = ["host", "port", "address", "addr", "backend", "target"];

/// Whether a setting of `[upstream]` that is not known says where the backend is.
pub(super) fn is_url(name: &str) -> bool {
    URL.contains(&name) || nearest(name, &["url", "servers"]).is_some()
}

const OF_LOG: &str = "the variable RUST_LOG says what is logged, and --log-format how; `access_log` is in `[server]`";

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
    if ["log", "logs", "logging"].contains(&name) {
        return fault.help(OF_LOG);
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
