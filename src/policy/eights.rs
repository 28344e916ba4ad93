//! Text, looked at and changed eight bytes at a time: most of it has nothing that is looked for, and by then that is known.

const EACH: u64 = u64::MAX / 255;
const HIGHEST: u64 = EACH << 7;

/// Whether text may have what `bits` marks in eight bytes by the highest bit of one of them.
pub(super) fn may_have(text: &[u8], bits: impl Fn(u64) -> u64) -> bool {
    let of = |eight: &[u8; 8]| bits(u64::from_ne_bytes(*eight));
    let marked = match text.last_chunk() {
        // What is left over behind the others is looked at together with what comes before.
        Some(last) => {
            let (eights, _) = text.as_chunks();
            eights
                .iter()
                .fold(of(last), |marked, eight| marked | of(eight))
        }
        None => few(text).map_or(0, bits),
    };
    marked & HIGHEST != 0
}

/// All of a text of fewer than eight bytes, each at least once, and nothing else; none of one that is empty.
fn few(text: &[u8]) -> Option<u64> {
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let [first, last] = [first, last].map(|four| u64::from(u32::from_ne_bytes(*four)));
        return Some(first | last << 32);
    }
    // Three at most.
    let (a, b, c) = (*text.first()?, text[text.len() / 2], *text.last()?);
    Some(u64::from_ne_bytes([a, b, c, a, b, c, a, b]))
}

/// Where the first of these bytes is.
#[inline]
pub(super) fn find(text: &[u8], byte: u8) -> Option<usize> {
    // The first that is marked is this byte: bits are borrowed from what stands behind one.
    let first = |eight: &[u8; 8]| {
        let marked = equal(u64::from_le_bytes(*eight), byte) & HIGHEST;
        (marked != 0).then(|| (marked.trailing_zeros() / u8::BITS) as usize)
    };
    let Some(last) = text.last_chunk() else {
        return text.iter().position(|&other| other == byte);
    };
    let (eights, _) = text.as_chunks();
    let mut found = eights.iter().enumerate();
    found
        .find_map(|(nth, eight)| Some(8 * nth + first(eight)?))
        .or_else(|| Some(text.len() - 8 + first(last)?))
}

/// Writes letters in lower case, and leaves all else.
pub fn make_lowercase(text: &mut [u8]) {
    let lower = |eight: &mut [u8; 8]| *eight = lower(u64::from_ne_bytes(*eight)).to_ne_bytes();
    let Some(last) = text.last_chunk_mut() else {
        return text.make_ascii_lowercase();
    };
    // Together with what comes before: what is in lower case stays as it is.
    lower(last);
    let (eights, _) = text.as_chunks_mut();
    eights.iter_mut().for_each(lower);
}

const fn lower(eight: u64) -> u64 {
    let (letters, is_ascii) = (eight & !HIGHEST, !eight & HIGHEST);
    let (from_a, from_z) = (
        letters + EACH * (0x80 - b'A') as u64,
        letters + EACH * (0x7f - b'Z') as u64,
    );
    // The highest bit of a letter, two places lower, is the bit by which the cases differ.
    eight | (from_a & !from_z & is_ascii) >> 2
}

/// Marks bytes below this one, and perhaps others beside one of them, since bits are borrowed there.
pub(super) const fn below(eight: u64, bound: u8) -> u64 {
    eight.wrapping_sub(EACH * bound as u64) & !eight
}

/// The same of bytes that are this one.
pub(super) const fn equal(eight: u64, byte: u8) -> u64 {
    below(eight ^ (EACH * byte as u64), 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_of_some_bytes_is_found_wherever_it_stands(
            text in proptest::collection::vec(prop_oneof![4 => any::<u8>(), 1 => b'8'..=b'<'], 0..40)
        ) {
            prop_assert_eq!(find(&text, b':'), text.iter().position(|&byte| byte == b':'));
        }

        #[test]
        fn what_a_text_has_is_seen_wherever_it_stands(
            text in proptest::collection::vec(prop_oneof![8 => b' '..=b'~', 1 => any::<u8>()], 0..40)
        ) {
            let (is_below, is_equal) = (text.iter().any(|&byte| byte < b' '), text.contains(&b':'));
            prop_assert_eq!(may_have(&text, |eight| below(eight, b' ')), is_below);
            prop_assert_eq!(may_have(&text, |eight| equal(eight, b':')), is_equal);
        }

        #[test]
        fn only_letters_change_their_case(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut written = text.clone();
            make_lowercase(&mut written);
            prop_assert_eq!(written, text.to_ascii_lowercase());
        }
    }
}
