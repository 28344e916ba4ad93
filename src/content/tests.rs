//! Which keys bodies give, and why others give none.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::{HeaderName, HeaderValue, Method};
use proptest::prelude::*;

use super::*;
use crate::config::{Config, Override, Overrides};
use crate::policy::{Head, Key};

mod json;
mod multipart;

const LIMIT: usize = 64 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";

/// A policy that refuses what has no value for one of these keys.
fn config(keys: &[&str]) -> Config {
    let text = format!("[[route]]\npath = \"/t\"\nkeys = {keys:?}\non_missing_key = \"reject\"");
    let overrides = Overrides {
        upstream: Some(Override::flag("--upstream", "http://127.0.0.1:3000")),
        ..Overrides::default()
    };
    Config::parse("test", &text, &overrides).unwrap()
}

/// The keys of a `POST` with these fields and this body, or why it has none.
fn keys_of(config: &Config, fields: &[(&'static str, &str)], body: &[u8]) -> String {
    let fields = fields.iter().map(|(name, value)| {
        let value = HeaderValue::from_str(value).unwrap();
        (HeaderName::from_static(name), value)
    });
    let headers: Fields = fields.collect();
    let content = read(&headers, body, config.policy.wanted(), LIMIT);
    let plan = config.policy.plan(&Head {
        method: &Method::POST,
        path: "/t",
        query: None,
        host: "",
        headers: &headers,
        client_subject: None,
        content: Some(&content),
    });
    match plan {
        Ok(plan) => {
            let guard = plan.guard.unwrap();
            let keys: Vec<&str> = guard.keys().map(Key::as_str).collect();
            keys.join(" ")
        }
        Err(error) => error.to_string(),
    }
}

fn keys(template: &str, media_type: &str, body: impl AsRef<[u8]>) -> String {
    let fields = [("content-type", media_type)];
    keys_of(&config(&[template]), &fields, body.as_ref())
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// As `zstd` writes a text of up to 255 octets that it does not compress (RFC 8878 §3.1.1).
fn zstd(text: &[u8]) -> Vec<u8> {
    let octets = u8::try_from(text.len()).unwrap();
    let block = (u32::from(octets) << 3 | 1).to_le_bytes();
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, octets];
    frame.extend_from_slice(&block[..3]);
    frame.extend_from_slice(text);
    frame
}

/// The same for brotli, of up to 65536 octets (RFC 7932 §9.1, §9.2): a window, a block that is not compressed, the last block.
fn brotli(text: &[u8]) -> Vec<u8> {
    // WBITS 16 is `0`; ISLAST `0`; MNIBBLES `00`; MLEN - 1 in 16 bits; ISUNCOMPRESSED `1`; then to the next octet.
    let head = (text.len() as u32 - 1) << 4 | 1 << 20;
    let mut stream = head.to_le_bytes()[..3].to_vec();
    stream.extend_from_slice(text);
    stream.push(3);
    stream
}

const TEXT: &[u8] = br#"{"from": 7}"#;

fn coded(coding: &str, body: &[u8]) -> String {
    let fields = [
        ("content-type", "application/json"),
        ("content-encoding", coding),
    ];
    keys_of(&config(&["account:{json:/from}"]), &fields, body)
}

#[test]
fn a_body_in_a_coding_is_read_for_its_keys() {
    for (coding, body) in [
        ("identity", TEXT.to_vec()),
        ("gzip", gzip(TEXT)),
        ("x-gzip", [gzip(b"{\"from\":"), gzip(b"7}")].concat()),
        ("deflate", zlib(TEXT)),
        ("deflate", deflate(TEXT)),
        ("br", brotli(TEXT)),
        ("zstd", zstd(TEXT)),
    ] {
        assert_eq!(coded(coding, &body), "account:7", "{coding}");
        if coding == "identity" {
            continue;
        }
        let short = &body[..body.len() - 1];
        let bad = "its body is not what its Content-Encoding says";
        assert!(coded(coding, short).ends_with(bad), "{coding}");
        let long = [&body[..], b"x"].concat();
        assert!(coded(coding, &long).ends_with(bad), "{coding}");
        assert!(coded(coding, TEXT).ends_with(bad), "{coding}");
        assert!(coded(coding, b"").ends_with("it has no body"), "{coding}");
    }
}

#[test]
fn a_bomb_has_no_value() {
    let bomb = vec![b' '; LIMIT + 1];
    let told = format!("is larger, decoded, than the {LIMIT} bytes that are read for a key");
    let zstd = {
        // Each block is one octet, so many times over.
        let block = |last: u32| (128 << 10 << 3 | 1 << 1 | last).to_le_bytes();
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
        for last in [0, 0, 1] {
            frame.extend_from_slice(&block(last)[..3]);
            frame.push(b' ');
        }
        frame
    };
    for (coding, body) in [
        ("gzip", gzip(&bomb)),
        ("deflate", zlib(&bomb)),
        ("deflate", deflate(&bomb)),
        ("br", [brotli(&bomb[..LIMIT]), Vec::new()].concat()),
        ("zstd", zstd),
    ] {
        if coding == "br" {
            let fits = coded(coding, &body);
            assert!(fits.contains("is not JSON"), "{fits}");
            continue;
        }
        assert!(coded(coding, &body).contains(&told), "{coding}");
        let just = decode::decoded(&body, Coding::Gzip, LIMIT + 1);
        assert!(coding != "gzip" || just.is_ok_and(|plain| plain.len() == LIMIT + 1));
    }
    assert!(matches!(
        decode::decoded(&brotli(&bomb[..LIMIT]), Coding::Brotli, LIMIT - 1),
        Err(NoValue::TooLargeDecoded { limit }) if limit == LIMIT - 1
    ));
}

#[test]
fn a_window_larger_than_http_has_is_refused_before_it_is_made() {
    // Window_Descriptor: 2^(10 + 17) octets.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 1, 0, 0];
    assert_eq!(
        decode::decoded(&frame, Coding::Zstd, LIMIT),
        Err(NoValue::BadCoding)
    );
}

#[test]
fn a_field_of_a_form_gives_a_key_for_each_value() {
    let of = |body: &str| keys("o:{form:order[id]}", FORM, body);
    assert_eq!(of("order%5Bid%5D=A+b%2F&x=1"), "o:a%20b%2F");
    assert_eq!(of("order[id]=7&order[id]=8&order[id]="), "o:7 o:8");
    assert!(of("order=7").ends_with(
        "which its resource key is made of: its body has nothing there that names a resource"
    ));
    let json = keys("{json:/a}", FORM, "a=1");
    assert!(
        json.ends_with("its Content-Type is not that of JSON"),
        "{json}"
    );
}

#[test]
fn a_form_is_parsed_once_for_its_method_and_its_fields() {
    let config = config(&["{method}:{form:id}"]);
    let found = |media_type: &str, body: &str| {
        keys_of(&config, &[("content-type", media_type)], body.as_bytes())
    };
    assert_eq!(found(FORM, "id=7&_method=put"), "POST:7 PUT:7");
    let multipart = multipart::form(&[("_method", "delete"), ("id", "7")]);
    assert_eq!(found(multipart::TYPE, &multipart), "DELETE:7 POST:7");
}

#[test]
fn what_the_head_tells_is_known_before_a_body_is_read() {
    let foreseen = |fields: &[(&'static str, &'static str)], octets| {
        let fields = fields.iter().map(|(name, value)| {
            let value = HeaderValue::from_static(value);
            (HeaderName::from_static(name), value)
        });
        foreseen(&fields.collect(), octets, LIMIT).is_some()
    };
    let json = ("content-type", "application/json");
    assert!(!foreseen(&[json], None));
    assert!(!foreseen(&[json], Some(LIMIT as u64)));
    assert!(foreseen(&[json], Some(LIMIT as u64 + 1)));
    assert!(foreseen(&[json], Some(0)));
    assert!(foreseen(&[], None));
    assert!(foreseen(&[json, ("content-encoding", "gzip, br")], None));
}

proptest! {
    #[test]
    fn no_body_panics_and_none_is_decoded_beyond_its_bound(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        limit in 1_usize..400,
    ) {
        let config = config(&["{json:/a/*/b}", "{form:a}"]);
        for media_type in ["application/json", FORM, multipart::TYPE] {
            let fields = [("content-type", media_type)];
            keys_of(&config, &fields, &body);
        }
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
            let plain = decode::decoded(&body, coding, limit);
            prop_assert!(plain.is_err() || plain.is_ok_and(|plain| plain.len() <= limit));
        }
    }

    #[test]
    fn a_damaged_body_does_not_panic(at in 0_usize..40, byte: u8, text in "[ -~]{1,200}", limit in 1_usize..400) {
        let text = text.as_bytes();
        for (coding, mut body) in [
            (Coding::Gzip, gzip(text)),
            (Coding::Deflate, zlib(text)),
            (Coding::Deflate, deflate(text)),
            (Coding::Brotli, brotli(text)),
            (Coding::Zstd, zstd(text)),
        ] {
            prop_assert_eq!(decode::decoded(&body, coding, 200).unwrap(), text);
            let at = at % body.len();
            body[at] = byte;
            let plain = decode::decoded(&body, coding, limit);
            prop_assert!(plain.is_err() || plain.is_ok_and(|plain| plain.len() <= limit));
        }
    }

    #[test]
    fn one_value_is_one_key_however_it_is_sent(value in "[a-z:%/{} é]{1,12}", other in "[a-z:%/{} é]{1,12}") {
        let json = serde_json::json!({"a": value, "b": other}).to_string();
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("a", &value)
            .append_pair("b", &other)
            .finish();
        let json = keys("{json:/a}:{json:/b}", "application/json", json);
        let form = keys("{form:a}:{form:b}", FORM, form);
        let parts = multipart::form(&[("a", &value), ("b", &other)]);
        let parts = keys("{form:a}:{form:b}", multipart::TYPE, parts);
        prop_assert_eq!(&json, &form);
        prop_assert_eq!(&json, &parts);
        prop_assert_eq!(json.split(':').count(), 2, "{}", json);
    }
}
