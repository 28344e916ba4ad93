//! What an access log of writegate itself says of overlaps: which writes met, and what would have refused them.
//!
//! Which writes were let through side by side is told by the overlap lines, as the gateway saw it when it decided. For how
//! long they were at work together is told by the access lines, by the arithmetic of [`audit`](crate::audit): from a
//! request's head to the end of its response.

use std::path::PathBuf;

use crate::audit::AuditError;
use crate::audit::input::{Lines, Piece};
use crate::audit::progress;
use crate::cli::Report;

mod event;
mod summary;
mod text;

use event::{Event, Read};
use summary::Summary;

/// Reads the logs, and says what was found.
pub fn run(asked: &Report) -> Result<String, AuditError> {
    let progress = progress(&asked.logs);
    let mut summary = Summary::default();
    for path in &asked.logs {
        let mut lines = Lines::open(path, &progress).map_err(|source| AuditError::Unopened {
            path: path.clone(),
            source,
        })?;
        read(&mut lines, &mut summary).map_err(|source| AuditError::Unread {
            path: path.clone(),
            source,
        })?;
    }
    progress.finish_and_clear();
    if summary.has_no_events() {
        return Err(AuditError::NoLogOfOurs {
            path: asked.logs.first().cloned().unwrap_or_else(PathBuf::new),
        });
    }
    let findings = summary.finish(asked.top);
    if asked.json {
        return Ok(format!("{}\n", serde_json::to_string_pretty(&findings)?));
    }
    Ok(text::text(&findings))
}

fn read(lines: &mut Lines, summary: &mut Summary) -> std::io::Result<()> {
    loop {
        let read = match lines.next()? {
            Piece::End => return Ok(()),
            Piece::TooLong(_) => Read::Unreadable,
            Piece::Line(line) => Event::read(line),
        };
        summary.add(&read);
    }
}

#[cfg(test)]
mod tests;
