//! The origin of a run: takes every connection, works on what comes for a drawn time, and answers it, or fails to.
//!
//! It works on what it has once begun, whatever becomes of the connection, and never longer than `max_work` after the last byte.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until};

use super::Run;
use super::client::{ask, head_length, whole_length};
use super::draw::{Act, Request};
use crate::support::by_hand::Dialing;
use crate::support::message::Message;
use crate::support::pipes::Far;

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// Head and body after the work.
    Plain,
    /// The head and a part of the body while the work goes on.
    Early,
    /// The connection breaks in the middle of the work, perhaps with an answer begun.
    Broken { reset: bool, begun: bool },
    /// Nothing ever comes.
    Silent,
}

/// Work that is shorter does not call back: it would be over before that came through.
const SHORTEST: Duration = Duration::from_millis(60);

const HALF: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwrit\r\n";
const REST: &str = "3\r\nten\r\n0\r\n\r\n";
const WHOLE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nwritten";
const LAST: &str = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nwritten";

/// Takes every connection, for as long as it is polled.
pub(super) async fn listen(run: Rc<Run>) {
    for number in 0.. {
        run.at.origin.until_connected(number).await;
        let far = run.at.origin.connection(number);
        let task = spawn_local(converse(Rc::clone(&run), far));
        run.tasks.borrow_mut().push(task);
    }
}

/// Is out of reach now and then, for as long as it is polled.
pub(super) async fn weather(run: Rc<Run>) {
    loop {
        for dialing in [
            Dialing::Taken,
            Dialing::Refused,
            Dialing::Taken,
            Dialing::Pending,
        ] {
            run.at.origin.dialing(dialing);
            let spell = run.draw(|rng| rng.u64(50..800));
            sleep(Duration::from_millis(spell)).await;
        }
    }
}

async fn converse(run: Rc<Run>, far: Far) {
    while let Some(head) = next(&far).await {
        let name = head.field("x-name").expect("it has one");
        let name = name.parse().expect("a number");
        let number = head.field("writegate-sequence");
        let number = number.map(|number| number.parse().expect("a number"));
        run.book.begins(name, number);
        let pass = head.field("writegate-hold").map(str::to_owned);
        let work = Work {
            run: &run,
            far: &far,
            name,
            last: Cell::new(Instant::now()),
        };
        if !work.done(pass).await {
            return;
        }
    }
    far.close();
}

/// The head of the next request, which is left where it is; none at the end of the connection.
async fn next(far: &Far) -> Option<Message> {
    far.until("a request, or the end", || {
        let bytes = far.peek();
        match head_length(&bytes) {
            Some(end) => Some(Some(Message::head(&bytes[..end]))),
            None => far.ended().map(|_| None),
        }
    })
    .await
}

struct Work<'a> {
    run: &'a Rc<Run>,
    far: &'a Far,
    name: usize,
    /// When the last byte came or went.
    last: Cell<Instant>,
}

impl Work<'_> {
    /// Works on it, and says whether the connection can be used again.
    async fn done(&self, pass: Option<String>) -> bool {
        let request = self.run.book.request(self.name);
        let is_whole = self.read().await;
        let course = self.course();
        let most = self.run.book.setting.max_work.mul_f64(0.9);
        let span = match self.run.draw(|rng| rng.u8(..3)) {
            0 => most.mul_f64(self.run.draw(fastrand::Rng::f64)),
            _ => Duration::from_millis(self.run.draw(|rng| rng.u64(..150))).min(most),
        };
        if !is_whole {
            // What came of it may be at work nevertheless.
            return self.goes_on(&request, span).await;
        }
        if let Some(pass) = pass {
            self.call_back(&request, pass, span);
        }
        match course {
            Course::Plain => {
                sleep(span).await;
                self.answer(WHOLE, true).await
            }
            Course::Early => {
                sleep(span / 2).await;
                self.far.send(HALF).await;
                sleep(span / 2).await;
                self.answer(REST, false).await
            }
            Course::Broken { reset, begun } => {
                sleep(span / 4).await;
                if begun {
                    self.far.send(HALF).await;
                    self.last.set(Instant::now());
                }
                match reset {
                    true => self.far.reset(),
                    false => self.far.close(),
                }
                self.goes_on(&request, span).await
            }
            Course::Silent if request.is_read() => {
                self.far.until_ended().await;
                self.far.close();
                self.goes_on(&request, span).await
            }
            Course::Silent => {
                self.goes_on(&request, span).await;
                self.far.until_ended().await;
                self.far.close();
                false
            }
        }
    }

    fn course(&self) -> Course {
        self.run.draw(|rng| match rng.u8(..20) {
            0..11 => Course::Plain,
            11..15 => Course::Early,
            15..18 => Course::Broken {
                reset: rng.bool(),
                begun: rng.bool(),
            },
            _ => Course::Silent,
        })
    }

    /// Reads the request, and says whether it came whole.
    async fn read(&self) -> bool {
        let seen = Cell::new(0);
        let read = self.far.until("the rest of a request", || {
            let bytes = self.far.peek();
            if seen.replace(bytes.len()) != bytes.len() {
                self.last.set(Instant::now());
            }
            match whole_length(&bytes) {
                Some(length) => {
                    self.far.take(length);
                    Some(true)
                }
                None => self.far.ended().map(|_| false),
            }
        });
        read.await
    }

    /// Answers, when the work is over: whoever has the last byte of it has not met the work.
    async fn answer(&self, bytes: &str, is_alone: bool) -> bool {
        let conduct = self.run.draw(|rng| rng.u8(..10));
        self.run.book.ends(self.name);
        let is_last = is_alone && conduct == 0;
        self.far.send(if is_last { LAST } else { bytes }).await;
        self.run.book.frees(self.name, Instant::now());
        if conduct == 1 {
            // The gateway learns of it when it sends the next request.
            self.far.die();
        } else if conduct < 3 {
            self.far.close();
        }
        conduct > 2
    }

    /// Works on, and nobody will learn when it is over.
    async fn goes_on(&self, request: &Request, span: Duration) -> bool {
        let last = self.last.get();
        self.run.book.frees(
            self.name,
            match request.is_read() {
                true => Instant::now(),
                false => last + self.run.book.setting.max_work,
            },
        );
        if !request.is_read() {
            sleep_until(last + span).await;
        }
        self.run.book.ends(self.name);
        false
    }

    /// Has something else done through the gateway, now and then, and does not wait for it.
    fn call_back(&self, request: &Request, pass: String, span: Duration) {
        let is_nested_twice = request
            .outer
            .is_some_and(|outer| self.run.book.request(outer).outer.is_some());
        // What has no keys of its own has no part in those of another.
        let is_guarded = self.run.book.setting.is_guarded(request);
        if !is_guarded || is_nested_twice || self.run.draw(|rng| rng.u8(..4)) > 0 || span < SHORTEST
        {
            return;
        }
        let (mut act, share) = self.run.draw(|rng| (Act::draw(rng), rng.f64()));
        act.request.outer = Some(self.name);
        if self.run.draw(fastrand::Rng::bool) {
            act.request.method = "PUT";
            act.request.paths = vec![request.paths[0]];
        }
        let (run, name) = (Rc::clone(self.run), self.name);
        let task = spawn_local(async move {
            sleep(span.mul_f64(share * 0.9)).await;
            // Else it may have ended in between.
            if !run.book.is_live(name) {
                return;
            }
            let far = run.at.client();
            if let Some(far) = ask(&run, far, &act, Some(&pass)).await {
                far.close();
            }
        });
        self.run.tasks.borrow_mut().push(task);
    }
}
