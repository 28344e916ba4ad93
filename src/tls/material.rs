//! PEM files, and what can be wrong with them.

use std::io;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::VerifierBuilderError;
use thiserror::Error;

/// Why files are of no use.
#[derive(Debug, Error)]
pub enum MaterialError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not PEM.
    #[error("{} is no PEM file", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// It has none.
    #[error("{} has no certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// One of its certificates is none.
    #[error("{} has a certificate that cannot be understood", path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It has none.
    #[error("{} has no private key", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// It has one that only a password opens.
    #[error("the private key in {} is encrypted", path.display())]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// Its key is of no kind that can be used.
    #[error("the private key in {} cannot be used", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The one is not of the other.
    #[error("the private key in {} does not belong to the certificate in {}", key.display(), certificate.display())]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// No client could be verified by it.
    #[error("no client can be verified")]
    NoVerifier(#[from] VerifierBuilderError),
    /// No server could be verified.
    #[error("the system has no certificates of authorities to verify the upstream by{0}")]
    NoRoots(String),
    /// The library refuses.
    #[error("TLS cannot be set up")]
    Library(#[from] rustls::Error),
}

impl MaterialError {
    /// The file that it is about, if it is about one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Unreadable { path, .. }
            | Self::NotPem { path, .. }
            | Self::NoCertificate { path }
            | Self::BadCertificate { path, .. }
            | Self::NoKey { path }
            | Self::EncryptedKey { path }
            | Self::BadKey { path, .. }
            | Self::Mismatch { key: path, .. } => Some(path),
            Self::NoVerifier(_) | Self::NoRoots(_) | Self::Library(_) => None,
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable { .. } => Some(
                "a relative name is looked for beside the configuration file, and the user of this process must be able to read it",
            ),
            Self::NotPem { .. } | Self::NoCertificate { .. } => Some(
                "it must hold `-----BEGIN CERTIFICATE-----`, base64, `-----END CERTIFICATE-----`",
            ),
            Self::NoKey { .. } => Some(
                "it must hold `-----BEGIN PRIVATE KEY-----`, base64, `-----END PRIVATE KEY-----`",
            ),
            Self::EncryptedKey { .. } => {
                Some("nobody can be asked for its password: decrypt it by `openssl pkey`")
            }
            Self::BadKey { .. } => {
                Some("keys are ECDSA on P-256 or P-384, Ed25519, or RSA of 2048 bits or more")
            }
            Self::Mismatch { .. } => Some(
                "the certificate of this key comes first in its file, and those of the authorities above it follow",
            ),
            Self::NoRoots(_) => Some(
                "set `ca` in `[upstream.tls]`, or install the certificates (Debian: `ca-certificates`)",
            ),
            Self::BadCertificate { .. } | Self::NoVerifier(_) | Self::Library(_) => None,
        }
    }

    /// It, with all that caused it.
    pub fn chain(&self) -> String {
        let first = std::error::Error::source(self);
        let causes = std::iter::successors(first, |error| error.source());
        causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, MaterialError> {
    std::fs::read(path).map_err(|source| MaterialError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// All the certificates of a file; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, MaterialError> {
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|source| MaterialError::NotPem {
        path: path.to_owned(),
        source,
    })?;
    if found.is_empty() {
        return Err(MaterialError::NoCertificate {
            path: path.to_owned(),
        });
    }
    Ok(found)
}

/// The first private key of a file.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, MaterialError> {
    let text = read(path)?;
    let path = path.to_owned();
    let is_encrypted = [&b"BEGIN ENCRYPTED PRIVATE KEY"[..], b"4,ENCRYPTED"]
        .iter()
        .any(|mark| memchr::memmem::find(&text, mark).is_some());
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        _ if is_encrypted => MaterialError::EncryptedKey { path },
        pem::Error::NoItemsFound => MaterialError::NoKey { path },
        source => MaterialError::NotPem { path, source },
    })
}

/// The authorities of a file, by which others are verified.
pub fn authorities(path: &Path) -> Result<RootCertStore, MaterialError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|source| MaterialError::BadCertificate {
                path: path.to_owned(),
                source: Box::new(source),
            })?;
    }
    Ok(roots)
}
