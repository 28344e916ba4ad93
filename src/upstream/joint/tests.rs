//! Joints against a model: who leads and who follows, and what each that follows is told.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Method, Response};
use http_body::Frame;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Capture, End, FOLLOWERS, Following, Joints, Lead, Part};
use crate::policy::head::Fields;
use crate::policy::{Fingerprint, Head, Sent};

/// How much of a response is kept.
const ROOM: usize = 8;

#[derive(Clone, Debug)]
enum Step {
    /// So many of the same write come.
    Enter(u8, usize),
    /// The one that leads is being sent.
    Send(u8),
    /// Not a byte of it was, after all.
    Unsent(u8),
    /// So much of its response comes, charged for or not.
    Add(u8, usize, bool),
    /// All of its response has come.
    Whole(u8),
    /// It is dropped.
    Drop(u8),
    /// One that follows leaves.
    Leave(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let writes = 0..3_u8;
    prop_oneof![
        4 => (writes.clone(), 1..FOLLOWERS + 3).prop_map(|(write, count)| Step::Enter(write, count)),
        3 => writes.clone().prop_map(Step::Send),
        1 => writes.clone().prop_map(Step::Unsent),
        2 => (writes.clone(), 0..ROOM, prop::bool::weighted(0.9))
            .prop_map(|(write, octets, is_charged)| Step::Add(write, octets, is_charged)),
        2 => writes.clone().prop_map(Step::Whole),
        1 => writes.clone().prop_map(Step::Drop),
        2 => writes.prop_map(Step::Leave),
    ]
}

/// What leads, as its exchange has it.
#[derive(Debug)]
enum Leader {
    Waits(Lead),
    IsSent { capture: Capture, octets: usize },
}

/// The naive view: of each write what leads, and what follows it.
#[derive(Default)]
struct Model {
    leaders: BTreeMap<u8, (Leader, Vec<Following>)>,
}

fn fingerprint(write: u8) -> Fingerprint {
    let headers = Fields::default();
    let head = Head {
        method: &Method::PUT,
        path: "/a",
        query: None,
        host: "",
        headers: &headers,
        client_subject: None,
        content: None,
    };
    Fingerprint::of(&Sent {
        head,
        client: None,
        is_secure: false,
        content: &[write],
        trailers: None,
    })
}

/// What it is told, if it is told anything yet.
fn told(following: &mut Following) -> Option<End> {
    let mut cx = Context::from_waker(Waker::noop());
    match pin!(following.ended()).poll(&mut cx) {
        Poll::Ready(end) => Some(end),
        Poll::Pending => None,
    }
}

impl Model {
    fn enter(&mut self, joints: &Arc<Joints>, write: u8) {
        let part = joints.enter(fingerprint(write));
        match (part, self.leaders.get_mut(&write)) {
            (Part::Leads(lead), None) => {
                let _new = self
                    .leaders
                    .insert(write, (Leader::Waits(lead), Vec::new()));
            }
            (Part::Follows(following), Some((_, others))) if others.len() < FOLLOWERS => {
                others.push(following);
            }
            (Part::Full(_), Some((_, others))) if others.len() == FOLLOWERS => {}
            (part, known) => panic!("{part:?} beside {known:?}"),
        }
    }

    /// Whoever followed it is told this, and nothing leads any more.
    fn ended(&mut self, write: u8, is_it: fn(&End) -> bool) {
        let Some((leader, others)) = self.leaders.remove(&write) else {
            return;
        };
        drop(leader);
        for mut other in others {
            let end = told(&mut other);
            assert!(end.as_ref().is_some_and(is_it), "{end:?}");
        }
    }

    fn change(&mut self, joints: &Arc<Joints>, step: Step) {
        match step {
            Step::Enter(write, count) => (0..count).for_each(|_| self.enter(joints, write)),
            Step::Send(write) => self.send(write),
            Step::Unsent(write) => {
                if let Some((leader, _)) = self.leaders.get_mut(&write)
                    && let Leader::IsSent { capture, .. } = leader
                {
                    *leader = Leader::Waits(capture.unsent().expect("it leads"));
                }
            }
            Step::Add(write, octets, is_charged) => self.add(write, octets, is_charged),
            Step::Whole(write) => {
                if let Some((Leader::IsSent { capture, .. }, _)) = self.leaders.get_mut(&write) {
                    capture.whole();
                    self.ended(write, |end| matches!(end, End::Whole(_)));
                }
            }
            Step::Drop(write) => match self.leaders.get(&write) {
                Some((Leader::Waits(_), _)) => self.ended(write, |end| matches!(end, End::Unsent)),
                Some(_) => self.ended(write, |end| matches!(end, End::Unknown)),
                None => {}
            },
            Step::Leave(write) => {
                if let Some((_, others)) = self.leaders.get_mut(&write) {
                    let _left = others.pop();
                }
            }
        }
    }

    fn send(&mut self, write: u8) {
        let Some((Leader::Waits(lead), others)) = self.leaders.remove(&write) else {
            return;
        };
        let mut capture = Capture::of(Some(lead), ROOM);
        let (head, ()) = Response::new(()).into_parts();
        capture.begin(&head.into(), 0);
        let leader = Leader::IsSent { capture, octets: 0 };
        self.leaders.insert(write, (leader, others));
    }

    fn add(&mut self, write: u8, more: usize, is_charged: bool) {
        let Some((Leader::IsSent { capture, octets }, _)) = self.leaders.get_mut(&write) else {
            return;
        };
        *octets += more;
        capture.add(&Frame::data(Bytes::from(vec![b'x'; more])), is_charged);
        if *octets > ROOM || !is_charged {
            self.ended(write, |end| matches!(end, End::NotShared));
        }
    }
}

proptest! {
    #[test]
    fn one_leads_the_others_follow_it_and_all_are_told_the_same(steps in vec(step(), 1..60)) {
        let (joints, mut model) = (Arc::<Joints>::default(), Model::default());
        for step in steps {
            model.change(&joints, step);
            prop_assert_eq!(joints.len(), model.leaders.len());
            for (_, others) in model.leaders.values_mut() {
                prop_assert!(others.iter_mut().all(|other| told(other).is_none()));
            }
        }
        for write in 0..3 {
            model.change(&joints, Step::Drop(write));
        }
        prop_assert!(joints.is_empty());
    }
}
