//! Why a route speaks: the next one is the one that would, were it not there.

use super::*;
use proptest::prelude::*;

fn routes() -> Vec<Route> {
    let paths = [
        "/a", "/a/b", "/a/{x}", "/a/{*r}", "/{x}", "/{x}/b", "/{*r}", "/a/{x}/c",
    ];
    let plain = paths.map(|path| route(path, &[]));
    let listed = ["/a", "/a/{x}", "/{*r}"].map(|path| only(&Method::PUT, route(path, &[])));
    let hosted = ["/a/b", "/{x}"].map(|path| on_host("h", route(path, &[])));
    let kept = Distinguish {
        encoded_slash: true,
        ..Distinguish::default()
    };
    let kept = ["/k/{x}", "/k/a%2Fb"].map(|path| route_with(path, &[], kept));
    plain
        .into_iter()
        .chain(listed)
        .chain(hosted)
        .chain(kept)
        .collect()
}

proptest! {
    #[test]
    fn the_next_route_is_the_one_that_speaks_where_the_first_is_not(
        path in "(/(a|b|c|k|a%2Fb)){0,3}", method in "PUT|POST|GET", host in "h|i",
        mask in any::<u16>(),
    ) {
        let mut routes: Vec<Route> = routes()
            .into_iter()
            .enumerate()
            .filter_map(|(nth, route)| (mask >> nth & 1 == 1).then_some(route))
            .collect();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let headers = Fields::default();
        let head = Head { method: &method, path: &path, query: None, host: &host, headers: &headers, client_subject: None, content: None };
        let policy_of = |routes: &[Route]| policy(routes.to_vec());
        let shown = |policy: &Policy, id: RouteId| {
            let route = policy.route(id);
            (id != RouteId::GUARD).then(|| format!("{} {:?} {}", route.label, route.host, route.methods))
        };
        let all = policy_of(&routes);
        let choice = all.choice(&head, &method);
        let told = choice.next.as_ref().and_then(|(id, _)| shown(&all, *id));
        for (id, _) in &choice.passed_over {
            prop_assert!(*id != choice.route && choice.next.as_ref().is_none_or(|(next, _)| next != id));
        }
        if choice.route != RouteId::GUARD {
            routes.remove(choice.route.index() - 1);
            let rest = policy_of(&routes);
            let next = rest.choice(&head, &method).route;
            prop_assert_eq!(told, shown(&rest, next));
        } else {
            prop_assert_eq!(told, None);
        }
    }
}
