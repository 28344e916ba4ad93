//! The process: arguments, telemetry, configuration, run, exit code.

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use tracing::{Level, error, info, warn};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use writegate::cli::{self, Command, EX_USAGE, LogFormat, Source};
use writegate::config::{Config, ConfigError};
use writegate::{audit, check, explain, report, server};

fn main() -> ExitCode {
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match cli.command {
        Command::Run(run) => match load(&run.source) {
            Ok(config) => serve(config, run.source.log_format),
            Err(error) => refuse(&error),
        },
        Command::Check(check) => tell(&check.source, check::check),
        Command::Explain(explain) => {
            tell(&explain.source, |config| explain::explain(config, &explain))
        }
        Command::Audit(asked) => show(&audit::run(&asked)),
        Command::Report(asked) => show(&report::run(&asked)),
    }
}

/// Runs the gateway until it is told to stop.
fn serve(config: Config, format: LogFormat) -> ExitCode {
    let _flushed_at_the_end = log_to_stdout(format);
    for line in check::guarding(&config).lines() {
        info!("{}", line.trim_end());
    }
    for warning in check::warnings(&config) {
        warn!("{warning}");
    }
    match server::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(error = %chain(&error), "the gateway cannot go on");
            ExitCode::FAILURE
        }
    }
}

fn load(source: &Source) -> Result<Config, ConfigError> {
    Config::load(source.config.as_deref(), &source.overrides())
}

/// Prints what `say` makes of the configuration.
fn tell(source: &Source, say: impl FnOnce(&Config) -> String) -> ExitCode {
    match load(source) {
        Ok(config) => {
            print!("{}", say(&config));
            ExitCode::SUCCESS
        }
        Err(error) => refuse(&error),
    }
}

/// Prints what was found in logs.
fn show(found: &Result<String, audit::AuditError>) -> ExitCode {
    let text = match found {
        Ok(text) => text,
        Err(error) => {
            eprintln!("writegate: {}", chain(error));
            let code = if error.is_usage() { EX_USAGE } else { 1 };
            return ExitCode::from(code);
        }
    };
    // Who has closed the other end of a pipe has seen enough.
    let _closed = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn refuse(error: &ConfigError) -> ExitCode {
    eprintln!("writegate: {}", chain(error));
    ExitCode::from(EX_USAGE)
}

/// Text for a person at a terminal, JSON for a collector of logs. Written by a thread of its own; lines
/// that come faster than they can be written are dropped, and requests do not wait for them.
fn log_to_stdout(format: LogFormat) -> WorkerGuard {
    let is_terminal = std::io::stdout().is_terminal();
    let (writer, guard) = NonBlockingBuilder::default().finish(std::io::stdout());
    let filter = EnvFilter::builder()
        .with_default_directive(Level::INFO.into())
        .from_env_lossy();
    let log = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_env_filter(filter);
    match format {
        LogFormat::Auto if is_terminal => log.with_ansi(true).init(),
        LogFormat::Text => log.with_ansi(is_terminal).init(),
        LogFormat::Auto | LogFormat::Json => log.json().flatten_event(true).init(),
    }
    guard
}

/// An error with all that caused it, on one line.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
