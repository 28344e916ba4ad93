//! How the upstream is verified, and what it is shown.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::identity::Pair;
use super::keep::Material;
use super::material::{MaterialError, authorities};
use super::{H2, HTTP_11, provider};

/// How the upstream is spoken to.
#[derive(Clone, Debug)]
pub struct Outward {
    /// The file of those who vouch for it; the system's where there is none.
    pub ca: Option<PathBuf>,
    /// What it is shown.
    pub own: Option<Pair>,
    /// Whether anybody is taken for it.
    pub accepts_invalid: bool,
    /// What it has to speak.
    pub spoken: Spoken,
}

/// The version of HTTP that is spoken within TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

impl Spoken {
    /// How it is called in ALPN.
    pub const fn name(self) -> &'static [u8] {
        match self {
            Self::Http1 => HTTP_11,
            Self::Http2 => H2,
        }
    }
}

impl Material for Outward {
    type Made = ClientConfig;

    fn files(&self) -> Vec<&Path> {
        let own = self.own.iter();
        let own = own.flat_map(|pair| [&*pair.certificate, &*pair.key]);
        self.ca.as_deref().into_iter().chain(own).collect()
    }

    fn make(&self) -> Result<ClientConfig, MaterialError> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?;
        let builder = if self.accepts_invalid {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody))
        } else {
            builder.with_root_certificates(self.roots()?)
        };
        let mut config = match &self.own {
            Some(pair) => {
                let identity = pair.load()?;
                let own = SingleCertAndKey::from(identity.certified);
                builder.with_client_cert_resolver(Arc::new(own))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![self.spoken.name().to_vec()];
        Ok(config)
    }
}

impl Outward {
    fn roots(&self) -> Result<RootCertStore, MaterialError> {
        if let Some(ca) = &self.ca {
            return authorities(ca);
        }
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        // Among a system's many there may be some that are of no use.
        let (added, _ignored) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            let why = found.errors.first().map(|error| format!(": {error}"));
            return Err(MaterialError::NoRoots(why.unwrap_or_default()));
        }
        Ok(roots)
    }
}

/// Takes anybody for the upstream.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _above: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    // Where any certificate does, it proves nothing to have its key; and a certificate that cannot be read is any, too.
    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
