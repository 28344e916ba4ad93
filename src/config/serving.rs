//! `[server]`: what is made of it, with its defaults.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::Duration;

use tokio::sync::Semaphore;
use toml::Spanned;

use super::fault::{Fault, Faults};
use super::raw::RawServer;
use super::table::Read;
use super::value::{Size, or_default, or_default_positive};
use super::{Listen, Override, Overrides, Server, limits, value};

pub(super) fn server(
    read: Read<RawServer>,
    overrides: &Overrides,
    has_tls: bool,
    faults: &mut Faults,
) -> Option<Server> {
    let is_sound = !read.has_wrong_settings();
    let raw = read.raw;
    let buffers_span = raw
        .buffers
        .as_ref()
        .or(raw.request_buffer.as_ref())
        .map(Spanned::span)
        .or(raw.workers.as_ref().map(Spanned::span));
    let size =
        |given: Option<Spanned<Size>>, default| given.map_or(default, |size| size.into_inner().0);
    let server = Server {
        limits: limits::limits(&raw),
        listen: listen(raw.listen, overrides.listen.as_ref(), has_tls, faults)?,
        tls: None,
        workers: raw
            .workers
            .map(|count| count.into_inner().0)
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN),
        drain: or_default(raw.drain, Duration::from_secs(25)),
        max_holds: raw.max_holds.map_or(1_000_000, |count| count.0.get()),
        buffers: size(raw.buffers, 64 << 20),
        request_buffer: size(raw.request_buffer, 64 << 10),
        response_buffer: raw.response_buffer.map_or(256 << 10, |size| size.0),
        send_timeout: or_default_positive(raw.send_timeout, Duration::from_secs(10)),
        idle_timeout: or_default_positive(raw.idle_timeout, Duration::from_secs(75)),
        receive_timeout: or_default_positive(raw.receive_timeout, Duration::from_secs(10)),
        max_body: raw.max_body.map(|size| size.0 as u64),
        min_body_rate: raw.min_body_rate.map_or(1 << 10, |size| size.0 as u64),
        max_streams: raw.max_streams.map_or(128, |count| {
            u32::try_from(count.0.get()).unwrap_or(u32::MAX)
        }),
        access_log: overrides.access_log.or(raw.access_log).unwrap_or(true),
    };
    if is_sound {
        faults.extend(buffers_fault(&server, buffers_span));
    }
    Some(server)
}

fn buffers_fault(server: &Server, span: Option<Range<usize>>) -> Option<Fault> {
    let most = Semaphore::MAX_PERMITS.min(u32::MAX as usize);
    if server.request_buffer > most || server.buffers > Semaphore::MAX_PERMITS {
        let message = format!(
            "`request_buffer` can be at most {most} bytes, and `buffers` at most {}",
            Semaphore::MAX_PERMITS
        );
        return Some(Fault::new(span, message));
    }
    if server.buffers / server.workers / 2 < server.request_buffer {
        let message = format!(
            "half of `buffers` ({} bytes) shared by {} workers leaves less than one `request_buffer` ({} bytes) to each: a body \
             might never be read",
            server.buffers, server.workers, server.request_buffer
        );
        let help = "raise `buffers`, or lower one of the others";
        return Some(Fault::new(span, message).help(help));
    }
    None
}

fn listen(
    raw: Option<Spanned<value::OneOrMany>>,
    before: Option<&Override>,
    has_tls: bool,
    faults: &mut Faults,
) -> Option<Vec<Listen>> {
    let of_file = value::texts(raw, "listen", faults);
    let Some(given) = before.map(value::overriding).or(of_file) else {
        return Some(vec![Listen::Tcp(SocketAddr::from(([0, 0, 0, 0], 8080)))]);
    };
    let mut addresses = Vec::new();
    for text in &given {
        let Some(address) = faults.take(text.parse(Listen::parse)) else {
            continue;
        };
        if matches!(address, Listen::Tls(_)) && !has_tls {
            let fault = text.fault("there is no certificate for TLS");
            faults.push(fault.help("name one in `[server.tls]`"));
        }
        let is_taken = addresses.iter().any(|other| address.is_at(other));
        if is_taken && !address.is_any_free_port() {
            faults.push(text.fault("this address is given twice"));
        }
        addresses.push(address);
    }
    (!addresses.is_empty()).then_some(addresses)
}
