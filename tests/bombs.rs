//! Bodies that are small as they come and huge once decoded, where keys are made of them: each is met as its route says, and what the
//! gateway has in memory stays what it was.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use crate::support::gateway::Gateway;
use crate::support::http1::{Connection, Reply};
use crate::support::loopback::{Origin, client_sends, exchange, reply};

/// What most of them come to.
const DECODED: usize = 48 << 20;

/// Below each of them, and above what its two workers keep for decoders, in pieces of some MiB.
const GROWS_BY: u64 = 32 << 20;

const ROUTES: &str = "\
[[route]]\npath = \"/reject\"\nkey = \"account:{json:/from}\"\non_missing_key = \"reject\"\n\
[[route]]\npath = \"/path\"\nkey = \"account:{json:/from}\"\n\
[[route]]\npath = \"/forward\"\nkey = \"account:{json:/from}\"\non_missing_key = \"forward\"\n";

/// 64 MiB of spaces, as `brotli.compress(b" " * (1 << 26))` of brotli 1.2 for Python writes them.
const BROTLI: &str = "\
cbffff3ff82540e2b14020f7fe8fffff7ff04b00c4611180eefd1fffffffe0970088c30200ddfb3ffeffffc12f0110870500\
baf77ffcffff835f02200e0b0074effff8ffff07bf04401c1600e8defff1ffff0f7e0980382c00d0bdffe3ffff1ffc120071\
5800a07bff37";

/// A body, how it is coded, and what is told of it.
struct Bomb {
    coding: &'static str,
    body: Vec<u8>,
    told: &'static str,
}

const TOO_LARGE: &str = "its body is larger, decoded, than the 65536 bytes that are read for a key";
const BROKEN: &str = "its body is not what its Content-Encoding says";

fn bombs() -> Vec<Bomb> {
    let bomb = |coding, body, told| Bomb { coding, body, told };
    let spaces = vec![b' '; DECODED];
    let (gzip, once_more) = (gzip(&spaces), gzip(&gzip(&spaces)));
    let mut says_less = gzip.clone();
    let size = says_less.len() - 4;
    says_less[size..].copy_from_slice(&11_u32.to_le_bytes());
    vec![
        bomb("br", unhex(BROTLI), TOO_LARGE),
        bomb("deflate", zlib(&spaces), TOO_LARGE),
        bomb("deflate", deflate(&spaces), TOO_LARGE),
        bomb("zstd", zstd(&[0x00, 0x58]), TOO_LARGE),
        // These say that they have 256 octets and 2^62 in a window of 2 MiB, and 11 and 2^62 in one segment.
        bomb("zstd", zstd(&[0x40, 0x58, 0, 0]), TOO_LARGE),
        bomb(
            "zstd",
            zstd(&[0xc0, 0x58, 0, 0, 0, 0, 0, 0, 0, 0x40]),
            TOO_LARGE,
        ),
        bomb("zstd", zstd(&[0x20, 11]), BROKEN),
        bomb("zstd", zstd(&[0xe0, 0, 0, 0, 0, 0, 0, 0, 0x40]), BROKEN),
        bomb("gzip", gzip, TOO_LARGE),
        bomb("gzip", says_less, TOO_LARGE),
        bomb(
            "gzip",
            once_more.clone(),
            "its body is not JSON from line 1, column 1 on",
        ),
        bomb(
            "gzip, gzip",
            once_more,
            "its body has several Content-Encodings, of which one is read",
        ),
    ]
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

/// A frame with this header, of 1,024 blocks that are each one space 131,072 times over: 128 MiB (RFC 8878 §3.1.1).
fn zstd(header: &[u8]) -> Vec<u8> {
    let mut frame = [&[0x28, 0xb5, 0x2f, 0xfd], header].concat();
    for number in 1..=1024 {
        let block = 128_u32 << 10 << 3 | 1 << 1 | u32::from(number == 1024);
        frame.extend_from_slice(&block.to_le_bytes()[..3]);
        frame.push(b' ');
    }
    frame
}

fn unhex(text: &str) -> Vec<u8> {
    let octets = (0..text.len()).step_by(2);
    octets
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("two digits"))
        .collect()
}

impl Bomb {
    fn to(&self, path: &str) -> Vec<u8> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n\
             Content-Encoding: {}\r\nContent-Length: {}\r\n\r\n",
            self.coding,
            self.body.len()
        );
        [head.as_bytes(), &self.body].concat()
    }
}

fn says(reply: &Reply, words: &str) {
    let text = String::from_utf8_lossy(&reply.body);
    assert!(text.contains(words), "{text}");
}

#[tokio::test]
async fn a_bomb_is_met_as_its_route_says_and_takes_no_memory() {
    let bombs = bombs();
    let origin = Origin::start().await;
    let gateway = Gateway::start(origin.addr, ROUTES);
    exchange(gateway.addr, bombs[0].to("/reject")).await;
    let before = gateway.most_memory();
    for (number, bomb) in bombs.iter().enumerate() {
        println!("{number}: {}", bomb.coding);
        assert!(bomb.body.len() < 64 << 10, "{} octets", bomb.body.len());
        let refused = exchange(gateway.addr, bomb.to("/reject")).await;
        assert_eq!(refused.status, 400);
        says(&refused, bomb.told);

        let mut first = client_sends(gateway.addr, bomb.to("/path")).await;
        let mut at_work = at_origin(&origin, bomb).await;
        let second = exchange(gateway.addr, bomb.to("/path")).await;
        assert_eq!(second.status, 409);
        says(&second, "\"key\":\"/path\"");
        answer(&mut at_work).await;
        assert_eq!(reply(&mut first).await.status, 200);

        let mut first = client_sends(gateway.addr, bomb.to("/forward")).await;
        let mut second = client_sends(gateway.addr, bomb.to("/forward")).await;
        for _ in 0..2 {
            let mut beside = at_origin(&origin, bomb).await;
            answer(&mut beside).await;
        }
        assert_eq!(reply(&mut first).await.status, 200);
        assert_eq!(reply(&mut second).await.status, 200);
    }
    let grown = gateway.most_memory() - before;
    assert!(grown < GROWS_BY, "{grown} octets more");
    gateway.ends_well();
}

/// The origin's end of a connection on which the bomb came as it was sent.
async fn at_origin(origin: &Origin, bomb: &Bomb) -> Connection {
    let stream = origin.connection().await;
    let mut connection = Connection::new(stream).expect("a connection");
    let head = connection.head().await.expect("a request").expect("a head");
    assert_eq!(head.field("content-encoding"), Some(bomb.coding));
    let body = connection.request_body(&head).await.expect("its body");
    assert!(body == bomb.body, "it came changed");
    connection
}

/// Each comes over a connection of its own.
async fn answer(connection: &mut Connection) {
    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    connection.send(response).await.expect("it is sent");
}
