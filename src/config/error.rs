//! Why there is no configuration.

use std::path::PathBuf;

use super::report::Report;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}", path.display())]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// What came instead.
        source: std::io::Error,
    },
    /// Something is wrong, in the file or in what stands before it.
    #[error("{0}")]
    Wrong(Report),
}
