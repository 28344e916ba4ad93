//! What `audit` and `report` are told: which logs to read, and what to make of them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `writegate audit`
#[derive(Args, Clone, Debug)]
pub struct Audit {
    /// Access logs, gzipped or not, in any order; `-` is standard input
    #[arg(value_name = "LOG", required = true)]
    pub logs: Vec<PathBuf>,
    /// Which server wrote them; without it, each file is looked at
    #[arg(long, short, value_enum, value_name = "SERVER")]
    pub format: Option<ServerLog>,
    /// A configuration, whose routes and keys say what a resource is; without it, each path is one
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How many routes and resources are shown
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub top: usize,
    /// How many writes are remembered at a time, to be compared with those that follow
    #[arg(long, value_name = "WRITES", default_value_t = 1 << 18, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1 << 28))]
    pub window: usize,
    /// Write the findings as one JSON object
    #[arg(long)]
    pub json: bool,
    /// Draw the writes of the resource with the most overlaps, around its busiest moment
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// `writegate report`
#[derive(Args, Clone, Debug)]
pub struct Report {
    /// Logs of `writegate run` as JSON lines, gzipped or not, in any order; `-` is standard input
    #[arg(value_name = "LOG", required = true)]
    pub logs: Vec<PathBuf>,
    /// How many routes are shown
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub top: usize,
    /// Write the findings as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// A server whose access log can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ServerLog {
    /// `combined` with `$request_time` after it, and perhaps `$msec`
    Nginx,
    /// `combined` with `%D` after it
    Apache,
    /// `option httplog`
    Haproxy,
    /// The default text format
    Envoy,
    /// JSON
    Caddy,
    /// `combined` with `%(D)s` after it; has to be named, since its lines look like Apache's
    Gunicorn,
}

impl ServerLog {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Nginx,
        Self::Apache,
        Self::Haproxy,
        Self::Envoy,
        Self::Caddy,
        Self::Gunicorn,
    ];

    /// As it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "NGINX",
            Self::Apache => "Apache",
            Self::Haproxy => "HAProxy",
            Self::Envoy => "Envoy",
            Self::Caddy => "Caddy",
            Self::Gunicorn => "gunicorn",
        }
    }
}
