//! Which keys a request claims.

use super::*;
use crate::policy::content::{Content, NoValue, Values};
use crate::policy::template::TemplateError;

#[test]
fn each_source_gives_its_values() {
    let keys = |template: &str, target: &str, fields: &[(&'static str, &str)]| {
        let policy = policy([route("/r/{id}/{*rest}", &[template])]);
        plan(&policy, "PUT", target, fields).replace("/r/{id}/{*rest} Write ", "")
    };
    assert_eq!(keys("{id}", "/r/A%40b/c/d", &[]), "a%40b");
    assert_eq!(keys("<{rest}>", "/r/7/c/D/", &[]), "<c/d>");
    assert_eq!(keys("<{rest}>", "/r/7", &[]), "<>");
    assert_eq!(keys("{method} {path}", "/r/7", &[]), "PUT /r/7");
    assert_eq!(
        keys("{host}:{id}", "/r/7", &[("host", "A.example.:443")]),
        "a.example:7"
    );
    assert_eq!(
        keys("q:{query:a b}", "/r/7?a+b=x%2Fy&b=&a%20b=Z&a+b=z", &[]),
        "q:x%2Fy q:z"
    );
    assert_eq!(
        keys("{query:a}:{query:b}", "/r/7?a=1&a=2&b=3&b=4", &[]),
        "1:3 1:4 2:3 2:4"
    );
    assert_eq!(
        keys(
            "t:{header:X-Tenant}",
            "/r/7",
            &[("x-tenant", " a b\t"), ("x_tenant", "é")]
        ),
        "t:%C3%A9 t:a%20b"
    );
}

#[test]
fn a_missing_value_is_met_as_the_route_says() {
    let keys = |how, target, fields: &[(&'static str, &str)]| {
        let templates = ["q:{query:a}", "h:{header:x}", "{cookie:c}"];
        plan(
            &policy([on_missing(how, route("/r", &templates))]),
            "PUT",
            target,
            fields,
        )
    };
    let (reject, path, forward) = (
        OnMissingKey::Reject,
        OnMissingKey::Path,
        OnMissingKey::Forward,
    );
    assert!(keys(reject, "/r?a=1", &[]).contains("{header:x}"));
    assert_eq!(keys(path, "/r?a=1", &[]), "/r Write /r q:1");
    assert_eq!(
        keys(path, "/r?a=", &[("x", " "), ("cookie", "c=")]),
        "/r Write /r"
    );
    assert_eq!(keys(forward, "/r?a=1", &[]), "/r Write q:1");
    assert_eq!(keys(forward, "/r", &[]), "/r NoKey");
}

#[test]
fn too_many_keys_are_refused() {
    let query = |count: usize| {
        (0..count)
            .map(|nth| format!("a={nth}&"))
            .collect::<String>()
    };
    let policy = policy([
        route("/r", &["{query:a}"]),
        route("/s", &["{query:a}:{query:a}"]),
    ]);
    assert!(try_plan(&policy, "PUT", &format!("/r?{}", query(64)), &[]).is_ok());
    let too_many = Err(KeyError::TooMany { limit: KEY_LIMIT });
    assert_eq!(
        try_plan(&policy, "PUT", &format!("/r?{}", query(65)), &[]).map(|_| ()),
        too_many
    );
    assert_eq!(
        try_plan(&policy, "PUT", &format!("/s?{}", query(9)), &[]).map(|_| ()),
        too_many
    );
}

#[test]
fn a_credential_is_compared_as_it_is_and_shown_as_a_digest() {
    let policy = policy([
        route("/r", &["session:{cookie:sid}"]),
        route("/h", &["{header:Authorization}"]),
    ]);
    let key = |cookie: &str| {
        let found = try_plan(&policy, "PUT", "/r", &[("cookie", cookie)]).unwrap();
        found.guard.unwrap().locks[0].key.clone()
    };
    let secret = key("a=b; sid=Secret");
    assert_eq!(secret.as_str(), "session:Secret");
    assert_eq!(secret, key("sid=\"%53ecret\"; sid2=x"));
    assert_ne!(secret, key("sid=secret"));
    assert!(
        secret.shown().starts_with("session:<") && secret.shown().len() == "session:<>".len() + 16
    );
    assert_eq!(secret.shown(), key("sid=Secret").shown());
    assert_ne!(secret.shown(), key("sid=other").shown());
    assert!(
        plan(&policy, "PUT", "/h", &[("authorization", "Basic eDp5")]).starts_with("/h Write <")
    );
}

#[test]
fn a_template_that_could_forge_a_key_is_refused() {
    let pattern = Pattern::parse("/{a}/{b}/{*c}", Distinguish::default()).unwrap();
    let parse = |text| Template::parse(text, &pattern);
    for forgeable in [
        "{a}{b}",
        "{a}-{b}",
        "{a}%3A{b}",
        "{a}/{c}",
        "{c}x{a}",
        "{path}/{a}",
    ] {
        assert!(
            matches!(parse(forgeable), Err(TemplateError::Adjacent { .. })),
            "{forgeable}"
        );
    }
    for sound in [
        "{a}:{b}",
        "{a}/{b}",
        "{a}-:-{c}",
        "{a}é{b}",
        "x{a}",
        "{a}x",
        "constant",
    ] {
        assert!(parse(sound).is_ok(), "{sound}");
    }
    for malformed in [
        "",
        "{",
        "}",
        "{a",
        "a}",
        "{a}}",
        "{}",
        "{d}",
        "{query:}",
        "{header:a b}",
        "{json:a}",
        "{json:}",
        "{json:/~}",
        "{form:}",
        "{x:y}",
        "\n",
    ] {
        assert!(parse(malformed).is_err(), "{malformed}");
    }
    let error = parse("{idd}").unwrap_err().to_string();
    assert!(
        error.contains("the path has `{a}`, `{b}`, `{c}`"),
        "{error}"
    );
    for of_body in ["{json:/a}", "{json:/a~1b/*/c}:{form:b[c]}"] {
        assert!(parse(of_body).is_ok(), "{of_body}");
    }
    assert!(parse("{json:/a}{form:b}").is_err());
}

/// What of a plan stands before the body is read, and after.
fn before_and_after(policy: &Policy, content: &Content) -> (String, String) {
    let headers = Fields::from_iter([(
        HeaderName::from_static("x-tenant"),
        HeaderValue::from_static("t"),
    )]);
    let head = Head {
        method: &Method::POST,
        path: "/r",
        query: None,
        host: "",
        headers: &headers,
        client_subject: None,
        content: None,
    };
    let before = policy.plan(&head).unwrap();
    assert_eq!(before.awaits, Awaits::Keys);
    let after = policy.plan(&Head {
        content: Some(content),
        ..head
    });
    let after = after.map_or_else(
        |error| error.to_string(),
        |plan| {
            assert_eq!(plan.awaits, Awaits::Nothing);
            said(policy, &plan)
        },
    );
    (said(policy, &before), after)
}

#[test]
fn a_key_of_the_body_is_awaited_and_those_of_the_head_stand_before_it() {
    let templates = ["t:{header:x-tenant}", "a:{json:/from}", "a:{json:/to}"];
    let of = |how, content: &Content| {
        let policy = policy([on_missing(how, route("/r", &templates))]);
        let (before, after) = before_and_after(&policy, content);
        assert_eq!(before, "/r Write t:t");
        after
    };
    let mut values = Values::default();
    values.add("/from", "X:7");
    values.add("/to", "8");
    let content = Content::of_json(Ok(values));
    assert_eq!(
        of(OnMissingKey::Reject, &content),
        "/r Write a:8 a:x%3A7 t:t"
    );
    let none = Content::without(NoValue::NoBody);
    assert_eq!(of(OnMissingKey::Path, &none), "/r Write /r t:t");
    assert_eq!(of(OnMissingKey::Forward, &none), "/r Write t:t");
    assert_eq!(
        of(OnMissingKey::Reject, &none),
        "the request has no value for {json:/from}, which its resource key is made of: it has no body"
    );
    let alone = policy([on_missing(
        OnMissingKey::Forward,
        route("/r", &["{form:a}"]),
    )]);
    let told = before_and_after(&alone, &none);
    assert_eq!(told, ("/r NoKey".to_owned(), "/r NoKey".to_owned()));
}

#[test]
fn values_that_differ_in_case_alone_are_not_lost_beyond_the_bound() {
    let mut values = Values::default();
    for nth in 0_u32..300 {
        let letters = (0..9).map(|bit| if nth >> bit & 1 == 0 { 'a' } else { 'A' });
        values.add("/a", &letters.collect::<String>());
    }
    let policy = policy([route("/r", &["{json:/a}", "{header:x-tenant}"])]);
    let (_, after) = before_and_after(&policy, &Content::of_json(Ok(values)));
    assert!(after.contains("more than 64"), "{after}");
}

#[test]
fn the_subject_of_a_client_s_certificate_is_a_value_and_forges_none() {
    let policy = policy([route("/r", &["<{client-subject}>{path}"])]);
    let keys = |subject| {
        let plan = policy.plan(&Head {
            method: &Method::PUT,
            path: "/r",
            query: None,
            host: "",
            headers: &Fields::from_iter([(
                HeaderName::from_static("x-client-subject"),
                HeaderValue::from_static("CN=admin"),
            )]),
            client_subject: subject,
            content: None,
        });
        let guard = plan.unwrap().guard.unwrap();
        let keys = guard.keys();
        keys.map(|key| key.shown().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keys(Some("CN=Desk,O=Shop")), ["<cn%3Ddesk%2Co%3Dshop>/r"]);
    assert_eq!(keys(Some("CN=desk>/r")), ["<cn%3Ddesk%3E%2Fr>/r"]);
    // Missing: as `on_missing_key` says, the canonical path.
    assert_eq!(keys(None), ["/r"]);
}
