//! A client of a run: over a connection of its own, one request after the other, or over streams of it, beside each other.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use h2::{Reason, RecvStream};
use tokio::task::spawn_local;
use tokio::time::{Duration, sleep};

use super::Run;
use super::book::Told;
use super::draw::{Act, Request, Script, Way};
use crate::support::message::Message;
use crate::support::pipes::Far;
use crate::support::streams::{Stream, Streams, request};

pub(super) async fn play(run: Rc<Run>, script: Script) {
    let connect = || match script.is_elsewhere {
        true => run.at.client_elsewhere(),
        false => run.at.client(),
    };
    if script.is_http_2 {
        return play_streams(&run, connect(), script.acts).await;
    }
    let mut open = None;
    for act in script.acts {
        sleep(act.after).await;
        let far = open.take().unwrap_or_else(connect);
        open = ask(&run, far, &act, None).await;
    }
    if let Some(far) = open {
        far.close();
    }
}

/// Sends a request, and keeps what comes of it. Gives the connection back where it can be used again.
pub(super) async fn ask(run: &Run, far: Far, act: &Act, pass: Option<&str>) -> Option<Far> {
    let name = run.book.sent(&act.request);
    let sent = async {
        let (head, body) = (head(&act.request, name, pass), body(&act.request));
        let (first, rest) = body.split_at(body.len() / 2);
        far.send(head + first).await;
        sleep_a_while(act.rest).await;
        far.send(rest).await;
        run.book.whole(name);
        std::future::pending().await
    };
    let leaves = async {
        match act.leaves {
            Some((after, way)) => {
                sleep(after).await;
                way
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        answer = answer(&far) => {
            let is_kept = answer.as_ref().is_some_and(|answer| answer.field("connection") != Some("close"));
            let told = answer.map_or(Told::Broken, |answer| Told::Status(answer.status()));
            run.book.told(name, told);
            let is_kept = is_kept && far.ended().is_none() && act.rest.is_zero();
            if !is_kept {
                far.close();
            }
            is_kept.then_some(far)
        }
        () = sent => None,
        way = leaves => {
            run.book.left(name);
            leave(&far, way);
            None
        }
    }
}

fn leave(far: &Far, way: Way) {
    match way {
        Way::Finish => far.finish(),
        Way::Close => far.close(),
        Way::Reset => far.reset(),
    }
}

async fn sleep_a_while(rest: Duration) {
    if !rest.is_zero() {
        sleep(rest).await;
    }
}

fn head(request: &Request, name: usize, pass: Option<&str>) -> String {
    let Request { method, paths, .. } = request;
    let mut head = format!(
        "{method} {} HTTP/1.1\r\nHost: a.example\r\nX-Name: {name}\r\n",
        paths[0]
    );
    let mut field = |name: &str, value: &str| head += &format!("{name}: {value}\r\n");
    if let Some(destination) = paths.get(1) {
        field("Destination", destination);
    }
    if let Some(pass) = pass {
        field("Writegate-Hold", pass);
    }
    if request.length > 0 {
        field("Content-Length", &request.length.to_string());
    }
    head + "\r\n"
}

fn body(request: &Request) -> String {
    "x".repeat(request.length)
}

/// The next answer; none if it does not come whole.
async fn answer(far: &Far) -> Option<Message> {
    far.until("an answer", || match whole_length(&far.peek()) {
        Some(length) => {
            let bytes = far.take(length);
            let end = head_length(&bytes)?;
            Some(Some(Message::head(&bytes[..end])))
        }
        None => far.ended().map(|_| None),
    })
    .await
}

/// How long the head is, once it is here.
pub(super) fn head_length(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n")?;
    Some(end + 4)
}

/// How long the message is, once it is here whole.
pub(super) fn whole_length(bytes: &[u8]) -> Option<usize> {
    let start = head_length(bytes)?;
    let head = Message::head(&bytes[..start]);
    let length = match head.field("content-length") {
        Some(length) => length.parse().expect("a number"),
        None if head.field("transfer-encoding").is_some() => {
            let last = b"0\r\n\r\n";
            let body = &bytes[start..];
            let end = body.windows(last.len()).position(|part| part == last)?;
            end + last.len()
        }
        None => 0,
    };
    (bytes.len() >= start + length).then_some(start + length)
}

/// The requests that were sent over a connection.
type Names = Rc<RefCell<Vec<usize>>>;

async fn play_streams(run: &Rc<Run>, far: Far, acts: Vec<Act>) {
    let mut streams = Streams::over(far.clone()).await;
    let (mut tasks, names) = (Vec::new(), Names::default());
    for act in acts {
        sleep(act.after).await;
        if far.ended().is_some() {
            break;
        }
        let name = run.book.sent(&act.request);
        let stream = begin(&mut streams, &act.request, name).await;
        names.borrow_mut().push(name);
        let on = (far.clone(), Rc::clone(&names));
        let task = ask_by_stream(Rc::clone(run), on, (stream, act, name));
        tasks.push(spawn_local(task));
    }
    for task in tasks {
        task.await.expect("it does not panic");
    }
    far.close();
}

async fn begin(streams: &mut Streams, asked: &Request, name: usize) -> Stream {
    let mut head = request(asked.method, asked.paths[0]);
    let fields = head.headers_mut();
    fields.insert("x-name", name.to_string().parse().expect("a value"));
    if let Some(destination) = asked.paths.get(1) {
        fields.insert("destination", destination.parse().expect("a value"));
    }
    streams.begin(head, asked.length == 0).await
}

async fn ask_by_stream(
    run: Rc<Run>,
    (far, names): (Far, Names),
    (stream, act, name): (Stream, Act, usize),
) {
    let Stream { response, mut body } = stream;
    let answer = async {
        let (head, mut content) = response.await?.into_parts();
        read(&mut content).await?;
        Ok::<_, h2::Error>(head.status.as_u16())
    };
    let left = async {
        if act.request.length > 0 {
            let (first, rest) = (act.request.length / 2, act.request.length.div_ceil(2));
            let _refused = body.send_data(Bytes::from(vec![b'x'; first]), false);
            sleep_a_while(act.rest).await;
            let _refused = body.send_data(Bytes::from(vec![b'x'; rest]), true);
        }
        run.book.whole(name);
        match act.leaves {
            Some((after, way)) => {
                sleep(after).await;
                way
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        answer = answer => {
            run.book.told(name, answer.map_or(Told::Broken, Told::Status));
        }
        way = left => {
            run.book.left(name);
            match way {
                // Its neighbours go on.
                Way::Finish | Way::Close => body.send_reset(Reason::CANCEL),
                Way::Reset => {
                    names.borrow().iter().for_each(|name| run.book.left(*name));
                    far.reset();
                }
            }
        }
    }
}

async fn read(content: &mut RecvStream) -> Result<(), h2::Error> {
    while let Some(data) = content.data().await {
        let length = data?.len();
        content.flow_control().release_capacity(length)?;
    }
    Ok(())
}
