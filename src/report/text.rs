//! The report as text for a person, with TOML to paste.

use std::fmt::Write;

use super::summary::{Proposal, Report};
use crate::audit::text::{counted, lines, number, right, shown, table};

/// The report. It ends with a line break.
pub(super) fn text(report: &Report) -> String {
    let mut text = format!(
        "{}, {}: {} forwarded with resource keys, {} refused for a conflict\n",
        counted(report.lines, "line"),
        counted(report.requests, "request"),
        counted(report.writes, "write"),
        number(report.refused)
    );
    for (count, what) in [
        (report.unreadable, "lines are no JSON, and were left out"),
        (
            report.beyond_window,
            "writes were at work for so long that an overlap may have lasted longer than is said",
        ),
        (
            report.left_out,
            "overlaps are in no table: there are too many routes",
        ),
    ] {
        if count > 0 {
            let _infallible = writeln!(text, "{} {what}", number(count));
        }
    }
    if report.overlaps == 0 {
        text.push_str("No write was let through beside another.\n");
    } else {
        let was = if report.overlaps == 1 { "was" } else { "were" };
        let writes = counted(report.overlaps, "write");
        let _infallible = writeln!(text, "{writes} {was} let through beside another.");
    }
    for part in [routes(report), pairs(report), proposals(report)] {
        if !part.is_empty() {
            let _infallible = write!(text, "\n{part}");
        }
    }
    text
}

fn routes(report: &Report) -> String {
    if report.routes.is_empty() {
        return String::new();
    }
    let mut table = table();
    table.set_header(vec!["ROUTE", "METHODS", "WRITES", "OVERLAPS", "LONGEST"]);
    for route in &report.routes {
        let methods: Vec<&str> = route.methods.iter().map(|(name, _)| &**name).collect();
        let longest = if route.longest_ms > 0.0 && route.overlaps > 0 {
            format!("{:.1} ms", route.longest_ms)
        } else {
            "-".to_owned()
        };
        table.add_row(vec![
            shown(&route.path),
            shown(&methods.join(", ")),
            number(route.writes),
            number(route.overlaps),
            longest,
        ]);
    }
    right(&mut table, &[2, 3, 4]);
    lines(&table)
}

fn pairs(report: &Report) -> String {
    if report.pairs.is_empty() {
        return String::new();
    }
    let mut table = table();
    table.set_header(vec!["CAME", "WHILE AT WORK", "OVERLAPS"]);
    for pair in &report.pairs {
        let named = |(method, route): &(String, String)| shown(&format!("{method} {route}"));
        table.add_row(vec![
            named(&pair.came),
            named(&pair.at_work),
            number(pair.overlaps),
        ]);
    }
    right(&mut table, &[2]);
    lines(&table)
}

fn proposals(report: &Report) -> String {
    if report.would_refuse.is_empty() {
        return String::new();
    }
    let mut text =
        "To have them refused, put into the configuration what you agree with:\n".to_owned();
    for proposal in &report.would_refuse {
        let Proposal {
            toml,
            overlaps,
            together,
        } = proposal;
        let also = match together {
            0 => String::new(),
            together => format!(
                ", {} of them together with another of these",
                number(*together)
            ),
        };
        let _infallible = write!(
            text,
            "\n# {}{also}\n{}",
            counted(*overlaps, "overlap"),
            toml.lines()
                .map(|line| shown(line) + "\n")
                .collect::<String>()
        );
    }
    text
}
