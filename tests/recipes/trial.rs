//! The trials of `docs/recipes.md`, as they stand there: each line goes to bash, before a gateway that has the very file of the
//! recipe, and what comes is held against what the page shows.
//!
//! Nothing waits for five seconds: `slow.py` is played by a [`Desk`], and `sleep 1` is over once that has got what came before.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::desk::Desk;
use crate::support::gateway::{Gateway, binary};
use crate::support::program::repository;

/// The longest that anything is waited for.
const DEADLINE: Duration = Duration::from_secs(20);
/// What the page gives a request before the next: one that waits or follows does not come to the desk meanwhile.
const PAUSE: Duration = Duration::from_secs(1);
const LISTEN: &str = "127.0.0.1:8080";

/// One section of the page.
pub(super) struct Recipe {
    /// The name of its file.
    pub(super) file: String,
    /// Blocks between fences: what is said of each, and its text.
    pub(super) blocks: Vec<(String, String)>,
    pub(super) text: String,
}

pub(super) fn page() -> String {
    std::fs::read_to_string(repository("docs/recipes.md")).expect("the page")
}

/// The recipes of the page, by their titles.
pub(super) fn recipes() -> Vec<(String, Recipe)> {
    let page = page();
    let sections = page.split("\n## ").skip(1);
    let sections = sections.filter(|section| section.contains("```"));
    sections
        .map(|section| {
            let (title, text) = section.split_once('\n').expect("a title");
            (title.to_owned(), Recipe::read(text))
        })
        .collect()
}

impl Recipe {
    fn read(text: &str) -> Self {
        let (_, rest) = text.split_once("\n[`").expect("it names its file");
        let file = rest.split('`').next().unwrap_or_default().to_owned();
        Self {
            file,
            blocks: blocks(text),
            text: text.to_owned(),
        }
    }

    /// The blocks of this kind.
    pub(super) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        let blocks = self.blocks.iter().filter(move |(known, _)| known == kind);
        blocks.map(|(_, block)| block.as_str())
    }
}

fn blocks(text: &str) -> Vec<(String, String)> {
    let blocks = text.split("```").skip(1).step_by(2);
    let parts = blocks.map(|block| block.split_once('\n').expect("a fence ends its line"));
    parts
        .map(|(kind, block)| (kind.to_owned(), block.to_owned()))
        .collect()
}

/// Sends the requests of a recipe, and holds what comes against the page. Gives what has come to the backend.
pub(super) async fn tried(title: &str) -> Vec<String> {
    let recipes = recipes();
    let (_, recipe) = recipes
        .iter()
        .find(|(known, _)| known == title)
        .expect("it is on the page");
    let desk = Desk::start().await;
    let gateway = Gateway::run(|_, addr| {
        let mut command = binary();
        command
            .args(["run", "--config"])
            .arg(repository(&recipe.file));
        command.args(["--upstream", &format!("http://{}", desk.addr)]);
        command.args(["--listen", &addr.to_string()]);
        command
    });
    let mut trial = Trial {
        desk,
        gateway: gateway.addr,
        ask: ask(),
        running: Vec::new(),
        said: String::new(),
    };
    let script = recipe.of("sh").next().expect("it has requests to try");
    for line in script.lines() {
        trial.play(line).await;
    }
    let shown = recipe.of("").next().expect("it shows what comes");
    assert_eq!(plain(&trial.said), plain(shown), "{title}");
    let asked = trial.desk.asked();
    gateway.ends_well();
    asked
}

/// The page's own word for curl.
fn ask() -> String {
    let blocks = blocks(&page());
    let ask = blocks
        .into_iter()
        .find(|(_, block)| block.starts_with("ask() {"));
    ask.expect("the page has it").1
}

struct Trial {
    desk: Desk,
    gateway: SocketAddr,
    ask: String,
    /// What goes on beside the others, in the order in which it began.
    running: Vec<Child>,
    said: String,
}

impl Trial {
    async fn play(&mut self, line: &str) {
        match (line, line.strip_suffix(" &")) {
            ("sleep 1", _) => {}
            ("wait", _) => self.all_end().await,
            (_, Some(line)) => {
                self.desk.hold(true);
                self.begin(line).await;
            }
            (line, None) => {
                if self.begin(line).await {
                    let refused = self.running.pop().expect("it has just begun");
                    self.said += &ended(refused).await;
                } else {
                    self.all_end().await;
                }
            }
        }
    }

    /// Begins a command, and waits until the desk has got it, or it has ended; says which. One that shows a field of the response
    /// is one that waits or follows.
    async fn begin(&mut self, line: &str) -> bool {
        let before = self.desk.asked().len();
        let script = self.ask.clone() + &line.replace(LISTEN, &self.gateway.to_string());
        let mut command = Command::new("bash");
        command.args(["-c", &script]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("bash is there");
        let is_kept_back = line.contains("%header{");
        let deadline = Instant::now() + if is_kept_back { PAUSE } else { DEADLINE };
        let mut has_ended = false;
        while !has_ended && self.desk.asked().len() == before && Instant::now() < deadline {
            sleep(Duration::from_millis(2)).await;
            has_ended = child.try_wait().expect("a child of ours").is_some();
        }
        let is_heard = has_ended || self.desk.asked().len() > before;
        assert!(
            is_heard || is_kept_back,
            "neither answered nor sent: {line}"
        );
        self.running.push(child);
        has_ended
    }

    /// The desk is done with all that it has, and what comes is told in its order.
    async fn all_end(&mut self) {
        self.desk.hold(false);
        for child in self.running.drain(..) {
            self.said += &ended(child).await;
        }
    }
}

/// What a command says, once it has ended.
async fn ended(mut child: Child) -> String {
    let deadline = Instant::now() + DEADLINE;
    while child.try_wait().expect("a child of ours").is_none() {
        if Instant::now() > deadline {
            let _gone_already = child.kill();
            panic!("a request gets no answer");
        }
        sleep(Duration::from_millis(2)).await;
    }
    let output = child.wait_with_output().expect("what it has said");
    String::from_utf8(output.stdout).expect("text")
}

/// Without the times, which differ each time.
fn plain(said: &str) -> String {
    let words: Vec<&str> = said.split(' ').collect();
    let is_time = |at: usize| {
        let next = words.get(at + 1).copied().unwrap_or_default();
        words[at].parse::<f64>().is_ok() && (next.starts_with("s.") || next.starts_with("ms]"))
    };
    let words = (0..words.len()).map(|at| if is_time(at) { "_" } else { words[at] });
    words.collect::<Vec<&str>>().join(" ")
}
