//! How the gateway's own answers are configured: the status of a conflict, other origins, and templates of one's own.

use std::path::PathBuf;

use super::*;
use crate::policy::key::{Key, Keys};
use crate::policy::rejection::{
    Audience, Conflict, ConflictStatus, Ending, Form, Rejection, Since, State, Telling,
};

/// What is wrong with a page of this text, named by a configuration beside it.
fn template(name: &str, html: &str) -> Result<Config, String> {
    template_beside(name, "html", html, "")
}

/// The same for any form, with these settings of `[answers]` below it.
fn template_beside(name: &str, form: &str, text: &str, settings: &str) -> Result<Config, String> {
    let directory = std::env::temp_dir().join(format!(
        "writegate-{}-{name}-{:x}",
        std::process::id(),
        fastrand::u64(..)
    ));
    std::fs::create_dir_all(directory.join("pages")).unwrap();
    let template: PathBuf = directory.join(format!("pages/409.{form}"));
    std::fs::write(&template, text).unwrap();
    let file = directory.join("w.toml");
    let text = format!("{UPSTREAM}[answers]\n{form} = \"pages/409.{form}\"\n{settings}");
    std::fs::write(&file, text).unwrap();
    let config = Config::load(Some(&file), &Overrides::default());
    let shown = directory.display().to_string();
    std::fs::remove_dir_all(&directory).unwrap();
    config.map_err(|error| error.to_string().replace(&format!("{shown}/"), ""))
}

fn page(config: &Config, key: &str) -> String {
    told(config, Form::Html, key).1
}

/// The media type and the body of what is told of a conflict.
fn told(config: &Config, form: Form, key: &str) -> (String, String) {
    let conflict = Rejection::Conflict(Box::new(Conflict {
        keys: Keys::from([Key::new(key)]),
        holder_method: Method::PUT,
        holder_route: "/a".into(),
        holder_since: Since::new(*b"2026-11-23", 66_540_120),
        holder_age: Duration::from_secs(1),
        state: State::Writing,
        ending: Ending::AtOnce,
        retry_after: Duration::from_secs(2),
        status: ConflictStatus::default(),
    }));
    let answer = conflict.answer(&Telling {
        answers: &config.answers,
        audience: &Audience::wanting(form),
        method: &Method::PUT,
        is_last: false,
    });
    let media_type = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let body = String::from_utf8(answer.body().to_vec()).unwrap();
    (media_type, body)
}

#[test]
fn a_page_of_ones_own_is_found_beside_the_configuration_and_escapes_what_it_shows() {
    let html = "<title>{{ title }}</title>{% if key is defined %}<b>{{ key }}</b>{% endif %}\
                {% for word in ['a', 'b'] %}{{ loop.index }}{% endfor %}";
    let config = template("own", html).unwrap();
    assert_eq!(
        page(&config, "<i>"),
        "<title>Another write to this resource is in flight</title><b>&lt;i&gt;</b>12"
    );
}

#[test]
fn nothing_in_a_template_undoes_the_escaping() {
    let html = "{% autoescape false %}{% if key %}{{ key }}{% set k = key %}{{ k ~ '<' }}{% endif %}{% endautoescape %}";
    let config = template("raw", html).unwrap();
    assert_eq!(page(&config, "<i>"), "&lt;i&gt;&lt;i&gt;&lt;");
    let error = template("safe", "{{ title|safe }}").unwrap_err();
    assert!(error.contains("safe"), "{error}");
}

#[test]
fn a_template_that_cannot_serve_is_refused_at_the_start_with_its_place() {
    are_told(
        "html",
        &[
            (
                "<p>\n  {{ titel }}",
                "2:6: ",
                "no variable `titel`; there are `name`, `type`, `title`",
            ),
            (
                "{# titel #}<p titel>{% if 1 > 2 %}\n{{ titel }}{% endif %}",
                "2:4: ",
                "`titel`",
            ),
            (
                "{{ holder.name if holder }}",
                "1:4: ",
                "no variable `holder.name`",
            ),
            ("<p>\n{{ debug() }}", "2:4: ", "no variable `debug`"),
            ("<p>\n{{ key }}", "2:4: ", "undefined"),
            ("a\n{{ holder.method }}", "2:4: ", "undefined"),
            (
                "a\n{% if key %}b",
                "2:13: ",
                "syntax error: unexpected end of input",
            ),
            ("é{{ title", "1:5: ", "syntax error"),
            ("\n{{ title|upsidedown }}", "2:10: ", "upsidedown"),
            ("\n{{ title + 1 }}", "2:4: ", "unsupported types"),
            (
                "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
                "1:",
                "fuel",
            ),
            (
                "{% include 'other.html' %}",
                "1:4: ",
                "unknown statement include",
            ),
        ],
    );
    let none = error("[answers]\nhtml = \"none.html\"");
    assert!(
        none.starts_with("2:8: cannot read the template none.html: "),
        "{none}"
    );
}

#[test]
fn what_is_no_json_is_told_where_the_template_makes_it() {
    are_told(
        "json",
        &[
            ("{\"a\":\n  {{ title }} x}", "2:15: ", "expected `,` or `}`"),
            ("{\"a\":\n\"{{ title }}\"}", "2:2: ", "expected `,` or `}`"),
            (
                "{\"a\": {{ title }},\n \"b\": {% if key %}{{ key }}{% endif %}\n}",
                "3:1: ",
                "expected value",
            ),
            (
                "{# no #}\n{%- if true -%}\n {\"a\" 1}\n{% endif %}",
                "3:7: ",
                "expected `:`",
            ),
            ("{\"a\": 1", "1:8: ", "EOF while parsing an object"),
            ("{\"é\": {{ name }}}\n]", "2:1: ", "trailing characters"),
            ("", "1:1: ", "EOF while parsing a value"),
        ],
    );
    let all = template_beside("quotes", "json", "{}}", "text = \"none.txt\"").unwrap_err();
    assert!(all.contains("409.json:1:3: what it makes of `write-in-flight` is not JSON: trailing characters; a text is"), "{all}");
    assert!(all.contains("cannot read the template none.txt"), "{all}");
}

/// Each template, the place in it that is told, and a part of what is said of it.
fn are_told(form: &str, cases: &[(&str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (text, place, part) in cases {
        let error = template_beside("faulty", form, text, "").unwrap_err();
        let start = format!("w.toml:4:8: pages/409.{form}:{place}");
        if !error.starts_with(&start) || !error.contains(part) || error.contains(" at line ") {
            wrong.push(format!("{text}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_template_that_fails_for_one_value_is_passed_over_for_our_own_page() {
    let config = template(
        "late",
        "{% if key and key != 'order:7' %}{{ key + 1 }}{% endif %}",
    )
    .unwrap();
    assert_eq!(page(&config, "order:7"), "");
    assert!(page(&config, "other").contains("<h1>Another write"));
}

#[test]
fn a_template_of_json_or_text_stands_in_place_of_our_own() {
    let json = "{\"error\": {\"code\": {{ name }}, \"key\": {{ key if key else none }}, \"after\": {{ retry_after if retry_after else none }}}}";
    let config = template_beside("json", "json", json, "").unwrap();
    assert_eq!(
        told(&config, Form::Problem, "a \"b\"\n</script>"),
        (
            "application/json".to_owned(),
            "{\"error\": {\"code\": \"write-in-flight\", \"key\": \"a \\\"b\\\"\\n</script>\", \"after\": 2}}".to_owned()
        )
    );
    assert!(
        told(&config, Form::Text, "a")
            .1
            .starts_with("Another write")
    );
    let config = template_beside(
        "text",
        "text",
        "{{ title }}: <{{ key if key else '' }}>",
        "",
    )
    .unwrap();
    assert_eq!(
        told(&config, Form::Text, "a&b"),
        (
            "text/plain; charset=utf-8".to_owned(),
            "Another write to this resource is in flight: <a&b>".to_owned()
        )
    );
    assert!(told(&config, Form::Problem, "a").0.contains("problem"));
}

#[test]
fn a_template_of_json_that_fails_for_one_value_is_passed_over_for_the_problem_document() {
    let json = "{% if key and key != 'order:7' %}{{ key + 1 }}{% endif %}{}";
    let config = template_beside("late-json", "json", json, "").unwrap();
    assert_eq!(told(&config, Form::Problem, "order:7").1, "{}");
    let (media_type, body) = told(&config, Form::Problem, "other");
    assert_eq!(media_type, "application/problem+json");
    assert!(body.contains("\"key\":\"other\""), "{body}");
}

#[test]
fn what_may_not_be_disclosed_is_not_there_for_a_template() {
    let html =
        "{{ name }}{% if key %} {{ key }}{% endif %}{% if holder %} {{ holder.method }}{% endif %}";
    for (disclose, shown) in [
        ("holder", "write-in-flight a PUT"),
        ("key", "write-in-flight a"),
        ("none", "write-in-flight"),
    ] {
        let config =
            template_beside(disclose, "html", html, &format!("disclose = {disclose:?}")).unwrap();
        assert_eq!(page(&config, "a"), shown);
    }
    // Nor is it in every problem that has a `retry_after`.
    let unasked = "{% if sent == 'no' and retry_after %}{{ key }}{% endif %}";
    let error = template("unasked", unasked).unwrap_err();
    assert!(error.contains("409.html:1:41: undefined value"), "{error}");
}

#[test]
fn a_status_or_an_origin_that_cannot_be_is_told_with_what_can() {
    for (text, place, part) in [
        (
            "[guard]\nstatus = 404",
            "2:10: ",
            "`404` does not do: write 409, 423, 429 or 503",
        ),
        (
            "[guard]\nstatus = \"409\"",
            "2:10: ",
            "write 409, 423, 429 or 503",
        ),
        (
            "[[route]]\npath = \"/a\"\nstatus = -1",
            "3:10: ",
            "write 409, 423, 429 or 503",
        ),
        (
            "[[route]]\npath = \"/a\"\nguard = false\nstatus = 423",
            "4:10: ",
            "`status` has no effect",
        ),
        (
            "[[route]]\npath = \"/a\"\non_conflict = \"observe\"\nstatus = 423",
            "4:10: ",
            "`status` has no effect: with `on_conflict = \"observe\"`",
        ),
        ("[answers]\ncors = []", "2:8: ", "`cors` cannot be empty"),
        (
            "[answers]\ncors = true",
            "2:8: ",
            "a text, or a list of texts",
        ),
        (
            "[answers]\ncors = \"https://a.example/\"",
            "2:8: ",
            "write `https://a.example`",
        ),
        (
            "[answers]\ncors = [\"http://a\", \"*\"]",
            "2:21: ",
            "write `cors = \"*\"`, not in a list",
        ),
        (
            "[answers]\ncors = [\"http://a\", \"http://a\"]",
            "2:21: ",
            "given twice",
        ),
    ] {
        let error = error(text);
        assert!(
            error.starts_with(place) && error.contains(part),
            "{text}\n{error}"
        );
    }
}
