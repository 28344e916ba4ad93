//! What a worker goes on with when nobody waits for it: exchanges whose client has left, and pumps.
//!
//! Invariants:
//! - An [`Attached`] future that is dropped unfinished is moved here, whole, and runs to its end.
//! - Every task is counted until it ends, so that a drain can wait for the last of them.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::sync::Notify;

use super::{Relay, Relays};

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The tasks of one worker. Their number is bounded by that of the connections and the holds.
#[derive(Default)]
pub struct Tasks {
    adopted: RefCell<Vec<Task>>,
    has_adopted: Notify,
    running: Cell<usize>,
    has_ended: Notify,
    relays: Relays,
}

impl Tasks {
    /// Starts a task. It may be called from a `drop`: the task begins with the worker's next turn.
    pub fn adopt(self: &Rc<Self>, task: impl Future<Output = ()> + 'static) {
        self.adopted.borrow_mut().push(Box::pin(Adopted {
            task,
            relay: Some(self.relays.enter()),
            _counted: Counted::new(self),
        }));
        self.has_adopted.notify_one();
    }

    /// What stands between a worker and its exchanges, tasks that have yet to begin among it.
    pub const fn relays(&self) -> &Relays {
        &self.relays
    }

    /// How many tasks have not ended.
    pub fn running(&self) -> usize {
        self.running.get()
    }

    /// Runs what is adopted, for as long as it is polled. Belongs on a runtime that takes local tasks.
    pub async fn run(&self) {
        loop {
            self.has_adopted.notified().await;
            let adopted = std::mem::take(&mut *self.adopted.borrow_mut());
            for task in adopted {
                tokio::task::spawn_local(task);
            }
        }
    }

    /// Lets go of what is adopted when nobody runs it any more: what it holds becomes an unknown outcome.
    pub fn abandon(&self) {
        loop {
            let adopted = std::mem::take(&mut *self.adopted.borrow_mut());
            if adopted.is_empty() {
                return;
            }
        }
    }

    /// Ready when no task is left.
    pub async fn ended(&self) {
        while self.running.get() > 0 {
            self.has_ended.notified().await;
        }
    }
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tasks")
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// A task, as it runs. Not an async block, which would have the room for the task twice: as it came, and as it is awaited. What
    /// is kept beside the task is in one piece with it: the runtime rounds what it has of a task up to 128 octets, and a box just fits.
    struct Adopted<F> {
        #[pin]
        task: F,
        // Until it begins.
        relay: Option<Relay>,
        _counted: Counted,
    }
}

impl<F: Future<Output = ()>> Future for Adopted<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        *this.relay = None;
        this.task.poll(cx)
    }
}

struct Counted(Rc<Tasks>);

impl Counted {
    fn new(tasks: &Rc<Tasks>) -> Self {
        tasks.running.set(tasks.running.get() + 1);
        Self(Rc::clone(tasks))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
        self.0.has_ended.notify_waiters();
    }
}

/// A future that its owner polls, and that outlives its owner if it has an heir.
pub struct Attached<T: 'static> {
    future: Option<Pin<Box<dyn Future<Output = T>>>>,
    heir: Option<Rc<Tasks>>,
}

impl<T: 'static> Attached<T> {
    /// Attaches `future` to whoever polls it, and to `heir` after that.
    pub fn new(future: impl Future<Output = T> + 'static, heir: Option<&Rc<Tasks>>) -> Self {
        Self {
            future: Some(Box::pin(future)),
            heir: heir.cloned(),
        }
    }
}

impl<T: 'static> Future for Attached<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let future = self.future.as_mut().expect("not polled after its end");
        let polled = future.as_mut().poll(cx);
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }
}

impl<T: 'static> Drop for Attached<T> {
    fn drop(&mut self) {
        // A future that has panicked is not to be polled again.
        if let (Some(future), Some(heir)) = (self.future.take(), &self.heir)
            && !std::thread::panicking()
        {
            heir.adopt(async move {
                future.await;
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::{LocalSet, yield_now};

    use super::*;

    #[tokio::test]
    async fn a_task_stands_between_a_worker_and_its_exchanges_until_it_begins() {
        let tasks = Rc::new(Tasks::default());
        tasks.adopt(pending());
        assert!(tasks.relays().are_any());
        let begin = async {
            tokio::select! {
                () = tasks.run() => {}
                () = async { yield_now().await; yield_now().await; } => {}
            }
        };
        // Kept: with it would go what it runs.
        let running = LocalSet::new();
        running.run_until(begin).await;
        assert!(!tasks.relays().are_any());
    }
}
