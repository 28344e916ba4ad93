//! JSON documents.

use super::*;

const JSON: &str = "application/json";

fn found(template: &str, body: &str) -> String {
    keys(template, JSON, body)
}

fn why(template: &str, body: impl AsRef<[u8]>) -> String {
    let told = keys(template, JSON, body);
    let why = told.split_once("made of: ");
    why.unwrap_or_else(|| panic!("it has keys: {told}"))
        .1
        .to_owned()
}

#[test]
fn a_pointer_finds_what_it_names() {
    let body =
        r#"{"a": {"b": [{"c": "X y"}, 2]}, "": "e", "a/b": 1, "m~n": [[true]], "*": "star"}"#;
    for (pointer, key) in [
        ("/a/b/0/c", "x%20y"),
        ("/a/b/1", "2"),
        ("/", "e"),
        ("/a~1b", "1"),
        ("/m~0n/0/0", "true"),
        ("/*", "star"),
        ("/a/b/*", "2"),
        ("/a/b/*/c", "x%20y"),
        ("/A/B/0/C", "x%20y"),
    ] {
        assert_eq!(
            found(&format!("{{json:{pointer}}}"), body),
            key,
            "{pointer}"
        );
    }
    for pointer in [
        "/a", "/a/b", "/a/b/2", "/a/b/01", "/a/b/-", "/b", "/a/b/0", "/a/b/1/c",
    ] {
        let why = why(&format!("{{json:{pointer}}}"), body);
        assert_eq!(
            why, "its body has nothing there that names a resource",
            "{pointer}"
        );
    }
}

#[test]
fn every_element_gives_a_key() {
    let lines =
        r#"{"lines": [{"id": 3}, {"id": "A"}, {"x": 1}, {"id": null}, {"id": 3.0}, {"id": ""}]}"#;
    assert_eq!(found("line:{json:/lines/*/id}", lines), "line:3 line:a");
    let both = r#"[[1, 2], [3]]"#;
    assert_eq!(found("{json:/*/*}", both), "1 2 3");
    assert_eq!(found("{json:/*/0}:{json:/0/*}", both), "1:1 1:2 3:1 3:2");
    let list = |count: u32| serde_json::json!((0..count).collect::<Vec<_>>()).to_string();
    assert_eq!(found("{json:/*}", &list(64)).split(' ').count(), 64);
    for count in [65, 256, 300, 5000] {
        let told = found("{json:/*}", &list(count));
        assert_eq!(
            told, "the request names more than 64 resource keys",
            "{count}"
        );
    }
    let same = format!("[{}7]", "7,".repeat(5000));
    assert_eq!(found("{json:/*}", &same), "7");
}

#[test]
fn spellings_of_one_number_are_one_key() {
    for spelling in [
        "7",
        "\"7\"",
        "7.0",
        "7e0",
        "\"7.00\"",
        "\"\\u0037\"",
        " 70e-1 ",
    ] {
        assert_eq!(
            found("{json:/a}", &format!("{{\"a\":{spelling}}}")),
            "7",
            "{spelling}"
        );
    }
    for (spelling, key) in [
        ("true", "true"),
        ("\"False\"", "false"),
        ("-0", "0"),
        ("-12", "-12"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("0.1", "0.1"),
        ("\"0.10\"", "0.1"),
        ("\"007\"", "007"),
        (
            "\"123456789012345678901234567890\"",
            "123456789012345678901234567890",
        ),
        (
            "\"123456789012345678901234567891\"",
            "123456789012345678901234567891",
        ),
    ] {
        assert_eq!(
            found("{json:/a}", &format!("{{\"a\":{spelling}}}")),
            key,
            "{spelling}"
        );
    }
}

#[test]
fn a_name_that_stands_twice_anywhere_leaves_no_value() {
    for (body, name) in [
        (r#"{"from": 1, "from": 1}"#, "from"),
        (r#"{"from": 1, "x": {"a": [{"b": 1, "\u0062": 2}]}}"#, "b"),
        (r#"{"from": 1, "From": 2}"#, "From"),
        (
            r#"{"a1":1,"a2":1,"a3":1,"a4":1,"a5":1,"a6":1,"a7":1,"a8":1,"a9":1,"from":1,"a2":1}"#,
            "a2",
        ),
        (
            r#"{"a1":1,"a2":1,"a3":1,"a4":1,"a5":1,"a6":1,"a7":1,"a8":1,"a9":1,"from":1,"a9":1}"#,
            "a9",
        ),
    ] {
        let told = format!("its body has the member `{name}` twice");
        assert_eq!(why("{json:/from}", body), told, "{body}");
    }
    // Nothing is made of it.
    assert_eq!(found("{json:/from}", r#"{"from": 1, "x": 1, "X": 2}"#), "1");
    assert_eq!(
        found("{json:/from}", r#"{"from": 1, "x": {"from": 2}}"#),
        "1"
    );
}

#[test]
fn what_is_no_json_has_no_value() {
    for (body, place) in [
        (&b"{\"a\": 1,}"[..], "line 1, column 9"),
        (b"{\"a\": 1", "line 1, column 7"),
        (b"{\"a\": 1}\n}", "line 2, column 1"),
        (b"{'a': 1}", "line 1, column 2"),
        (b"{\"a\": NaN}", "line 1, column 7"),
        (b"{\"a\": 1e999}", "line 1, column 11"),
        (b"{\"a\": \"\xff\"}", "line 1, column 8"),
        (b"{\"a\": 1, \"\xc3(\": 2}", "line 1, column 11"),
        (b"{\"a\": \"\\ud800\"}", "line 1, column 14"),
        (b"a=1", "line 1, column 1"),
        (b"\xfe\xff\0{", "line 1, column 1"),
    ] {
        let told = format!("its body is not JSON from {place} on");
        assert_eq!(
            why("{json:/a}", body),
            told,
            "{:?}",
            String::from_utf8_lossy(body)
        );
    }
    assert_eq!(why("{json:/a}", b""), "it has no body");
    assert_eq!(keys("{json:/a}", JSON, b"\xef\xbb\xbf{\"a\": 1}"), "1");
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let told = "its body is nested more than 100 levels deep";
    assert_eq!(why("{json:/a}", deep(101)), told);
    assert_eq!(why("{json:/a}", deep(50_000)), told);
    assert!(why("{json:/a}", deep(100)).contains("nothing there"));
}

/// A document, its wanted value somewhere in it.
fn documents() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,6}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let members = proptest::collection::btree_map("[a-e]{1,2}", inner.clone(), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(Into::into),
            members.prop_map(|members| members.into_iter().collect::<serde_json::Value>()),
        ]
    })
}

/// What serde_json's own pointers find, as text.
fn expected(document: &serde_json::Value, pointer: &str) -> Option<String> {
    let text = match document.pointer(pointer)? {
        serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            return None;
        }
        serde_json::Value::String(text) => number::of_text(text).into_owned(),
        serde_json::Value::Number(number) if number.is_f64() => number::of_double(number.as_f64()?),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
            document.pointer(pointer)?.to_string()
        }
    };
    (!text.is_empty()).then_some(text)
}

/// As a source inserts it.
fn escaped(text: &str) -> String {
    let bytes = text.bytes().map(|byte| match byte.to_ascii_lowercase() {
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    });
    bytes.collect()
}

proptest! {
    #[test]
    fn a_pointer_finds_what_another_reader_finds(document in documents(), pointer in "(/[a-e0-2]{1,2}){1,3}") {
        let config = config(&[&format!("{{json:{pointer}}}")]);
        let fields = [("content-type", JSON)];
        let found = keys_of(&config, &fields, document.to_string().as_bytes());
        let expected = expected(&document, &pointer).map(|text| escaped(&text));
        match expected {
            Some(key) => prop_assert_eq!(found, key),
            None => prop_assert!(found.ends_with("nothing there that names a resource"), "{}", found),
        }
    }

    #[test]
    fn equal_numbers_are_equal_keys(whole in -1_000_000_i64..1_000_000, zeros in 0_usize..4, shift in 0_i32..5) {
        let fraction = format!("{whole}.{}", "0".repeat(zeros + 1));
        let shifted = format!("{whole}{}e-{shift}", "0".repeat(shift as usize));
        let key = found("{json:/a}", &format!("{{\"a\":{whole}}}"));
        for spelling in [fraction, shifted] {
            prop_assert_eq!(&found("{json:/a}", &format!("{{\"a\":{spelling}}}")), &key);
            prop_assert_eq!(&found("{json:/a}", &format!("{{\"a\":\"{spelling}\"}}")), &key);
        }
    }
}
