//! The process: what it is told, in which order it believes it, how it ends, and with which exit code.

use crate::support::gateway::{Gateway, access_lines, binary};
use crate::support::loopback::{Origin, answer, client_sends, exchange, in_time, reply, write};
use crate::support::program::{Program, Scratch};
use crate::support::witness::Witness;
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::time::{Instant, sleep};

/// Far below the default drain, and long enough for a busy machine.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn writes_in_flight_settle_before_sigterm_ends_the_process_with_0() {
    let origin = Origin::start().await;
    let mut gateway = Gateway::with_defaults(origin.addr);
    let mut staying = client_sends(gateway.addr, write("PUT", "/a")).await;
    let (mut for_staying, _) = origin.request().await;
    let leaving = client_sends(gateway.addr, write("PUT", "/b")).await;
    let (mut for_leaving, _) = origin.request().await;
    leaving.reset().expect("a reset");
    gateway.signal_term();
    gateway.until_said("stopping").await;
    until_refused(gateway.addr).await;
    answer(&mut for_staying, "settled").await;
    assert_eq!(reply(&mut staying).await.body, b"settled");
    assert!(
        gateway.ended(Duration::from_millis(300)).is_none(),
        "it does not wait for the write whose client has left"
    );
    answer(&mut for_leaving, "").await;
    let status = gateway.ended(SOON).expect("nothing is left to wait for");
    assert_eq!(status.code(), Some(0));
    let log = gateway.said();
    assert!(!log.contains("not everything had settled"), "{log}");
    assert!(log.contains("\"stopped\""), "{log}");
}

/// Waits until nobody accepts connections there any more.
async fn until_refused(addr: SocketAddr) {
    in_time("the listener to close", async {
        while TcpStream::connect(addr).await.is_ok() {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once_though_an_exchange_is_at_work() {
    let origin = Origin::start().await;
    let mut gateway = Gateway::with_defaults(origin.addr);
    let _client = client_sends(gateway.addr, write("PUT", "/a")).await;
    let _at_work = origin.request().await;
    gateway.signal_term();
    gateway.until_said("stopping").await;
    // Before that it would be the same wish.
    assert!(gateway.ended(Duration::from_millis(1200)).is_none());
    gateway.signal_term();
    let status = gateway.ended(SOON).expect("the drain was not cut short");
    assert!(status.code().is_some(), "it ends by itself: {status}");
    assert!(gateway.said().contains("second signal"));
}

#[tokio::test]
async fn two_signals_in_one_moment_are_one_wish() {
    let origin = Origin::start().await;
    let mut gateway = Gateway::with_defaults(origin.addr);
    let mut client = client_sends(gateway.addr, write("PUT", "/a")).await;
    let (mut at_work, _) = origin.request().await;
    gateway.signal_term();
    gateway.signal_interrupt();
    gateway.until_said("stopping").await;
    assert!(gateway.ended(Duration::from_millis(300)).is_none());
    answer(&mut at_work, "settled").await;
    assert_eq!(reply(&mut client).await.body, b"settled");
    let log = gateway.ends_well();
    assert!(!log.contains("ended at once"), "{log}");
}

#[tokio::test]
async fn a_drain_that_expires_ends_the_process_with_0_and_says_what_was_left() {
    let origin = Origin::start().await;
    let mut gateway = Gateway::with_server(origin.addr, "drain = \"1s\"", "");
    let _client = client_sends(gateway.addr, write("PUT", "/a")).await;
    let _at_work = origin.request().await;
    let began = Instant::now();
    gateway.signal_term();
    let status = gateway.ended(SOON).expect("the drain has an end");
    assert_eq!(status.code(), Some(0));
    assert!(began.elapsed() >= Duration::from_secs(1));
    let log = gateway.said();
    assert!(log.contains("not everything had settled"), "{log}");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect();
    let left = lines.iter().find(|line| line["target"] == "outcome");
    assert_eq!(left.expect("the write that was left")["keys"], "/a");
    assert_eq!(access_lines(&log).len(), 1, "{log}");
}

/// Runs what ends by itself: its exit code, and what it has said on stderr.
async fn outcome(command: Command) -> (Option<i32>, String) {
    let mut command = tokio::process::Command::from(command);
    let output = command.kill_on_drop(true).output();
    let output = in_time("the process to end by itself", output).await;
    let output = output.expect("the binary is there");
    let said = String::from_utf8(output.stderr).expect("text");
    (output.status.code(), said)
}

#[tokio::test]
async fn wrong_usage_ends_with_64_and_names_what_is_wrong() {
    for (arguments, named) in [
        (&["run", "--no-such-flag"][..], "--no-such-flag"),
        (&["run"], "upstream"),
        (&["run", "--upstream", "ftp://a.example"], "--upstream"),
        (
            &["run", "--upstream", "http://a", "--listen", "8080"],
            "8080",
        ),
        (
            &["run", "--config", "/no/such/file.toml"],
            "/no/such/file.toml",
        ),
    ] {
        let mut command = binary();
        command.args(arguments);
        let (code, said) = outcome(command).await;
        assert_eq!(code, Some(64), "{arguments:?}: {said}");
        assert!(said.contains(named), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_wrong_variable_is_named_and_an_empty_one_is_as_if_it_were_not_set() {
    let check = |variables: &[(&str, &str)]| {
        let mut command = binary();
        command.arg("check").envs(variables.iter().copied());
        command
    };
    let url = ("WRITEGATE_UPSTREAM", "http://a");
    let (code, said) = outcome(check(&[url, ("WRITEGATE_LISTEN", "foo")])).await;
    assert_eq!(code, Some(64), "{said}");
    assert!(
        said.contains(" WRITEGATE_LISTEN: `foo` is no address"),
        "{said}"
    );
    let empty = ["WRITEGATE_CONFIG", "WRITEGATE_LISTEN"].map(|name| (name, ""));
    let (code, said) = outcome(check(&[empty[0], empty[1], url])).await;
    assert_eq!(code, Some(0), "{said}");
    let mut without = check(&[empty[0], empty[1], ("WRITEGATE_UPSTREAM", "")]);
    without.args(["--no-access-log", "--log-format", "json"]);
    let (code, said) = outcome(without).await;
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("no upstream"), "{said}");
}

#[tokio::test]
async fn a_broken_configuration_ends_with_64_and_its_file_line_and_column() {
    let scratch = Scratch::new("process");
    for (text, place) in [
        (
            "[upstream]\nurl = \"http://a\"\n[server]\nlisen = \"0.0.0.0:80\"\n",
            ":4:1",
        ),
        (
            "[upstream]\nurl = \"http://a\"\n[server]\n  drain = 25\n",
            ":4:11",
        ),
        ("[upstream]\nurl = \n", ":2:7"),
    ] {
        let file = scratch.file("broken.toml", text);
        for command_name in ["run", "check"] {
            let mut command = binary();
            command.arg(command_name).arg("--config").arg(&file);
            let (code, said) = outcome(command).await;
            assert_eq!(code, Some(64), "{said}");
            let place = format!("{}{place}", file.display());
            assert!(said.contains(&place), "{place} is not in {said}");
        }
    }
}

#[tokio::test]
async fn an_address_that_is_taken_ends_the_process_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = taken.local_addr().expect("a bound listener").to_string();
    let scratch = Scratch::new("process");
    let mut command = binary();
    command.args(["run", "--upstream", "http://127.0.0.1:9", "--listen", &addr]);
    let mut program = Program::spawn(&mut command, scratch.path().join("log"));
    let status = program.wait(SOON).expect("it cannot go on");
    let said = program.said();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains(&addr), "{said}");
    assert!(
        said.contains("another process listens there") && said.contains("--listen"),
        "{said}"
    );
}

#[tokio::test]
async fn the_log_tells_the_port_that_the_system_chose() {
    let gateway = Gateway::run(|_, addr| {
        let mut command = binary();
        command
            .args(["run", "--upstream", "http://127.0.0.1:9"])
            .args(["--listen", "127.0.0.1:0", "--listen", &addr.to_string()]);
        command
    });
    let log = gateway.ends_well();
    let addresses: Vec<SocketAddr> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("an object"))
        .filter(|line| line["message"] == "listening")
        .map(|line| {
            let address = line["address"].as_str().expect("an address");
            address.parse().expect("an address of TCP")
        })
        .collect();
    assert_eq!(addresses.len(), 2, "{log}");
    assert!(addresses.iter().all(|address| address.port() != 0), "{log}");
}

/// Fails unless a request to the gateway comes to this origin.
async fn reaches(gateway: &Gateway, origin: &Origin) {
    let mut client = client_sends(gateway.addr, write("PUT", "/a")).await;
    let (mut upstream, _) = origin.request().await;
    answer(&mut upstream, "").await;
    assert_eq!(reply(&mut client).await.status, 200);
}

#[tokio::test]
async fn a_flag_stands_before_the_environment_and_that_before_the_file() {
    let (by_file, by_environment, by_flag) = (
        Origin::start().await,
        Origin::start().await,
        Origin::start().await,
    );
    let file = |listen: String| {
        format!(
            "[server]\nlisten = \"{listen}\"\n[upstream]\nurl = \"http://{}\"\n",
            by_file.addr
        )
    };
    let gateway = Gateway::run(|scratch, addr| {
        let mut command = binary();
        let file = scratch.file("writegate.toml", &file(addr.to_string()));
        command.arg("run").env("WRITEGATE_CONFIG", file);
        command
    });
    reaches(&gateway, &by_file).await;
    // Who believes this one does not start.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let unusable = taken.local_addr().expect("a bound listener").to_string();
    let environment = |scratch: &Scratch, listen: &str| {
        let mut command = binary();
        command
            .arg("run")
            .env(
                "WRITEGATE_CONFIG",
                scratch.file("writegate.toml", &file(unusable.clone())),
            )
            .env(
                "WRITEGATE_UPSTREAM",
                format!("http://{}", by_environment.addr),
            )
            .env("WRITEGATE_LISTEN", listen);
        command
    };
    let gateway = Gateway::run(|scratch, addr| environment(scratch, &addr.to_string()));
    reaches(&gateway, &by_environment).await;
    let gateway = Gateway::run(|scratch, addr| {
        let mut command = environment(scratch, &unusable);
        command
            .env("WRITEGATE_CONFIG", "/no/such/file.toml")
            .arg("--config")
            .arg(scratch.file("writegate.toml", &file(unusable.clone())))
            .args(["--listen", &addr.to_string()])
            .args(["--upstream", &format!("http://{}", by_flag.addr)]);
        command
    });
    reaches(&gateway, &by_flag).await;
}

#[tokio::test]
async fn run_with_guard_refuses_an_overlapping_post_to_that_path_and_to_no_other() {
    let origin = Origin::start().await;
    let gateway = Gateway::with_flags(origin.addr, &["--guard", "/orders/{id}"]);
    let mut writing = client_sends(gateway.addr, write("POST", "/orders/7")).await;
    let (mut upstream, _) = origin.request().await;
    let refused = exchange(gateway.addr, write("POST", "/orders/7")).await;
    assert_eq!(refused.status, 409);
    let told = refused.head.field("proxy-status").expect("Proxy-Status");
    assert!(told.contains("write-in-flight"), "{told}");
    let mut others = Vec::new();
    for path in ["/orders/8", "/else", "/else"] {
        let client = client_sends(gateway.addr, write("POST", path)).await;
        others.push((client, origin.request().await.0));
    }
    answer(&mut upstream, "").await;
    assert_eq!(reply(&mut writing).await.status, 200);
    for (mut client, mut upstream) in others {
        answer(&mut upstream, "").await;
        assert_eq!(reply(&mut client).await.status, 200);
    }
    let log = gateway.ends_well();
    assert!(
        log.contains("/orders/{id}"),
        "it says what is guarded: {log}"
    );
}

#[tokio::test]
async fn run_says_at_its_start_that_no_post_is_guarded_and_how_one_is() {
    let origin = Origin::start().await;
    let gateway = Gateway::with_defaults(origin.addr);
    let log = gateway.ends_well();
    assert!(log.contains("guard it with --guard '/path/{id}'"), "{log}");
}

#[tokio::test]
async fn run_with_guard_takes_a_key_behind_the_path() {
    let origin = Origin::start().await;
    let gateway = Gateway::with_flags(
        origin.addr,
        &["--guard", "/accounts/{id}/{*rest}=account:{id}"],
    );
    let mut writing = client_sends(gateway.addr, write("POST", "/accounts/7/deposit")).await;
    let (mut upstream, _) = origin.request().await;
    let refused = exchange(gateway.addr, write("POST", "/accounts/7/close")).await;
    assert_eq!(refused.status, 409);
    let told = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(told.contains("\"key\":\"account:7\""), "{told}");
    answer(&mut upstream, "").await;
    assert_eq!(reply(&mut writing).await.status, 200);
    gateway.ends_well();
}

#[tokio::test]
async fn a_unix_socket_is_listened_on_and_connected_to() {
    let scratch = Scratch::new("sockets");
    let (ours, theirs) = (scratch.path().join("gate"), scratch.path().join("app"));
    let origin = UnixListener::bind(&theirs).expect("a socket");
    let gateway = Gateway::run(|_, addr| {
        let mut command = binary();
        command
            .args(["run", "--listen", &format!("unix:{}", ours.display())])
            .args(["--listen", &addr.to_string()])
            .args(["--upstream", &format!("unix:{}", theirs.display())]);
        command
    });
    let asked = tokio::spawn(ask_through(ours.clone()));
    in_time("an exchange over sockets", async {
        // One of them is tried at the start, and closed again, by a worker of its own.
        let (mut upstream, mut request) = loop {
            let (mut upstream, _) = origin.accept().await.expect("a connection");
            if let Ok(first) = upstream.read_u8().await {
                break (upstream, vec![first]);
            }
        };
        while !request.ends_with(b"\r\n\r\nhi") {
            assert!(upstream.read_buf(&mut request).await.expect("a request") > 0);
        }
        assert!(request.starts_with(b"PUT /a HTTP/1.1\r\n"));
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";
        upstream.write_all(response).await.expect("it is sent");
        let answer = asked.await.expect("a client");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\ndone"), "{answer}");
    })
    .await;
    gateway.ends_well();
    assert!(!ours.exists(), "the socket is left behind");
}

/// All that a client of this socket gets for one write.
async fn ask_through(socket: impl AsRef<Path>) -> String {
    let mut client = UnixStream::connect(socket).await.expect("a connection");
    let request = write("PUT", "/a").replace("Host", "Connection: close\r\nHost");
    client
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test]
async fn an_upstream_that_takes_no_connection_is_told_of_at_the_start() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let dead = gone.local_addr().expect("a bound listener");
    drop(gone);
    let gateway = Gateway::with_defaults(dead);
    gateway.until_said("cannot connect to the upstream").await;
    let log = gateway.ends_well();
    assert!(log.contains(&format!("http://{dead}")), "{log}");
    assert_eq!(log.matches("cannot connect").count(), 1, "{log}");
}

#[tokio::test]
async fn a_dead_server_among_several_costs_no_request() {
    let witness = Witness::start(61, 0.0);
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let dead = gone.local_addr().expect("a bound listener");
    drop(gone);
    let gateway = Gateway::run(|scratch, addr| {
        let text = format!(
            "[server]\nlisten = \"{addr}\"\n[upstream]\nservers = [\"http://{dead}\", \"http://{}\"]\n",
            witness.addr
        );
        let mut command = binary();
        command
            .arg("run")
            .arg("--config")
            .arg(scratch.file("writegate.toml", &text));
        command
    });
    for number in 0..12 {
        let served = exchange(gateway.addr, write("PUT", &format!("/{number}"))).await;
        assert_eq!(served.status, 200, "request {number}");
    }
    gateway.ends_well();
}

/// Streams of one connection are taken in their order: once the read behind them has its answer, all of the writes have come.
#[tokio::test]
async fn sigterm_ends_the_process_once_all_that_follow_a_write_have_its_response() {
    let origin = Origin::start().await;
    let mut gateway = Gateway::start(origin.addr, "[guard]\non_duplicate = \"join\"\n");
    let stream = TcpStream::connect(gateway.addr)
        .await
        .expect("a connection");
    let (mut send, driver) = h2::client::handshake(stream).await.expect("HTTP/2");
    tokio::spawn(driver);
    let mut ask = |method: &str, path: &str| {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("http://a.example{path}"))
            .body(());
        let (response, _) = send
            .send_request(request.expect("a request"), true)
            .expect("sent");
        response
    };
    let writes: Vec<_> = (0..5).map(|_| ask("PUT", "/a")).collect();
    let (mut at_work, _) = origin.request().await;
    let read = ask("GET", "/b");
    let (mut reading, head) = origin.request().await;
    assert!(head.start.starts_with("GET "), "{}", head.start);
    answer(&mut reading, "").await;
    assert_eq!(
        in_time("the read", read).await.expect("an answer").status(),
        200
    );

    gateway.signal_term();
    gateway.until_said("stopping").await;
    assert!(
        gateway.ended(Duration::from_millis(300)).is_none(),
        "it does not wait for what follows"
    );
    answer(&mut at_work, "done").await;
    let mut joined = 0;
    for write in writes {
        let (head, mut body) = in_time("a write", write)
            .await
            .expect("an answer")
            .into_parts();
        assert_eq!(head.status, 200);
        joined += usize::from(head.headers.contains_key("writegate-joined"));
        let content = in_time("a body", body.data()).await.expect("a body");
        assert_eq!(content.expect("whole"), "done");
    }
    assert_eq!(joined, 4);
    let status = gateway.ended(SOON).expect("nothing is left to wait for");
    assert_eq!(status.code(), Some(0));
    let log = gateway.said();
    assert!(log.contains("\"holds\":0"), "{log}");
    assert!(!log.contains("not everything had settled"), "{log}");
}
