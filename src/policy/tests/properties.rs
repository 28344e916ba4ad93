//! What holds for every request and every template.

use proptest::prelude::*;

use super::*;
use crate::policy::content::{Content, Values};

/// Values made of what templates are made of, so that they try to forge.
fn value() -> impl Strategy<Value = String> {
    prop_oneof!["[a:|/%. &=;2-]{1,5}", "[^\\x00]{1,4}"]
}

fn escaped(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

proptest! {
    #[test]
    fn different_values_never_make_the_same_key(
        left in [value(), value(), value()],
        right in [value(), value(), value()],
        template in prop_oneof![
            Just("{query:a}:{query:b}:{query:c}"), Just("{query:a}|x:{query:b}/{query:c}"),
            Just("a{query:a}-/-{query:b}::{query:c}z"),
        ],
    ) {
        let route = route_with("/r", &[template], Distinguish { case: true, ..Distinguish::default() });
        let policy = policy([route]);
        let key = |[a, b, c]: &[String; 3]| {
            let target = format!("/r?a={}&b={}&c={}", escaped(a), escaped(b), escaped(c));
            try_plan(&policy, "PUT", &target, &[]).unwrap().guard.unwrap().locks
        };
        prop_assert_eq!(key(&left) == key(&right), left == right);
    }

    #[test]
    fn different_segments_never_make_the_same_key(
        left in ("[a:%2F.-]{0,4}x", "[a:%2F/.-]{0,6}x"),
        right in ("[a:%2F.-]{0,4}x", "[a:%2F/.-]{0,6}x"),
    ) {
        let policy = policy([route("/{a}/{*rest}", &["{rest}:{a}"])]);
        let canonical = |(a, rest): &(String, String)| canonical(&format!("/{a}/{rest}"), Distinguish::default()).into_owned();
        let key = |parts| {
            let path = canonical(parts);
            try_plan(&policy, "PUT", &path, &[]).unwrap().guard.unwrap().locks
        };
        prop_assert_eq!(key(&left) == key(&right), canonical(&left) == canonical(&right));
    }

    #[test]
    fn no_template_makes_a_panic(text in prop_oneof!["[{}a:/?é%-]{0,12}", any::<String>()]) {
        let pattern = Pattern::parse("/{a}/{*rest}", Distinguish::default()).unwrap();
        let _ = Template::parse(&text, &pattern);
    }

    #[test]
    fn no_request_makes_a_panic(
        method in "[A-Za-z]{1,5}|POST|MOVE",
        path in prop_oneof!["[/a%2fF.;\\\\]{0,12}", any::<String>()],
        query in proptest::option::of(any::<String>()),
        host in prop_oneof!["[a.:0-9\\[\\]]{0,8}", any::<String>()],
        fields in proptest::collection::vec((0_usize..8, proptest::collection::vec(any::<u8>(), 0..12)), 0..6),
        said in proptest::option::of(proptest::collection::vec("[ -~é]{0,9}", 0..9)),
    ) {
        let names = [
            "x-http-method-override", "destination", "cookie", "x-tenant", "content-type", "upgrade", "connection",
            "authorization",
        ];
        let mut headers = http::HeaderMap::new();
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(names[name], value);
            }
        }
        let keys = ["{rest}:{id}:{host}", "{query:a}:{cookie:c}", "{header:x-tenant}:{header:authorization}:{method}", "{json:/a}:{form:a}", "{json:/a}"];
        let policy = policy([
            route("/a/{id}/{*rest}", &keys),
            route_with("/{*rest}", &[], Distinguish { case: true, trailing_slash: true, encoded_slash: true }),
        ]);
        let content = said.map(|said| {
            let mut values = Values::default();
            said.iter().for_each(|value| values.add("/a", value));
            Content::of_json(Ok(values))
        });
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let head = Head {
            method: &method,
            path: &path,
            query: query.as_deref(),
            host: &host,
            headers: &headers.into(),
            client_subject: None,
            content: content.as_ref(),
        };
        if let Ok(plan) = policy.plan(&head) {
            prop_assert!(content.is_none() || plan.awaits == Awaits::Nothing);
            let keys = plan.guard.map(|guard| guard.locks);
            prop_assert!(keys.is_none_or(|locks| !locks.is_empty() && locks.is_sorted_by(|a, b| a.key < b.key)));
        }
    }
}
