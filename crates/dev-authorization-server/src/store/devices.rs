//! Devices that wait for a user (RFC 8628). Each step is one method under one lock.

use std::time::Duration;

use jose::{UnixTime, base64url, crypto};
use parking_lot::Mutex;

use super::{CAPACITY, Grant, MAX_ATTEMPTS, expiring::Expiring};
use crate::{realm::GrantedScope, store::StoreFull};

/// Letters of user codes: no vowels, so no words, and nothing that is easily confused (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const HALF: usize = 4;
/// How long a code is remembered after its end, so that its device is told why.
const REMEMBERED: Duration = Duration::from_secs(300);

/// What a client asked for on a device.
#[derive(Debug, Clone)]
pub(crate) struct DeviceRequest {
    pub(crate) realm: String,
    pub(crate) client_id: String,
    pub(crate) scope: GrantedScope,
    pub(crate) expires_at: UnixTime,
    /// Shortest time between two questions.
    pub(crate) interval: Duration,
}

/// The two names of a request.
pub(crate) struct DeviceCodes {
    pub(crate) device_code: String,
    /// As people type it: `WDJB-MJHT`.
    pub(crate) user_code: String,
}

/// What a device is told.
#[derive(Debug)]
pub(crate) enum DeviceAnswer {
    /// The user has not answered.
    Pending,
    /// Nor may it ask that often.
    SlowDown,
    /// The user said no, or could not log in.
    Denied,
    /// It is too late.
    Expired,
    /// The user said yes. The code is spent.
    Approved(Box<Grant>),
    /// Never issued, another client's, or used before.
    Unknown,
}

#[derive(Debug)]
struct Device {
    request: DeviceRequest,
    asked_at: Option<UnixTime>,
    attempts: u8,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting,
    Denied,
    Approved(Box<Grant>),
}

#[derive(Debug)]
struct Entries {
    devices: Expiring<Device>,
    /// The device code of each user code.
    user_codes: Expiring<String>,
}

/// The devices that wait.
#[derive(Debug)]
pub(crate) struct Devices {
    entries: Mutex<Entries>,
}

impl Devices {
    pub(super) fn new() -> Self {
        let entries = Entries {
            devices: Expiring::with_capacity(CAPACITY),
            user_codes: Expiring::with_capacity(CAPACITY),
        };
        Self { entries: Mutex::new(entries) }
    }

    pub(crate) fn begin(&self, request: DeviceRequest, now: UnixTime) -> Result<DeviceCodes, StoreFull> {
        let device_code = base64url::encode(crypto::random::<32>());
        let letters = user_code();
        let (until, remembered_until) = (request.expires_at, request.expires_at.saturating_add(REMEMBERED));
        let mut entries = self.entries.lock();
        entries.user_codes.insert(&letters, device_code.clone(), until, now)?;
        let device = Device { request, asked_at: None, attempts: 0, state: State::Waiting };
        entries.devices.insert(&device_code, device, remembered_until, now)?;
        let (first, second) = letters.split_at(HALF);
        Ok(DeviceCodes { device_code, user_code: format!("{first}-{second}") })
    }

    /// What waits for this user code, typed with or without dash, in any case.
    pub(crate) fn waiting(&self, realm: &str, typed: &str, now: UnixTime) -> Option<DeviceRequest> {
        let entries = self.entries.lock();
        let device = entries.devices.get(entries.user_codes.get(&normal(typed), now)?, now)?;
        let is_waiting = matches!(device.state, State::Waiting) && device.request.realm == realm;
        is_waiting.then(|| device.request.clone())
    }

    /// Counts a wrong password; after too many the device is refused.
    pub(crate) fn fail(&self, typed: &str, now: UnixTime) {
        let entries = &mut *self.entries.lock();
        let Some(device) =
            entries.user_codes.get(&normal(typed), now).and_then(|code| entries.devices.get_mut(code, now))
        else {
            return;
        };
        device.attempts += 1;
        if device.attempts >= MAX_ATTEMPTS {
            device.state = State::Denied;
        }
    }

    /// The user's answer: a grant, or no. Only the first counts. Says whether it was this one.
    pub(crate) fn answer(&self, typed: &str, grant: Option<Grant>, now: UnixTime) -> bool {
        let entries = &mut *self.entries.lock();
        let Some(code) = entries.user_codes.remove(&normal(typed), now) else { return false };
        let Some(device) = entries.devices.get_mut(&code, now) else { return false };
        if !matches!(device.state, State::Waiting) {
            return false;
        }
        device.state = match grant {
            Some(grant) => State::Approved(Box::new(grant)),
            None => State::Denied,
        };
        true
    }

    /// A question of the device. Another client's changes nothing.
    pub(crate) fn ask(&self, realm: &str, client_id: &str, code: &str, now: UnixTime) -> DeviceAnswer {
        let mut entries = self.entries.lock();
        let Some(device) = entries.devices.get_mut(code, now) else { return DeviceAnswer::Unknown };
        if device.request.realm != realm || device.request.client_id != client_id {
            return DeviceAnswer::Unknown;
        }
        if device.request.expires_at <= now {
            return DeviceAnswer::Expired;
        }
        let earlier = device.asked_at.replace(now);
        match &device.state {
            State::Denied => DeviceAnswer::Denied,
            State::Approved(grant) => {
                let grant = grant.clone();
                entries.devices.remove(code, now);
                DeviceAnswer::Approved(grant)
            }
            State::Waiting if earlier.is_some_and(|at| now < at.saturating_add(device.request.interval)) => {
                DeviceAnswer::SlowDown
            }
            State::Waiting => DeviceAnswer::Pending,
        }
    }
}

/// Eight letters, each equally likely.
fn user_code() -> String {
    let mut code = String::new();
    while code.len() < 2 * HALF {
        // 240 is the largest multiple of 20 in a byte: a remainder of more would prefer the first letters.
        let letters = crypto::random::<16>().into_iter().filter(|byte| *byte < 240);
        code.extend(
            letters.filter_map(|byte| LETTERS.get(usize::from(byte % 20))).map(|byte| char::from(*byte)),
        );
        code.truncate(2 * HALF);
    }
    code
}

fn normal(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_codes_are_easy_to_type() {
        for _ in 0..100 {
            let code = user_code();
            assert!(code.len() == 8 && code.bytes().all(|byte| LETTERS.contains(&byte)), "{code}");
        }
        assert_eq!(normal(" wdjb-mjht "), "WDJBMJHT");
    }
}
