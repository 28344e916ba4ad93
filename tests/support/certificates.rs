//! An authority of the test's own, who vouches for servers and clients by openssl, and what they are shown and verified by.

use crate::support::program::Scratch;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// Who vouches for others. Its files go with it.
pub(crate) struct Authority {
    scratch: Scratch,
}

/// A certificate and its key, as files.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Issued {
    /// As `[server.tls] certificates` has it.
    pub(crate) fn shown(&self) -> String {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        format!("{{ certificate = \"{certificate}\", key = \"{key}\" }}")
    }
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let authority = Self {
            scratch: Scratch::new("authority"),
        };
        let mut command = Command::new("openssl");
        command
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
            .args(["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-subj", &format!("/CN={name}"), "-keyout"])
            .arg(authority.path("ca.key"))
            .arg("-out")
            .arg(authority.ca());
        made(&mut command);
        authority
    }

    /// The file that it is known by.
    pub(crate) fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Vouches for a server of these names, as `DNS:a.example,IP:127.0.0.1`.
    pub(crate) fn server(&self, file: &str, names: &str) -> Issued {
        self.issue(file, &format!("/CN={file}"), names, 2)
    }

    /// Vouches for a client of this subject, as `/O=Shop/CN=desk`.
    pub(crate) fn client(&self, file: &str, subject: &str) -> Issued {
        self.issue(file, subject, "DNS:client.example", 2)
    }

    /// Vouches for somebody for so many days; fewer than none are over.
    pub(crate) fn issue(&self, file: &str, subject: &str, names: &str, days: i32) -> Issued {
        let issued = Issued {
            certificate: self.path(&format!("{file}.pem")),
            key: self.path(&format!("{file}.key")),
        };
        let request = self.path(&format!("{file}.csr"));
        let mut asking = Command::new("openssl");
        asking
            .args(["req", "-new", "-newkey", "ec", "-pkeyopt"])
            .args(["ec_paramgen_curve:prime256v1", "-nodes", "-utf8"])
            .args(["-subj", subject, "-keyout"])
            .arg(&issued.key)
            .arg("-out")
            .arg(&request);
        made(&mut asking);
        let names = format!("subjectAltName={names}\n");
        let mut signing = Command::new("openssl");
        signing
            .args(["x509", "-req", "-days", &days.to_string(), "-in"])
            .arg(&request)
            .arg("-CA")
            .arg(self.ca())
            .arg("-CAkey")
            .arg(self.path("ca.key"))
            .arg("-CAcreateserial")
            .arg("-extfile")
            .arg(self.scratch.file(&format!("{file}.cnf"), &names))
            .arg("-out")
            .arg(&issued.certificate);
        made(&mut signing);
        issued
    }

    /// What a client has that trusts it.
    pub(crate) fn trusted(&self) -> Arc<ClientConfig> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates(&self.ca()));
        let builder = ClientConfig::builder().with_root_certificates(store);
        Arc::new(builder.with_no_client_auth())
    }

    /// A connection of a client that trusts it, and knows the server by this name.
    pub(crate) async fn connect(
        &self,
        stream: TcpStream,
        name: &str,
    ) -> client::TlsStream<TcpStream> {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let connector = TlsConnector::from(self.trusted());
        connector.connect(name, stream).await.expect("a handshake")
    }
}

/// A connection of a server that shows this.
pub(crate) async fn accept(stream: TcpStream, shown: &Issued) -> server::TlsStream<TcpStream> {
    let key = PrivateKeyDer::from_pem_file(&shown.key).expect("a key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates(&shown.certificate), key)
        .expect("a certificate");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    acceptor.accept(stream).await.expect("a handshake")
}

fn certificates(path: &Path) -> Vec<CertificateDer<'static>> {
    let read = CertificateDer::pem_file_iter(path).expect("a file");
    read.map(|one| one.expect("a certificate")).collect()
}

fn made(command: &mut Command) {
    let output = command.output().expect("openssl is there");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
