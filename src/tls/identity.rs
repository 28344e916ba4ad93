//! A certificate with its key: what one shows the other side.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::Error::InconsistentKeys;
use rustls::sign::CertifiedKey;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::material::{MaterialError, certificates, private_key};
use super::provider;

/// The files of a certificate, with the authorities above it, and of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The certificate, then those of the authorities above it but the topmost.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What is read of a [`Pair`].
#[derive(Debug)]
pub struct Identity {
    pub(super) certified: Arc<CertifiedKey>,
    certificate: Certificate,
}

/// Why a certificate gives pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It was good until then.
    Expired(SystemTime),
    /// It is good only from then on.
    NotYet(SystemTime),
}

impl Pair {
    /// Reads both.
    pub fn load(&self) -> Result<Identity, MaterialError> {
        let chain = certificates(&self.certificate)?;
        let bad = |source| MaterialError::BadCertificate {
            path: self.certificate.clone(),
            source,
        };
        let first = Certificate::from_der(&chain[0]);
        let certificate = first.map_err(|error| bad(Box::new(error)))?;
        let key = private_key(&self.key)?;
        let certified = CertifiedKey::from_der(chain, key, &provider());
        let certified = certified.map_err(|error| match error {
            InconsistentKeys(_) => MaterialError::Mismatch {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
            },
            error @ rustls::Error::InvalidCertificate(_) => bad(Box::new(error)),
            source => MaterialError::BadKey {
                path: self.key.clone(),
                source,
            },
        })?;
        Ok(Identity {
            certified: Arc::new(certified),
            certificate,
        })
    }
}

impl Identity {
    /// The DNS names that it is good for, in lower case; `*.` stands for any one label.
    pub(super) fn names(&self) -> Vec<String> {
        let found = self.certificate.tbs_certificate.get::<SubjectAltName>();
        let Ok(Some((_, SubjectAltName(names)))) = found else {
            return Vec::new();
        };
        let names = names.iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
            GeneralName::OtherName(_)
            | GeneralName::Rfc822Name(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EdiPartyName(_)
            | GeneralName::UniformResourceIdentifier(_)
            | GeneralName::IpAddress(_)
            | GeneralName::RegisteredId(_) => None,
        });
        names.collect()
    }

    /// Whether it is out of its time at `now`.
    pub fn doubt(&self, now: SystemTime) -> Option<Doubt> {
        let validity = &self.certificate.tbs_certificate.validity;
        let (from, until) = (
            validity.not_before.to_system_time(),
            validity.not_after.to_system_time(),
        );
        if now > until {
            return Some(Doubt::Expired(until));
        }
        (now < from).then_some(Doubt::NotYet(from))
    }
}
