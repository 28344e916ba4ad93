//! How a write that is the same client's own once more gets the response of the one that is at work.
//!
//! Invariants:
//! - Of writes with one fingerprint at most one leads at a time. The others follow it, up to a bound, and nothing is sent
//!   for them.
//! - A [`Lead`] tells its followers what has become of it by being dropped: it cannot be forgotten.
//! - It has ended before the last of its response is handed on: whoever has all of that may write the same again, and mean it.
//! - A response is kept for followers up to `response_buffer`, and charged for as long as one has it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Reply;
use crate::body::Body;
use crate::policy::Fingerprint;
use crate::policy::head::ResponseHead;

/// How many may follow one.
const FOLLOWERS: usize = 16;

/// The writes that lead.
#[derive(Debug, Default)]
pub struct Joints {
    /// A plain mutex, of all workers: it is touched only where a route lets writes join, twice a write, and for no longer
    /// than a look-up takes.
    leads: Mutex<HashMap<Fingerprint, Arc<Joint>>>,
}

/// What one leads and the others follow.
#[derive(Debug)]
struct Joint {
    since: Instant,
    end: watch::Sender<Option<End>>,
}

/// What has become of the write that leads.
#[derive(Clone, Debug)]
pub enum End {
    /// It was never sent.
    Unsent,
    /// It was sent, and no whole response came.
    Unknown,
    /// It was answered, by more than is kept.
    NotShared,
    /// Its response came whole.
    Whole(Arc<Captured>),
}

/// A response that came whole.
#[derive(Debug)]
pub struct Captured {
    head: Box<ResponseHead>,
    content: Vec<Bytes>,
    trailers: Option<HeaderMap>,
}

/// Which part a write has.
#[derive(Debug)]
pub enum Part {
    /// It goes on by itself.
    Leads(Lead),
    /// It gets what another gets.
    Follows(Following),
    /// As many follow already as may, since the first has come.
    Full(Instant),
}

impl Joints {
    /// Enters a write: it leads, unless another does.
    pub fn enter(self: &Arc<Self>, fingerprint: Fingerprint) -> Part {
        let mut leads = self.leads();
        if let Some(joint) = leads.get(&fingerprint) {
            if joint.end.receiver_count() >= FOLLOWERS {
                return Part::Full(joint.since);
            }
            return Part::Follows(Following {
                since: joint.since,
                end: joint.end.subscribe(),
            });
        }
        let joint = Arc::new(Joint {
            since: Instant::now(),
            end: watch::Sender::default(),
        });
        leads.insert(fingerprint, Arc::clone(&joint));
        Part::Leads(Lead {
            joints: Arc::clone(self),
            fingerprint,
            joint,
            end: End::Unsent,
        })
    }

    /// How many lead.
    pub fn len(&self) -> usize {
        self.leads().len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn leads(&self) -> MutexGuard<'_, HashMap<Fingerprint, Arc<Joint>>> {
        self.leads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A write that others may follow.
#[derive(Debug)]
pub struct Lead {
    joints: Arc<Joints>,
    fingerprint: Fingerprint,
    joint: Arc<Joint>,
    /// What its followers are told when it is dropped.
    end: End,
}

impl Drop for Lead {
    fn drop(&mut self) {
        let mut leads = self.joints.leads();
        let mine = leads.get(&self.fingerprint);
        if mine.is_some_and(|joint| Arc::ptr_eq(joint, &self.joint)) {
            leads.remove(&self.fingerprint);
        }
        drop(leads);
        self.joint.end.send_replace(Some(self.end.clone()));
    }
}

/// A write that gets what another gets. Dropped, it follows no more.
#[derive(Debug)]
pub struct Following {
    since: Instant,
    end: watch::Receiver<Option<End>>,
}

impl Following {
    /// When the one that it follows has come.
    pub const fn since(&self) -> Instant {
        self.since
    }

    /// Returns what has become of that.
    pub async fn ended(&mut self) -> End {
        let ended = self.end.wait_for(Option::is_some).await;
        let end = ended.ok().and_then(|end| end.clone());
        end.expect("a lead tells its end before it lets go of its joint")
    }
}

impl Captured {
    /// The response once more.
    pub fn reply(&self) -> Reply {
        let content = self.content.iter().cloned().map(Frame::data);
        let trailers = self.trailers.clone().map(Frame::trailers);
        let frames = content.chain(trailers).collect();
        Reply::Answered(self.head.clone(), Body::frames(frames))
    }
}

/// What is kept of the response to a write for those that follow it; nothing where none can.
#[derive(Debug, Default)]
pub(super) struct Capture(Option<Box<Capturing>>);

#[derive(Debug)]
struct Capturing {
    lead: Lead,
    head: Option<Box<ResponseHead>>,
    content: Vec<Bytes>,
    trailers: Option<HeaderMap>,
    /// How many octets more are kept.
    room: usize,
}

impl Capture {
    /// The write is being sent: if this is dropped, nobody knows what has become of it.
    pub(super) fn of(lead: Option<Lead>, limit: usize) -> Self {
        Self(lead.map(|mut lead| {
            lead.end = End::Unknown;
            Box::new(Capturing {
                lead,
                head: None,
                content: Vec::new(),
                trailers: None,
                room: limit,
            })
        }))
    }

    /// Not a byte of it was sent.
    pub(super) fn unsent(&mut self) -> Option<Lead> {
        let mut lead = self.0.take()?.lead;
        lead.end = End::Unsent;
        Some(lead)
    }

    /// The head has come, and says that at least so many octets will.
    pub(super) fn begin(&mut self, head: &ResponseHead, least: u64) {
        let Some(capturing) = &mut self.0 else { return };
        if usize::try_from(least).is_ok_and(|least| least <= capturing.room) {
            capturing.head = Some(Box::new(head.clone()));
        } else {
            self.give_up();
        }
    }

    /// A part has come; it is kept only if it is charged for.
    pub(super) fn add(&mut self, frame: &Frame<Bytes>, is_charged: bool) {
        let Some(capturing) = &mut self.0 else { return };
        if let Some(trailers) = frame.trailers_ref() {
            capturing.trailers = Some(trailers.clone());
        }
        let Some(data) = frame.data_ref() else { return };
        match capturing.room.checked_sub(data.len()) {
            Some(room) if is_charged => {
                capturing.room = room;
                capturing.content.push(data.clone());
            }
            Some(_) | None => self.give_up(),
        }
    }

    /// All of it has come, and nobody has the last of it yet.
    pub(super) fn whole(&mut self) {
        let Some(capturing) = self.0.take() else {
            return;
        };
        let Capturing {
            mut lead,
            head,
            content,
            trailers,
            ..
        } = *capturing;
        if let Some(head) = head {
            lead.end = End::Whole(Arc::new(Captured {
                head,
                content,
                trailers,
            }));
        }
    }

    fn give_up(&mut self) {
        if let Some(mut capturing) = self.0.take() {
            capturing.lead.end = End::NotShared;
        }
    }
}

#[cfg(test)]
mod tests;
