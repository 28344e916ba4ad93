//! Configuration: text becomes [`Config`], whose types cannot be wrong. The only place that parses configuration.
//!
//! A flag or an environment variable goes before the file. An unknown setting is an error, and so is one that what stands
//! beside it leaves without effect, as far as that is seen. All errors are told at once, each with its line and column:
//! `document` reads each setting by itself, and what is built of them goes on past what is wrong.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use http::HeaderName;
use serde::Deserialize;

use crate::policy::Policy;

pub mod address;
mod answers;
mod choice;
mod circle;
mod conflict;
mod document;
mod doubt;
pub mod error;
mod fault;
mod guard;
mod limits;
mod matcher;
mod name;
pub mod overrides;
mod raw;
pub mod report;
mod route;
mod serving;
mod table;
mod tls;
mod value;

pub use address::{Address, Listen};
pub use error::ConfigError;
pub use limits::Limits;
pub use overrides::{Origin, Override, Overrides};
pub use report::Report;
pub use tls::{ServerTls, UpstreamTls};

pub use crate::policy::forward::Forwarding;
pub use crate::policy::rejection::{Answers, Disclose};

use fault::{Fault, Faults};
use raw::{RawConfig, RawUpstream, RawUpstreamTls};
use report::Kind;
use serving::server;
use table::Read;
use tls::Notes;
use value::Given;

/// All that the gateway is told.
#[derive(Debug)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[upstream]`
    pub upstream: Upstream,
    /// `[answers]`
    pub answers: Answers,
    /// `[guard]` and every `[[route]]`.
    pub policy: Policy,
    /// What is not wrong, but gives pause.
    pub warnings: Report,
}

/// How the gateway serves its clients.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it listens; at least one.
    pub listen: Vec<Listen>,
    /// `[server.tls]`, if one of these is for TLS.
    pub tls: Option<ServerTls>,
    /// The number of worker threads.
    pub workers: NonZeroUsize,
    /// How long exchanges may go on once it is told to stop.
    pub drain: Duration,
    /// The most holds at a time.
    pub max_holds: usize,
    /// Bytes: all bodies kept in memory together. Half of it is for requests, and every worker's
    /// share of that is at least one `request_buffer`.
    pub buffers: usize,
    /// Bytes: a request body up to this size is read whole before anything is claimed.
    pub request_buffer: usize,
    /// Bytes: how far a response is read ahead of its reader.
    pub response_buffer: usize,
    /// Bytes: the largest request body that is let through; `None` for any.
    pub max_body: Option<u64>,
    /// How long a client may take nothing of its response.
    pub send_timeout: Duration,
    /// How long a client's connection is kept on which nothing happens.
    pub idle_timeout: Duration,
    /// How long a client may send nothing of a request body that a guarded write waits for, or of a form that is read for
    /// its `_method`.
    pub receive_timeout: Duration,
    /// Bytes a second that a client must keep, with a body that it sends or takes, while a key or memory waits with it.
    pub min_body_rate: u64,
    /// The most requests at work at a time for one connection of HTTP/2.
    pub max_streams: u32,
    /// What is refused of clients that ask too much, or take too long.
    pub limits: Limits,
    /// Whether each request is logged.
    pub access_log: bool,
}

/// What is spoken with the upstream, as ALPN names it (RFC 7301, RFC 9113 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    #[serde(rename = "http/1.1")]
    Http1,
    /// HTTP/2 within TLS.
    #[serde(rename = "h2")]
    H2,
    /// HTTP/2 in clear text, by a client that knows beforehand.
    #[serde(rename = "h2c")]
    H2c,
}

/// Where requests go, and how.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The servers of the one backend; at least one.
    pub servers: Vec<Address>,
    /// What is spoken with them.
    pub protocol: Protocol,
    /// `[upstream.tls]`, if one of them speaks TLS.
    pub tls: Option<UpstreamTls>,
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long a response may take to begin.
    pub response_timeout: Duration,
    /// How long a request may take from its head to the end of its response; `None` for as long as it takes.
    pub exchange_timeout: Option<Duration>,
    /// How long a connection is kept without a request.
    pub idle_timeout: Duration,
    /// The field that tells the number of a guarded write; none if they are not numbered.
    pub sequence_header: Option<HeaderName>,
    /// Whether field names keep their case over HTTP/1.1.
    pub keep_case: bool,
    /// Whether `Via` is added (RFC 9110 §7.6.3).
    pub via: bool,
    /// What becomes of `Forwarded` and `X-Forwarded-*`.
    pub forwarded: Forwarding,
}

impl Config {
    /// Reads `path`, or nothing but the defaults where there is none.
    pub fn load(path: Option<&Path>, overrides: &Overrides) -> Result<Self, ConfigError> {
        let Some(path) = path else {
            return Self::parse("", "", overrides);
        };
        let bytes = std::fs::read(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let file_name = path.display().to_string();
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::parse(&file_name, text, overrides),
            Err(error) => Err(no_utf8(&file_name, &bytes, error.valid_up_to())),
        }
    }

    /// Reads `text`; `file_name` is what errors call it.
    pub fn parse(file_name: &str, text: &str, overrides: &Overrides) -> Result<Self, ConfigError> {
        let mut faults = Faults::default();
        let report = |kind, faults| Report::new(file_name, text, kind, faults);
        let raw = document::read(text, &mut faults);
        let beside = Path::new(file_name).parent().unwrap_or(Path::new(""));
        let built = raw.and_then(|raw| Self::build(raw, beside, overrides, &mut faults));
        match built {
            Some((config, doubts)) if faults.is_empty() => Ok(Self {
                warnings: report(Kind::Warning, doubts),
                ..config
            }),
            Some(_) | None => Err(ConfigError::Wrong(report(Kind::Error, faults))),
        }
    }

    /// With what gives pause. Every part is read, so that each tells its faults. Relative names of files are looked for in
    /// `beside`.
    fn build(
        raw: RawConfig,
        beside: &Path,
        overrides: &Overrides,
        faults: &mut Faults,
    ) -> Option<(Self, Faults)> {
        let response_timeout = raw.upstream.raw.response_timeout.as_ref();
        let response_timeout = response_timeout.map(toml::Spanned::span);
        let limit_doubts = limits::doubts(&raw.server.raw, &raw.upstream.raw);
        let upstream_span = upstream_span(&raw.upstream.raw, overrides);
        let mut doubts = Faults::default();
        let mut notes = Notes {
            beside,
            faults,
            doubts: &mut doubts,
        };
        let has_tls = raw.server_tls.span.is_some();
        let server = server(raw.server, overrides, has_tls, notes.faults);
        let server = server.map(|server| Server {
            tls: tls::served(raw.server_tls, &server.listen, &mut notes),
            ..server
        });
        let upstream = upstream((raw.upstream, raw.upstream_tls), overrides, &mut notes);
        if let (Some(server), Some(upstream)) = (&server, &upstream) {
            faults.extend(circle::circles(server, upstream, upstream_span));
        }
        let answers = answers::answers(raw.answers.raw, beside, faults);
        let policy = guard::policy(raw.guard, raw.route, &overrides.guard, faults);
        let (upstream, (policy, places)) = (upstream?, policy?);
        let timeout = (upstream.response_timeout, response_timeout);
        let asks_clients =
            |server: &Server| server.tls.as_ref().is_some_and(|tls| tls.asks_clients);
        let asks_clients = server.as_ref().is_some_and(asks_clients);
        doubts.append(doubt::doubts(&policy, &places, timeout, asks_clients));
        doubts.extend(limit_doubts);
        let config = Self {
            server: server?,
            upstream,
            answers: answers?,
            policy,
            warnings: Report::default(),
        };
        Some((config, doubts))
    }
}

/// What stands before the first byte that is no part of a character stands at the same place in the text that is shown.
fn no_utf8(file_name: &str, bytes: &[u8], at: usize) -> ConfigError {
    let mut faults = Faults::default();
    let message = format!("this byte, {:#04x}, is no part of UTF-8", bytes[at]);
    let fault = Fault::new(Some(at..at), message);
    faults.push(fault.help("save the file as UTF-8, as TOML asks"));
    let text = String::from_utf8_lossy(bytes);
    ConfigError::Wrong(Report::new(file_name, &text, Kind::Error, faults))
}

/// Where the upstream stands, if the file has the say.
fn upstream_span(raw: &RawUpstream, overrides: &Overrides) -> Option<Range<usize>> {
    let given = raw.url.as_ref().or(raw.servers.as_ref());
    given
        .filter(|_| overrides.upstream.is_none())
        .map(toml::Spanned::span)
}

fn upstream(
    (read, tls): (Read<RawUpstream>, Read<RawUpstreamTls>),
    overrides: &Overrides,
    notes: &mut Notes<'_>,
) -> Option<Upstream> {
    let faults = &mut *notes.faults;
    let is_wrong = read.is_wrong("url") || read.is_wrong("servers");
    let raw = read.raw;
    if let (Some(url), Some(servers)) = (&raw.url, &raw.servers) {
        let fault = Fault::new(Some(servers.span()), "give `url` or `servers`, not both");
        faults.push(fault.beside(Some(url.span()), "the other"));
    }
    let is_given = raw.url.is_some() || raw.servers.is_some();
    let of_file = value::texts(raw.url.or(raw.servers), "servers", faults);
    let before = overrides.upstream.as_ref().map(value::overriding);
    let stand_in = || vec![Given::unwritten("http://upstream.invalid")];
    let may_lack = overrides.needs_no_upstream && !is_wrong && !is_given;
    let Some(given) = before.or(of_file).or_else(|| may_lack.then(stand_in)) else {
        if !is_wrong && !is_given {
            let help = "give `--upstream URL`, or `url` in `[upstream]` of a configuration file";
            faults.push(Fault::new(None, "no upstream").help(help));
        }
        return None;
    };
    let parsed = |text: &Given| faults.take(text.parse(Address::parse));
    let servers: Vec<Option<Address>> = given.iter().map(parsed).collect();
    let protocol = raw.protocol;
    let spoken = protocol
        .as_ref()
        .map_or(Protocol::default(), |named| named.as_ref().0);
    let pairs = || given.iter().zip(&servers);
    let is_right = servers.iter().all(Option::is_some);
    let tls = if is_right {
        let https = tls::https(
            pairs(),
            protocol.map(|named| (spoken, named.span())),
            faults,
        );
        tls::outward(tls, https, spoken, notes)
    } else {
        None
    };
    let servers: Vec<Address> = servers.into_iter().flatten().collect();
    Some(Upstream {
        servers: (!servers.is_empty()).then_some(servers)?,
        tls,
        protocol: spoken,
        connect_timeout: value::or_default_positive(raw.connect_timeout, Duration::from_secs(2)),
        response_timeout: raw
            .response_timeout
            .map_or(Duration::from_secs(60), |span| span.into_inner().0),
        exchange_timeout: raw.exchange_timeout.map(|span| span.into_inner().0),
        idle_timeout: value::or_default(raw.idle_timeout, Duration::from_secs(4)),
        sequence_header: raw.sequence_header.and_then(|name| {
            let field = value::field(&name, "Writegate-Sequence");
            notes.faults.take(field)
        }),
        keep_case: raw.keep_case.unwrap_or(false),
        via: raw.via.unwrap_or(true),
        forwarded: raw.forwarded.map_or(Forwarding::default(), |named| named.0),
    })
}

#[cfg(test)]
mod tests;
