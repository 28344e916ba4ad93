//! What is written about the code is held against it: settings, problem types, dependencies, the example.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::support::program::repository;
use crate::support::tested::tested;
use http::StatusCode;
use writegate::config::{Config, ConfigError, Overrides};

/// Settings by table.
type Settings = BTreeMap<String, BTreeSet<String>>;

#[test]
fn the_reference_has_every_setting_and_no_other() {
    let known = settings_of_the_code(&read("src/config/raw.rs"));
    assert_eq!(known.len(), 7, "{known:?}");
    assert_eq!(settings_of_the_file(&read("config/writegate.toml")), known);
    let documented = settings_of_the_document(&read("docs/configuration.md"));
    assert_eq!(names(&documented), known);
}

#[test]
fn the_reference_tells_the_defaults() {
    let documented = settings_of_the_document(&read("docs/configuration.md"));
    let file: toml::Table = read("config/writegate.toml").parse().expect("it is TOML");
    for (table, settings) in &file {
        for (name, value) in settings.as_table().expect("all stands in tables") {
            // The upstream has none.
            if name != "url" {
                let told: toml::Table = format!("it = {}", documented[table][name])
                    .parse()
                    .unwrap_or_else(|error| panic!("{table}.{name}: {error}"));
                assert_eq!(&told["it"], value, "{table}.{name}");
            }
        }
    }
}

#[test]
fn every_problem_is_documented_with_its_status_and_no_other_is() {
    let known = problems_of_the_code(&kinds());
    assert!(known.len() > 15, "{known:?}");
    assert_eq!(problems_of_the_document(&read("docs/problems.md")), known);
}

/// Where the kinds of problems stand.
fn kinds() -> String {
    read("src/policy/rejection/kind.rs") + &read("src/policy/rejection/kind/met.rs")
}

#[test]
fn every_problem_is_documented_with_its_grpc_code() {
    let codes = codes_of_grpc(&read("src/policy/rejection/grpc.rs"));
    let kinds = kinds();
    let mut known = BTreeMap::new();
    for kind in kinds.split("StatusCode::").skip(1) {
        let name = kind.split('"').nth(1).expect("a name");
        let (_, code) = kind.split_once("GrpcCode::").expect("a code");
        let code = code.split(',').next().unwrap_or_default();
        known.insert(name.to_owned(), codes[code].clone());
    }
    let text = read("docs/problems.md");
    let (_, section) = text.split_once("\n### gRPC\n").expect("a section");
    let section = section.split("\n###").next().unwrap_or_default();
    let mut documented = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let names = cells[1].split('`').skip(1).step_by(2);
        documented.extend(names.map(|name| (name.to_owned(), cells[0].trim().to_owned())));
    }
    assert_eq!(documented, known);
}

/// The codes as the table has them, by their names in the code.
fn codes_of_grpc(text: &str) -> BTreeMap<String, String> {
    let (_, codes) = text.split_once("enum GrpcCode {").expect("the codes");
    let codes = codes.split('}').next().unwrap_or_default();
    let pairs = codes
        .lines()
        .filter_map(|line| line.trim().split_once(" = "));
    let written = |name: &str, number: &str| {
        let mut upper = String::new();
        for c in name.chars() {
            if c.is_ascii_uppercase() && !upper.is_empty() {
                upper.push('_');
            }
            upper.push(c.to_ascii_uppercase());
        }
        format!("{} `{upper}`", number.trim_end_matches(','))
    };
    pairs
        .map(|(name, number)| (name.to_owned(), written(name, number)))
        .collect()
}

#[test]
fn every_dependency_has_its_reason_and_no_other_has() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("it is TOML");
    let of = |section: &str| {
        manifest[section]
            .as_table()
            .expect("a table")
            .keys()
            .cloned()
    };
    let known: BTreeSet<String> = of("dependencies").chain(of("dev-dependencies")).collect();
    let text = read("CONTRIBUTING.md");
    let (_, section) = text
        .split_once("\n## Dependencies\n")
        .expect("it has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let given: BTreeSet<String> = rows(section).map(|cells| plain(&cells[0])).collect();
    assert_eq!(given, known);
}

#[test]
fn the_readme_shows_the_example_as_it_is() {
    assert!(read("README.md").contains(&read("config/orders.toml")));
}

#[test]
fn the_list_of_the_documents_has_each_and_what_is_linked_is_there() {
    let list = read("docs/README.md");
    let pages = std::fs::read_dir(repository("docs")).expect("the directory");
    let mut documents = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    for page in pages {
        let name = page.expect("an entry").file_name();
        let name = name.to_str().expect("it is text").to_owned();
        if name != "README.md" {
            assert!(list.contains(&format!("[{name}](")), "{name}");
        }
        if name.ends_with(".md") {
            documents.push(format!("docs/{name}"));
        }
    }
    for document in documents {
        let text = read(&document);
        let beside = repository(&document);
        let links = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http")) {
            let (file, _) = link.split_once('#').unwrap_or((link, ""));
            let file = beside.parent().expect("a directory").join(file);
            assert!(file.exists(), "{document}: {link}");
        }
    }
}

#[test]
fn the_document_shows_what_is_said_of_its_faulty_file() {
    let document = read("docs/configuration.md");
    let (_, section) = document
        .split_once("\n## What is wrong is told at once\n")
        .expect("it has the section");
    let mut blocks = section.split("```").skip(1).step_by(2);
    let text = blocks.next().expect("a file").trim_start_matches("toml\n");
    let told = blocks.next().expect("what is said of it").trim_start();
    match Config::parse("shop.toml", text, &Overrides::default()) {
        Err(ConfigError::Wrong(report)) => assert_eq!(report.drawn(false), told),
        other @ (Ok(_) | Err(ConfigError::Unreadable { .. })) => panic!("{other:?}"),
    }
}

#[test]
fn what_the_documents_show_of_explain_is_what_it_says() {
    let document = read("docs/explain.md") + &read("docs/recipes.md");
    let blocks = document.split("```console\n$ ").skip(1);
    let blocks: Vec<&str> = blocks.filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 11);
    for block in blocks {
        let end_of_command = match block.split_once("<<'LINE'") {
            Some(_) => block.find("\nLINE\n").expect("it ends") + "\nLINE\n".len(),
            None => block.find('\n').expect("something is said") + 1,
        };
        let (command, told) = block.split_at(end_of_command);
        assert_eq!(said_to(command), told, "{command}");
    }
}

/// What a shell prints to standard output, with the binary as `writegate`.
fn said_to(command: &str) -> String {
    let directory = tested().parent().expect("it stands in a directory");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = std::process::Command::new("bash")
        .args(["-c", command])
        .env("PATH", format!("{}:{path}", directory.display()))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("bash is there");
    String::from_utf8(output.stdout).expect("it is text")
}

/// The fields of the raw configuration, by the name of the table that each struct is.
fn settings_of_the_code(text: &str) -> Settings {
    let mut structs: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    let mut current = "";
    for line in text.lines() {
        if let Some(rest) = line.trim().strip_prefix("pub(super) struct ") {
            current = rest.trim_end_matches(" {");
        } else if let Some(field) = line.strip_prefix("    pub(super) ") {
            let (name, kind) = field.split_once(": ").expect("a field has a type");
            structs.entry(current).or_default().insert(name, kind);
        }
    }
    let tables = structs["RawConfig"].iter().map(|(table, kind)| {
        let start = kind.find("Raw").expect("a table is a struct of its own");
        let end = kind[start..].find(|c: char| !c.is_alphanumeric());
        let of = &kind[start..start + end.unwrap_or(kind.len() - start)];
        let fields = structs[of].keys().map(ToString::to_string);
        // A table within a table, as `[server.tls]`.
        (table.replace('_', "."), fields.collect())
    });
    tables.collect()
}

/// The settings of the reference file, those in comments too.
fn settings_of_the_file(text: &str) -> Settings {
    let mut settings = Settings::new();
    let mut current = String::new();
    for line in text.lines() {
        let line = line.trim_start_matches("# ");
        if line.starts_with('[') {
            current = line.trim_matches(['[', ']']).to_owned();
        } else if let Some((name, _)) = line.split_once(" = ")
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            settings
                .entry(current.clone())
                .or_default()
                .insert(name.to_owned());
        }
    }
    settings
}

/// The settings of the document, by table, each with its default.
fn settings_of_the_document(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut settings = BTreeMap::new();
    for section in text.split("\n## ").skip(1) {
        let (heading, body) = section.split_once('\n').expect("a heading is a line");
        if heading.starts_with("`[") {
            let table = heading.trim_matches(['`', '[', ']']).to_owned();
            let rows = rows(body).map(|cells| (plain(&cells[0]), plain(&cells[2])));
            settings.insert(table, rows.collect());
        }
    }
    settings
}

fn names(settings: &BTreeMap<String, BTreeMap<String, String>>) -> Settings {
    let names = |settings: &BTreeMap<String, String>| settings.keys().cloned().collect();
    settings
        .iter()
        .map(|(table, settings)| (table.clone(), names(settings)))
        .collect()
}

/// Every status that stands before the name of a problem.
fn problems_of_the_code(text: &str) -> BTreeMap<String, u16> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut problems = BTreeMap::new();
    for kind in code.split("StatusCode::").skip(1) {
        let (status, rest) = kind.split_once(',').unwrap_or((kind, ""));
        if let Some(name) = rest.trim_start().strip_prefix('"') {
            let name = name.split('"').next().unwrap_or_default();
            problems.insert(name.to_owned(), code_of(status));
        }
    }
    let kinds = code.matches("StatusCode::").count();
    assert_eq!(
        problems.len(),
        kinds,
        "a status stands without the name of its problem: {problems:?}"
    );
    problems
}

/// The code of `StatusCode::NOT_FOUND`, given `NOT_FOUND`.
fn code_of(name: &str) -> u16 {
    let is_it = |status: &StatusCode| {
        let reason = status.canonical_reason().unwrap_or_default();
        reason.to_uppercase().replace([' ', '-'], "_") == name
    };
    let mut statuses = (100..600).filter_map(|code| StatusCode::from_u16(code).ok());
    let found = statuses.find(is_it);
    found
        .unwrap_or_else(|| panic!("{name} is no status"))
        .as_u16()
}

fn problems_of_the_document(text: &str) -> BTreeMap<String, u16> {
    let sections = text.split("\n## ").skip(1).map(|section| {
        let (name, body) = section
            .split_once("\n\nStatus ")
            .expect("a status follows a name");
        (
            name.to_owned(),
            body[..3].parse().expect("a status is a number"),
        )
    });
    sections.collect()
}

/// The rows of the tables in `text`, without their heads.
fn rows(text: &str) -> impl Iterator<Item = Vec<String>> {
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        row.trim_matches('|')
            .split(" | ")
            .map(|cell| cell.trim().to_owned())
            .collect()
    })
}

fn plain(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
