//! The command line: what can be asked of writegate, and what of it stands before the configuration file.
//!
//! Flag before environment before file. What is asked wrongly ends with [`EX_USAGE`].

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use http::Method;
use http::header::{HeaderName, HeaderValue};

use crate::config::{Origin, Override, Overrides};

mod logs;

pub use logs::{Audit, Report, ServerLog};

/// The exit code of a usage or configuration error (`sysexits.h`).
pub const EX_USAGE: u8 = 64;

const CONFIG: &str = "WRITEGATE_CONFIG";
const UPSTREAM: &str = "WRITEGATE_UPSTREAM";
const LISTEN: &str = "WRITEGATE_LISTEN";

/// A reverse proxy that gives any HTTP backend safe concurrent writes.
#[derive(Debug, Parser)]
#[command(name = "writegate", version, propagate_version = true)]
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
    Explain(Explain),
    /// Count the writes that overlapped, from access logs of NGINX, Apache, HAProxy, Envoy or Caddy
    Audit(Audit),
    /// Sum up the overlaps in logs of writegate itself, and say what would refuse them
    Report(Report),
}

/// What `run` is told. The other commands take the same, so that a command line can be checked as it is.
#[derive(Args, Clone, Debug)]
pub struct Source {
    /// The configuration file; with --upstream none is needed
    #[arg(long, short, value_name = "FILE", env = CONFIG)]
    pub config: Option<PathBuf>,
    /// The backend, as http://host:port or unix:/path
    #[arg(long, short, value_name = "URL", env = UPSTREAM)]
    pub upstream: Option<String>,
    /// Where to listen, as 0.0.0.0:8080 or unix:/path; several times, or separated by commas
    #[arg(
        long,
        short,
        value_name = "ADDR",
        env = LISTEN,
        value_delimiter = ','
    )]
    pub listen: Vec<String>,
    /// Guard a path, POST too, as a route would; several times
    #[arg(long, short, value_name = "PATH")]
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
pub struct Explain {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub source: Source,
    /// The method
    pub method: Method,
    /// The target, as the request line has it: a path with its query, or a URL
    pub target: String,
    /// A field of the request, as 'Name: value'; several times. Without a Host it is that of the URL, or localhost
    #[arg(long = "header", short = 'H', value_name = "FIELD", value_parser = parse_field)]
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body; without a Content-Type it counts as urlencoded
    #[arg(long = "data", short = 'd', value_name = "BODY")]
    pub body: Option<String>,
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
    let matches = without_empty_variables(Cli::command()).try_get_matches_from(arguments)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    let source = match &mut cli.command {
        Command::Run(Run { source })
        | Command::Check(Check { source })
        | Command::Explain(Explain { source, .. }) => Some(source),
        Command::Audit(_) | Command::Report(_) => None,
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
        assert_eq!(explain.headers[0].0, "x-tenant");
        assert_eq!(explain.headers[0].1, "a:b");
        assert_eq!(explain.body.as_deref(), Some("_method=PUT"));
    }
}
