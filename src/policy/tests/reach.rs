//! Which routes can never match.

use super::*;
use crate::policy::reach::Reach;

fn reach(routes: &[(&str, Option<&str>, Methods)]) -> Reach {
    let routes = routes.iter().map(|(path, host, methods)| Route {
        host: host.map(Box::from),
        methods: methods.clone(),
        ..route(path, &[])
    });
    policy(routes).reach(RouteId::at(1).unwrap())
}

fn listed(names: &[&str]) -> Methods {
    let methods = names
        .iter()
        .map(|name| Method::from_bytes(name.as_bytes()).unwrap());
    Methods::Listed(methods.collect())
}

#[test]
fn a_route_whose_requests_others_take_never_matches() {
    let any = Methods::Unsafe;
    let all = ("/a/{*rest}", None, any.clone());
    let below = ("/a/{x}/{*rest}", None, any.clone());
    let taken = |others: &[u32]| {
        Reach::Taken(
            others
                .iter()
                .filter_map(|id| RouteId::at(*id as usize))
                .collect(),
        )
    };
    assert_eq!(
        reach(&[all.clone(), ("/a", None, any.clone()), below.clone()]),
        taken(&[2, 3])
    );
    // Each leaves something: the path that ends there, other hosts, other methods.
    for others in [
        &[below.clone()][..],
        &[("/a", Some("h"), any.clone()), below.clone()],
        &[("/a", None, listed(&["PUT"])), below.clone()],
        &[
            ("/a", None, any.clone()),
            ("/a/b/{*rest}", None, any.clone()),
        ],
    ] {
        let routes = [&[all.clone()][..], others].concat();
        assert_eq!(reach(&routes), Reach::Reached, "{others:?}");
    }
    let only_put = [
        ("/a/{*rest}", None, listed(&["PUT"])),
        ("/a", None, any),
        below,
    ];
    assert_eq!(reach(&only_put), taken(&[2, 3]));
}

#[test]
fn a_route_for_what_no_request_has_never_matches() {
    assert_eq!(reach(&[("/a", None, listed(&["CONNECT"]))]), Reach::Connect);
    assert_eq!(
        reach(&[("/a", None, listed(&["CONNECT", "PUT"]))]),
        Reach::Reached
    );
    assert_eq!(
        reach(&[("/a", Some("[::1"), Methods::Unsafe)]),
        Reach::NoHost
    );
    assert_eq!(
        reach(&[("/", Some("[::1]"), Methods::Unsafe)]),
        Reach::Reached
    );
}
