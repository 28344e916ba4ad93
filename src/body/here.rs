//! What is here of a body when its head is handed on: most have come by then, in one part, which needs no queue.

use std::collections::{VecDeque, vec_deque};
use std::iter::Chain;
use std::option;

use bytes::Bytes;
use http_body::Frame;

use super::Body;

/// The parts that are here, in their order.
#[derive(Debug, Default)]
pub struct Here {
    first: Option<Frame<Bytes>>,
    others: VecDeque<Frame<Bytes>>,
}

impl Here {
    /// Adds the next.
    pub fn add(&mut self, frame: Frame<Bytes>) {
        match self.first {
            None => self.first = Some(frame),
            Some(_) => self.others.push_back(frame),
        }
    }
}

impl IntoIterator for Here {
    type Item = Frame<Bytes>;
    type IntoIter = Chain<option::IntoIter<Frame<Bytes>>, vec_deque::IntoIter<Frame<Bytes>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.others)
    }
}

/// No more comes.
impl From<Here> for Body {
    fn from(here: Here) -> Self {
        let Here { first, mut others } = here;
        let first = match first.map(Frame::into_data) {
            None => return Self::whole(Bytes::new()),
            Some(Ok(data)) if others.is_empty() => return Self::whole(data),
            Some(Ok(data)) => Frame::data(data),
            Some(Err(frame)) => frame,
        };
        others.push_front(first);
        Self::frames(others)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http_body::Body as _;
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn whatever_has_come_is_handed_on_in_its_order() {
        let trailers = HeaderMap::from_iter([(http::header::ETAG, "\"1\"".parse().expect("one"))]);
        for (parts, has_trailers) in [(0, false), (1, false), (3, false), (0, true), (2, true)] {
            let all = || {
                let mut here = Here::default();
                for part in 0..parts {
                    here.add(Frame::data(Bytes::from(format!("part {part} "))));
                }
                if has_trailers {
                    here.add(Frame::trailers(trailers.clone()));
                }
                here
            };
            let data = |frame: &Frame<Bytes>| frame.data_ref().cloned().unwrap_or_default();
            let content = all()
                .into_iter()
                .map(|frame| data(&frame))
                .collect::<Vec<_>>()
                .concat();
            let collected = Body::from(all()).collect().await.expect("it is whole");
            assert_eq!(collected.trailers().is_some(), has_trailers);
            assert_eq!(collected.to_bytes(), content);
            let expected: String = (0..parts).map(|part| format!("part {part} ")).collect();
            assert_eq!(content, expected.as_bytes());
        }
    }

    #[test]
    fn one_part_without_content_is_no_content() {
        let mut here = Here::default();
        here.add(Frame::data(Bytes::new()));
        assert!(Body::from(here).is_end_stream());
    }
}
