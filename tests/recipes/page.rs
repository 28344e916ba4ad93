//! `docs/recipes.md`: its configurations are the files, `explain` says what it shows, and its requests come to what it says: those
//! that conflict never come to the backend, and those that do not are all done.

use super::trial::{recipes, tried};
use crate::support::program::{Program, Scratch, repository};
use std::process::Command;

#[test]
fn each_recipe_has_its_file_its_limits_and_what_to_try() {
    let recipes = recipes();
    assert_eq!(recipes.len(), 7);
    for (title, recipe) in recipes {
        let file = std::fs::read_to_string(repository(&recipe.file)).expect("the file");
        assert_eq!(recipe.of("toml").collect::<Vec<_>>(), [file], "{title}");
        let explains = format!("$ writegate explain --config {} ", recipe.file);
        let is_explained = recipe
            .of("console")
            .any(|block| block.starts_with(&explains));
        assert!(is_explained, "{title}");
        assert!(
            recipe
                .text
                .contains("\n**What it does not protect from.** "),
            "{title}"
        );
    }
}

#[tokio::test]
async fn a_transfer_meets_one_that_shares_an_account_and_no_other() {
    let asked = tried("A transfer between two accounts").await;
    let both = ["{\"from\": 7, \"to\": 8}", "{\"from\": 9, \"to\": 10}"];
    assert_eq!(asked, both.map(|body| format!("POST /transfers {body}")));
}

#[tokio::test]
async fn a_collection_meets_its_items_and_they_do_not_meet_each_other() {
    let asked = tried("A collection and its items").await;
    let side_by_side = [
        "PATCH /lists/7/items/3 done=yes",
        "PATCH /lists/7/items/4 done=yes",
        "POST /lists/7/items name=milk",
        "POST /lists/7/items name=bread",
        "DELETE /lists/8",
    ];
    assert_eq!(asked, side_by_side);
}

#[tokio::test]
async fn imports_run_side_by_side_and_beside_nothing_else() {
    let asked = tried("Imports beside each other").await;
    let in_turn = [
        "POST /catalog/import file=1",
        "POST /catalog/import file=2",
        "DELETE /catalog",
        "POST /catalog/import file=3",
    ];
    assert_eq!(asked, in_turn);
}

#[tokio::test]
async fn of_a_form_that_is_sent_twice_the_backend_gets_one() {
    let asked = tried("A form that is sent twice").await;
    let once = ["token=5f2a&item=7", "token=9c01&item=7"];
    assert_eq!(asked, once.map(|form| format!("POST /orders {form}")));
}

#[tokio::test]
async fn a_call_of_soap_meets_one_for_the_same_order_or_job_and_no_read() {
    let asked = tried("A SOAP endpoint").await;
    let side_by_side = [
        "POST /services/Orders <Change/>",
        "POST /services/Orders <Cancel/>",
        "POST /services/Jobs <CloseMonth/>",
        "POST /services/Orders <Find/>",
        "POST /services/Orders <Find/>",
    ];
    assert_eq!(asked, side_by_side);
}

#[tokio::test]
async fn a_mutation_meets_one_of_the_same_input_and_no_query() {
    let asked = tried("A GraphQL mutation").await;
    let side_by_side = [
        "{\"query\": \"mutation…\", \"variables\": {\"input\": {\"id\": 7}}}",
        "{\"query\": \"mutation…\", \"variables\": {\"input\": {\"id\": 8}}}",
        "{\"query\": \"query…\", \"variables\": {\"id\": 7}}",
    ];
    assert_eq!(
        asked,
        side_by_side.map(|body| format!("POST /graphql {body}"))
    );
}

#[tokio::test]
async fn a_move_of_webdav_meets_who_writes_at_either_of_its_ends() {
    let asked = tried("WebDAV").await;
    let side_by_side = [
        "PUT /share/plans/a.odt text",
        "LOCK /share/plans/a.odt",
        "PUT /share/plans/A.odt text",
    ];
    assert_eq!(asked, side_by_side);
}

/// The backend that readers start, held to what the tests take for it.
#[test]
fn the_backend_of_the_page_answers_as_the_desk_does() {
    let program = std::fs::read_to_string(repository("docs/slow.py")).expect("the program");
    assert!(program.contains("seconds = 5\n") && program.contains("3000"));
    let scratch = Scratch::new("slow");
    let (_slow, addr) = Program::listen(&scratch.path().join("log"), |addr| {
        let port = addr.port().to_string();
        let quick = program
            .replace("seconds = 5\n", "seconds = 0\n")
            .replace("3000", &port);
        let mut command = Command::new("python3");
        command.arg(scratch.file("slow.py", &quick));
        command
    });
    for (method, body, said) in [
        ("PUT", "a=1", "done: PUT /a a=1"),
        ("MOVE", "", "done: MOVE /a"),
    ] {
        let output = Command::new("curl")
            .args(["-sS", "--max-time", "20", "-X", method, "-d", body])
            .arg(format!("http://{addr}/a"))
            .output()
            .expect("curl is there");
        assert_eq!(String::from_utf8_lossy(&output.stdout), said);
    }
}
