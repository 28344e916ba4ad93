//! The command line: what can be asked of writegate, and what of it stands before the configuration file.
//!
//! Flag before environment before file. What is asked wrongly ends with [`EX_USAGE`].

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use http::Method;
use http::header::{HeaderName, HeaderValue};

use crate::config::{Origin, Override, Overrides};

pub mod curl;
mod logs;
pub(crate) mod shown;

pub use curl::{Asked, Pasted};
pub use logs::{Audit, Report, ServerLog};

/// The exit code of a usage or configuration error (`sysexits.h`).
pub const EX_USAGE: u8 = 64;

/// Bytes of a line of curl that are read from standard input.
const CURL_LIMIT: u64 = 1 << 20;

const BEGIN: &str = "\
To begin with:
  writegate demo
  writegate run --upstream http://127.0.0.1:3000 --guard '/accounts/{id}/deposit'

Exit codes: 0 done, 1 a fault while running, 64 wrong usage or a wrong configuration";

const EXPLAIN: &str = "\
writegate explain [OPTIONS] <METHOD> <TARGET>
       writegate explain [OPTIONS] --curl <LINE>";

const CONFIG: &str = "WRITEGATE_CONFIG";
const UPSTREAM: &str = "WRITEGATE_UPSTREAM";
const LISTEN: &str = "WRITEGATE_LISTEN";

/// A reverse proxy that gives any HTTP backend safe concurrent writes.
#[derive(Debug, Parser)]
#[command(name = "writegate", version, propagate_version = true, after_help = BEGIN)]
pub struct Cli {
    /// What is asked.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway
    Run(Run),
    /// Read the configuration and say what is wrong with it, or what it would do
    Check(Check),
    /// Say what would happen to one request: route, effective method, canonical path, keys, policy
    Explain(Box<Explain>),
    /// Count the writes that overlapped, from access logs of NGINX, Apache, HAProxy, Envoy, Caddy or gunicorn
    Audit(Audit),
    /// Sum up the overlaps in logs of writegate itself, and say what would refuse them
    Report(Report),
    /// Lose updates to a backend of its own, then lose none with the gateway in front of it
    Demo(Demo),
}

/// What `run` is told. The other commands take the same, so that a command line can be checked as it is.
#[derive(Args, Clone, Debug)]
pub struct Source {
    /// The configuration file; with --upstream none is needed
    #[arg(long, short, value_name = "FILE", env = CONFIG)]
    pub config: Option<PathBuf>,
    /// The backend, as http://127.0.0.1:3000, https://host or unix:/path
    #[arg(long, short, value_name = "URL", env = UPSTREAM)]
    pub upstream: Option<String>,
    /// Where to listen, as 127.0.0.1:8080 or unix:/path; several times, or separated by commas. Unless it is told otherwise,
    /// it listens on port 8080 of all interfaces
    #[arg(
        long,
        short,
        value_name = "ADDR",
        env = LISTEN,
        value_delimiter = ','
    )]
    pub listen: Vec<String>,
    /// Guard a path, POST too, as a route would: '/accounts/{id}/deposit' ({id} is any one segment), or with a key behind
    /// `=`, '/accounts/{id}/{*rest}=account:{id}' (all below it is one resource); several times
    #[arg(long, short, value_name = "PATH[=KEY]")]
    pub guard: Vec<String>,
    /// Do not log each request
    #[arg(long)]
    pub no_access_log: bool,
    /// How the log is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,
    /// Which of these the environment says.
    #[arg(skip)]
    said: Said,
    /// Whether nothing is sent, so that no upstream is needed.
    #[arg(skip)]
    sends_nothing: bool,
}

/// Which settings come from a variable of the environment rather than from a flag.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    upstream_by_variable: bool,
    listen_by_variable: bool,
}

/// `writegate run`
#[derive(Args, Debug)]
pub struct Run {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub source: Source,
}

/// `writegate check`
#[derive(Args, Debug)]
pub struct Check {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub source: Source,
}

/// `writegate explain`
#[derive(Args, Debug)]
#[command(override_usage = EXPLAIN)]
pub struct Explain {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub source: Source,
    /// The method
    #[arg(required_unless_present = "curl", value_parser = parse_method)]
    method: Option<Method>,
    /// The target, as the request line has it: a path with its query, or a URL
    #[arg(required_unless_present = "curl")]
    target: Option<String>,
    /// A field of the request, as 'Name: value'; several times. Without a Host it is that of the URL, or localhost
    #[arg(long = "header", short = 'H', value_name = "FIELD", value_parser = parse_field)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The body; without a Content-Type it counts as urlencoded
    #[arg(long = "data", short = 'd', value_name = "BODY")]
    body: Option<String>,
    /// The subject of the certificate that the client shows, as RFC 4514 writes it: 'CN=desk,O=Shop'
    #[arg(long, value_name = "SUBJECT")]
    client_subject: Option<String>,
    /// The request as a line that begins with curl, as the developer tools of browsers copy it ("as cURL (bash)"); - reads
    /// it from standard input
    #[arg(
        long,
        value_name = "LINE",
        value_parser = parse_line,
        conflicts_with_all = ["method", "target", "headers", "body"]
    )]
    curl: Option<String>,
    /// What the line comes to.
    #[arg(skip)]
    pasted: Option<Pasted>,
    /// Say it as JSON, for programs; docs/explain.md has the shape
    #[arg(long)]
    pub json: bool,
}

impl Explain {
    /// The request that is asked about.
    pub fn asked(&self) -> Asked {
        let asked = match &self.pasted {
            Some(pasted) => pasted.asked.clone(),
            None => Asked {
                method: self.method.clone().unwrap_or_default(),
                target: self.target.clone().unwrap_or_default(),
                headers: self.headers.clone(),
                body: self.body.clone(),
                client_subject: None,
            },
        };
        Asked {
            client_subject: self.client_subject.clone(),
            ..asked
        }
    }

    /// How many requests stand in the line of curl beside the one that is asked about.
    pub fn others(&self) -> usize {
        self.pasted.as_ref().map_or(0, |pasted| pasted.others)
    }
}

/// `writegate demo`
#[derive(Args, Debug)]
pub struct Demo {
    /// Stop after the figures; exits with 1 if the gateway lost an update
    #[arg(long)]
    pub once: bool,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere
    Auto,
    /// One readable line an event
    Text,
    /// One JSON object an event
    Json,
}

impl Source {
    /// What goes before the file.
    pub fn overrides(&self) -> Overrides {
        let upstream = self.upstream.as_slice();
        Overrides {
            upstream: overriding(
                upstream,
                origin(self.said.upstream_by_variable, "--upstream", UPSTREAM),
            ),
            listen: overriding(
                &self.listen,
                origin(self.said.listen_by_variable, "--listen", LISTEN),
            ),
            guard: self.guard.clone(),
            access_log: self.no_access_log.then_some(false),
            needs_no_upstream: self.sends_nothing,
        }
    }
}

fn origin(is_variable: bool, flag: &'static str, variable: &'static str) -> Origin {
    if is_variable {
        Origin::Variable(variable)
    } else {
        Origin::Flag(flag)
    }
}

fn overriding(texts: &[String], origin: Origin) -> Option<Override> {
    let texts = texts.to_vec();
    (!texts.is_empty()).then_some(Override { origin, texts })
}

/// The command line of this process. `Err` if there is nothing left to do but to exit: help was asked for and has been
/// printed, or the error has.
pub fn parse() -> Result<Cli, ExitCode> {
    parse_from(std::env::args_os()).map_err(|error| {
        let code = exit_code(&error);
        // Nothing can be done about a closed stderr, and the exit code says the same.
        let _closed = error.print();
        ExitCode::from(code)
    })
}

fn parse_from(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let matches = without_empty_variables(Cli::command()).try_get_matches_from(arguments);
    let matches = matches.map_err(with_what_was_meant)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let Command::Explain(explain) = &mut cli.command {
        explain.source.sends_nothing = true;
        explain.pasted = explain.curl.as_deref().map(pasted).transpose()?;
    }
    let source = match &mut cli.command {
        Command::Run(Run { source }) | Command::Check(Check { source }) => Some(source),
        Command::Explain(explain) => Some(&mut explain.source),
        Command::Audit(_) | Command::Report(_) | Command::Demo(_) => None,
    };
    if let (Some(source), Some((_, matches))) = (source, matches.subcommand()) {
        let by_variable = |id| matches.value_source(id) == Some(ValueSource::EnvVariable);
        source.said = Said {
            upstream_by_variable: by_variable("upstream"),
            listen_by_variable: by_variable("listen"),
        };
    }
    Ok(cli)
}

/// In a container a variable may be set to nothing: then it is as if it were not set.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command.mut_subcommands(|command| {
        command.mut_args(|arg| match arg.get_env() {
            Some(name) if is_empty(name) => arg.env(Resettable::Reset),
            Some(_) | None => arg,
        })
    })
}

fn exit_code(error: &clap::Error) -> u8 {
    if error.use_stderr() { EX_USAGE } else { 0 }
}

/// Says of a configuration file without its flag how it is given.
fn with_what_was_meant(mut error: clap::Error) -> clap::Error {
    let file = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(text)) if text.ends_with(".toml") => text.clone(),
        _ => return error,
    };
    let tip = format!("did you mean `--config {file}`?").into();
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    error
}

/// A line that is pasted between quotes would end at the first of its own: `-` takes it from standard input.
fn pasted(text: &str) -> Result<Pasted, clap::Error> {
    let wrong = |source: &str, why: &dyn Display| {
        let message = format!("{source}: {why}");
        Cli::command().error(ErrorKind::ValueValidation, message)
    };
    if text != "-" {
        return curl::parse(text.trim()).map_err(|error| wrong("--curl", &error));
    }
    const STDIN: &str = "standard input";
    let mut line = String::new();
    let mut input = std::io::stdin().lock().take(CURL_LIMIT);
    input
        .read_to_string(&mut line)
        .map_err(|error| wrong(STDIN, &error))?;
    curl::parse(line.trim()).map_err(|error| wrong(STDIN, &error))
}

/// Of a line without quotes the shell leaves its first word here.
fn parse_line(text: &str) -> Result<String, &'static str> {
    if text.trim() == "curl" {
        return Err(
            "this is one word: put the whole line in quotes, or give it to `--curl -` on standard input",
        );
    }
    Ok(text.to_owned())
}

fn parse_method(text: &str) -> Result<Method, String> {
    if text.starts_with('/') || text.contains("://") {
        return Err(format!("the method comes first, as in `PUT {text}`"));
    }
    Method::from_bytes(text.as_bytes()).map_err(|_no_token| "it is no method".to_owned())
}

fn parse_field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("write it as 'Name: value'")?;
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
    let value = HeaderValue::from_str(value.trim()).map_err(|error| error.to_string())?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        parse_from(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn usage_errors_are_64_and_help_is_none() {
        for wrong in [
            "writegate",
            "writegate runn",
            "writegate run --no",
            "writegate explain GET",
            "writegate explain G/T /",
            "writegate demo --config f",
        ] {
            assert_eq!(exit_code(&parse(wrong).unwrap_err()), EX_USAGE, "{wrong}");
        }
        for asked in [
            "writegate --help",
            "writegate --version",
            "writegate explain --help",
        ] {
            assert_eq!(exit_code(&parse(asked).unwrap_err()), 0, "{asked}");
        }
    }

    #[test]
    fn help_shows_how_to_begin_and_both_ways_to_ask_for_an_explanation() {
        let help = |line| parse(line).unwrap_err().to_string();
        assert!(help("writegate --help").contains("\n  writegate demo\n"));
        let explain = help("writegate explain --help");
        for usage in ["[OPTIONS] <METHOD> <TARGET>\n", "[OPTIONS] --curl <LINE>\n"] {
            assert!(explain.contains(usage), "{explain}");
        }
    }

    #[test]
    fn run_takes_lists() {
        let line = "writegate run -u http://a --listen 127.0.0.1:1,unix:/s -l 127.0.0.1:2 --guard /a --guard /b --no-access-log";
        let Command::Run(run) = parse(line).unwrap().command else {
            panic!("another command");
        };
        let overrides = run.source.overrides();
        let listen = overrides.listen.unwrap();
        assert_eq!(listen.texts, ["127.0.0.1:1", "unix:/s", "127.0.0.1:2"]);
        assert_eq!(listen.origin, Origin::Flag("--listen"));
        assert_eq!(overrides.guard, ["/a", "/b"]);
        assert_eq!(overrides.access_log, Some(false));
        assert_eq!(run.source.log_format, LogFormat::Auto);
    }

    #[test]
    fn every_command_takes_what_run_takes() {
        let flags = "-c f -u http://a -l 127.0.0.1:1 -g /a --no-access-log --log-format json";
        for line in [
            format!("writegate run {flags}"),
            format!("writegate check {flags}"),
            format!("writegate explain {flags} GET /"),
        ] {
            parse(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn explain_takes_fields_and_a_body() {
        let line = "writegate explain PUT /a?b -H X-Tenant:a:b -d _method=PUT";
        let Command::Explain(explain) = parse(line).unwrap().command else {
            panic!("another command");
        };
        let asked = explain.asked();
        assert_eq!(asked.headers[0].0, "x-tenant");
        assert_eq!(asked.headers[0].1, "a:b");
        assert_eq!(asked.body.as_deref(), Some("_method=PUT"));
        assert_eq!(
            (asked.method.as_str(), asked.target.as_str()),
            ("PUT", "/a?b")
        );
    }

    #[test]
    fn what_was_probably_meant_is_told() {
        for (line, told) in [
            (
                "writegate run config/orders.toml",
                "did you mean `--config config/orders.toml`?",
            ),
            (
                "writegate explain /orders/7",
                "the method comes first, as in `PUT /orders/7`",
            ),
            (
                "writegate explain --curl curl http://a/b",
                "this is one word: put the whole line in quotes, or give it to `--curl -` on standard input",
            ),
        ] {
            let said = parse(line).unwrap_err().to_string();
            assert!(said.contains(told), "{said}");
        }
    }

    #[test]
    fn explain_needs_no_upstream() {
        let explain = parse("writegate explain PUT /a").unwrap().command;
        let check = parse("writegate check").unwrap().command;
        let (Command::Explain(explain), Command::Check(check)) = (explain, check) else {
            panic!("another command");
        };
        assert!(explain.source.overrides().needs_no_upstream);
        assert!(!check.source.overrides().needs_no_upstream);
    }

    #[test]
    fn explain_takes_a_line_of_curl_in_place_of_all_else() {
        let explain = |arguments: &[&str]| {
            let line = ["writegate", "explain"].iter().chain(arguments);
            parse_from(line.map(OsString::from))
        };
        let Command::Explain(asked) = explain(&["--curl", "curl -X PUT a/b"]).unwrap().command
        else {
            panic!("another command");
        };
        assert_eq!(asked.asked().target, "/b");
        for wrong in [
            &["--curl", "curl a", "GET", "/"][..],
            &["--curl", "curl a", "-d", "x"],
            &["--curl", "curl a", "-H", "A: b"],
            &["--curl", "curl --no-such-option a"],
            &[],
        ] {
            assert_eq!(
                exit_code(&explain(wrong).unwrap_err()),
                EX_USAGE,
                "{wrong:?}"
            );
        }
    }
}
