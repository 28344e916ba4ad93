//! What a seed draws: a configuration, and what each client does and when.

use std::fmt::Write as _;
use std::time::Duration;

use fastrand::Rng;

/// Some stand below others, and one shares no level with any.
const PATHS: [&str; 6] = ["/a", "/a/1", "/a/1/x", "/a/2", "/b", "/c/1"];

/// A body above this is streamed.
const BUFFER: usize = 1024;

/// How long a claim waits, and behind how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) wait: Duration,
    waiters: usize,
}

/// The configuration, as the checks know it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    is_subtree: bool,
    reads_are_shared: bool,
    pub(super) max_work: Duration,
    patience: Option<Patience>,
    patience_of_deletes: Option<Patience>,
    /// Whether the origin is out of reach now and then.
    pub(super) has_weather: bool,
    clients: usize,
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: &'static str,
    /// What it changes: two paths where it moves one to the other.
    pub(super) paths: Vec<&'static str>,
    pub(super) length: usize,
    /// The name of the request that it came of, by way of the origin.
    pub(super) outer: Option<usize>,
}

/// A request, when, and how its client behaves.
#[derive(Clone, Debug)]
pub(super) struct Act {
    /// How long after the one before, or after the start.
    pub(super) after: Duration,
    pub(super) request: Request,
    /// How long the client rests in the middle of the body.
    pub(super) rest: Duration,
    /// After how long it leaves, and how.
    pub(super) leaves: Option<(Duration, Way)>,
}

/// How a client leaves. Over HTTP/2 the stream is cancelled, or the connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Finish,
    Close,
    Reset,
}

/// What one client does.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) is_http_2: bool,
    pub(super) is_elsewhere: bool,
    pub(super) acts: Vec<Act>,
}

impl Setting {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let mut patience = || {
            (rng.u8(..4) > 0).then(|| Patience {
                wait: Duration::from_millis(rng.u64(20..3_000)),
                waiters: rng.usize(1..8),
            })
        };
        let (all, deletes) = (patience(), patience());
        Self {
            is_subtree: rng.bool(),
            reads_are_shared: rng.bool(),
            max_work: Duration::from_millis([800, 2_000, 8_000][rng.usize(..3)]),
            patience: all,
            patience_of_deletes: deletes,
            has_weather: rng.u8(..5) == 0,
            clients: rng.usize(3..14),
        }
    }

    /// As it stands in a file.
    pub(super) fn text(&self) -> String {
        let on_conflict = |patience: Option<Patience>| match patience {
            None => "\"reject\"".to_owned(),
            Some(Patience { wait, waiters }) => {
                format!(
                    "{{ wait = \"{}ms\", waiters = {waiters} }}",
                    wait.as_millis()
                )
            }
        };
        let mut text = format!(
            "[server]\nrequest_buffer = \"1KiB\"\n\
             [upstream]\nconnect_timeout = \"1s\"\nresponse_timeout = \"5s\"\nsequence_header = \"Writegate-Sequence\"\n\
             [guard]\npost = \"guard\"\nmax_work = \"{}ms\"\non_conflict = {}\n",
            self.max_work.as_millis(),
            on_conflict(self.patience)
        );
        if self.is_subtree {
            text.push_str("scope = \"subtree\"\n");
        }
        if self.reads_are_shared {
            text.push_str("reads = \"shared\"\n");
        }
        let _infallible = write!(
            text,
            "[[route]]\npath = \"/{{*rest}}\"\nmethods = [\"PATCH\"]\nmode = \"shared\"\n\
             [[route]]\npath = \"/{{*rest}}\"\nmethods = [\"DELETE\"]\nreads = \"forward\"\non_conflict = {}\n",
            on_conflict(self.patience_of_deletes)
        );
        text
    }

    /// How long this one waits, if it does.
    pub(super) fn patience(&self, request: &Request) -> Option<Patience> {
        match (request.outer, request.method) {
            (Some(_), _) => None,
            (None, "DELETE") => self.patience_of_deletes,
            (None, _) => self.patience,
        }
    }

    /// Whether it has its keys at all.
    pub(super) fn is_guarded(&self, request: &Request) -> bool {
        request.method != "GET" || self.reads_are_shared
    }

    /// Whether the two may not be at work at once, the families apart of which they are.
    pub(super) fn conflicts(&self, one: &Request, other: &Request) -> bool {
        if !self.is_guarded(one) || !self.is_guarded(other) || one.is_shared() && other.is_shared()
        {
            return false;
        }
        let mut pairs = one
            .paths
            .iter()
            .flat_map(|path| other.paths.iter().map(move |other| (path, other)));
        pairs.any(|(path, other)| self.covers(path, other) || self.covers(other, path))
    }

    /// Whether who has this path has the other.
    pub(super) fn covers(&self, path: &str, other: &str) -> bool {
        path == other || self.is_subtree && other.starts_with(&format!("{path}/"))
    }
}

impl Request {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        const METHODS: [&str; 10] = [
            "PUT", "PUT", "PUT", "POST", "DELETE", "PATCH", "PATCH", "MOVE", "MOVE", "GET",
        ];
        let method = METHODS[rng.usize(..METHODS.len())];
        let count = if method == "MOVE" { 2 } else { 1 };
        // Few paths, so that many meet.
        let few = rng.usize(count..=PATHS.len());
        let paths = rng.choose_multiple(PATHS[..few].iter().copied(), count);
        let length = match (method, rng.u8(..6)) {
            ("GET" | "MOVE", _) => 0,
            (_, 0) => BUFFER * 3,
            _ => 40,
        };
        Self {
            method,
            paths,
            length,
            outer: None,
        }
    }

    pub(super) fn is_shared(&self) -> bool {
        matches!(self.method, "PATCH" | "GET")
    }

    pub(super) fn is_read(&self) -> bool {
        self.method == "GET"
    }
}

impl Act {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let request = Request::draw(rng);
        // Whoever only ends its side of a read still gets what it reads, and a FIN cannot be told from a close.
        let ways = [Way::Reset, Way::Close, Way::Finish];
        let count = if request.is_read() { 1 } else { 3 };
        let leaves = (rng.u8(..4) == 0).then(|| {
            let after = Duration::from_millis(rng.u64(..1_500));
            (after, ways[rng.usize(..count)])
        });
        let rest = if rng.u8(..6) == 0 { rng.u64(1..400) } else { 0 };
        Self {
            after: Duration::from_millis(rng.u64(..900)),
            request,
            rest: Duration::from_millis(rest),
            leaves,
        }
    }
}

impl Script {
    /// What all clients do.
    pub(super) fn draw_all(rng: &mut Rng, setting: &Setting) -> Vec<Self> {
        let mut script = |_| Self {
            is_http_2: rng.bool(),
            is_elsewhere: rng.u8(..4) == 0,
            acts: (0..rng.usize(1..4)).map(|_| Act::draw(rng)).collect(),
        };
        (0..setting.clients).map(&mut script).collect()
    }
}
