//! `[server.tls]` and `[upstream.tls]`: files are read, so that one that is of no use is told with the setting that names it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderName;
use toml::Spanned;

use super::fault::{Fault, Faults};
use super::raw::{RawPair, RawServerTls, RawUpstreamTls};
use super::table::Read;
use super::value::{self, Given};
use super::{Address, Listen, Protocol};
use crate::tls::{
    ClientCertificates, Demand, Doubt, Identity, Kept, MaterialError, Oldest, Outward, Pair,
    Served, ServerName, Spoken, authorities,
};

/// How TLS is spoken with clients.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// What they are shown, and asked for.
    pub served: Arc<Kept<Served>>,
    /// The field in which the upstream is told the subject of a client's certificate.
    pub subject_header: Option<HeaderName>,
    /// Whether a client may show one.
    pub asks_clients: bool,
}

/// How TLS is spoken with the upstream.
#[derive(Clone, Debug)]
pub struct UpstreamTls {
    /// How it is verified, and what it is shown.
    pub outward: Arc<Kept<Outward>>,
    /// What its certificate has to be for, if not for the host of its address.
    pub name: Option<ServerName<'static>>,
}

/// What is read besides: where relative names are looked for, what is wrong, and what gives pause.
pub(super) struct Notes<'a> {
    pub(super) beside: &'a Path,
    pub(super) faults: &'a mut Faults,
    pub(super) doubts: &'a mut Faults,
}

/// How TLS is spoken with clients; none where no listener does.
pub(super) fn served(
    read: Read<RawServerTls>,
    listen: &[Listen],
    notes: &mut Notes<'_>,
) -> Option<ServerTls> {
    let span = read.span.clone()?;
    if !listen
        .iter()
        .any(|address| matches!(address, Listen::Tls(_)))
    {
        let fault = Fault::new(
            Some(span),
            "`[server.tls]` has no effect: nothing listens for TLS",
        );
        let help = "write `tls:` before an address in `listen`, as `\"tls:0.0.0.0:8443\"`, or leave the table out";
        notes.faults.push(fault.help(help));
        return None;
    }
    let is_wrong = read.is_wrong("certificates") || read.is_wrong("certificate");
    let raw = read.raw;
    let given = raw.certificates.unwrap_or_default();
    if given.is_empty() && !is_wrong {
        let fault = Fault::new(
            Some(span.clone()),
            "`[server.tls]` has no certificate to show",
        );
        let help = "write `certificates = [{ certificate = \"chain.pem\", key = \"key.pem\" }]`";
        notes.faults.push(fault.help(help));
    }
    let before = notes.faults.count();
    let certificates = given.iter().filter_map(|raw| notes.shown(raw));
    let served = Served {
        certificates: certificates.collect(),
        clients: None,
        oldest: raw.min_version.map_or(Oldest::default(), |named| named.0),
    };
    let clients = raw.client_ca.as_ref().map(|ca| ClientCertificates {
        ca: notes.authorities(ca),
        demand: raw
            .client_certificate
            .as_ref()
            .map_or(Demand::default(), |named| named.as_ref().0),
    });
    if clients.is_none() {
        let demand = raw.client_certificate.as_ref().map(Spanned::span);
        notes.needs(demand, "client_certificate", "client_ca");
        let header = raw.subject_header.as_ref().map(Spanned::span);
        notes.needs(header, "subject_header", "client_ca");
    }
    let subject_header = raw.subject_header.and_then(|name| {
        let field = value::field(&name, "X-Client-Subject");
        notes.faults.take(field)
    });
    if notes.faults.count() != before || served.certificates.is_empty() {
        return None;
    }
    Some(ServerTls {
        asks_clients: clients.is_some(),
        served: notes.kept(Some(span), Kept::load(Served { clients, ..served }))?,
        subject_header,
    })
}

/// Where the first server is given that speaks TLS, if one does, and if in the file. What is spoken has to be spoken within
/// TLS, or without.
pub(super) fn https<'a>(
    servers: impl Iterator<Item = (&'a Given, &'a Option<Address>)>,
    protocol: Option<(Protocol, Range<usize>)>,
    faults: &mut Faults,
) -> Option<Option<Range<usize>>> {
    let mut https = None;
    for (text, address) in servers {
        let is_tls = address.as_ref().is_some_and(Address::is_tls);
        if is_tls && https.is_none() {
            https = Some(text.span());
        }
        let (message, help) = match protocol {
            Some((Protocol::H2, _)) if !is_tls => (
                "`protocol` is \"h2\", which is spoken within TLS: this server speaks none",
                "write `https://` here, or `protocol = \"h2c\"`",
            ),
            Some((Protocol::H2c, _)) if is_tls => (
                "`protocol` is \"h2c\", which is spoken in clear text: this server speaks TLS",
                "write `protocol = \"h2\"`, or `http://` here",
            ),
            Some(_) | None => continue,
        };
        let span = protocol.as_ref().map(|(_, span)| span.clone());
        faults.push(
            text.fault(message)
                .help(help)
                .beside(span, "what is spoken"),
        );
    }
    https
}

/// How TLS is spoken with the upstream; none where none of its servers does. `https` is where one is given.
pub(super) fn outward(
    read: Read<RawUpstreamTls>,
    https: Option<Option<Range<usize>>>,
    protocol: Protocol,
    notes: &mut Notes<'_>,
) -> Option<UpstreamTls> {
    let table = read.span.clone();
    let Some(https) = https else {
        if let Some(table) = table {
            let fault = Fault::new(
                Some(table),
                "`[upstream.tls]` has no effect: no upstream speaks TLS",
            );
            let help = "write `https://` in `url`, or leave the table out";
            notes.faults.push(fault.help(help));
        }
        return None;
    };
    let before = notes.faults.count();
    let is_unread = read.has_wrong_settings();
    let raw = read.raw;
    let danger = raw
        .danger_accept_invalid_certificates
        .filter(|is_set| *is_set.as_ref());
    if let (Some(danger), Some(ca)) = (&danger, &raw.ca) {
        let message = "`ca` has no effect where `danger_accept_invalid_certificates` is set";
        let fault = Fault::new(Some(ca.span()), message);
        notes
            .faults
            .push(fault.beside(Some(danger.span()), "any certificate is accepted"));
    }
    if let Some(danger) = &danger {
        notes.doubts.push(danger_doubt(danger.span()));
    }
    let own = match (&raw.certificate, &raw.key) {
        (Some(certificate), Some(key)) => Some(notes.pair(certificate, key)),
        (certificate, key) => {
            notes.needs(
                certificate.as_ref().map(Spanned::span),
                "certificate",
                "key",
            );
            notes.needs(key.as_ref().map(Spanned::span), "key", "certificate");
            None
        }
    };
    let outward = Outward {
        ca: raw.ca.as_ref().map(|ca| notes.authorities(ca)),
        own,
        accepts_invalid: danger.is_some(),
        spoken: match protocol {
            Protocol::Http1 | Protocol::H2c => Spoken::Http1,
            Protocol::H2 => Spoken::Http2,
        },
    };
    let name = raw.server_name.and_then(|name| notes.server_name(&name));
    if is_unread || notes.faults.count() != before {
        return None;
    }
    let outward = notes.kept(table.or(https), Kept::load(outward))?;
    Some(UpstreamTls { outward, name })
}

fn danger_doubt(span: Range<usize>) -> Fault {
    let message = "`danger_accept_invalid_certificates` is set: whoever answers at the address of the upstream is taken for \
                   it, and can read and change all that is forwarded";
    Fault::new(Some(span), message)
        .help("name the authority of the upstream's certificate in `ca`, and the host that it is for in `server_name`")
}

impl Notes<'_> {
    fn path(&self, given: &Spanned<String>) -> PathBuf {
        self.beside.join(given.as_ref())
    }

    fn shown(&mut self, given: &Spanned<RawPair>) -> Option<Pair> {
        let RawPair { certificate, key } = given.as_ref();
        if let (Some(certificate), Some(key)) = (certificate, key) {
            return Some(self.pair(certificate, key));
        }
        let fault = Fault::new(Some(given.span()), "a certificate is shown with its key");
        let help =
            "write `{ certificate = \"chain.pem\", key = \"key.pem\" }`; one file can hold both";
        self.faults.push(fault.help(help));
        None
    }

    /// A certificate and its key, each right by itself and with the other, or note is taken.
    fn pair(&mut self, certificate: &Spanned<String>, key: &Spanned<String>) -> Pair {
        let pair = Pair {
            certificate: self.path(certificate),
            key: self.path(key),
        };
        match pair.load() {
            Ok(identity) => self
                .doubts
                .extend(untimely(&identity, &pair, certificate.span())),
            Err(error) => {
                let is_of_key = error.file() == Some(&pair.key) && pair.key != pair.certificate;
                let span = if is_of_key {
                    key.span()
                } else {
                    certificate.span()
                };
                self.faults.push(fault(span, &error));
            }
        }
        pair
    }

    fn authorities(&mut self, given: &Spanned<String>) -> PathBuf {
        let path = self.path(given);
        if let Err(error) = authorities(&path) {
            self.faults.push(fault(given.span(), &error));
        }
        path
    }

    /// What is wrong only with all of it together.
    fn kept<T>(
        &mut self,
        span: Option<Range<usize>>,
        loaded: Result<T, MaterialError>,
    ) -> Option<Arc<T>> {
        let loaded = loaded.map_err(|error| fault(span, &error));
        self.faults.take(loaded).map(Arc::new)
    }

    fn needs(&mut self, span: Option<Range<usize>>, setting: &str, other: &str) {
        if let Some(span) = span {
            let message = format!("`{setting}` has no effect without `{other}`");
            self.faults.push(Fault::new(Some(span), message));
        }
    }

    fn server_name(&mut self, given: &Spanned<String>) -> Option<ServerName<'static>> {
        let text = given.as_ref();
        let name = ServerName::try_from(text.clone());
        let no_name = format!("`{text}` is no host that a certificate can be for");
        let name = name.map_err(|_not_one| Fault::new(Some(given.span()), no_name));
        self.faults.take(name)
    }
}

fn fault(span: impl Into<Option<Range<usize>>>, error: &MaterialError) -> Fault {
    let fault = Fault::new(span.into(), error.chain());
    match error.remedy() {
        Some(remedy) => fault.help(remedy),
        None => fault,
    }
}

fn untimely(identity: &Identity, pair: &Pair, span: Range<usize>) -> Option<Fault> {
    let path = pair.certificate.display();
    let message = match identity.doubt(SystemTime::now())? {
        Doubt::Expired(at) => format!(
            "the certificate in {path} has expired: it was good until {}",
            humantime::format_rfc3339_seconds(at)
        ),
        Doubt::NotYet(at) => format!(
            "the certificate in {path} is not good yet: it is from {} on",
            humantime::format_rfc3339_seconds(at)
        ),
    };
    Some(
        Fault::new(Some(span), message)
            .help("replace it: who is shown it breaks off the connection"),
    )
}
