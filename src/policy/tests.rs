//! What a policy decides about requests.

use std::time::Duration;

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Method, Uri};
use proptest::prelude::*;

use super::key::OnMissingKey;
use super::method::Methods;
use super::path::Distinguish;
use super::pattern::Pattern;
use super::route::{Claim, Post, Treatment};
use super::template::{Template, TemplateError};
use super::*;

fn route(path: &str, keys: &[&str]) -> Route {
    route_with(path, keys, Distinguish::default())
}

fn route_with(path: &str, keys: &[&str], distinguish: Distinguish) -> Route {
    let pattern = Pattern::parse(path, distinguish).unwrap();
    let default_keys = ["{path}"];
    let texts = if keys.is_empty() { &default_keys } else { keys };
    let templates = texts
        .iter()
        .map(|text| Template::parse(text, &pattern).unwrap())
        .collect();
    Route {
        label: path.into(),
        max_work: Duration::from_secs(60),
        host: None,
        methods: Methods::Unsafe,
        distinguish,
        treatment: Treatment::Guard(Claim {
            templates,
            has_own_key: !keys.is_empty(),
            mode: Mode::Exclusive,
            on_missing_key: OnMissingKey::Path,
        }),
        pattern,
    }
}

fn only(method: &Method, route: Route) -> Route {
    let methods = Methods::Listed([method.clone()].into());
    Route { methods, ..route }
}

fn off(route: Route) -> Route {
    let treatment = Treatment::Forward;
    Route { treatment, ..route }
}

fn on_host(host: &str, route: Route) -> Route {
    let host = Some(host.into());
    Route { host, ..route }
}

fn on_missing(on_missing_key: OnMissingKey, mut route: Route) -> Route {
    if let Treatment::Guard(claim) = &mut route.treatment {
        claim.on_missing_key = on_missing_key;
    }
    route
}

fn policy(routes: impl IntoIterator<Item = Route>) -> Policy {
    policy_with(Post::Observe, routes)
}

fn policy_with(post: Post, routes: impl IntoIterator<Item = Route>) -> Policy {
    let label = "[guard]".into();
    let guard = Route {
        label,
        ..route("/", &[])
    };
    Policy::new(guard, post, routes.into_iter().collect()).unwrap()
}

/// A plan in words: the route, what happens, the keys as shown.
fn plan(policy: &Policy, method: &str, target: &str, fields: &[(&'static str, &str)]) -> String {
    match try_plan(policy, method, target, fields) {
        Ok(plan) => said(policy, &plan),
        Err(error) => error.to_string(),
    }
}

fn said(policy: &Policy, plan: &Plan) -> String {
    let label = &policy.route(plan.route).label;
    match &plan.guard {
        None => format!("{label} {:?}", plan.because),
        Some(guard) => {
            let keys: Vec<&str> = guard.keys.iter().map(Key::shown).collect();
            format!("{label} {:?} {}", guard.mode, keys.join(" "))
        }
    }
}

fn try_plan(
    policy: &Policy,
    method: &str,
    target: &str,
    fields: &[(&'static str, &str)],
) -> Result<Plan, KeyError> {
    let uri: Uri = target.parse().unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let headers: HeaderMap = fields
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        })
        .collect();
    let host = headers
        .get("host")
        .map_or("", |host| host.to_str().unwrap());
    policy.plan(&Head {
        method: &method,
        path: uri.path(),
        query: uri.query(),
        host,
        headers: &headers,
        form_method: None,
    })
}

/// The routes of the design's example.
fn orders() -> Policy {
    policy([
        route("/orders/{id}/{*rest}", &["order:{id}"]),
        off(only(&Method::POST, route("/orders", &[]))),
        route("/update-resource", &[]),
    ])
}

#[test]
fn without_a_route_put_is_guarded_and_post_observed() {
    let policy = policy([]);
    assert_eq!(
        plan(&policy, "PUT", "/Users/a@b.c/?x=1", &[]),
        "[guard] Exclusive /users/a%40b.c"
    );
    assert_eq!(plan(&policy, "FROB", "/a", &[]), "[guard] Exclusive /a");
    assert_eq!(plan(&policy, "POST", "/a", &[]), "[guard] Observed /a");
    for safe in [
        "GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY",
    ] {
        assert_eq!(plan(&policy, safe, "/a", &[]), "[guard] MethodIsSafe");
        assert!(!try_plan(&policy, safe, "/a", &[]).unwrap().is_write);
    }
    let policy = policy_with(Post::Guard, []);
    assert_eq!(plan(&policy, "POST", "/a", &[]), "[guard] Exclusive /a");
    let policy = policy_with(Post::Forward, []);
    assert_eq!(plan(&policy, "POST", "/a", &[]), "[guard] PostIsForwarded");
    assert!(try_plan(&policy, "POST", "/a", &[]).unwrap().is_write);
}

#[test]
fn the_orders_example_routes_as_the_design_says() {
    let policy = orders();
    let rest = "/orders/{id}/{*rest} Exclusive order:7";
    assert_eq!(plan(&policy, "PUT", "/orders/7", &[]), rest);
    assert_eq!(plan(&policy, "POST", "/ORDERS/7/lines/3", &[]), rest);
    assert_eq!(
        plan(&policy, "POST", "/orders", &[]),
        "/orders RouteForwards"
    );
    assert_eq!(
        plan(&policy, "PUT", "/orders/", &[]),
        "[guard] Exclusive /orders"
    );
    assert_eq!(
        plan(&policy, "POST", "/update-resource", &[]),
        "/update-resource Exclusive /update-resource"
    );
    assert_eq!(
        plan(&policy, "GET", "/orders/7", &[]),
        "[guard] MethodIsSafe"
    );
}

#[test]
fn the_most_specific_route_wins_and_one_that_does_not_fit_is_left_again() {
    let policy = policy([
        route("/{*all}", &["all"]),
        route("/a/{x}/c", &["axc"]),
        only(&Method::PUT, route("/a/b/c", &["abc"])),
        on_host("h.example", route("/a/b/c", &["abc@h"])),
        route("/a/b/{*rest}", &["ab*"]),
        route("/a/b/d/e", &["abde"]),
    ]);
    let key = |method, target, host| plan(&policy, method, target, &[("host", host)]);
    assert_eq!(key("PUT", "/a/b/c", "x"), "/a/b/c Exclusive abc");
    assert_eq!(
        key("PUT", "/a/b/c", "H.example.:80"),
        "/a/b/c Exclusive abc@h"
    );
    assert_eq!(key("PATCH", "/a/b/c", "x"), "/a/b/{*rest} Exclusive ab*");
    assert_eq!(key("PUT", "/a/x/c", "x"), "/a/{x}/c Exclusive axc");
    assert_eq!(key("PUT", "/a/b/d", "x"), "/a/b/{*rest} Exclusive ab*");
    assert_eq!(key("PUT", "/a/b", "x"), "/a/b/{*rest} Exclusive ab*");
    assert_eq!(key("PUT", "/a/x/d", "x"), "/{*all} Exclusive all");
    assert_eq!(key("PUT", "/", "x"), "/{*all} Exclusive all");
    let order: Vec<&str> = policy
        .routes_by_specificity()
        .iter()
        .map(|route| &*route.label)
        .collect();
    assert_eq!(
        order,
        [
            "/a/b/c",
            "/a/b/c",
            "/a/b/d/e",
            "/a/b/{*rest}",
            "/a/{x}/c",
            "/{*all}"
        ]
    );
}

#[test]
fn two_routes_for_the_same_requests_are_an_error() {
    let clash = |left: Route, right: Route| {
        let guard = route("/", &[]);
        Policy::new(guard, Post::Observe, vec![left, right]).is_err()
    };
    assert!(clash(route("/a/{x}", &[]), route("/A/{y}/", &[])));
    assert!(clash(
        only(&Method::PUT, route("/a", &[])),
        only(&Method::PUT, route("/a", &[]))
    ));
    assert!(!clash(
        only(&Method::PUT, route("/a", &[])),
        only(&Method::POST, route("/a", &[]))
    ));
    assert!(!clash(
        only(&Method::PUT, route("/a", &[])),
        route("/a", &[])
    ));
    assert!(!clash(on_host("h", route("/a", &[])), route("/a", &[])));
    assert!(!clash(route("/a/{x}", &[]), route("/a/{*x}", &[])));
}

#[test]
fn a_method_override_is_judged_as_well_as_the_method() {
    let policy = orders();
    let field = |method, value, target| {
        plan(
            &policy,
            method,
            target,
            &[("x-http-method-override", value)],
        )
    };
    assert_eq!(field("POST", "put", "/a"), "[guard] Exclusive /a");
    assert_eq!(field("GET", "DELETE", "/a"), "[guard] Exclusive /a");
    assert_eq!(
        field("PUT", "POST", "/a"),
        "[guard] Exclusive /a",
        "the backend may ignore it"
    );
    assert_eq!(field("PUT", "CONNECT", "/a"), "[guard] Exclusive /a");
    assert_eq!(
        field("PATCH", "POST", "/orders"),
        "[guard] Exclusive /orders"
    );
    assert_eq!(field("POST", "GET", "/orders"), "/orders RouteForwards");
    let plan = try_plan(&policy, "GET", "/a?_method=delete", &[]).unwrap();
    assert!(plan.is_write && plan.method == Method::DELETE);
}

#[test]
fn an_urlencoded_post_may_have_its_method_in_the_body() {
    let policy = orders();
    let (put, post) = (Method::PUT, Method::POST);
    let form = [(
        "content-type",
        "application/x-www-form-urlencoded; charset=utf-8",
    )];
    let headers: HeaderMap = form
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect();
    let head = Head {
        method: &post,
        path: "/a",
        query: None,
        host: "",
        headers: &headers,
        form_method: None,
    };
    let wants = |head: &Head<'_>| policy.wants_form_method(head, &policy.plan(head).unwrap());
    assert!(wants(&head));
    assert!(!wants(&Head {
        method: &put,
        ..head
    }));
    assert!(!wants(&Head {
        headers: &HeaderMap::new(),
        ..head
    }));
    let read = Head {
        form_method: Some("patch"),
        ..head
    };
    assert!(!wants(&read));
    assert_eq!(
        said(&policy, &policy.plan(&read).unwrap()),
        "[guard] Exclusive /a"
    );
}

#[test]
fn move_and_copy_claim_their_destination_too() {
    let policy = orders();
    let to = |method, destination| plan(&policy, method, "/a", &[("destination", destination)]);
    assert_eq!(
        to("MOVE", "http://elsewhere/B%2fc?x"),
        "[guard] Exclusive /a /b/c"
    );
    assert_eq!(to("COPY", "/orders/7/x"), "[guard] Exclusive /a order:7");
    assert_eq!(to("MOVE", "/A/"), "[guard] Exclusive /a");
    for nothing in ["", "b", "http://", "::", "a b", "?x"] {
        assert_eq!(to("MOVE", nothing), "[guard] Exclusive /a", "{nothing}");
    }
    assert_eq!(to("PUT", "/b"), "[guard] Exclusive /a");
}

#[test]
fn grpc_and_upgrades_are_guarded_only_by_a_route_with_a_key() {
    let policy = policy([route("/keyed", &["k"]), route("/unkeyed", &[])]);
    let grpc = [("content-type", "application/grpc+proto")];
    let upgrade = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "websocket"),
    ];
    assert_eq!(plan(&policy, "POST", "/a", &grpc), "[guard] Grpc");
    assert_eq!(plan(&policy, "POST", "/unkeyed", &grpc), "/unkeyed Grpc");
    assert_eq!(plan(&policy, "POST", "/keyed", &grpc), "/keyed Exclusive k");
    assert_eq!(
        plan(&policy, "POST", "/unkeyed", &upgrade),
        "/unkeyed Upgrade"
    );
    assert_eq!(
        plan(&policy, "POST", "/keyed", &upgrade),
        "/keyed Exclusive k"
    );
    assert_eq!(plan(&policy, "CONNECT", "/a", &[]), "[guard] Tunnel");
    assert_eq!(
        plan(
            &policy,
            "POST",
            "/unkeyed",
            &[("content-type", "application/grpcish")]
        ),
        "/unkeyed Exclusive /unkeyed"
    );
}

#[test]
fn an_offer_of_another_http_version_is_no_upgrade_and_a_put_is_never_exempt() {
    let policy = policy([route("/unkeyed", &[])]);
    let java = [
        ("connection", "Upgrade, HTTP2-Settings"),
        ("upgrade", "h2c"),
    ];
    assert_eq!(
        plan(&policy, "POST", "/unkeyed", &java),
        "/unkeyed Exclusive /unkeyed"
    );
    let websocket = [("connection", "upgrade"), ("upgrade", "websocket")];
    assert_eq!(
        plan(&policy, "PUT", "/a", &websocket),
        "[guard] Exclusive /a"
    );
}

#[test]
fn a_listed_safe_method_is_a_write() {
    let policy = policy([only(&Method::GET, route("/delete", &["d:{query:id}"]))]);
    let found = try_plan(&policy, "GET", "/delete?id=7", &[]).unwrap();
    assert_eq!(said(&policy, &found), "/delete Exclusive d:7");
    assert!(found.is_write);
    assert_eq!(
        plan(&policy, "HEAD", "/delete?id=7", &[]),
        "[guard] MethodIsSafe"
    );
}

#[test]
fn each_source_gives_its_values() {
    let keys = |template: &str, target: &str, fields: &[(&'static str, &str)]| {
        let policy = policy([route("/r/{id}/{*rest}", &[template])]);
        plan(&policy, "PUT", target, fields).replace("/r/{id}/{*rest} Exclusive ", "")
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
            &[("x-tenant", " a b\t"), ("x-tenant", "é")]
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
    assert_eq!(keys(path, "/r?a=1", &[]), "/r Exclusive /r q:1");
    assert_eq!(
        keys(path, "/r?a=", &[("x", " "), ("cookie", "c=")]),
        "/r Exclusive /r"
    );
    assert_eq!(keys(forward, "/r?a=1", &[]), "/r Exclusive q:1");
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
        found.guard.unwrap().keys[0].clone()
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
        plan(&policy, "PUT", "/h", &[("authorization", "Basic eDp5")])
            .starts_with("/h Exclusive <")
    );
}

#[test]
fn a_route_tells_apart_what_it_names_and_matches_what_it_would_else() {
    let case = Distinguish {
        case: true,
        ..Distinguish::default()
    };
    let encoded_slash = Distinguish {
        encoded_slash: true,
        ..Distinguish::default()
    };
    let trailing_slash = Distinguish {
        trailing_slash: true,
        ..Distinguish::default()
    };
    let policy = policy([
        route_with("/case/{id}", &["{id}:{query:q}"], case),
        route_with("/file/{name}", &["file:{name}"], encoded_slash),
        route("/file/{a}/{b}", &["two:{a}:{b}"]),
        route("/file/a/b", &["literal"]),
        route_with("/slash", &["{path}"], trailing_slash),
    ]);
    assert_eq!(
        plan(&policy, "PUT", "/CASE/Ab?q=Cd", &[]),
        "/case/{id} Exclusive Ab:Cd"
    );
    assert_eq!(
        plan(&policy, "PUT", "/File/x%5cY", &[]),
        "/file/{name} Exclusive file:x%2Fy"
    );
    assert_eq!(
        plan(&policy, "PUT", "/file/x/y", &[]),
        "/file/{a}/{b} Exclusive two:x:y"
    );
    assert_eq!(
        plan(&policy, "PUT", "/file/a%2fb", &[]),
        "/file/a/b Exclusive literal"
    );
    assert_eq!(
        plan(&policy, "PUT", "/slash/", &[]),
        "/slash Exclusive /slash/"
    );
    assert_eq!(
        plan(&policy, "PUT", "/slash", &[]),
        "/slash Exclusive /slash"
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
        "{json:/a}",
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
    assert!(
        parse("{json:/a}")
            .unwrap_err()
            .to_string()
            .contains("not in this version")
    );
}

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
            try_plan(&policy, "PUT", &target, &[]).unwrap().guard.unwrap().keys
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
            try_plan(&policy, "PUT", &path, &[]).unwrap().guard.unwrap().keys
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
        form_method in proptest::option::of(any::<String>()),
    ) {
        let names = [
            "x-http-method-override", "destination", "cookie", "x-tenant", "content-type", "upgrade", "connection",
            "authorization",
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(names[name], value);
            }
        }
        let keys = ["{rest}:{id}:{host}", "{query:a}:{cookie:c}", "{header:x-tenant}:{header:authorization}:{method}"];
        let policy = policy([
            route("/a/{id}/{*rest}", &keys),
            route_with("/{*rest}", &[], Distinguish { case: true, trailing_slash: true, encoded_slash: true }),
        ]);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let head = Head {
            method: &method,
            path: &path,
            query: query.as_deref(),
            host: &host,
            headers: &headers,
            form_method: form_method.as_deref(),
        };
        if let Ok(plan) = policy.plan(&head) {
            policy.wants_form_method(&head, &plan);
            let keys = plan.guard.map(|guard| guard.keys);
            prop_assert!(keys.is_none_or(|keys| !keys.is_empty() && keys.is_sorted_by(|a, b| a < b)));
        }
    }
}
