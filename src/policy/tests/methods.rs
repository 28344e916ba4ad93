//! What the method and the kind of a request make of it.

use super::*;
use crate::policy::content::{Content, Values};

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
    assert_eq!(field("POST", "put", "/a"), "[guard] Write /a");
    assert_eq!(field("GET", "DELETE", "/a"), "[guard] Write /a");
    assert_eq!(
        field("PUT", "POST", "/a"),
        "[guard] Write /a",
        "the backend may ignore it"
    );
    assert_eq!(field("PUT", "CONNECT", "/a"), "[guard] Write /a");
    assert_eq!(field("PATCH", "POST", "/orders"), "[guard] Write /orders");
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
    let headers: Fields = form
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
        client_subject: None,
        content: None,
    };
    let awaits = |policy: &Policy, head: &Head<'_>| policy.plan(head).unwrap().awaits;
    let wants = |head: &Head<'_>| awaits(&policy, head) == Awaits::Method;
    assert!(wants(&head));
    assert!(!wants(&Head {
        method: &put,
        ..head
    }));
    assert!(!wants(&Head {
        headers: &Fields::default(),
        ..head
    }));
    let settled = policy_with(Post::Guard, [route("/a", &[])]);
    assert_eq!(awaits(&settled, &head), Awaits::Nothing);
    let told_apart = policy_with(Post::Guard, [route("/a", &["{method}"])]);
    assert_eq!(awaits(&told_apart, &head), Awaits::Method);
    let form = |methods: &[&str]| {
        let methods = methods.iter().map(|method| (*method).to_owned());
        Content::of_form(Ok(Values::default()), methods.collect())
    };
    let read = Head {
        content: Some(&form(&["get", "patch", "delete"])),
        ..head
    };
    assert!(!wants(&read));
    assert_eq!(
        said(&policy, &policy.plan(&read).unwrap()),
        "[guard] Write /a"
    );
    let read_by_method = Head {
        content: Some(&form(&["patch", "delete"])),
        ..head
    };
    let plan = told_apart.plan(&read_by_method).unwrap();
    assert_eq!(
        said(&told_apart, &plan),
        "/a Write DELETE PATCH POST",
        "a backend may take the first or the last"
    );
}

#[test]
fn a_field_that_connection_nominates_never_arrives_and_so_says_nothing() {
    let policy = policy([route(
        "/keyed",
        &["t:{header:x-tenant}:{cookie:sid}:{host}"],
    )]);
    let fields = [("x-tenant", "a"), ("cookie", "sid=1"), ("host", "h")];
    let nominated = |names| {
        let fields: Vec<_> = fields.into_iter().chain([("connection", names)]).collect();
        plan(&policy, "PUT", "/keyed", &fields)
    };
    assert!(nominated("close, host").starts_with("/keyed Write t:a:"));
    for names in ["X-Tenant", "close , cookie"] {
        assert_eq!(nominated(names), "/keyed Write /keyed", "{names}");
    }
    let dropped = |method, name, value| {
        plan(
            &policy,
            method,
            "/a",
            &[(name, value), ("connection", name)],
        )
    };
    assert_eq!(
        dropped("GET", "x-http-method-override", "PUT"),
        "[guard] MethodIsSafe"
    );
    assert_eq!(dropped("MOVE", "destination", "/b"), "[guard] Write /a");
    assert_eq!(
        dropped("POST", "content-type", "application/grpc"),
        "[guard] Observe /a"
    );
}

#[test]
fn move_and_copy_claim_their_destination_too() {
    let policy = orders();
    let to = |method, destination| plan(&policy, method, "/a", &[("destination", destination)]);
    assert_eq!(
        to("MOVE", "http://elsewhere/B%2fc?x"),
        "[guard] Write /a /b/c"
    );
    assert_eq!(to("COPY", "/orders/7/x"), "[guard] Write /a order:7");
    assert_eq!(to("MOVE", "/A/"), "[guard] Write /a");
    for unclear in ["", "b", "http://", "::", "a b", "?x"] {
        assert_eq!(
            to("MOVE", unclear),
            KeyError::Destination.to_string(),
            "{unclear}"
        );
    }
    assert_eq!(to("MOVE", "//b/c"), "[guard] Write /a /b/c /c");
    assert_eq!(to("PUT", "b"), "[guard] Write /a");
    assert_eq!(to("PUT", "/b"), "[guard] Write /a");
}

#[test]
fn a_claim_of_several_routes_lasts_as_long_as_the_longest_of_them() {
    let quick = Route {
        max_work: Duration::from_millis(500),
        ..route("/quick", &["q"])
    };
    let policy = policy([quick, route("/slow", &["s"])]);
    let moved = try_plan(&policy, "MOVE", "/quick", &[("destination", "/slow")]).unwrap();
    let slow = policy.routes()[2].max_work;
    assert!(slow > Duration::from_millis(500));
    assert_eq!(moved.guard.unwrap().max_work, slow);
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
    assert_eq!(plan(&policy, "POST", "/keyed", &grpc), "/keyed Write k");
    assert_eq!(
        plan(&policy, "POST", "/unkeyed", &upgrade),
        "/unkeyed Upgrade"
    );
    assert_eq!(plan(&policy, "POST", "/keyed", &upgrade), "/keyed Write k");
    assert_eq!(
        plan(
            &policy,
            "POST",
            "/unkeyed",
            &[("content-type", "application/grpcish")]
        ),
        "/unkeyed Write /unkeyed"
    );
}

#[test]
fn an_offer_of_another_http_version_is_no_upgrade_and_a_put_is_never_exempt() {
    let policy = policy([route("/unkeyed", &[])]);
    // Java offers the first, to everybody; the others are for a backend that takes what it likes of a list.
    for offer in ["h2c", "h2c, websocket", "websocket, H2C", "h2, foo"] {
        let java = [
            ("connection", "Upgrade, HTTP2-Settings"),
            ("upgrade", offer),
        ];
        let planned = plan(&policy, "POST", "/unkeyed", &java);
        assert_eq!(planned, "/unkeyed Write /unkeyed", "{offer}");
    }
    let websocket = [("connection", "upgrade"), ("upgrade", "websocket")];
    assert_eq!(plan(&policy, "PUT", "/a", &websocket), "[guard] Write /a");
}

#[test]
fn a_listed_safe_method_is_a_write() {
    let policy = policy([only(&Method::GET, route("/delete", &["d:{query:id}"]))]);
    let found = try_plan(&policy, "GET", "/delete?id=7", &[]).unwrap();
    assert_eq!(said(&policy, &found), "/delete Write d:7");
    assert!(found.is_write);
    assert_eq!(
        plan(&policy, "HEAD", "/delete?id=7", &[]),
        "[guard] MethodIsSafe"
    );
}
