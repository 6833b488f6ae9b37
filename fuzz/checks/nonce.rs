//! Sealed nonces: what the ring did not make it never accepts, and what it made has one text.

use std::sync::OnceLock;
use std::time::Duration;

use dpop::{NonceError, NonceRing, is_nonce_syntax};
use jose::{SymmetricKey, UnixTime, base64url};

/// As in `vectors/nonce_v1.json`, so that its nonces are cases.
const BINDING: [u8; 32] = [
    0x7d, 0x41, 0xf2, 0x3b, 0x6a, 0xf6, 0x67, 0x70, 0xd9, 0xe7, 0x71, 0x2c, 0x36, 0xb5, 0x81, 0x6f, 0x4c,
    0x56, 0x5e, 0x86, 0x8d, 0xcb, 0x9f, 0x48, 0x88, 0xa0, 0x80, 0xaa, 0x4b, 0x26, 0x40, 0x4a,
];
const LIFETIME: Duration = Duration::from_secs(300);
const NOW: UnixTime = UnixTime::from_seconds(1_562_262_620);

struct Rings {
    ring: NonceRing,
    newest_only: NonceRing,
    older_only: NonceRing,
}

fn rings() -> &'static Rings {
    static RINGS: OnceLock<Rings> = OnceLock::new();
    RINGS.get_or_init(|| {
        let newest = || SymmetricKey::new("nonce-2019-07", (0x00..0x20).collect::<Vec<u8>>()).unwrap();
        let older = || SymmetricKey::new("nonce-2019-06", (0x40..0x60).collect::<Vec<u8>>()).unwrap();
        Rings {
            ring: NonceRing::new(newest(), [older()]).unwrap(),
            newest_only: NonceRing::new(newest(), []).unwrap(),
            older_only: NonceRing::new(older(), []).unwrap(),
        }
    })
}

pub(crate) fn check(bytes: &[u8]) {
    if let Ok(nonce) = std::str::from_utf8(bytes) {
        is_ours_or_refused(nonce);
    }
    // A nonce of the ring, its text changed by the case: refused unless nothing changed.
    let made = rings().ring.seal_with(&[7; 32], &BINDING, NOW);
    let changed: Vec<u8> =
        made.bytes().enumerate().map(|(at, byte)| byte ^ bytes.get(at).unwrap_or(&0)).collect();
    if let Ok(changed) = std::str::from_utf8(&changed) {
        is_ours_or_refused(changed);
        assert_eq!(open(changed).is_ok(), changed == made);
    }
    // One bit of what is sealed, at a place that the case names.
    if let [high, low, ..] = bytes {
        let (head, sealed) = made.rsplit_once('.').unwrap();
        let mut sealed = base64url::decode(sealed).unwrap();
        let bit = usize::from(u16::from_be_bytes([*high, *low])) % (sealed.len() * 8);
        sealed[bit / 8] ^= 1 << (bit % 8);
        let forged = format!("{head}.{}", base64url::encode(sealed));
        assert_eq!(open(&forged), Err(NonceError::Forged));
    }
}

fn open(nonce: &str) -> Result<UnixTime, NonceError> {
    rings().ring.open(nonce, &BINDING, LIFETIME, NOW).map(|accepted| accepted.issued_at)
}

fn is_ours_or_refused(nonce: &str) {
    let Ok(issued_at) = open(nonce) else { return };
    assert!(nonce.len() <= 1024 && is_nonce_syntax(nonce));
    // Sealing the same again gives the very same text: there is no second spelling, and nobody else could write it.
    let random = nonce.split('.').nth(1).unwrap();
    let random = base64url::decode_array::<32>(random).unwrap();
    let Rings { ring, newest_only, older_only } = rings();
    let again = [newest_only, older_only].map(|ring| ring.seal_with(&random, &BINDING, issued_at));
    assert!(again.contains(&nonce.to_owned()));
    assert!(issued_at <= NOW.saturating_add(Duration::from_secs(5)));
    assert!(NOW <= issued_at.saturating_add(LIFETIME));
    // For nobody else, and not for ever.
    assert_eq!(ring.open(nonce, &[0; 32], LIFETIME, NOW), Err(NonceError::OtherBinding));
    let late = issued_at.saturating_add(LIFETIME).saturating_add(Duration::from_secs(1));
    assert_eq!(ring.open(nonce, &BINDING, LIFETIME, late), Err(NonceError::Expired));
}
