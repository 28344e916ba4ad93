//! Which route speaks for a request.

use super::*;

#[test]
fn without_a_route_put_is_guarded_and_post_observed() {
    let policy = policy([]);
    assert_eq!(
        plan(&policy, "PUT", "/Users/a@b.c/?x=1", &[]),
        "[guard] Write /users/a%40b.c"
    );
    assert_eq!(plan(&policy, "FROB", "/a", &[]), "[guard] Write /a");
    assert_eq!(plan(&policy, "POST", "/a", &[]), "[guard] Observe /a");
    for safe in [
        "GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY",
    ] {
        assert_eq!(plan(&policy, safe, "/a", &[]), "[guard] MethodIsSafe");
        assert!(!try_plan(&policy, safe, "/a", &[]).unwrap().is_write);
    }
    let policy = policy_with(Post::Guard, []);
    assert_eq!(plan(&policy, "POST", "/a", &[]), "[guard] Write /a");
    let policy = policy_with(Post::Forward, []);
    assert_eq!(plan(&policy, "POST", "/a", &[]), "[guard] PostIsForwarded");
    assert!(try_plan(&policy, "POST", "/a", &[]).unwrap().is_write);
}

#[test]
fn the_orders_example_routes_as_the_design_says() {
    let policy = orders();
    let rest = "/orders/{id}/{*rest} Write order:7";
    assert_eq!(plan(&policy, "PUT", "/orders/7", &[]), rest);
    assert_eq!(plan(&policy, "POST", "/ORDERS/7/lines/3", &[]), rest);
    assert_eq!(
        plan(&policy, "POST", "/orders", &[]),
        "/orders RouteForwards"
    );
    assert_eq!(
        plan(&policy, "PUT", "/orders/", &[]),
        "[guard] Write /orders"
    );
    assert_eq!(
        plan(&policy, "POST", "/update-resource", &[]),
        "/update-resource Write /update-resource"
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
    assert_eq!(key("PUT", "/a/b/c", "x"), "/a/b/c Write abc");
    assert_eq!(key("PUT", "/a/b/c", "H.example.:80"), "/a/b/c Write abc@h");
    assert_eq!(key("PATCH", "/a/b/c", "x"), "/a/b/{*rest} Write ab*");
    assert_eq!(key("PUT", "/a/x/c", "x"), "/a/{x}/c Write axc");
    assert_eq!(key("PUT", "/a/b/d", "x"), "/a/b/{*rest} Write ab*");
    assert_eq!(key("PUT", "/a/b", "x"), "/a/b/{*rest} Write ab*");
    assert_eq!(key("PUT", "/a/x/d", "x"), "/{*all} Write all");
    assert_eq!(key("PUT", "/", "x"), "/{*all} Write all");
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
        "/case/{id} Write Ab:Cd"
    );
    assert_eq!(
        plan(&policy, "PUT", "/File/x%5cY", &[]),
        "/file/{name} Write file:x%2Fy"
    );
    assert_eq!(
        plan(&policy, "PUT", "/file/x/y", &[]),
        "/file/{a}/{b} Write two:x:y"
    );
    assert_eq!(
        plan(&policy, "PUT", "/file/a%2fb", &[]),
        "/file/a/b Write literal"
    );
    assert_eq!(plan(&policy, "PUT", "/slash/", &[]), "/slash Write /slash/");
    assert_eq!(plan(&policy, "PUT", "/slash", &[]), "/slash Write /slash");
}
