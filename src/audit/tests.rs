//! Logs that are written here, with overlaps that are known, are audited to exactly those.

use std::fmt::Write as _;
use std::io::Cursor;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::findings::{Range, Route};
use super::*;

const MILLI: i64 = 1_000;
const SECOND: i64 = 1_000_000;
const BEGIN: i64 = 1_795_478_400 * SECOND;

/// A write as it was, in microseconds after [`BEGIN`].
#[derive(Clone, Debug)]
struct Truth {
    start: i64,
    end: i64,
    method: &'static str,
    resource: u8,
}

/// How a server writes a log.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Written {
    Nginx,
    NginxMsec,
    Apache,
    Haproxy,
    Envoy,
    Caddy,
    Gunicorn,
}

const ALL: [Written; 7] = [
    Written::Nginx,
    Written::NginxMsec,
    Written::Apache,
    Written::Haproxy,
    Written::Envoy,
    Written::Caddy,
    Written::Gunicorn,
];

impl Written {
    fn format(self) -> ServerLog {
        match self {
            Self::Nginx | Self::NginxMsec => ServerLog::Nginx,
            Self::Apache => ServerLog::Apache,
            Self::Haproxy => ServerLog::Haproxy,
            Self::Envoy => ServerLog::Envoy,
            Self::Caddy => ServerLog::Caddy,
            Self::Gunicorn => ServerLog::Gunicorn,
        }
    }

    fn line(self, truth: &Truth) -> String {
        let (start, end) = (BEGIN + truth.start, BEGIN + truth.end);
        let request = format!("{} /r/{} HTTP/1.1", truth.method, truth.resource);
        let (took_millis, took) = (end / MILLI - start / MILLI, end - start);
        match self {
            Self::Nginx => format!(
                "::1 - - [{}] \"{request}\" 200 5 \"-\" \"-\" {}",
                civil(end),
                decimal(took_millis, 1000)
            ),
            Self::NginxMsec => format!(
                "::1 - - [{}] \"{request}\" 200 5 \"-\" \"-\" {} {}",
                civil(end),
                decimal(took_millis, 1000),
                decimal(end / MILLI, 1000)
            ),
            Self::Apache | Self::Gunicorn => {
                let at = if self == Self::Apache { start } else { end };
                format!(
                    "::1 - - [{}] \"{request}\" 200 5 \"-\" \"-\" {took}",
                    civil(at)
                )
            }
            Self::Haproxy => format!(
                "haproxy[1]: ::1:1 [{}.{:03}] in out/s 0/0/0/1/{} 200 5 - - ---- 1/1/0/0/0 0/0 \"{request}\"",
                civil(start).strip_suffix(" +0000").unwrap(),
                start / MILLI % 1000,
                took / MILLI
            ),
            Self::Envoy => {
                let at = Duration::from_micros(start.unsigned_abs() / 1000 * 1000);
                let at = humantime::format_rfc3339_millis(UNIX_EPOCH + at);
                let took = took / MILLI;
                format!("[{at}] \"{request}\" 200 - 0 5 {took} 1 \"-\" \"-\" \"-\" \"h\" \"-\"")
            }
            Self::Caddy => format!(
                "{{\"level\":\"info\",\"ts\":{},\"request\":{{\"method\":\"{}\",\"host\":\"h\",\"uri\":\"/r/{}\",\"headers\":{{}}}},\"duration\":{},\"status\":200}}",
                decimal(end, SECOND),
                truth.method,
                truth.resource,
                decimal(took, SECOND)
            ),
        }
    }

    /// What can be known: the first and the last microsecond at which it may have begun, and ended.
    fn known(self, truth: &Truth) -> [(i64, i64); 2] {
        let floor = |at: i64, unit: i64| at.div_euclid(unit) * unit;
        let (start, end) = (truth.start, truth.end);
        let range = |at: i64, length: i64| (at, at + length - 1);
        match self {
            Self::Nginx | Self::NginxMsec => {
                let unit = if self == Self::Nginx { SECOND } else { MILLI };
                let took = floor(end, MILLI) - floor(start, MILLI);
                [
                    range(floor(end, unit) - took, unit),
                    range(floor(end, unit), unit),
                ]
            }
            Self::Apache => {
                let at = floor(start, SECOND);
                [range(at, SECOND), range(at + end - start, SECOND)]
            }
            Self::Haproxy | Self::Envoy => {
                let at = floor(start, MILLI);
                let took = floor(end - start, MILLI);
                [range(at, MILLI), range(at + took, 2 * MILLI)]
            }
            Self::Caddy => [range(start, 1), range(end, 1)],
            Self::Gunicorn => {
                let at = floor(end, SECOND);
                [range(at - (end - start), SECOND), range(at, SECOND)]
            }
        }
    }
}

fn decimal(value: i64, unit: i64) -> String {
    let digits = unit.to_string().len() - 1;
    format!("{}.{:0digits$}", value / unit, value % unit)
}

/// `24/Nov/2026:00:00:00 +0000`
fn civil(micros: i64) -> String {
    let at = UNIX_EPOCH + Duration::from_micros(micros.unsigned_abs());
    let iso = humantime::format_rfc3339_seconds(at).to_string();
    assert!(iso.starts_with("2026-11-"), "{iso}");
    format!("{}/Nov/2026:{} +0000", &iso[8..10], &iso[11..19])
}

fn log(written: Written, truths: &[Truth]) -> String {
    let lines = truths
        .iter()
        .map(|truth| format!("{}\n", written.line(truth)));
    lines.collect()
}

fn audited(text: &str, format: ServerLog, window: usize) -> Findings {
    let config = policy_of(None).unwrap();
    let mut auditor = Auditor::new(&config.policy, window);
    let lines = Lines::of(Cursor::new(text.as_bytes().to_vec())).unwrap();
    auditor.read("log", lines, format).unwrap();
    auditor.finish(usize::MAX)
}

/// Every pair by itself.
fn naive(written: Written, truths: &[Truth]) -> Range {
    let mut range = Range::default();
    for (at, one) in truths.iter().enumerate() {
        for other in truths[..at]
            .iter()
            .filter(|other| other.resource == one.resource)
        {
            let ([s, e], [t, f]) = (written.known(one), written.known(other));
            range.certain += u64::from(s.1 < f.0 && t.1 < e.0);
            range.possible += u64::from(s.0 < f.1 + 1 && t.0 < e.1 + 1);
        }
    }
    range
}

fn truly(truths: &[Truth]) -> u64 {
    let mut pairs = 0;
    for (at, one) in truths.iter().enumerate() {
        for other in truths[..at]
            .iter()
            .filter(|other| other.resource == one.resource)
        {
            pairs += u64::from(one.start < other.end && other.start < one.end);
        }
    }
    pairs
}

/// Who is let through, one after the other: the writes that are refused, and those that are let through beside another.
fn simulated(truths: &[Truth], are_all_guarded: bool) -> (u64, u64) {
    let mut truths = truths.to_vec();
    truths.sort_by_key(|truth| (truth.start, truth.end, truth.method == "POST"));
    let mut let_through: Vec<Truth> = Vec::new();
    let (mut refused, mut observed) = (0, 0);
    let is_guarded = |truth: &Truth| are_all_guarded || truth.method != "POST";
    for truth in truths {
        let at_work = let_through
            .iter()
            .filter(|other| other.resource == truth.resource && other.end > truth.start);
        let met: Vec<&Truth> = at_work.collect();
        if is_guarded(&truth) && met.iter().any(|other| is_guarded(other)) {
            refused += 1;
            continue;
        }
        observed += u64::from(!met.is_empty());
        let_through.push(truth);
    }
    (refused, observed)
}

/// Writes of up to some seconds within a minute. No begin is an end: what happens there is not for a log to tell.
fn truths() -> impl Strategy<Value = Vec<Truth>> {
    let lengths = prop_oneof![0..20 * MILLI, 0..3 * SECOND, Just(0)];
    let methods = prop::sample::select(vec!["PUT", "PATCH", "POST", "DELETE"]);
    let truth = (0..6_000_000_i64, lengths, methods, 0..3_u8);
    let truth = truth.prop_map(|(start, length, method, resource)| Truth {
        start: start * 10,
        end: start * 10 + length / 10 * 10 + 5,
        method,
        resource,
    });
    prop::collection::vec(truth, 0..60).prop_map(|mut truths| {
        // Some a hundred times as dense as others.
        for (at, truth) in truths.iter_mut().enumerate() {
            let shift = if at % 2 == 0 {
                truth.start / 1000 * 990
            } else {
                0
            };
            truth.start -= shift;
            truth.end -= shift;
        }
        truths.sort_by_key(|truth| truth.end);
        truths
    })
}

proptest! {
    #[test]
    fn what_is_found_is_what_comparing_every_pair_finds(truths in truths()) {
        for written in ALL {
            let found = audited(&log(written, &truths), written.format(), 1000);
            prop_assert_eq!(found.unreadable, 0, "{:?}", found.first_unreadable);
            prop_assert_eq!(found.writes, truths.len() as u64);
            let pairs = found.overlaps.pairs;
            prop_assert_eq!(pairs, naive(written, &truths), "{:?}", written);
            prop_assert!((pairs.certain..=pairs.possible).contains(&truly(&truths)));
            let by_resource: u64 = found.resources.iter().map(|found| found.overlaps.pairs.possible).sum();
            prop_assert_eq!(by_resource, pairs.possible);
        }
    }

    #[test]
    fn the_order_of_lines_does_not_matter(truths in truths(), seed in any::<u64>()) {
        let mut shuffled = truths.clone();
        shuffled.sort_by_key(|truth| (truth.end.unsigned_abs()).wrapping_mul(seed | 1));
        let [sorted, shuffled] = [&truths, &shuffled].map(|truths| {
            let found = audited(&log(Written::Caddy, truths), ServerLog::Caddy, 1000);
            (found.overlaps, found.gateway)
        });
        prop_assert_eq!(sorted, shuffled);
    }

    #[test]
    fn refusals_are_those_of_one_write_after_the_other(truths in truths()) {
        let found = audited(&log(Written::Caddy, &truths), ServerLog::Caddy, 1000).gateway;
        let (refused, observed) = simulated(&truths, false);
        prop_assert_eq!((found.refused.certain, found.observed.certain), (refused, observed));
        prop_assert_eq!(found.refused_if_all_are_guarded.certain, simulated(&truths, true).0);
    }

    #[test]
    fn a_small_window_says_when_it_was_too_small(truths in truths(), window in 1_usize..20) {
        let found = audited(&log(Written::Caddy, &truths), ServerLog::Caddy, window);
        let truth = truly(&truths);
        prop_assert!(found.overlaps.pairs.certain <= truth);
        if found.beyond_window == 0 {
            prop_assert_eq!(found.overlaps.pairs.certain, truth);
            prop_assert_eq!(found.gateway.refused.certain, simulated(&truths, false).0);
        }
    }
}

fn truth(start: i64, end: i64, method: &'static str, resource: u8) -> Truth {
    Truth {
        start: start * MILLI,
        end: end * MILLI,
        method,
        resource,
    }
}

#[test]
fn overlaps_are_told_by_route_and_by_resource() {
    let truths = [
        truth(0, 500, "PUT", 1),
        truth(400, 900, "PATCH", 1),
        truth(450, 950, "POST", 1),
        truth(0, 1000, "PUT", 2),
        truth(999, 2000, "PUT", 2),
        truth(2000, 2100, "PUT", 3),
    ];
    let found = audited(&log(Written::Caddy, &truths), ServerLog::Caddy, 1000);
    assert_eq!((found.lines, found.requests, found.writes), (6, 6, 6));
    let [
        Route {
            path,
            methods,
            overlaps,
            pairs,
            ..
        },
    ] = found.routes.as_slice()
    else {
        panic!("{:?}", found.routes);
    };
    assert_eq!(path, "/r/{id}");
    let methods: Vec<_> = methods
        .iter()
        .map(|(name, count)| (&**name, *count))
        .collect();
    assert_eq!(methods, [("PUT", 4), ("PATCH", 1), ("POST", 1)]);
    assert_eq!(
        overlaps.pairs,
        Range {
            certain: 4,
            possible: 4
        }
    );
    assert_eq!(overlaps.longest_ms, (449.999, 450.001));
    assert_eq!(pairs.len(), 4);
    let keys: Vec<_> = found
        .resources
        .iter()
        .map(|found| (&*found.key, found.writes))
        .collect();
    assert_eq!(keys, [("/r/1", 3), ("/r/2", 2)]);
    assert_eq!(found.gateway.refused.certain, 2);
    assert_eq!(found.gateway.observed.certain, 1);
    assert_eq!(found.gateway.refused_if_all_are_guarded.certain, 3);
}

#[test]
fn reads_and_lines_that_cannot_be_read_are_counted_and_the_first_are_shown() {
    let mut text = log(
        Written::Nginx,
        &[truth(0, 10, "GET", 1), truth(0, 10, "PUT", 1)],
    );
    for number in 0..9 {
        let _infallible = writeln!(text, "garbage {number} {}", "x".repeat(1 << 20));
    }
    text.push_str(&log(Written::Nginx, &[truth(0, 10, "PUT", 1)]));
    let found = audited(&text, ServerLog::Nginx, 1000);
    assert_eq!((found.lines, found.requests, found.writes), (12, 3, 2));
    assert_eq!((found.unreadable, found.first_unreadable.len()), (9, 5));
    assert_eq!(found.first_unreadable[0].line, 3);
    assert!(found.first_unreadable[0].text.starts_with("garbage 0 xxx"));
    assert!(found.first_unreadable[0].text.len() <= 80);
    assert_eq!(
        found.overlaps.pairs,
        Range {
            certain: 0,
            possible: 1
        }
    );
}

#[test]
fn spellings_of_a_path_are_one_resource_even_where_they_are_no_utf_8() {
    let line = |target: &str| {
        let nginx = Written::Nginx.line(&truth(0, 5000, "PUT", 1));
        format!("{}\n", nginx.replace("/r/1", target))
    };
    let spellings = [r"/A\xFFb", "/a%ffb/", "//a%FFb;v=1?q#x", r"/x/../a%ffb"];
    let text: String = spellings.iter().map(|target| line(target)).collect();
    let found = audited(&text, ServerLog::Nginx, 1000);
    assert_eq!(found.resources.len(), 1, "{:?}", found.resources);
    assert_eq!(found.resources[0].key, "/a%FFb");
    let mut bytes = text.replace(r"\xFF", "\u{1}").into_bytes();
    bytes
        .iter_mut()
        .filter(|byte| **byte == 1)
        .for_each(|byte| *byte = 0xff);
    let config = policy_of(None).unwrap();
    let mut auditor = Auditor::new(&config.policy, 9);
    let lines = Lines::of(Cursor::new(bytes)).unwrap();
    auditor.read("log", lines, ServerLog::Nginx).unwrap();
    assert_eq!(auditor.finish(9).resources[0].writes, 4);
}

#[test]
fn of_a_crowd_every_pair_is_counted() {
    let length = 20_000_u16;
    for written in [Written::Apache, Written::Nginx, Written::Caddy] {
        // A hundred at a time, of which every tenth is ten times as long.
        let truths: Vec<Truth> = (0..length)
            .map(|number| {
                let start = i64::from(number) * 2;
                let took = if number % 10 == 0 { 2000 } else { 200 };
                let method = if number % 3 == 0 { "POST" } else { "PUT" };
                truth(start, start + took, method, 1)
            })
            .collect();
        let found = audited(&log(written, &truths), written.format(), 1 << 18);
        assert_eq!(found.beyond_window, 0, "{written:?}");
        assert_eq!(found.overlaps.pairs, naive(written, &truths), "{written:?}");
    }
}

#[test]
fn of_writes_that_begin_at_once_the_order_of_lines_decides_nothing() {
    let [a, b, c] = [(0, 10), (0, 90), (20, 30)].map(|(start, end)| truth(start, end, "PUT", 1));
    for order in [
        [&a, &b, &c],
        [&a, &c, &b],
        [&b, &a, &c],
        [&b, &c, &a],
        [&c, &a, &b],
        [&c, &b, &a],
    ] {
        let truths = order.map(Truth::clone);
        let found = audited(&log(Written::Caddy, &truths), ServerLog::Caddy, 1000);
        assert_eq!(found.gateway.refused.certain, 1, "{truths:?}");
    }
}

#[test]
fn more_at_work_at_once_than_the_window_holds_are_told_of() {
    let truths: Vec<Truth> = (0..100)
        .map(|number| truth(number, 1000 + number, "PUT", 1))
        .collect();
    let found = audited(&log(Written::Caddy, &truths), ServerLog::Caddy, 20);
    assert!(found.beyond_window > 0);
    assert!(found.overlaps.pairs.certain < 4950);
}

#[test]
fn long_targets_take_little_memory_and_are_told_apart() {
    let long = "x".repeat(100_000);
    let line = |number: u64| {
        let line = Written::Caddy.line(&truth(0, 100, "PUT", 1));
        format!(
            "{}\n",
            line.replace("/r/1", &format!("/r/{long}/{}", number / 2))
        )
    };
    let text: String = (0..10).map(line).collect();
    let found = audited(&text, ServerLog::Caddy, 1000);
    assert_eq!(found.overlaps.pairs.certain, 5);
    assert_eq!(found.resources.len(), 5);
    let names = found.resources.iter().map(|found| found.key.len());
    assert!(names.max() <= Some(name::LIMIT));
    let routes = found.routes.iter().map(|route| route.path.len());
    assert!(routes.max() <= Some(name::LIMIT));
}

#[test]
fn the_name_of_a_log_is_told_without_what_a_terminal_obeys() {
    let path = PathBuf::from("/no/\u{1b}[2Jaccess.log");
    let hint = "it is none";
    let source = || std::io::Error::other("gone");
    for error in [
        AuditError::Unopened {
            path: path.clone(),
            source: source(),
        },
        AuditError::Unread {
            path: path.clone(),
            source: source(),
        },
        AuditError::UnknownFormat {
            path: path.clone(),
            hint,
        },
        AuditError::ReadOnce { path: path.clone() },
        AuditError::Undrawn {
            path: path.clone(),
            source: source().into(),
        },
    ] {
        let told = error.to_string();
        assert!(told.starts_with("/no/\\u{1b}[2Jaccess.log"), "{told}");
    }
}
