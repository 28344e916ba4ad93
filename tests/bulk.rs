//! What is large: bodies of a gibibyte, sent and taken by curl, and many connections that are idle.

use crate::support::certificates::Authority;
use crate::support::gateway::Gateway;
use crate::support::loopback::{client_sends, reply};
use crate::support::program::{Program, Scratch, repository};
use crate::support::witness::Witness;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::time::sleep;

const GIBIBYTE: u64 = 1 << 30;

/// What the gateway may ever have in memory: some buffers' worth, and far below one such body.
const FLAT: u64 = 64 << 20;

#[test]
fn curl_that_uploads_a_gibibyte_to_a_held_key_sees_the_409_a_hundred_times_of_a_hundred() {
    let scratch = Scratch::new("bulk");
    let (_origin, upstream) = bulk(&scratch);
    let body = gibibyte(&scratch);
    let gateway = Gateway::with_defaults(upstream);
    // Its client gives up after a second, and the key stays held: the backend works on.
    let mut hold = curl(gateway.addr, "/held");
    said(hold.args(["-X", "PUT", "-d", "x", "--max-time", "1"]), "");
    for fields in [
        &["Expect: 100-continue"][..],
        &["Expect:"],
        &["Expect:", "Transfer-Encoding: chunked"],
    ] {
        let rounds = if fields.len() == 2 { 20 } else { 40 };
        for round in 0..rounds {
            let mut upload = curl(gateway.addr, "/held");
            upload.arg("-T").arg(&body);
            for field in fields {
                upload.args(["-H", field]);
            }
            assert_eq!(
                said(&mut upload, "%{http_code}"),
                "409",
                "{fields:?}, round {round}"
            );
        }
    }
}

#[test]
fn a_gibibyte_passes_each_way_in_flat_memory() {
    let scratch = Scratch::new("bulk");
    let (_origin, upstream) = bulk(&scratch);
    let gateway = Gateway::with_defaults(upstream);
    passes_each_way(&scratch, &gateway, &["--http1.1"], "1.1");
    gateway.ends_well();
}

#[test]
fn a_gibibyte_passes_each_way_over_http_2_in_flat_memory() {
    let scratch = Scratch::new("bulk");
    let (_origin, upstream) = bulk(&scratch);
    let gateway = Gateway::with_defaults(upstream);
    passes_each_way(&scratch, &gateway, &["--http2-prior-knowledge"], "2");
    gateway.ends_well();
}

#[test]
fn a_gibibyte_passes_each_way_over_tls_in_flat_memory() {
    passes_each_way_over_tls("--http1.1", "1.1");
}

#[test]
fn a_gibibyte_passes_each_way_over_http_2_and_tls_in_flat_memory() {
    passes_each_way_over_tls("--http2", "2");
}

/// Through two gateways: the first speaks TLS on both sides, since the second is what it takes for its backend.
fn passes_each_way_over_tls(spoken: &str, version: &str) {
    let scratch = Scratch::new("bulk");
    let (_origin, upstream) = bulk(&scratch);
    let authority = Authority::new("ca");
    let ca = authority.ca().display().to_string();
    let issued = authority.server("gateway", "IP:127.0.0.1").shown();
    let shown = (issued.as_str(), "");
    let second = Gateway::with_tls(&format!("http://{upstream}"), "", shown, "");
    let url = format!("https://{}", second.addr);
    let trust = format!("[upstream.tls]\nca = \"{ca}\"");
    let first = Gateway::with_tls(&url, "", shown, &trust);
    let how = [spoken, "--proto-default", "https", "--cacert", &ca];
    passes_each_way(&scratch, &first, &how, version);
    first.ends_well();
    second.ends_well();
}

fn passes_each_way(scratch: &Scratch, gateway: &Gateway, how: &[&str], version: &str) {
    let mut upload = curl(gateway.addr, "/up");
    upload.args(how).arg("-T").arg(gibibyte(scratch));
    let uploaded = said(&mut upload, "%{http_version} %{http_code} %{size_upload}");
    assert_eq!(uploaded, format!("{version} 200 {GIBIBYTE}"));
    let mut download = curl(gateway.addr, &format!("/down?octets={GIBIBYTE}"));
    let format = "%{http_version} %{http_code} %{size_download}";
    let downloaded = said(download.args(how), format);
    assert_eq!(downloaded, format!("{version} 200 {GIBIBYTE}"));
    let most = gateway.most_memory();
    println!("at most {most} bytes");
    assert!(most < FLAT, "{most} bytes of memory were used");
}

/// What an idle connection may have in memory: it keeps some 2 KiB, and has some 20 KiB of buffers to give back.
const IDLE: u64 = 4 << 10;

#[tokio::test]
async fn idle_connections_keep_little_memory() {
    const COUNT: u64 = 780;
    let witness = Witness::start(71, 0.0);
    // One of them has the memory of both given back.
    let gateway = Gateway::with_server(witness.addr, "workers = 2", "");
    let ask = async || {
        let request = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
        let mut client = client_sends(gateway.addr, request).await;
        assert_eq!(reply(&mut client).await.status, 200);
        client
    };
    let mut idle = vec![ask().await];
    // The interval is the input here, and not a wait for something to have happened.
    sleep(Duration::from_secs(3)).await;
    let before = gateway.memory();
    for _ in 0..COUNT {
        idle.push(ask().await);
    }
    let memory = gateway.until_memory_returns(before + COUNT * IDLE).await;
    let each = memory.saturating_sub(before) / COUNT;
    println!("{each} bytes for each idle connection");
    drop(idle);
    gateway.ends_well();
}

/// Huge pages would fill again what was given back, at times of the kernel's own.
#[tokio::test]
async fn it_has_no_huge_pages() {
    let witness = Witness::start(72, 0.0);
    let gateway = Gateway::with_server(witness.addr, "", "");
    assert!(!gateway.may_have_huge_pages());
    gateway.ends_well();
}

fn bulk(scratch: &Scratch) -> (Program, SocketAddr) {
    Program::listen(&scratch.path().join("origin"), |addr| {
        let mut command = Command::new("node");
        command
            .arg(repository("tests/real/bulk.js"))
            .arg(addr.port().to_string());
        command
    })
}

/// A file of that size, all holes.
fn gibibyte(scratch: &Scratch) -> PathBuf {
    let path = scratch.path().join("gibibyte");
    let file = File::create(&path).expect("a file in the test's own directory");
    file.set_len(GIBIBYTE).expect("a sparse file");
    path
}

fn curl(gateway: SocketAddr, target: &str) -> Command {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--max-time", "60", "--output"])
        .arg(Path::new("/dev/null"));
    // In clear text, unless it is told otherwise.
    command.arg(format!("{gateway}{target}"));
    command
}

fn said(curl: &mut Command, format: &str) -> String {
    let output = curl
        .args(["--write-out", format])
        .output()
        .expect("curl is there");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
