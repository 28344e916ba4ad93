//! The demonstration: a backend that loses updates, the gateway in front of it, and the difference in figures.
//!
//! Invariants:
//! - The gateway is the real one: made from a text as a user writes it, asked over a socket as any other.
//! - Both halves send the same burst, by the same clients; each figure is counted, by them or by the backend.
//! - Everything listens on the loopback only, on ports that are free.

mod backend;
mod burst;
mod client;
mod report;

pub use client::ClientError;
pub use report::Verdict;

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use thiserror::Error;
use tokio::runtime::Builder;
use tokio::task::JoinHandle;

use crate::config::{Config, ConfigError, Listen, Overrides};
use crate::server::{Server, ServerError, Stop, Stopper};
use backend::{Backend, ITEMS};
use burst::Burst;
use report::Report;

/// Makes one run as lively as another, and lets the two halves of it be the same.
const SEED: u64 = 20_261_124;

const BURST: Burst = Burst {
    clients: 20,
    each: 20,
    seed: SEED,
    patience: Duration::from_secs(60),
};

/// Milliseconds that an increment takes in the backend.
const WORK: std::ops::RangeInclusive<u64> = 5..=15;

/// Time to get from one terminal to another.
const CURL_SECONDS: u64 = 8;

/// Why the demonstration cannot go on.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The process lacks something that it needs from the system.
    #[error("cannot start")]
    Start(#[source] io::Error),
    /// Most likely no port is free on the loopback.
    #[error("the backend of the demo cannot start on 127.0.0.1")]
    Backend(#[source] io::Error),
    /// The text of the demonstration is wrong: a bug.
    #[error("the configuration of the demo is wrong")]
    Config(#[from] ConfigError),
    /// The gateway cannot start or go on.
    #[error("the gateway of the demo cannot go on")]
    Gateway(#[from] ServerError),
    /// The backend does not answer.
    #[error("the backend of the demo cannot be asked")]
    Ask(#[from] ClientError),
    /// Nobody reads any more.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

/// Shows on `out` what is lost without the gateway, and what with it. Then it goes on until a signal, unless it is for
/// `once`.
pub fn run(once: bool, out: &mut impl Write) -> Result<Verdict, DemoError> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(DemoError::Start)?;
    runtime.block_on(show(once, out))
}

async fn show(once: bool, out: &mut impl Write) -> Result<Verdict, DemoError> {
    let backend = Backend::start(WORK, SEED).map_err(DemoError::Backend)?;
    let text = configuration(backend.address);
    let mut gateway = Gateway::start(&text)?;
    let address = gateway.address;
    introduce(out, backend.address, address, &text)?;
    let report = gateway
        .at_work_during(compare(out, backend.address, address))
        .await?;
    writeln!(out, "\n{report}\n{ON_RETRIES}")?;
    if once {
        gateway.end().await?;
    } else {
        stay(out, gateway).await?;
    }
    Ok(report.verdict())
}

fn configuration(backend: SocketAddr) -> String {
    format!(
        r#"[server]
listen = "127.0.0.1:0"              # any port that is free
workers = 2

[upstream]
url = "http://{backend}"

[[route]]
path = "/stock/{{item}}/{{*rest}}"      # /stock/apples, and all below it,
key = "stock:{{item}}"                # is one resource: one write at a time
"#
    )
}

/// The gateway at work, in this process.
struct Gateway {
    address: SocketAddr,
    stopper: Stopper,
    serving: JoinHandle<Result<(), ServerError>>,
}

impl Gateway {
    fn start(text: &str) -> Result<Self, DemoError> {
        let config = Config::parse("demo.toml", text, &Overrides::default())?;
        let server = Server::bind(config)?;
        let [Listen::Tcp(address)] = *server.addresses() else {
            unreachable!("the text names one address, of TCP");
        };
        let (stopper, stop) = Stop::by_hand();
        Ok(Self {
            address,
            stopper,
            serving: tokio::spawn(server.serve(stop)),
        })
    }

    /// Resolves when it has ended: by itself, or told to.
    async fn ended(&mut self) -> Result<(), ServerError> {
        (&mut self.serving)
            .await
            .unwrap_or(Err(ServerError::WorkerDied))
    }

    /// What comes of `asking`, unless the gateway ends before that.
    async fn at_work_during<T>(
        &mut self,
        asking: impl Future<Output = Result<T, DemoError>>,
    ) -> Result<T, DemoError> {
        tokio::select! {
            asked = asking => asked,
            ended = self.ended() => Err(ended.err().unwrap_or(ServerError::WorkerDied).into()),
        }
    }

    async fn end(mut self) -> Result<(), ServerError> {
        self.stopper.stop();
        self.ended().await
    }
}

fn introduce(
    out: &mut impl Write,
    backend: SocketAddr,
    gateway: SocketAddr,
    text: &str,
) -> io::Result<()> {
    let (least, most) = (WORK.start(), WORK.end());
    writeln!(
        out,
        "At http://{backend} a small legacy backend keeps stock. POST /stock/apples/increment reads the\n\
         count, works on it for {least} to {most} ms, and writes it back plus one: a lost update for every two that meet.\n\n\
         At http://{gateway} writegate stands in front of it, with this configuration:\n"
    )?;
    for line in text.lines() {
        writeln!(
            out,
            "{:indent$}{line}",
            "",
            indent = 4 * usize::from(!line.is_empty())
        )?;
    }
    writeln!(out)
}

/// Sends the burst straight at the backend, and then through the gateway.
async fn compare(
    out: &mut impl Write,
    backend: SocketAddr,
    gateway: SocketAddr,
) -> Result<Report, DemoError> {
    let (increments, clients, items) = (BURST.increments(), BURST.clients, ITEMS.len());
    writeln!(
        out,
        "{increments} increments by {clients} clients on {items} items, straight at the backend ..."
    )?;
    let bar = bar();
    let straight = BURST.send(backend, backend, &bar).await?;
    bar.finish_and_clear();
    writeln!(
        out,
        "The same through writegate, by clients that wait and try again when they get 409 ..."
    )?;
    bar.reset();
    let through = BURST.send(gateway, backend, &bar).await?;
    bar.finish_and_clear();
    Ok(Report { straight, through })
}

/// Shown on stderr, and only to somebody who looks at both that and stdout.
fn bar() -> ProgressBar {
    if !io::stdout().is_terminal() || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} done, {elapsed}");
    ProgressBar::new(BURST.increments()).with_style(style.expect("a template of ours is right"))
}

const ON_RETRIES: &str = "\
An increment may be sent again blindly after a 409: it was never forwarded, and \"one more\" means the same
whenever it is done. A PUT of a whole document may not: it was made from what stood there before the other
write, and would undo that. There, wait for Retry-After, read the document again, make the change again on
what is there now, and send that.";

/// Goes on until a signal, with something to try by hand.
async fn stay(out: &mut impl Write, mut gateway: Gateway) -> Result<(), DemoError> {
    let mut signals = Stop::on_signals().map_err(DemoError::Start)?;
    let curl = format!(
        "curl -i -w '\\n' -X POST 'http://{}/stock/{}/increment",
        gateway.address, ITEMS[0]
    );
    writeln!(
        out,
        "\nNow by hand. Paste this into one terminal; the backend works on it for {CURL_SECONDS} s:\n\n    \
         {curl}?seconds={CURL_SECONDS}'\n\n\
         and meanwhile this into another; it meets the first, and is told so:\n\n    \
         {curl}'\n\n\
         Its Retry-After goes by how long such writes have lasted so far, some milliseconds: at first it may name less than\n\
         the {CURL_SECONDS} s that this one takes, and who comes back so early is told again.\n\n\
         Ctrl-C ends the demo."
    )?;
    loop {
        tokio::select! {
            ended = gateway.ended() => return Ok(ended?),
            () = signals.told() => {
                gateway.stopper.stop();
                writeln!(out, "\nStopping: what is at work may settle; Ctrl-C again ends it at once.")?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_that_is_shown_is_right() {
        let text = configuration(SocketAddr::from(([127, 0, 0, 1], 3000)));
        let config = Config::parse("demo.toml", &text, &Overrides::default()).unwrap();
        let told = crate::check::guarding(&config);
        assert!(
            told.starts_with("/stock/{item}/{*rest}  all writes    stock:{item}  guarded"),
            "{told}"
        );
        assert!(config.warnings.is_empty());
    }
}
