//! What a request asks of the witness: on which resources, and whether it writes.

use crate::support::http1::Head;

/// A request, read whole.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The target, and where `MOVE` and `COPY` write to.
    pub(super) resources: Vec<String>,
    pub(super) id: u64,
    pub(super) write: bool,
    /// Whether it may be beside others that are shared, as it says itself.
    shared: bool,
}

impl Order {
    pub(super) fn read(head: &Head, body: &[u8]) -> Option<Self> {
        let mut words = head.start.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let id = head
            .field("x-storm-id")
            .and_then(|id| id.parse().ok())
            .unwrap_or_else(|| fastrand::u64(1 << 63..));
        let write = is_unsafe(method)
            || overriding(head, query, body).is_some_and(|method| is_unsafe(&method));
        let mut resources = vec![resource_of(path)];
        if matches!(method, "MOVE" | "COPY") {
            resources.extend(head.field("destination").map(destination_of));
        }
        Some(Self {
            resources,
            id,
            write,
            shared: head.field("x-storm-mode") == Some("shared"),
        })
    }

    /// Whether the two may not be at work at once: on one resource, or on one that stands below another in a tree.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let mut pairs = self
            .resources
            .iter()
            .flat_map(|mine| other.resources.iter().map(move |theirs| (mine, theirs)));
        let is_one = pairs.any(|(mine, theirs)| {
            mine == theirs || is_below(mine, theirs) || is_below(theirs, mine)
        });
        is_one && !(self.shared && other.shared)
    }
}

fn is_below(resource: &str, above: &str) -> bool {
    let rest = resource.strip_prefix(above);
    above.starts_with("tree/") && rest.is_some_and(|rest| rest.starts_with('/'))
}

fn is_unsafe(method: &str) -> bool {
    ![
        "GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY",
    ]
    .contains(&method)
}

fn overriding(head: &Head, query: &str, body: &[u8]) -> Option<String> {
    let in_field = [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ]
    .iter()
    .find_map(|name| head.field(name));
    let form = head
        .field("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let body = if form {
        String::from_utf8_lossy(body).into_owned()
    } else {
        String::new()
    };
    let in_pair = query
        .split('&')
        .chain(body.split('&'))
        .find_map(|pair| pair.strip_prefix("_method="));
    in_field.or(in_pair).map(str::to_ascii_uppercase)
}

/// The resource that a `Destination` names: a path, or a URI with one.
fn destination_of(field: &str) -> String {
    let path = field.split_once("://").map_or(field, |(_, rest)| {
        rest.find('/').map_or("/", |start| &rest[start..])
    });
    resource_of(path)
}

/// The resource that a path names to a backend that merges all it can.
pub(crate) fn resource_of(path: &str) -> String {
    let plain = decoded(path.as_bytes())
        .to_ascii_lowercase()
        .replace('\\', "/");
    let mut kept: Vec<&str> = Vec::new();
    for segment in plain.split('/') {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(kept.pop()),
            name => kept.push(name),
        }
    }
    kept.join("/")
}

fn decoded(bytes: &[u8]) -> String {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        let pair = after
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let value = pair
            .filter(|_| first == b'%')
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        plain.push(value.unwrap_or(first));
        rest = if value.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[test]
fn the_witness_meets_what_is_below_in_a_tree_and_lets_shared_work_be() {
    let order = |resource: &str, shared| Order {
        resources: vec!["flat/0".to_owned(), resource.to_owned()],
        id: 0,
        write: true,
        shared,
    };
    let other = |resource: &str, shared| Order {
        resources: vec![resource.to_owned()],
        ..order("", shared)
    };
    assert!(order("tree/0/1", false).meets(&other("tree/0", false)));
    assert!(order("tree/0", true).meets(&other("tree/0/1", false)));
    assert!(!order("tree/0", true).meets(&other("tree/0/1", true)));
    assert!(!order("tree/0/1", false).meets(&other("tree/0/2", false)));
    assert!(!order("tree/01", false).meets(&other("tree/0", false)));
}

#[test]
fn the_witness_merges_every_spelling_of_a_path() {
    let plain = resource_of("/users/ann@example.com/notes-1");
    for spelling in [
        "/users/ann%40example.com/notes-1",
        "/Users/ANN@example.com/notes-1/",
        "//users/ann@example.com;v=1/notes-1;a;b",
        "/users/x/../ann@example.com/./notes-1",
        "/users%2Fann%40example.com%2fnotes-1",
        "/users/x/%2e%2E/ann@example.com/%6Eotes-1",
        "/users%5Cann@example.com\\notes-1",
    ] {
        assert_eq!(resource_of(spelling), plain, "{spelling}");
    }
    assert_ne!(resource_of("/users/ann@example.com/notes-2"), plain);
    for destination in [
        "/users/ann%40example.com/notes-1",
        "http://a.test/users/ann@example.com/notes-1",
    ] {
        assert_eq!(destination_of(destination), plain, "{destination}");
    }
}
