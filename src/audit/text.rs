//! The findings as text for a person.
//!
//! What a log says is shown with everything but plain characters escaped: it may hold what a terminal obeys.

use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::findings::{Findings, Found, Overlaps, Range, Route};
pub(crate) use crate::cli::shown::shown;

/// The widest that a table gets, where the terminal does not say.
const WIDTH: u16 = 120;

/// All that was found. It ends with a line break.
pub(crate) fn text(findings: &Findings) -> String {
    let mut text = String::new();
    let what_was_read = read(findings);
    let parts = [
        what_was_read,
        unreadable(findings),
        limits(findings),
        overlaps(findings),
        gateway(findings),
        routes(&findings.routes),
        resources(findings),
    ];
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(part);
    }
    text
}

fn read(findings: &Findings) -> String {
    let mut text = String::new();
    for log in &findings.logs {
        let format = log.format.unwrap_or("empty");
        let _infallible = writeln!(text, "{}  {format}", shown(&log.path));
    }
    let _infallible = writeln!(
        text,
        "{}, {}, {}",
        counted(findings.lines, "line"),
        counted(findings.requests, "request"),
        counted(findings.writes, "write")
    );
    text
}

fn unreadable(findings: &Findings) -> String {
    let mut text = String::new();
    if findings.unreadable > 0 {
        let _infallible = writeln!(
            text,
            "{} cannot be read:",
            counted(findings.unreadable, "line")
        );
    }
    for line in &findings.first_unreadable {
        let place = format!("{}:{}", shown(&line.path), line.line);
        let _infallible = writeln!(text, "  {place}: {}: {}", line.why, shown(&line.text));
    }
    text
}

/// What keeps the numbers from being all.
fn limits(findings: &Findings) -> String {
    let mut text = String::new();
    let mut say = |count: u64, what: &str| {
        if count > 0 {
            let _infallible = writeln!(text, "{} {what}", number(count));
        }
    };
    say(
        findings.without_request,
        "lines are of connections without a request that could be audited",
    );
    say(
        findings.unguarded,
        "writes are guarded by nothing in this policy, and were left out",
    );
    say(
        findings.without_key,
        "writes have a key that no log tells, and were left out",
    );
    say(
        findings.beyond_window,
        "writes began before the window: they may have met more than was seen (--window)",
    );
    if !findings.keys_not_in_logs.is_empty() {
        let _infallible = writeln!(
            text,
            "No log has the fields that keys are made of on {}: on_missing_key took their place",
            shown(&findings.keys_not_in_logs.join(", "))
        );
    }
    text
}

fn overlaps(findings: &Findings) -> String {
    let overlaps = &findings.overlaps;
    if overlaps.pairs.possible == 0 {
        return "No two writes to one resource overlapped.\n".to_owned();
    }
    let mut text = format!(
        "Pairs of writes to one resource that overlapped: {}\n",
        range(overlaps.pairs)
    );
    if overlaps.pairs.possible > overlaps.pairs.certain {
        text.push_str(
            "The log cuts its times off: the lesser number is certain, the greater is what there may have been.\n",
        );
    }
    let _infallible = writeln!(text, "The longest: {}", longest(overlaps));
    text
}

fn gateway(findings: &Findings) -> String {
    let of = findings.writes - findings.unguarded - findings.without_key;
    if of == 0 || findings.overlaps.pairs.possible == 0 {
        return String::new();
    }
    let share = |range: Range| {
        let percent = |count: u64| format!("{:.3}", 100.0 * count as f64 / of as f64);
        let (low, high) = ends(range);
        if low == high {
            format!("{} %", percent(low))
        } else {
            format!("{}–{} %", percent(low), percent(high))
        }
    };
    let what = &findings.gateway;
    let mut table = table();
    for (label, range, meaning) in [
        ("refused with 409", what.refused, "by this policy"),
        (
            "observed",
            what.observed,
            "let through beside another, because one of the two is only observed (POST without a route)",
        ),
        (
            "refused if guarded",
            what.refused_if_all_are_guarded,
            "if what is only observed were guarded, too",
        ),
    ] {
        table.add_row(vec![
            format!("  {label}"),
            self::range(range),
            share(range),
            meaning.to_owned(),
        ]);
    }
    right(&mut table, &[1, 2]);
    format!(
        "What a gateway would have done with these {} writes:\n{}",
        number(of),
        lines(&table)
    )
}

fn routes(routes: &[Route]) -> String {
    if routes.is_empty() {
        return String::new();
    }
    let mut table = table();
    table.set_header(vec![
        "ROUTE",
        "METHODS",
        "WRITES",
        "OVERLAPS",
        "LONGEST",
        "REFUSED",
        "IF GUARDED",
    ]);
    for route in routes {
        let methods: Vec<&str> = route.methods.iter().map(|(method, _)| &**method).collect();
        table.add_row(vec![
            shown(&route.path),
            shown(&methods.join(", ")),
            number(route.writes),
            range(route.overlaps.pairs),
            longest(&route.overlaps),
            range(route.gateway.refused),
            range(route.gateway.refused_if_all_are_guarded),
        ]);
    }
    right(&mut table, &[2, 3, 4, 5, 6]);
    lines(&table)
}

fn resources(findings: &Findings) -> String {
    if findings.resources.is_empty() {
        return String::new();
    }
    let mut table = table();
    table.set_header(vec![
        "RESOURCE",
        "METHODS",
        "MET ANOTHER",
        "OVERLAPS",
        "LONGEST",
        "BUSIEST AT (UTC)",
    ]);
    for found in &findings.resources {
        table.add_row(row(found));
    }
    right(&mut table, &[2, 3, 4]);
    let mut text = lines(&table);
    if findings.resources_are_incomplete {
        text.push_str(
            "There were too many resources to keep: those with few overlaps were left out.\n",
        );
    }
    text
}

fn row(found: &Found) -> Vec<String> {
    vec![
        shown(&found.key),
        shown(&found.methods.join(", ")),
        number(found.writes),
        range(found.overlaps.pairs),
        longest(&found.overlaps),
        moment(found.busiest_micros),
    ]
}

pub(crate) fn table() -> Table {
    let mut table = Table::new();
    table
        .load_preset(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH);
    table
}

pub(crate) fn right(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

pub(crate) fn lines(table: &Table) -> String {
    let lines = table.lines();
    lines
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(&line).trim_end()))
        .collect()
}

/// `7`, or `2–5`.
pub(crate) fn range(range: Range) -> String {
    match ends(range) {
        (low, high) if low == high => number(low),
        (low, high) => format!("{}–{}", number(low), number(high)),
    }
}

/// Who is let through and who is refused is chosen anew where more may overlap: so that the greater number need not be
/// the one of what is possible.
fn ends(range: Range) -> (u64, u64) {
    let (one, other) = (range.certain, range.possible);
    (one.min(other), one.max(other))
}

pub(crate) fn longest(overlaps: &Overlaps) -> String {
    let (least, most) = overlaps.longest_ms;
    match (least > 0.0, most > 0.0) {
        (true, _) => duration(least),
        (false, true) => format!("< {}", duration(most)),
        (false, false) => "-".to_owned(),
    }
}

fn duration(millis: f64) -> String {
    if millis >= 1000.0 {
        format!("{:.1} s", millis / 1e3)
    } else if millis >= 10.0 {
        format!("{millis:.0} ms")
    } else {
        format!("{millis:.1} ms")
    }
}

/// Microseconds since the epoch, to the second.
pub(crate) fn moment(micros: i64) -> String {
    match u64::try_from(micros) {
        Ok(micros) => {
            let at = UNIX_EPOCH + Duration::from_micros(micros);
            humantime::format_rfc3339_seconds(at).to_string()
        }
        Err(_) => "-".to_owned(),
    }
}

/// With commas by thousands.
/// `1 line`, `2 lines`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    let many = if count == 1 { "" } else { "s" };
    format!("{} {what}{many}", number(count))
}

pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_readable() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(counted(1, "line"), "1 line");
        assert_eq!(counted(1_000, "line"), "1,000 lines");
        assert_eq!(counted(0, "line"), "0 lines");
        assert_eq!(moment(971_211_336_500_000), "2000-10-10T20:55:36Z");
        assert_eq!(moment(-1), "-");
        assert_eq!(
            [0.25, 25.0, 2500.0].map(duration),
            ["0.2 ms", "25 ms", "2.5 s"]
        );
    }
}
