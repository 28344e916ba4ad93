//! Bodies, read for what keys are made of: from octets to the facts that templates take their values from.
//!
//! Invariants:
//! - A body is read at most once, whatever is wanted of it, and forwarded as it came: what is decoded here is for keys alone.
//! - What it takes is bounded by `limit`, the octets that are kept of a body, whatever they would be decoded.
//! - A body that some origin server may read in another way has no value, and [`NoValue`] says why.

use std::borrow::Cow;

use tracing::trace;

use crate::policy::content::{Content, NoValue};
use crate::policy::head::Fields;
use crate::policy::media::{Coding, Media, coding, media};
use crate::policy::wanted::Wanted;

mod decode;
mod form;
mod json;
mod multipart;
mod number;

/// What the head alone says of a body of which keys are made: nothing, unless it is that there will be no value.
/// `octets` is how long the body is, if that is known.
pub fn foreseen(fields: &Fields, octets: Option<u64>, limit: usize) -> Option<Content> {
    let why = match octets {
        Some(0) => NoValue::NoBody,
        Some(octets) if octets > limit as u64 => NoValue::TooLarge { limit },
        Some(_) | None => kind(fields).err()?,
    };
    Some(Content::without(why))
}

/// What a body says that did not fit.
pub fn too_large(limit: usize) -> Content {
    Content::without(NoValue::TooLarge { limit })
}

/// What a whole body says.
pub fn read(fields: &Fields, body: &[u8], wanted: &Wanted, limit: usize) -> Content {
    trace!(
        octets = body.len(),
        "reading a body for what keys are made of"
    );
    let found = kind(fields).and_then(|(media, coding)| {
        let text = plain(body, coding, limit)?;
        Ok((media, text))
    });
    let (media, text) = match found {
        Ok((_, text)) if text.is_empty() => return Content::without(NoValue::NoBody),
        Ok(found) => found,
        Err(why) => return Content::without(why),
    };
    match media {
        Media::Json => Content::of_json(json::values(&text, wanted.json())),
        Media::Urlencoded => form::content(&text, wanted),
        Media::Multipart { boundary } => multipart::content(&text, &boundary, wanted),
    }
}

fn kind(fields: &Fields) -> Result<(Media, Coding), NoValue> {
    Ok((media(fields)?, coding(fields)?))
}

fn plain(body: &[u8], coding: Coding, limit: usize) -> Result<Cow<'_, [u8]>, NoValue> {
    match coding {
        Coding::Identity => Ok(Cow::Borrowed(body)),
        _ if body.is_empty() => Ok(Cow::Borrowed(body)),
        Coding::Gzip | Coding::Deflate | Coding::Brotli | Coding::Zstd => {
            decode::decoded(body, coding, limit).map(Cow::Owned)
        }
    }
}

#[cfg(test)]
mod tests;
