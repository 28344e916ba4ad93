//! What clients are shown, and asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::Ticketer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use serde::Deserialize;

use super::identity::{Identity, Pair};
use super::keep::Material;
use super::material::{MaterialError, authorities};
use super::{OFFERED, provider};

/// What is shown to clients, and asked of them.
#[derive(Clone, Debug)]
pub struct Served {
    /// At least one. The first is for clients that name no host, or one that no other is good for.
    pub certificates: Vec<Pair>,
    /// Whether clients show certificates.
    pub clients: Option<ClientCertificates>,
    /// The oldest version that is spoken.
    pub oldest: Oldest,
}

/// How clients are verified.
#[derive(Clone, Debug)]
pub struct ClientCertificates {
    /// The file of those who vouch for them.
    pub ca: PathBuf,
    /// Whether a client may do without.
    pub demand: Demand,
}

/// Whether a client must show a certificate. One that it shows must be good in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Demand {
    /// It may.
    Optional,
    /// It must.
    #[default]
    Required,
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Oldest {
    /// RFC 5246.
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    Tls13,
}

impl Material for Served {
    type Made = ServerConfig;

    fn files(&self) -> Vec<&Path> {
        let pairs = self.certificates.iter();
        let own = pairs.flat_map(|pair| [&*pair.certificate, &*pair.key]);
        own.chain(self.clients.iter().map(|clients| &*clients.ca))
            .collect()
    }

    fn make(&self) -> Result<ServerConfig, MaterialError> {
        let identities: Result<Vec<_>, _> = self.certificates.iter().map(Pair::load).collect();
        let versions = match self.oldest {
            Oldest::Tls12 => &[&TLS13, &TLS12][..],
            Oldest::Tls13 => &[&TLS13],
        };
        let builder =
            ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions)?;
        let mut config = builder
            .with_client_cert_verifier(self.verifier()?)
            .with_cert_resolver(Arc::new(ByName::new(&identities?)));
        config.alpn_protocols = OFFERED.iter().map(|name| name.to_vec()).collect();
        // Of its own: a session that was begun under other authorities is not resumed.
        config.ticketer = Ticketer::new()?;
        Ok(config)
    }
}

impl Served {
    fn verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, MaterialError> {
        let Some(clients) = &self.clients else {
            return Ok(WebPkiClientVerifier::no_client_auth());
        };
        let roots = Arc::new(authorities(&clients.ca)?);
        let builder = WebPkiClientVerifier::builder_with_provider(roots, provider());
        let builder = match clients.demand {
            Demand::Optional => builder.allow_unauthenticated(),
            Demand::Required => builder,
        };
        Ok(builder.build()?)
    }
}

/// The certificates by the names that they are good for.
#[derive(Debug)]
struct ByName {
    first: Arc<CertifiedKey>,
    /// Several for one name, as with keys of two kinds, in the order of the configuration.
    named: HashMap<String, Vec<Arc<CertifiedKey>>>,
}

impl ByName {
    fn new(identities: &[Identity]) -> Self {
        let mut named: HashMap<String, Vec<_>> = HashMap::new();
        for identity in identities {
            for name in identity.names() {
                let keys = named.entry(name).or_default();
                keys.push(Arc::clone(&identity.certified));
            }
        }
        let first = Arc::clone(&identities[0].certified);
        Self { first, named }
    }

    /// Those for exactly this host, then those for any beside it.
    fn of_host(&self, host: &str) -> impl Iterator<Item = &Arc<CertifiedKey>> {
        let host = host.to_ascii_lowercase();
        let any = host
            .split_once('.')
            .map(|(_, domain)| format!("*.{domain}"));
        let any = any.and_then(|any| self.named.get(&any));
        self.named.get(&host).into_iter().chain(any).flatten()
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let can_verify = |key: &&Arc<CertifiedKey>| {
            let schemes = hello.signature_schemes();
            key.key.choose_scheme(schemes).is_some()
        };
        let mut of_host = self.of_host(hello.server_name().unwrap_or_default());
        let chosen = of_host.find(can_verify).unwrap_or(&self.first);
        Some(Arc::clone(chosen))
    }
}
