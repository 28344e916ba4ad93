//! The process: arguments, telemetry, configuration, run, exit code.

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use tracing::{Level, enabled, error, info, warn};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use writegate::cli::{self, Command, EX_USAGE, LogFormat, Source};
use writegate::config::{Config, ConfigError};
use writegate::{audit, check, demo, explain, report, server};

/// The system's own keeps what a crowd of connections has had, page by page, since something small is left on each.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
        Command::Check(check) => tell(&check.source, |config| {
            if !config.warnings.is_empty() {
                eprintln!("{}", config.warnings.drawn(has_colours()));
            }
            check::check(config)
        }),
        Command::Explain(explain) => tell(&explain.source, |config| {
            if explain.others() > 0 {
                eprintln!(
                    "writegate: this explains the first of {} requests: give it the others one by one",
                    explain.others() + 1
                );
            }
            let explanation = explain::explain(config, &explain.asked());
            if explain.json {
                explanation.json()
            } else {
                explanation.to_string()
            }
        }),
        Command::Audit(asked) => found(&audit::run(&asked)),
        Command::Report(asked) => found(&report::run(&asked)),
        Command::Demo(demo) => show(demo.once),
    }
}

/// Runs the gateway until it is told to stop.
fn serve(config: Config, format: LogFormat) -> ExitCode {
    let log = log_to_stdout(format);
    for line in check::guarding(&config).lines() {
        info!("{}", line.trim_end());
    }
    if let Some(advice) = check::of_post(&config) {
        info!("{advice}");
    }
    for warning in config.warnings.lines() {
        warn!("{warning}");
    }
    let code = match server::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let remedy = error.remedy();
            error!(error = %chain(&error), help = remedy, "the gateway cannot go on");
            if !enabled!(Level::ERROR) {
                let remedy = remedy.map(|remedy| format!("; {remedy}"));
                eprintln!("writegate: {}{}", chain(&error), remedy.unwrap_or_default());
            }
            ExitCode::FAILURE
        }
    };
    log.end();
    code
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
fn found(found: &Result<String, audit::AuditError>) -> ExitCode {
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
    match error {
        ConfigError::Wrong(report) => eprint!("{}", report.drawn(has_colours())),
        ConfigError::Unreadable { .. } => eprintln!("writegate: {}", chain(error)),
    }
    ExitCode::from(EX_USAGE)
}

/// Whether stderr is a terminal whose user has not asked for less (<https://no-color.org>).
fn has_colours() -> bool {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !is_unwanted
}

/// The log, which a thread of its own writes. Lines that come faster than they can be written are dropped, and
/// requests do not wait for them.
struct Log {
    /// Dropped, it has what is left written.
    writing: WorkerGuard,
    dropped: ErrorCounter,
}

impl Log {
    fn end(self) {
        drop(self.writing);
        match self.dropped.dropped_lines() {
            0 => {}
            dropped => eprintln!(
                "writegate: {dropped} lines of the log were dropped: they came faster than standard output took them"
            ),
        }
    }
}

/// Shows the demonstration; of its gateway's log only what gives pause.
fn show(once: bool) -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(Level::WARN)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match demo::run(once, &mut std::io::stdout()) {
        Ok(verdict) => ExitCode::from(verdict.exit_code()),
        Err(error) => {
            eprintln!("writegate: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// Text for a person at a terminal, JSON for a collector of logs.
fn log_to_stdout(format: LogFormat) -> Log {
    let is_terminal = std::io::stdout().is_terminal();
    let (writer, writing) = NonBlockingBuilder::default().finish(std::io::stdout());
    let dropped = writer.error_counter();
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
    Log { writing, dropped }
}

/// An error with all that caused it, on one line.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
