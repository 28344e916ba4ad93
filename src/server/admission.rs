//! How many connections there may be: of all clients, and of each.
//!
//! - At the bound of all, no connection is accepted until another has ended: the next ones wait in the kernel, as HAProxy has
//!   them wait. Nothing is lost, and nobody is told anything.
//! - A client at the bound of its own has the next one closed at once: it must not keep others waiting.
//!
//! Invariant: a connection counts for exactly as long as its [`Admitted`] is kept.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::warn;

use crate::config::Limits;

/// How often it is told that a bound was met.
const TOLD: Duration = Duration::from_secs(60);

/// Who may connect.
#[derive(Clone)]
pub(super) struct Admission {
    max: usize,
    room: Arc<Semaphore>,
    clients: Option<Arc<Clients>>,
}

/// Room for one connection more.
pub(super) struct Room(OwnedSemaphorePermit);

/// A connection that counts.
pub(super) struct Admitted {
    #[expect(dead_code, reason = "its drop is its use")]
    room: OwnedSemaphorePermit,
    #[expect(dead_code, reason = "its drop is its use")]
    share: Option<Share>,
}

/// How many connections each client has.
struct Clients {
    max: usize,
    /// Locked once when a connection is accepted, and once when it ends; never across anything that waits.
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    by_client: HashMap<Client, usize>,
    told: Option<Instant>,
}

/// Whom connections are counted for: an address, or of IPv6 the 64 bits that name a network, of which whoever has one
/// address has them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Client {
    V4(Ipv4Addr),
    V6(u64),
}

/// One connection's part of what its client has.
struct Share {
    clients: Arc<Clients>,
    client: Client,
}

impl Admission {
    pub(super) fn new(limits: &Limits) -> Self {
        let max = limits.max_connections.min(Semaphore::MAX_PERMITS);
        let clients = limits.max_connections_per_client.map(|max| Clients {
            max,
            counts: Mutex::default(),
        });
        Self {
            max,
            room: Arc::new(Semaphore::new(max)),
            clients: clients.map(Arc::new),
        }
    }

    /// Waits for room for one more.
    pub(super) async fn room(&self) -> Room {
        if self.room.available_permits() == 0 {
            warn!(
                max_connections = self.max,
                "as many connections as there may be: the next is accepted when one ends"
            );
        }
        let room = Arc::clone(&self.room).acquire_owned().await;
        Room(room.expect("the semaphore is never closed"))
    }

    /// Lets a client in, if it has not too many connections. One over a Unix socket has no address to be counted for.
    pub(super) fn admit(&self, room: Room, address: Option<IpAddr>) -> Option<Admitted> {
        let share = match (&self.clients, address) {
            (Some(clients), Some(address)) => Some(Clients::share(clients, address)?),
            (None, _) | (_, None) => None,
        };
        let Room(room) = room;
        Some(Admitted { room, share })
    }
}

impl Clients {
    fn share(clients: &Arc<Self>, address: IpAddr) -> Option<Share> {
        let client = Client::of(address);
        let mut counts = clients.counts();
        let count = counts.by_client.entry(client).or_default();
        if *count < clients.max {
            *count += 1;
            return Some(Share {
                clients: Arc::clone(clients),
                client,
            });
        }
        if counts.told.is_none_or(|told| told.elapsed() >= TOLD) {
            counts.told = Some(Instant::now());
            warn!(client = %address, max_connections_per_client = clients.max, "closed a connection of a client that has as many as it may");
        }
        None
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // What a panic left is still a count.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.clients.counts().by_client.entry(self.client) {
            match *count.get() {
                0 | 1 => drop(count.remove()),
                several => *count.get_mut() = several - 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Override, Overrides};

    use tokio::time::timeout;

    fn admission(settings: &str) -> Admission {
        let overrides = Overrides {
            upstream: Some(Override::flag("--upstream", "http://127.0.0.1:3000")),
            ..Overrides::default()
        };
        let config = Config::parse("test", &format!("[server]\n{settings}"), &overrides);
        Admission::new(&config.unwrap().server.limits)
    }

    async fn admit(admission: &Admission, address: &str) -> Option<Admitted> {
        let room = timeout(Duration::from_secs(1), admission.room())
            .await
            .ok()?;
        admission.admit(room, Some(address.parse().unwrap()))
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_room_for_so_many_and_for_another_when_one_ends() {
        let admission = admission("max_connections = 2");
        let one = admit(&admission, "192.0.2.1").await.unwrap();
        let _other = admit(&admission, "192.0.2.1").await.unwrap();
        assert!(admit(&admission, "192.0.2.1").await.is_none());
        drop(one);
        assert!(admit(&admission, "192.0.2.1").await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_has_so_many_whatever_others_have_and_a_network_is_one() {
        let admission = admission("max_connections_per_client = 2");
        let one = admit(&admission, "2001:db8:0:1::1").await.unwrap();
        let other = admit(&admission, "2001:db8:0:1:ffff::2").await.unwrap();
        assert!(admit(&admission, "2001:db8:0:1::3").await.is_none());
        assert!(admit(&admission, "2001:db8:0:2::1").await.is_some());
        drop(one);
        assert!(admit(&admission, "2001:db8:0:1::3").await.is_some());
        drop(other);
        let mapped = admit(&admission, "::ffff:192.0.2.1").await.unwrap();
        let plain = admit(&admission, "192.0.2.1").await.unwrap();
        assert!(admit(&admission, "192.0.2.1").await.is_none(), "it is one");
        assert!(admit(&admission, "192.0.2.2").await.is_some());
        drop((mapped, plain));
        let clients = admission.clients.as_ref().unwrap();
        assert!(
            clients.counts().by_client.is_empty(),
            "it forgets who is gone"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn over_a_unix_socket_nobody_is_counted_for() {
        let admission = admission("max_connections_per_client = 1");
        let mut admitted = Vec::new();
        for _ in 0..3 {
            admitted.push(admission.admit(admission.room().await, None).unwrap());
        }
        assert_eq!(admission.room.available_permits(), admission.max - 3);
    }
}
