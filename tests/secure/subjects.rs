//! Clients that show certificates: who is let in, what the upstream is told, and keys that are made of it.

use super::{Curled, curl, showing};
use crate::support::certificates::{Authority, Issued};
use crate::support::gateway::Gateway;
use crate::support::loopback::{Origin, answer};
use crate::support::mirror::Mirror;

/// A gateway that asks clients for certificates.
fn asking(upstream: &str, authority: &Authority, demand: &str, tables: &str) -> Gateway {
    let shown = authority.server("shop", "DNS:shop.example").shown();
    let ca = authority.ca();
    let settings = format!(
        "client_ca = \"{}\"\nclient_certificate = \"{demand}\"\nsubject_header = \"X-Client-Subject\"",
        ca.display()
    );
    Gateway::with_tls(upstream, "", (&shown, &settings), tables)
}

async fn ask(
    gateway: &Gateway,
    authority: &Authority,
    showing_this: Option<&Issued>,
    more: &[&str],
) -> Curled {
    let shown = showing_this.map(showing);
    let shown = shown.iter().flatten().map(String::as_str);
    let arguments: Vec<&str> = shown.chain(more.iter().copied()).collect();
    curl(gateway.addr, "shop.example", "/a", authority, &arguments).await
}

/// What the upstream was told of whose certificate the client has shown.
fn told(got: &Curled) -> Vec<&str> {
    let lines = got.body.lines();
    lines
        .filter(|line| line.replace('_', "-").starts_with("x-client-subject"))
        .collect()
}

const FORGED: [&str; 4] = [
    "-H",
    "X-Client-Subject: CN=admin",
    "-H",
    "X_Client_Subject: CN=admin",
];

#[tokio::test]
async fn only_clients_with_a_good_certificate_are_let_in_where_it_is_required() {
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    let mirror = Mirror::start().await;
    let gateway = asking(&mirror.url(), &authority, "required", "");
    let desk = authority.client("desk", "/C=DE/O=Shop, Ltd/CN=désk\\+7");
    for version in ["1.2", "1.3"] {
        let tls = ["--tls-max", version];
        let got = ask(
            &gateway,
            &authority,
            Some(&desk),
            &[&tls[..], &FORGED].concat(),
        )
        .await;
        assert_eq!(got.status, "200");
        let subject = "x-client-subject: CN=d\\c3\\a9sk\\+7,O=Shop\\, Ltd,C=DE";
        assert_eq!(told(&got), [subject], "{}", got.body);
        let expired = authority.issue("old", "/CN=old", "DNS:old.example", -1);
        for (who, shown) in [
            ("nobody", None),
            (
                "one of another authority",
                Some(other.client("alien", "/CN=desk")),
            ),
            ("one whose time is over", Some(expired)),
        ] {
            let got = ask(&gateway, &authority, shown.as_ref(), &tls).await;
            assert_ne!(got.code, 0, "{who} is let in by TLS {version}");
            assert_eq!(got.status, "000", "{who} is let in by TLS {version}");
        }
    }
    gateway.ends_well();
}

#[tokio::test]
async fn a_client_may_do_without_where_it_is_optional_and_what_it_says_of_itself_stays_behind() {
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    let mirror = Mirror::start().await;
    let gateway = asking(&mirror.url(), &authority, "optional", "");
    for protocol in ["--http1.1", "--http2"] {
        let arguments = [&[protocol][..], &FORGED].concat();
        let got = ask(&gateway, &authority, None, &arguments).await;
        assert_eq!(
            (&*got.status, told(&got)),
            ("200", Vec::new()),
            "{}",
            got.body
        );
        let desk = authority.client("desk", "/O=Shop/CN=desk");
        let got = ask(&gateway, &authority, Some(&desk), &arguments).await;
        assert_eq!(told(&got), ["x-client-subject: CN=desk,O=Shop"]);
        let alien = other.client("alien", "/O=Shop/CN=desk");
        let got = ask(&gateway, &authority, Some(&alien), &arguments).await;
        assert_ne!(got.code, 0, "what is shown must be good");
    }
    gateway.ends_well();
}

#[tokio::test]
async fn a_trailer_section_says_nothing_of_the_subject_either() {
    let (authority, origin) = (Authority::new("ca"), Origin::start().await);
    let gateway = asking(
        &format!("http://{}", origin.addr),
        &authority,
        "optional",
        "",
    );
    let stream = tokio::net::TcpStream::connect(gateway.addr)
        .await
        .expect("a connection");
    let stream = authority.connect(stream, "shop.example").await;
    let mut client = crate::support::http1::Connection::over(stream);
    let request = "PUT /a HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: X-Client-Subject, X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2\r\nhi\r\n0\r\nX-Client-Subject: CN=admin\r\nX-Sum: 7\r\n\r\n";
    client.send(request.as_bytes()).await.expect("it is sent");
    let mut upstream = crate::support::http1::Connection::over(origin.connection().await);
    let mut read = String::new();
    crate::support::loopback::in_time("the trailer section", async {
        while !read.contains("x-sum: 7\r\n\r\n") {
            let mut buf = [0; 4096];
            let count = tokio::io::AsyncReadExt::read(&mut upstream.stream, &mut buf).await;
            read += &String::from_utf8_lossy(&buf[..count.expect("it is read")]);
        }
    })
    .await;
    assert!(!read.to_lowercase().contains("subject:"), "{read}");
    answer(&mut upstream, "").await;
    gateway.ends_well();
}

#[tokio::test]
async fn writes_of_one_subject_conflict_and_those_of_two_do_not() {
    let (authority, origin) = (Authority::new("ca"), Origin::start().await);
    let tables = "[guard]\nkey = \"{client-subject}\"\n";
    let gateway = asking(
        &format!("http://{}", origin.addr),
        &authority,
        "required",
        tables,
    );
    let desk = authority.client("desk", "/O=Shop/CN=desk");
    let till = authority.client("till", "/O=Shop/CN=till");
    let put = ["-X", "PUT", "-d", "x"];
    let held = ask(&gateway, &authority, Some(&desk), &put);
    let meanwhile = async {
        let (mut upstream, _) = origin.request().await;
        let refused = ask(&gateway, &authority, Some(&desk), &put).await;
        assert_eq!(refused.status, "409");
        assert!(
            refused.body.contains("cn%3Ddesk%2Co%3Dshop"),
            "{}",
            refused.body
        );
        let other = ask(&gateway, &authority, Some(&till), &put);
        let its_answer = async {
            let (mut upstream, _) = origin.request().await;
            answer(&mut upstream, "").await;
        };
        let (other, ()) = tokio::join!(other, its_answer);
        assert_eq!(other.status, "200");
        answer(&mut upstream, "").await;
    };
    let (held, ()) = tokio::join!(held, meanwhile);
    assert_eq!(held.status, "200");
    gateway.ends_well();
}
