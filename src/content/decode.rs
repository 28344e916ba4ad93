//! Content codings, undone in memory.
//!
//! Invariants:
//! - No more than `limit` octets come out, and little more than that is ever kept: a bomb ends where it passes the limit.
//! - All of the input belongs to the one coding. What stands behind its end, or is missing of it, is an error.

use std::io::Read;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::bufread::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::policy::content::NoValue;
use crate::policy::media::Coding;

/// The largest window that a decoder for HTTP has to have (RFC 9659 §3).
const ZSTD_WINDOW: u64 = 8 << 20;

pub(super) fn decoded(body: &[u8], coding: Coding, limit: usize) -> Result<Vec<u8>, NoValue> {
    let decoded = match coding {
        Coding::Identity => Ok(body.to_vec()),
        Coding::Gzip => gunzipped(body, limit),
        Coding::Deflate => inflated(body, limit),
        Coding::Brotli => unbrotlied(body, limit),
        Coding::Zstd => unzstd(body, limit),
    };
    match decoded {
        Ok(plain) if plain.len() > limit => Err(NoValue::TooLargeDecoded { limit }),
        Ok(plain) => Ok(plain),
        Err(Broken) => Err(NoValue::BadCoding),
    }
}

/// The input is not what its coding says.
struct Broken;

/// Members one behind the other are one text (RFC 1952 §2.2).
fn gunzipped(body: &[u8], limit: usize) -> Result<Vec<u8>, Broken> {
    let mut plain = Vec::new();
    let mut decoder = MultiGzDecoder::new(body).take(limit as u64 + 1);
    let read = decoder.read_to_end(&mut plain);
    read.map(|_octets| plain).map_err(|_no_gzip| Broken)
}

/// Browsers take `deflate` for zlib's format (RFC 1950), which is what it means, and for the bare one within (RFC 1951).
fn inflated(body: &[u8], limit: usize) -> Result<Vec<u8>, Broken> {
    let is_zlib = matches!(body, [first, second, ..]
        if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0);
    let mut plain = Vec::with_capacity(limit + 1);
    let mut decoder = Decompress::new(is_zlib);
    let status = decoder.decompress_vec(body, &mut plain, FlushDecompress::Finish);
    match status {
        Ok(Status::StreamEnd) if decoder.total_in() == body.len() as u64 => Ok(plain),
        Ok(Status::Ok | Status::BufError) if plain.len() > limit => Ok(plain),
        Ok(Status::Ok | Status::BufError | Status::StreamEnd) | Err(_) => Err(Broken),
    }
}

fn unbrotlied(body: &[u8], limit: usize) -> Result<Vec<u8>, Broken> {
    let alloc = StandardAlloc::default;
    let mut state = BrotliState::new(alloc(), alloc(), alloc());
    let mut plain = vec![0; limit + 1];
    let (mut unread, mut read) = (body.len(), 0);
    let (mut room, mut written, mut total) = (plain.len(), 0, 0);
    let result = BrotliDecompressStream(
        &mut unread,
        &mut read,
        body,
        &mut room,
        &mut written,
        &mut plain,
        &mut total,
        &mut state,
    );
    plain.truncate(written);
    match result {
        BrotliResult::ResultSuccess if unread == 0 => Ok(plain),
        BrotliResult::NeedsMoreOutput => Ok(plain),
        BrotliResult::ResultSuccess
        | BrotliResult::NeedsMoreInput
        | BrotliResult::ResultFailure => Err(Broken),
    }
}

/// One frame: a second one, or one to be skipped, is more than a client sends.
fn unzstd(mut body: &[u8], limit: usize) -> Result<Vec<u8>, Broken> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(ZSTD_WINDOW);
    decoder
        .init(&mut body)
        .map_err(|_no_frame_or_too_large_a_window| Broken)?;
    // It ends with the frame, or with the block that goes beyond.
    let strategy = BlockDecodingStrategy::UptoBytes(limit + 1);
    let is_over = decoder
        .decode_blocks(&mut body, strategy)
        .map_err(|_no_block| Broken)?;
    if !is_over {
        return Ok(vec![0; limit + 1]);
    }
    let plain = decoder.collect().ok_or(Broken)?;
    if body.is_empty() {
        Ok(plain)
    } else {
        Err(Broken)
    }
}
