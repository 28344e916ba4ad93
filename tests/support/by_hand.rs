//! A gateway between clients and an origin that the test plays by hand, over pipes, on a paused clock.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};
use writegate::config::{Address, Config, Override, Overrides};
use writegate::gateway::{Gateway, Shared, Turns};
use writegate::server::{gateway_at_work, serve};
use writegate::table::Table;
use writegate::upstream::{Connect, Joints, Tasks};

use super::message::Message;
use super::pipes::{CAPACITY, DEADLINE, Far, Pipe, pipe, until};

/// Real time that one test may take: what spins on a paused clock never gets to its deadline.
const WATCHDOG: Duration = Duration::from_secs(60);

/// The workers: all tests but those about two of them use the first alone.
const WORKERS: u16 = 2;

/// Runs a test on a clock that moves only when nothing is left to do.
pub(crate) fn run<T: Future<Output = ()>>(test: impl FnOnce() -> T + Send + 'static) {
    let (done, is_done) = std_mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build_local(LocalOptions::default())
            .expect("a runtime");
        runtime.block_on(test());
        let _ = done.send(());
    });
    if is_done.recv_timeout(WATCHDOG) == Err(std_mpsc::RecvTimeoutError::Timeout) {
        panic!("the test hangs");
    }
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Lets everything happen that can happen now.
pub(crate) async fn lull() {
    sleep(Duration::from_millis(1)).await;
}

/// So much that a worker looks at its sockets in between.
const MUCH: usize = 200;

/// Gives the worker much to do when it is notified.
pub(crate) async fn much_to_do() -> Rc<Notify> {
    let begin = Rc::new(Notify::new());
    for _ in 0..MUCH {
        let begin = Rc::clone(&begin);
        spawn_local(async move { begin.notified().await });
    }
    lull().await;
    begin
}

/// Lets `seconds` go by.
pub(crate) async fn pass(seconds: f64) {
    sleep(Duration::from_secs_f64(seconds)).await;
}

/// What becomes of attempts to connect to the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialing {
    Taken,
    Refused,
    /// They wait until this changes.
    Pending,
    /// Those to this port are refused.
    RefusedAt(u16),
}

/// The origin: what listens, and every connection that was made to it.
pub(crate) struct Origin {
    dialing: Cell<Dialing>,
    capacity: Cell<usize>,
    attempts: RefCell<Vec<Address>>,
    connections: RefCell<Vec<Far>>,
    changed: Rc<Notify>,
}

impl Origin {
    /// What becomes of attempts to connect from now on.
    pub(crate) fn dialing(&self, dialing: Dialing) {
        self.dialing.set(dialing);
        self.changed.notify_waiters();
    }

    /// How much connections made from now on take without being read.
    pub(crate) fn capacity(&self, capacity: usize) {
        self.capacity.set(capacity);
    }

    /// How many attempts to connect there were.
    pub(crate) fn attempts(&self) -> usize {
        self.attempts.borrow().len()
    }

    /// The ports to which there were attempts to connect, in their order.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let port = |address: &Address| match address {
            Address::Tcp { port, .. } | Address::Tls { port, .. } => *port,
            Address::Unix(path) => panic!("{} has no port", path.display()),
        };
        self.attempts.borrow().iter().map(port).collect()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.borrow().len()
    }

    /// Waits until a connection was made after `number` others.
    pub(crate) async fn until_connected(&self, number: usize) {
        until(&self.changed, "a connection to the origin", || {
            (self.connections() > number).then_some(())
        })
        .await;
    }

    /// The connection that was made after `number` others.
    pub(crate) fn connection(&self, number: usize) -> Far {
        self.connections.borrow()[number].clone()
    }

    /// How many connections were made before this one.
    pub(crate) fn number_of(&self, connection: &Far) -> usize {
        let connections = self.connections.borrow();
        let number = connections.iter().position(|far| far.is(connection));
        number.expect("a connection to this origin")
    }

    /// The head of the next request, on whichever connection it comes.
    pub(crate) async fn head(&self) -> (Far, Message) {
        let far = until(&self.changed, "a request at the origin", || self.asked()).await;
        let head = far.head().await;
        (far, head)
    }

    /// The next request, with its body.
    pub(crate) async fn request(&self) -> (Far, Message) {
        let far = until(&self.changed, "a request at the origin", || self.asked()).await;
        let message = far.message().await;
        (far, message)
    }

    /// A connection on which a request has begun to come.
    pub(crate) fn asked(&self) -> Option<Far> {
        let has_head = |far: &&Far| {
            let bytes = far.peek();
            let has = |mark: &[u8]| bytes.windows(mark.len()).any(|part| part == mark);
            has(b" HTTP/1.1\r\n") && has(b"\r\n\r\n")
        };
        self.connections.borrow().iter().find(has_head).cloned()
    }

    /// Fails if a request has come that the test has not read.
    pub(crate) async fn hears_nothing(&self) {
        lull().await;
        for far in &*self.connections.borrow() {
            let bytes = far.peek();
            assert!(
                bytes.is_empty(),
                "the origin got {:?}",
                String::from_utf8_lossy(&bytes)
            );
        }
    }
}

/// Connects the gateway to the origin.
struct Dialer(Rc<Origin>);

impl Connect for Dialer {
    type Socket = Pipe;

    async fn connect(&self, address: &Address) -> io::Result<Pipe> {
        let origin = &self.0;
        origin.attempts.borrow_mut().push(address.clone());
        loop {
            let changed = origin.changed.notified();
            match origin.dialing.get() {
                Dialing::RefusedAt(refused) if matches!(address, Address::Tcp { port, .. } if *port == refused) =>
                {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                Dialing::Taken | Dialing::RefusedAt(_) => {
                    let (near, far) = pipe(origin.capacity.get(), &origin.changed);
                    origin.connections.borrow_mut().push(far);
                    return Ok(near);
                }
                Dialing::Refused => return Err(io::ErrorKind::ConnectionRefused.into()),
                Dialing::Pending => changed.await,
            }
        }
    }
}

/// A gateway, its clients and its origin.
pub(crate) struct ByHand {
    pub(crate) origin: Rc<Origin>,
    pub(crate) table: Arc<Table>,
    joints: Arc<Joints>,
    pub(crate) tasks: Rc<Tasks>,
    gateways: Vec<Rc<Gateway<Dialer>>>,
    draining: watch::Sender<bool>,
    clients: RefCell<Vec<Far>>,
    changed: Rc<Notify>,
}

impl ByHand {
    /// A gateway with all defaults.
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// A gateway with this configuration.
    pub(crate) fn with(config: &str) -> Self {
        let overrides = Overrides {
            upstream: (!config.contains("servers"))
                .then(|| Override::flag("--upstream", "http://127.0.0.1:3000")),
            ..Overrides::default()
        };
        let text = if config.contains("[server]") {
            config.replace("[server]", "[server]\nworkers = 1")
        } else {
            format!("[server]\nworkers = 1\n{config}")
        };
        let config = Config::parse("test", &text, &overrides).expect("a configuration");
        let changed = Rc::new(Notify::new());
        let origin = Rc::new(Origin {
            dialing: Cell::new(Dialing::Taken),
            capacity: Cell::new(CAPACITY),
            attempts: RefCell::default(),
            connections: RefCell::default(),
            changed: Rc::clone(&changed),
        });
        let (wishes, turns): (Vec<_>, Vec<_>) = (0..WORKERS).map(|_| mpsc::channel(16)).unzip();
        let shared = Shared::new(Arc::new(config));
        let (table, joints) = (Arc::clone(&shared.table), Arc::clone(&shared.joints));
        let worker = |(number, turns)| {
            gateway_at_work(
                shared.clone(),
                Dialer(Rc::clone(&origin)),
                Turns::new(number, wishes.clone()),
                turns,
            )
        };
        let gateways: Vec<_> = (0..WORKERS).zip(turns).map(worker).collect();
        Self {
            origin,
            table,
            joints,
            tasks: Rc::clone(&gateways[0].limits().tasks),
            gateways,
            draining: watch::channel(false).0,
            clients: RefCell::default(),
            changed,
        }
    }

    /// A client that connects.
    pub(crate) fn client(&self) -> Far {
        self.client_that_takes(CAPACITY)
    }

    /// A client whose kernel takes so much of a response that it does not read.
    pub(crate) fn client_that_takes(&self, capacity: usize) -> Far {
        self.connect(0, capacity)
    }

    /// A client that another worker serves.
    pub(crate) fn client_elsewhere(&self) -> Far {
        self.connect(1, CAPACITY)
    }

    fn connect(&self, worker: usize, capacity: usize) -> Far {
        let (near, far) = pipe(capacity, &self.changed);
        let address = Some(std::net::Ipv4Addr::new(192, 0, 2, 7).into());
        let gateway = Rc::clone(&self.gateways[worker]);
        let tasks = Rc::clone(&gateway.limits().tasks);
        tasks.adopt(serve(gateway, near, address, self.draining.subscribe()));
        self.clients.borrow_mut().push(far.clone());
        far
    }

    /// A client that connects and sends this.
    pub(crate) async fn client_sends(&self, bytes: impl AsRef<[u8]>) -> Far {
        let client = self.client();
        client.send(bytes).await;
        client
    }

    /// A client that sends a small `PUT`, and the origin's connection on which all of it came.
    pub(crate) async fn write_at_work(&self, path: &str) -> (Far, Far) {
        let client = self.client_sends(put(path)).await;
        let (origin, request) = self.origin.request().await;
        assert!(
            request.start.starts_with(&format!("PUT {path} ")),
            "{}",
            request.start
        );
        (client, origin)
    }

    /// What another `PUT` comes to: `200`, from the origin that is asked, or the problem that it is told.
    pub(crate) async fn another(&self, path: &str) -> String {
        let client = self.client_sends(put(path)).await;
        let answered = until(&self.changed, "an answer to another write", || {
            match self.origin.asked() {
                Some(origin) => Some(Some(origin)),
                None => (!client.peek().is_empty()).then_some(None),
            }
        });
        if let Some(origin) = answered.await {
            let request = origin.message().await;
            assert!(
                request.start.starts_with(&format!("PUT {path} ")),
                "{}",
                request.start
            );
            origin.respond("200 OK", "").await;
        }
        let answer = client.message().await;
        client.close();
        if answer.status() == 200 {
            "200".to_owned()
        } else {
            answer.problem()
        }
    }

    /// Writes that were let through beside another.
    pub(crate) fn overlaps(&self) -> u64 {
        let counts = self.gateways.iter().map(|gateway| gateway.counts());
        counts.map(|counts| counts.overlaps()).sum()
    }

    /// Says that the gateway is to stop.
    pub(crate) fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Fails unless everything ends once the clients have gone: no hold, and no task.
    pub(crate) async fn ends_empty(self) {
        for client in &*self.clients.borrow() {
            client.close();
        }
        let ended = timeout(DEADLINE, async {
            for gateway in &self.gateways {
                gateway.limits().tasks.ended().await;
            }
            while !self.table.is_empty() {
                pass(1.0).await;
            }
        });
        let is_over = ended.await.is_ok();
        assert!(
            is_over,
            "{} tasks and {} holds are left",
            self.tasks.running(),
            self.table.len()
        );
        let mut left = 0;
        self.table.for_each(|_, _| left += 1);
        assert_eq!(left, 0, "keys are left of holds that have ended");
        assert_eq!(self.tasks.running(), 0);
        assert!(self.joints.is_empty(), "a write leads that has ended");
    }
}

/// A small write.
pub(crate) fn put(path: &str) -> String {
    format!("PUT {path} HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi")
}

/// A safe request.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n")
}
