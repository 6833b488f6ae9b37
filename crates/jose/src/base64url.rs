//! base64url without padding (RFC 4648, section 5; RFC 7515, appendix C), in its canonical form only.
//!
//! One sequence of bytes has exactly one text: padding, the `+ /` alphabet, white space and non-zero spare bits in the last character are
//! refused. A key and its thumbprint are one to one because of it (item T2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text is not canonical unpadded base64url of what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Base64UrlError {
    /// Padding, a foreign character, an impossible length, or spare bits that are not zero.
    #[error("not canonical base64url without padding")]
    NotCanonical,
    /// The text decodes, but not to the number of bytes asked for.
    #[error("not the expected number of bytes")]
    WrongLength,
}

/// Encodes without padding.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// As [`encode`], for the 32 bytes of a SHA-256: 43 characters, all ASCII.
#[must_use]
pub fn encode_hash(hash: &[u8; 32]) -> [u8; 43] {
    let mut text = [0; 43];
    let length = URL_SAFE_NO_PAD.encode_slice(hash, &mut text);
    debug_assert_eq!(length, Ok(text.len()), "32 bytes are 43 characters");
    text
}

/// As [`encode`], behind what `text` holds already.
pub(crate) fn encode_onto(text: &mut String, bytes: &[u8]) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// Decodes; the empty text is the empty sequence of bytes.
///
/// # Errors
///
/// [`Base64UrlError::NotCanonical`] for everything that [`encode`] would not have written.
pub fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, Base64UrlError> {
    let text = text.as_ref();
    let mut bytes = Vec::with_capacity(decoded_length(text)?);
    decode_onto(&mut bytes, text)?;
    Ok(bytes)
}

/// Decodes exactly `N` bytes.
///
/// # Errors
///
/// As [`decode`], and [`Base64UrlError::WrongLength`] for another number of bytes.
pub fn decode_array<const N: usize>(text: impl AsRef<[u8]>) -> Result<[u8; N], Base64UrlError> {
    let text = text.as_ref();
    let mut bytes = [0; N];
    if decoded_length(text)? == N {
        decode_into(&mut bytes, text)?;
        return Ok(bytes);
    }
    decode(text)?;
    Err(Base64UrlError::WrongLength)
}

/// As [`decode`], behind what `bytes` holds already; tells how many bytes came in addition. After an error it is not specified
/// what they are.
pub(crate) fn decode_onto(bytes: &mut Vec<u8>, text: &[u8]) -> Result<usize, Base64UrlError> {
    let (before, length) = (bytes.len(), decoded_length(text)?);
    bytes.resize(before + length, 0);
    decode_into(bytes.get_mut(before..).unwrap_or_default(), text)?;
    Ok(length)
}

/// How many bytes a text of this length stands for; no sequence of bytes takes one character more than a multiple of four.
fn decoded_length(text: &[u8]) -> Result<usize, Base64UrlError> {
    match (text.len() / 4, text.len() % 4) {
        (quads, 0) => Ok(quads * 3),
        (_, 1) => Err(Base64UrlError::NotCanonical),
        (quads, rest) => Ok(quads * 3 + rest - 1),
    }
}

/// Decodes into as many bytes as the text stands for.
///
/// Our own, because a proof is mostly base64url: this takes less than half of what a decoder for all alphabets does.
fn decode_into(bytes: &mut [u8], text: &[u8]) -> Result<(), Base64UrlError> {
    let (quads, rest) = text.as_chunks::<4>();
    let (triples, tail) = bytes.as_chunks_mut::<3>();
    // Whether all characters were good is asked once, at the end.
    let mut seen = 0;
    for (triple, quad) in triples.iter_mut().zip(quads) {
        let word = decode_quad(*quad);
        seen |= word;
        let [first, second, third, _] = word.to_le_bytes();
        *triple = [first, second, third];
    }
    let last = match *rest {
        [a, b] => decode_quad([a, b, ZERO, ZERO]),
        [a, b, c] => decode_quad([a, b, c, ZERO]),
        _ => 0,
    };
    seen |= last;
    // What the last character has beyond the last byte is zero.
    let last = last.to_le_bytes();
    let (kept, spare) = last.split_at(tail.len());
    tail.copy_from_slice(kept);
    if seen & FOREIGN == 0 && spare.iter().all(|byte| *byte == 0) {
        Ok(())
    } else {
        Err(Base64UrlError::NotCanonical)
    }
}

/// Three bytes, the first lowest; [`FOREIGN`] is set if a character is not of the alphabet.
fn decode_quad([a, b, c, d]: [u8; 4]) -> u32 {
    let [first, second, third, fourth] = &IN_PLACE;
    let look_up = |values: &[u32; 256], character: u8| values.get(usize::from(character)).copied();
    // A table has an entry for each byte: the default is never taken.
    look_up(first, a).unwrap_or(FOREIGN)
        | look_up(second, b).unwrap_or(FOREIGN)
        | look_up(third, c).unwrap_or(FOREIGN)
        | look_up(fourth, d).unwrap_or(FOREIGN)
}

/// The bit that tells of a foreign character; no byte comes to lie there.
const FOREIGN: u32 = 1 << 31;
/// The character that stands for six zero bits.
const ZERO: u8 = b'A';
/// The alphabet in the order of its values (RFC 4648, table 2).
const ALPHABET: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// For each of four places, what a character there adds to three bytes.
static IN_PLACE: [[u32; 256]; 4] = [in_place(18), in_place(12), in_place(6), in_place(0)];

/// The values of all characters `shift` bits up in a big-endian number of 24 bits, its bytes then turned around.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn in_place(shift: u32) -> [u32; 256] {
    let mut values = [FOREIGN; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = ((value as u32) << shift).swap_bytes() >> 8;
        value += 1;
    }
    values
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn r2_accepts_only_canonical_base64url() {
        for (text, bytes) in
            [("", &b""[..]), ("AA", b"\0"), ("AAA", b"\0\0"), ("AAAA", b"\0\0\0"), ("-_8", b"\xfb\xff")]
        {
            assert_eq!(decode(text).as_deref(), Ok(bytes), "{text:?}");
            assert_eq!(encode(bytes), text);
        }
        for text in [
            "A", "AAAAA", "AB", "AAB", "AA==", "AA=", "+/8", " AA", "AA ", "A A", "AA\n", "AA\r\n", "=", "é",
            "AA.AA", "AA\0",
        ] {
            assert_eq!(decode(text), Err(Base64UrlError::NotCanonical), "{text:?}");
        }
    }

    #[test]
    fn every_character_is_looked_at_in_every_place() {
        for length in 0..10_usize {
            let good = "A".repeat(length);
            let is_possible = length % 4 != 1;
            assert_eq!(decode(&good).is_ok(), is_possible, "{length}");
            for (place, byte) in (0..length).flat_map(|place| (0..=u8::MAX).map(move |byte| (place, byte))) {
                let mut text = good.clone().into_bytes();
                text[place] = byte;
                let expected = URL_SAFE_NO_PAD.decode(&text).ok();
                assert_eq!(decode(&text).ok(), expected, "{text:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn reads_what_was_written(bytes: Vec<u8>) {
            let text = encode(&bytes);
            prop_assert_eq!(decode(&text), Ok(bytes.clone()));
            prop_assert_eq!(decode_array::<5>(&text).ok(), bytes.try_into().ok());
        }

        #[test]
        fn reads_as_the_decoder_for_all_alphabets_does(text in "[A-Za-z0-9_=.+/ -]{0,40}|[A-Za-z0-9_-]{0,40}") {
            prop_assert_eq!(decode(&text).ok(), URL_SAFE_NO_PAD.decode(&text).ok());
        }
    }

    #[test]
    fn counts_the_bytes() {
        assert_eq!(decode_array::<2>("AAA"), Ok([0, 0]));
        assert_eq!(decode_array::<3>("AAA"), Err(Base64UrlError::WrongLength));
        assert_eq!(decode_array::<1>("AAA"), Err(Base64UrlError::WrongLength));
        assert_eq!(decode_array::<1>("AAAAAA."), Err(Base64UrlError::NotCanonical));
        assert_eq!(decode_array::<1>("A"), Err(Base64UrlError::NotCanonical));
    }
}
