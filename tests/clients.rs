//! The clients of `docs/clients`, as they stand there: each meets a write that is at work, sees the gateway's 409, waits, reads
//! again, and saves beside it, not over it.

use crate::support::gateway::Gateway;
use crate::support::php::Store;
use crate::support::program::{Program, Scratch, repository};
use crate::support::python::{prepared, python};
use crate::support::tls::Tls;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::time::Instant;

const DEADLINE: Duration = Duration::from_secs(90);

/// The pages, with the name that the program of each is given.
const CLIENTS: [(&str, &str); 5] = [
    ("curl", "add-line.sh"),
    ("php", "add-line.php"),
    ("python", "add_line.py"),
    ("javascript", "add-line.mjs"),
    ("go", "add-line.go"),
];

/// The first program that a page shows.
fn program(page: &str) -> String {
    let path = repository("docs/clients").join(format!("{page}.md"));
    let text = std::fs::read_to_string(path).expect("the page");
    let (_, code) = text.split_once("\n```").expect("a program");
    let (_, code) = code.split_once('\n').expect("its language");
    let (code, _) = code.split_once("\n```\n").expect("its end");
    format!("{code}\n")
}

/// What runs a program, told whom to trust where that is asked.
fn command(page: &str, file: &Path, trusted: Option<&Path>) -> Command {
    let mut command = match page {
        "curl" => Command::new("bash"),
        "php" => Command::new("php"),
        "python" => {
            let mut command = python("python");
            command.arg("-u");
            command
        }
        "javascript" => Command::new("node"),
        "go" => Command::new(built(file)),
        other => panic!("nothing runs {other}"),
    };
    if let Some(certificate) = trusted {
        if page == "php" {
            command.arg(format!("-dcurl.cainfo={}", certificate.display()));
        }
        for name in [
            "CURL_CA_BUNDLE",
            "REQUESTS_CA_BUNDLE",
            "NODE_EXTRA_CA_CERTS",
            "SSL_CERT_FILE",
        ] {
            command.env(name, certificate);
        }
    }
    if page != "go" {
        command.arg(file);
    }
    command
}

fn built(file: &Path) -> PathBuf {
    let binary = file.with_extension("bin");
    let build = Command::new("go")
        .args(["build", "-o"])
        .args([&binary, file])
        .env("GOCACHE", prepared("go-cache"))
        .env("GO111MODULE", "off")
        .output()
        .expect("go is there");
    assert!(
        build.status.success(),
        "{}",
        String::from_utf8_lossy(&build.stderr)
    );
    binary
}

/// Sends a document, and returns when the store is at work on it.
fn begin_to_save(store: &Store, at: SocketAddr, document: &str, scratch: &Scratch) -> Program {
    let url = format!("http://{at}/document.php/{document}?wait");
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--fail", "--max-time", "60", "-X", "PUT"])
        .args(["--data-binary", "first\nheld\n", &url]);
    let saving = Program::spawn(&mut curl, scratch.path().join(format!("{document}.saving")));
    wait_for(&saving, || store.is_at_work(document));
    saving
}

fn wait_for(program: &Program, mut what: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !what() {
        assert!(Instant::now() < deadline, "{}", program.said());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn document(at: SocketAddr, name: &str) -> String {
    let got = Command::new("curl")
        .args(["-sS", "--fail", "--max-time", "20"])
        .arg(format!("http://{at}/document.php/{name}"))
        .output()
        .expect("curl is there");
    String::from_utf8(got.stdout).expect("text")
}

/// Runs all of them against the gateway in front of `store`, or against who terminates TLS before it.
fn all_save_beside_the_others(store: &Store, tls: Option<fn(SocketAddr) -> Tls>) {
    let gateway = Gateway::start(store.addr, "");
    let tls = tls.map(|before| before(gateway.addr));
    let base = tls.as_ref().map_or_else(
        || format!("http://{}", gateway.addr),
        |tls| format!("https://{}", tls.addr),
    );
    let trusted = tls.as_ref().map(|tls| tls.certificate.as_path());
    let scratch = Scratch::new("clients");
    let at = gateway.addr;
    std::thread::scope(|scope| {
        for (page, name) in CLIENTS {
            let (base, scratch) = (&base, &scratch);
            // Each is watched by itself: one that waits for another to be done would come back meanwhile.
            scope.spawn(move || {
                let file = scratch.file(name, &program(page));
                let mut client = command(page, &file, trusted);
                client.args([&format!("{base}/document.php/{page}"), "mine"]);
                saves_beside_another(page, store, at, client, scratch);
            });
        }
    });
    gateway.ends_well();
}

/// Runs one client while a write is at work, which ends once the client has met it and waits.
fn saves_beside_another(
    page: &str,
    store: &Store,
    at: SocketAddr,
    mut client: Command,
    scratch: &Scratch,
) {
    let mut saving = begin_to_save(store, at, page, scratch);
    let log = scratch.path().join(format!("{page}.log"));
    let mut client = Program::spawn(&mut client, log);
    let refusals = || client.said().matches("somebody else is writing").count();
    let heard = refusals();
    // It waits from then on, and reads again after that: when this write has ended. Between an older line and now it may have
    // read already, and would save over what comes of it.
    wait_for(&client, || refusals() > heard);
    store.go(page);
    assert!(saving.wait(DEADLINE).is_some_and(|status| status.success()));
    let status = client.wait(DEADLINE);
    let said = client.said();
    assert!(
        status.is_some_and(|status| status.success()),
        "{page}: {said}"
    );
    assert!(said.contains("saved at attempt"), "{page}: {said}");
    assert_eq!(document(store.addr, page), "first\nheld\nmine\n", "{page}");
}

#[test]
fn the_clients_of_the_documentation_save_beside_others_in_apache() {
    all_save_beside_the_others(&Store::apache(), None);
}

#[test]
fn the_clients_of_the_documentation_save_beside_others_in_nginx() {
    all_save_beside_the_others(&Store::nginx(), None);
}

#[test]
fn the_clients_of_the_documentation_save_beside_others_through_an_nginx_that_terminates_tls() {
    all_save_beside_the_others(&Store::apache(), Some(Tls::nginx));
}

#[test]
fn the_clients_of_the_documentation_save_beside_others_through_an_apache_that_terminates_tls() {
    all_save_beside_the_others(&Store::nginx(), Some(Tls::apache));
}
