//! Two requests have the same keys only if every source has the same value in both.
#![no_main]

use http::{HeaderMap, HeaderValue, Method, Uri};
use libfuzzer_sys::fuzz_target;
use writegate::config::{Config, Override, Overrides};
use writegate::policy::{Head, Plan};

/// A target, and the values of two fields.
type Asked<'a> = (&'a str, &'a [u8], &'a [u8]);

fuzz_target!(|input: (&str, Asked, Asked)| {
    let (template, left, right) = input;
    // As TOML writes any text in one line.
    let quoted: String = template
        .chars()
        .map(|c| format!("\\U{:08x}", u32::from(c)))
        .collect();
    let text = format!(
        "[[route]]\npath = \"/r/{{a}}/{{*rest}}\"\non_missing_key = \"reject\"\nkey = \"{quoted}\""
    );
    let overrides = Overrides {
        upstream: Some(Override::flag("--upstream", "http://127.0.0.1:3000")),
        ..Overrides::default()
    };
    let Ok(config) = Config::parse("fuzz", &text, &overrides) else {
        return;
    };
    if let (Some(left), Some(right)) = (plan(&config, left), plan(&config, right)) {
        let keys =
            |(plan, _): &(Plan, Vec<_>)| plan.guard.as_ref().map(|guard| guard.locks.clone());
        let is_plain = |values: &Vec<Vec<String>>| values.iter().all(|values| values.len() == 1);
        if keys(&left) == keys(&right) && is_plain(&left.1) && is_plain(&right.1) {
            assert_eq!(left.1, right.1, "{template:?} makes one key of two");
        }
    }
});

/// What is to be done, and the values of each source.
fn plan(config: &Config, (target, tenant, cookie): Asked<'_>) -> Option<(Plan, Vec<Vec<String>>)> {
    let uri: Uri = format!("/r/{target}").parse().ok()?;
    let mut headers = HeaderMap::new();
    headers.insert("x-a", HeaderValue::from_bytes(tenant).ok()?);
    headers.insert("cookie", HeaderValue::from_bytes(cookie).ok()?);
    let head = Head {
        method: &Method::PUT,
        path: uri.path(),
        query: uri.query(),
        host: "a.example",
        headers: &headers.into(),
        client_subject: None,
        content: None,
    };
    let plan = config.policy.plan(&head).ok()?;
    let parts = config.policy.parts(&head, plan.route, &plan.method);
    let values = parts
        .into_iter()
        .flat_map(|(_, parts)| parts)
        .map(|part| part.values);
    let values = values.collect();
    Some((plan, values))
}
