//! Which route a path would be one of: the path with its identifiers as parameters.
//!
//! A segment is taken for an identifier if it is a number, a UUID, or at least 16 hexadecimal digits with a decimal one
//! among them, as object identifiers and digests are. The first is called `{id}`, the next `{id2}`, and so on. Whatever
//! else there is stays as it is: a slug cannot be told from the name of a collection.

use std::fmt::Write;

/// Writes the route of a canonical path to `route`, which is emptied first.
pub fn generalise(path: &str, route: &mut String) {
    route.clear();
    let mut parameters = 0;
    for segment in path.split('/').skip(1) {
        route.push('/');
        if !is_identifier(segment.as_bytes()) {
            route.push_str(segment);
            continue;
        }
        parameters += 1;
        // Writing to a String cannot fail.
        let _infallible = match parameters {
            1 => write!(route, "{{id}}"),
            more => write!(route, "{{id{more}}}"),
        };
    }
}

fn is_identifier(segment: &[u8]) -> bool {
    let is_number = !segment.is_empty() && segment.iter().all(u8::is_ascii_digit);
    let is_hex = || {
        segment.len() >= 16
            && segment.iter().all(u8::is_ascii_hexdigit)
            && segment.iter().any(u8::is_ascii_digit)
    };
    is_number || is_hex() || is_uuid(segment)
}

fn is_uuid(segment: &[u8]) -> bool {
    segment.len() == 36
        && segment.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_become_parameters_and_names_stay() {
        for (path, expected) in [
            ("/", "/"),
            ("/orders/7", "/orders/{id}"),
            ("/orders/7/lines/31", "/orders/{id}/lines/{id2}"),
            (
                "/u/3f2504e0-4f89-11d3-9a0c-0305e82c3301/avatar",
                "/u/{id}/avatar",
            ),
            ("/docs/507f1f77bcf86cd799439011", "/docs/{id}"),
            ("/pages/home", "/pages/home"),
            ("/v1/facade", "/v1/facade"),
            ("/deadbeefdeadbeef", "/deadbeefdeadbeef"),
            ("/7a", "/7a"),
        ] {
            let mut route = "left over".to_owned();
            generalise(path, &mut route);
            assert_eq!(route, expected);
        }
    }
}
