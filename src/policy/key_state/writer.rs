//! The write behind a hold or a claim that waits. There is one of it, however many keys it has; the table, its owner and whoever
//! meets it share it, so that a hold costs little more than this.

use std::num::NonZeroU32;
use std::time::Duration;

use http::Method;

use super::{HoldId, Moment, nanos};
use crate::policy::family::Family;
use crate::policy::key::Placed;
use crate::policy::plan::{Purpose, Remedy};
use crate::policy::request_id::RequestId;
use crate::policy::route::RouteId;

/// The methods that take no room of their own, the most frequent first.
static KNOWN: [Method; 9] = [
    Method::PUT,
    Method::PATCH,
    Method::POST,
    Method::DELETE,
    Method::GET,
    Method::HEAD,
    Method::OPTIONS,
    Method::CONNECT,
    Method::TRACE,
];

/// What is told of a write when it claims its keys.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// Who may release what it is granted.
    pub id: HoldId,
    /// The request's identifier.
    pub request_id: &'a RequestId,
    /// The effective method.
    pub method: &'a Method,
    /// The route that derived the keys.
    pub route: RouteId,
    /// What it claims them for.
    pub purpose: Purpose,
    /// Who passes by its keys.
    pub family: Family,
    /// What would have its overlaps refused; none where they are.
    pub remedy: Option<&'a Remedy>,
    /// How long the upstream can work on it after it was last heard of.
    pub max_work: Duration,
    /// How long holds of its route typically last.
    pub typical: Option<Duration>,
}

/// A write, as the operator knows it. `M` is what whoever hands out the holds marks it with.
#[derive(Debug)]
pub struct Writer<M = ()> {
    /// Who may release what it was granted.
    pub id: HoldId,
    /// What it asks for.
    pub placed: Placed,
    /// Since when it holds its keys, or waits for them.
    pub since: Moment,
    /// Who passes by its keys.
    pub family: Family,
    /// The route that derived the keys.
    pub route: RouteId,
    /// What it claims them for.
    pub purpose: Purpose,
    /// In [`KNOWN`].
    method: u8,
    /// If its identifier was drawn, here or elsewhere. In words, as it is moved.
    request_id: Option<[u64; 2]>,
    /// In microseconds.
    typical: Option<NonZeroU32>,
    /// In nanoseconds.
    max_work: u64,
    /// No decision depends on it.
    pub mark: M,
    aside: Option<Box<Aside>>,
}

/// What few writes have.
#[derive(Clone, Debug, Default)]
struct Aside {
    request_id: Option<RequestId>,
    method: Option<Method>,
    remedy: Option<Remedy>,
    number: Option<u64>,
}

impl<M: Default> Writer<M> {
    /// One that asks for this, and has it or waits for it since then.
    #[inline]
    pub fn new(telling: &Telling<'_>, placed: Placed, since: Moment) -> Self {
        let drawn = telling
            .request_id
            .bits()
            .map(|bits| zerocopy::transmute!(bits));
        let known = KNOWN.iter().position(|known| known == telling.method);
        let mut writer = Self {
            id: telling.id,
            placed,
            since,
            family: telling.family,
            route: telling.route,
            purpose: telling.purpose,
            method: known.map_or(0, |known| known as u8),
            request_id: drawn,
            typical: telling.typical.and_then(micros),
            max_work: nanos(telling.max_work),
            mark: M::default(),
            aside: None,
        };
        if drawn.is_none() {
            writer.aside().request_id = Some(telling.request_id.clone());
        }
        if known.is_none() {
            writer.aside().method = Some(telling.method.clone());
        }
        if let Some(remedy) = telling.remedy {
            writer.aside().remedy = Some(remedy.clone());
        }
        writer
    }

    /// The same, which has since then what it waited for, and no mark yet.
    pub fn granted(&self, since: Moment) -> Self {
        Self {
            id: self.id,
            placed: self.placed.clone(),
            since,
            family: self.family,
            route: self.route,
            purpose: self.purpose,
            method: self.method,
            request_id: self.request_id,
            typical: self.typical,
            max_work: self.max_work,
            mark: M::default(),
            aside: self.aside.clone(),
        }
    }
}

impl<M> Writer<M> {
    /// Gives it its number among all writes.
    pub fn enumerate(&mut self, number: u64) {
        self.aside().number = Some(number);
    }

    /// The request's identifier. Shown to the operator, never to another client.
    pub fn request_id(&self) -> String {
        let sent = || self.aside.as_ref()?.request_id.clone();
        let drawn = |bits| RequestId::Drawn(zerocopy::transmute!(bits));
        let request_id = self.request_id.map(drawn).or_else(sent);
        request_id.map_or_else(String::new, |id| id.text(&mut [0; 32]).to_owned())
    }

    /// The effective method.
    pub fn method(&self) -> &Method {
        let other = self.aside.as_ref().and_then(|aside| aside.method.as_ref());
        other.unwrap_or(&KNOWN[usize::from(self.method)])
    }

    /// What would have its overlaps refused; none where they are.
    pub fn remedy(&self) -> Option<&Remedy> {
        self.aside.as_ref()?.remedy.as_ref()
    }

    /// Its number among all writes, if they are numbered.
    pub fn number(&self) -> Option<u64> {
        self.aside.as_ref()?.number
    }

    /// How long the upstream can work on it after it was last heard of.
    pub const fn max_work(&self) -> Duration {
        Duration::from_nanos(self.max_work)
    }

    /// How long holds of its route typically last, as far as its worker knew by then.
    pub fn typical(&self) -> Option<Duration> {
        let micros = self.typical?.get();
        Some(Duration::from_micros(micros.into()))
    }

    fn aside(&mut self) -> &mut Aside {
        self.aside.get_or_insert_default()
    }
}

/// At least one, and an hour at most.
fn micros(duration: Duration) -> Option<NonZeroU32> {
    let micros = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    NonZeroU32::new(micros.max(1))
}
