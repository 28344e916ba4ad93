//! What a gateway would have met, from access logs that other servers wrote: which writes overlapped on one resource.
//!
//! Nothing is deployed for it, and nothing is sent. Each log is read once, in memory that does not grow with it
//! (`sweep`); what one line cannot tell is said as a range (`span`), and what the memory cannot hold is counted. The
//! policy is the gateway's own: the same code finds paths, routes and keys.

use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{Audit, ServerLog};
use crate::config::{Config, ConfigError, Overrides};
use crate::policy::route::Treatment;
use crate::policy::{Policy, Route};

pub mod findings;
pub(crate) mod input;
pub(crate) mod sweep;
pub(crate) mod tally;
pub(crate) mod text;

mod clock;
mod crowd;
mod format;
mod gate;
pub(crate) mod name;
mod reader;
pub(crate) mod span;
mod timeline;

use findings::{Findings, Log};
use input::Lines;
use reader::Auditor;
use timeline::Timeline;

/// Why logs cannot be audited.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A log cannot be opened.
    #[error("{} cannot be opened", text::shown(&path.to_string_lossy()))]
    Unopened {
        /// The log.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A log cannot be read to its end.
    #[error("{} cannot be read on", text::shown(&path.to_string_lossy()))]
    Unread {
        /// The log.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// None of the formats is that of a log.
    #[error(
        "{}: {hint}; docs/audit.md has what each server has to be told, and --format takes one for granted",
        text::shown(&path.to_string_lossy())
    )]
    UnknownFormat {
        /// The log.
        path: PathBuf,
        /// What it may be.
        hint: &'static str,
    },
    /// A log for a report has no line of ours.
    #[error(
        "{path} has no line of a request to writegate: it has to be written with `writegate run --log-format json`, and text as on \
         a terminal cannot be read"
    )]
    NoLogOfOurs {
        /// The first log.
        path: PathBuf,
    },
    /// There is not one line in the logs.
    #[error("{path} is empty, so that nothing can be said of what overlapped")]
    Empty {
        /// The first log.
        path: PathBuf,
    },
    /// No line of the logs is of the format that was taken for granted.
    #[error(
        "not one of {lines} lines can be read: the first, {path}:{line}, as one of {format}: {why}; docs/audit.md has what each \
         server has to be told"
    )]
    NothingRead {
        /// How many there are.
        lines: u64,
        /// The log of the first.
        path: String,
        /// Where it stands there.
        line: u64,
        /// Which server was to have written it.
        format: &'static str,
        /// Why it cannot be read.
        why: String,
    },
    /// The configuration is wrong.
    #[error("the configuration is wrong")]
    Config(#[from] ConfigError),
    /// A picture is asked for of what can be read only once.
    #[error(
        "{} can be read only once, and --svg reads each log twice: write it to a file first",
        text::shown(&path.to_string_lossy())
    )]
    ReadOnce {
        /// The log.
        path: PathBuf,
    },
    /// The picture cannot be drawn or written.
    #[error("{} cannot be written", text::shown(&path.to_string_lossy()))]
    Undrawn {
        /// Where it should go.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The findings cannot be written.
    #[error("the findings cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl AuditError {
    /// Whether what was asked is wrong, rather than that something broke.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Unopened { .. }
            | Self::UnknownFormat { .. }
            | Self::NoLogOfOurs { .. }
            | Self::Empty { .. }
            | Self::NothingRead { .. }
            | Self::ReadOnce { .. }
            | Self::Config(_) => true,
            Self::Unread { .. } | Self::Undrawn { .. } | Self::Json(_) => false,
        }
    }
}

/// Reads the logs, and says what was found.
pub fn run(asked: &Audit) -> Result<String, AuditError> {
    let findings = audit(asked)?;
    if asked.json {
        return Ok(format!("{}\n", serde_json::to_string_pretty(&findings)?));
    }
    Ok(text::text(&findings))
}

/// Reads the logs.
pub fn audit(asked: &Audit) -> Result<Findings, AuditError> {
    if asked.svg.is_some()
        && let Some(path) = asked.logs.iter().find(|path| can_be_read_only_once(path))
    {
        return Err(AuditError::ReadOnce { path: path.clone() });
    }
    let config = policy_of(asked.config.as_deref())?;
    let progress = progress(&asked.logs);
    let mut logs = opened(&asked.logs, &progress, asked.format)?;
    // Rotated logs are named the newest first; the order in which they were written is that of their times.
    logs.sort_by_key(|log| log.begins);
    let mut auditor = Auditor::new(&config.policy, asked.window);
    let (mut read, mut formats) = (Vec::new(), Vec::new());
    for log in logs {
        read.push(Log {
            path: log.path.display().to_string(),
            format: log.format.map(ServerLog::name),
        });
        if let Some(format) = log.format {
            formats.push((log.path.clone(), format));
            auditor
                .read(&log.path.display().to_string(), log.lines, format)
                .map_err(|source| AuditError::Unread {
                    path: log.path,
                    source,
                })?;
        }
    }
    progress.finish_and_clear();
    if let Some(error) = nothing_read(&asked.logs, auditor.so_far(), &formats) {
        return Err(error);
    }
    // One resource at least, since the picture is of it.
    let mut findings = Findings {
        logs: read,
        keys_not_in_logs: keys_not_in_logs(&config.policy),
        ..auditor.finish(asked.top.max(1))
    };
    if let Some(path) = &asked.svg {
        draw(asked, &config, &formats, &findings, path)?;
    }
    findings.routes.truncate(asked.top);
    findings.resources.truncate(asked.top);
    Ok(findings)
}

/// What is wrong with logs of which no line says anything: "no overlaps" would be untrue.
fn nothing_read(
    logs: &[PathBuf],
    found: &Findings,
    formats: &[(PathBuf, ServerLog)],
) -> Option<AuditError> {
    if found.lines > found.unreadable {
        return None;
    }
    let (Some(first), Some((_, format))) = (found.first_unreadable.first(), formats.first()) else {
        let path = logs.first().cloned().unwrap_or_default();
        return Some(AuditError::Empty { path });
    };
    Some(AuditError::NothingRead {
        lines: found.lines,
        path: first.path.clone(),
        line: first.line,
        format: format.name(),
        why: first.why.clone(),
    })
}

fn can_be_read_only_once(path: &Path) -> bool {
    path == Path::new("-") || std::fs::metadata(path).is_ok_and(|file| !file.is_file())
}

/// Draws the writes of the resource with the most overlaps; nothing, where there are none.
fn draw(
    asked: &Audit,
    config: &Config,
    formats: &[(PathBuf, ServerLog)],
    findings: &Findings,
    to: &Path,
) -> Result<(), AuditError> {
    let Some(worst) = findings.resources.first() else {
        eprintln!("writegate: no two writes overlapped, so there is nothing to draw");
        return Ok(());
    };
    let mut timeline = Timeline::new(&worst.key, worst.busiest_micros);
    let progress = progress(&asked.logs);
    for (path, format) in formats {
        let unread = |source| AuditError::Unread {
            path: path.clone(),
            source,
        };
        let lines = Lines::open(path, &progress).map_err(unread)?;
        reader::collect(&config.policy, lines, *format, &mut timeline).map_err(unread)?;
    }
    progress.finish_and_clear();
    timeline.draw(to).map_err(|source| AuditError::Undrawn {
        path: to.to_owned(),
        source,
    })
}

/// A log whose format is known.
struct Opened {
    path: PathBuf,
    lines: Lines,
    /// None if it is empty.
    format: Option<ServerLog>,
    /// When its first request was at work.
    begins: Option<i64>,
}

fn opened(
    paths: &[PathBuf],
    progress: &ProgressBar,
    format: Option<ServerLog>,
) -> Result<Vec<Opened>, AuditError> {
    let open = |path: &PathBuf| {
        let unopened = |source| AuditError::Unopened {
            path: path.clone(),
            source,
        };
        let mut lines = Lines::open(path, progress).map_err(unopened)?;
        let sample = lines.sample().map_err(unopened)?;
        let (format, begins) = match format {
            Some(format) => (Some(format), reader::begins(sample, format)),
            None if sample.is_empty() => (None, None),
            None => {
                let found = reader::detect(sample).map_err(|hint| AuditError::UnknownFormat {
                    path: path.clone(),
                    hint,
                })?;
                (Some(found), reader::begins(sample, found))
            }
        };
        Ok(Opened {
            path: path.clone(),
            lines,
            format,
            begins,
        })
    };
    paths.iter().map(open).collect()
}

/// A configuration for its policy alone: the upstream is asked for nothing, so it need not be told.
fn policy_of(path: Option<&Path>) -> Result<Config, ConfigError> {
    let overrides = Overrides {
        needs_no_upstream: true,
        ..Overrides::default()
    };
    Config::load(path, &overrides)
}

/// The routes whose keys are made of what no log has.
fn keys_not_in_logs(policy: &Policy) -> Vec<String> {
    let is_of_fields = |text: &str| text.contains("{header:") || text.contains("{cookie:");
    let has_one = |route: &&Route| match &route.treatment {
        Treatment::Forward => false,
        Treatment::Guard(claim) => {
            let mut templates = claim.templates.iter();
            templates.any(|template| is_of_fields(template.as_str()))
        }
    };
    let routes = policy.routes().iter().filter(has_one);
    routes.map(|route| route.label.to_string()).collect()
}

/// By bytes where all that is read are files, on a terminal only.
pub(crate) fn progress(paths: &[PathBuf]) -> ProgressBar {
    let length = |path: &PathBuf| {
        let known = std::fs::metadata(path).ok();
        known
            .filter(std::fs::Metadata::is_file)
            .map(|file| file.len())
    };
    match paths.iter().map(length).sum::<Option<u64>>() {
        Some(bytes) => ProgressBar::new(bytes).with_style(style(
            "{wide_bar} {bytes}/{total_bytes}  {binary_bytes_per_sec}  {eta} left",
        )),
        None => ProgressBar::new_spinner()
            .with_style(style("{spinner} {bytes}  {binary_bytes_per_sec}")),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests;
