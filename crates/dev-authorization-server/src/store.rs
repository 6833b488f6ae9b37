//! What the server remembers between requests: logins under way, pushed requests, codes, sessions, refresh tokens.
//!
//! In memory, bounded, and gone after a restart. Every step that must happen once (a code is redeemed, a refresh token is
//! rotated) is one method under one lock.

mod devices;
mod expiring;

use std::time::Duration;

use jose::{JwkThumbprint, UnixTime, base64url, crypto};
use parking_lot::Mutex;

use self::expiring::Expiring;
pub(crate) use self::{
    devices::{DeviceAnswer, DeviceRequest, Devices},
    expiring::StoreFull,
};
use crate::{authorization_request::AuthorizationRequest, realm::GrantedScope};

/// How long a login page may stay open.
const LOGIN_LIFESPAN: Duration = Duration::from_secs(600);
/// How long a pushed request may wait for the browser (RFC 9126 §2.2 leaves it to us; Keycloak: 60 s).
pub(crate) const PUSHED_REQUEST_LIFESPAN: Duration = Duration::from_secs(60);
/// Wrong passwords until a login has to be started anew.
const MAX_ATTEMPTS: u8 = 10;
/// Entries of each kind.
const CAPACITY: usize = 20_000;

/// A login page that was shown and not yet answered.
#[derive(Debug, Clone)]
pub(crate) struct PendingLogin {
    pub(crate) realm: String,
    pub(crate) request: AuthorizationRequest,
    /// The pushed request that this login spends.
    pub(crate) request_uri: Option<String>,
    attempts: u8,
}

impl PendingLogin {
    pub(crate) fn new(realm: &str, request: AuthorizationRequest, request_uri: Option<String>) -> Self {
        Self { realm: realm.to_owned(), request, request_uri, attempts: 0 }
    }
}

/// What a user allowed a client, in one login.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) realm: String,
    pub(crate) client_id: String,
    pub(crate) user_id: String,
    pub(crate) session_id: String,
    pub(crate) scope: GrantedScope,
    pub(crate) authenticated_at: UnixTime,
}

/// What an authorization code stands for.
#[derive(Debug, Clone)]
pub(crate) struct CodeGrant {
    pub(crate) grant: Grant,
    pub(crate) request: AuthorizationRequest,
}

/// What became of a code.
#[derive(Debug)]
pub(crate) enum Redemption {
    /// It was good, and is spent now.
    Redeemed(Box<CodeGrant>),
    /// It was used before: all that came of it is revoked now (RFC 6749 §4.1.2).
    Reused,
    /// Never issued, expired, or another client's.
    Unknown,
}

/// What a refresh token stands for.
#[derive(Debug, Clone)]
pub(crate) struct RefreshGrant {
    pub(crate) grant: Grant,
    /// The key that must prove itself at every use (RFC 9449 §5).
    pub(crate) bound_to: Option<JwkThumbprint>,
}

/// A refresh token as found.
#[derive(Debug)]
pub(crate) enum FoundRefreshToken {
    /// Good so far; nothing was changed.
    Live(Box<RefreshGrant>),
    /// It was rotated before: the session is ended now (RFC 9700 §4.14.2).
    Reused,
    /// Never issued, expired, revoked.
    Unknown,
}

#[derive(Debug)]
struct Session {
    realm: String,
    client_id: String,
    expires_at: UnixTime,
}

#[derive(Debug)]
enum CodeState {
    Fresh(Box<CodeGrant>),
    /// The session that came of it.
    Spent(String),
}

#[derive(Debug)]
enum RefreshState {
    Live(Box<RefreshGrant>),
    /// The session it belongs to.
    Rotated(String),
}

#[derive(Debug)]
struct Entries {
    logins: Expiring<PendingLogin>,
    pushed: Expiring<(String, AuthorizationRequest)>,
    codes: Expiring<CodeState>,
    sessions: Expiring<Session>,
    refresh_tokens: Expiring<RefreshState>,
    assertions: Expiring<()>,
    revoked_tokens: Expiring<()>,
}

impl Entries {
    /// Ends a session if it is one of that client of that realm, and says whether it was.
    fn end_session_of(&mut self, realm: &str, client_id: &str, id: &str, now: UnixTime) -> bool {
        let session = self.sessions.get(id, now);
        let is_theirs =
            session.is_some_and(|session| session.realm == realm && session.client_id == client_id);
        if is_theirs {
            self.sessions.remove(id, now);
        }
        is_theirs
    }
}

/// The memory of the server.
#[derive(Debug)]
pub(crate) struct Store {
    entries: Mutex<Entries>,
    pub(crate) devices: Devices,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            entries: Mutex::new(Entries {
                logins: Expiring::with_capacity(CAPACITY),
                pushed: Expiring::with_capacity(CAPACITY),
                codes: Expiring::with_capacity(CAPACITY),
                sessions: Expiring::with_capacity(CAPACITY),
                refresh_tokens: Expiring::with_capacity(CAPACITY),
                assertions: Expiring::with_capacity(CAPACITY),
                revoked_tokens: Expiring::with_capacity(CAPACITY),
            }),
            devices: Devices::new(),
        }
    }

    // Logins.

    /// Remembers a login page and tells the name under which its form finds it.
    pub(crate) fn begin_login(&self, login: PendingLogin, now: UnixTime) -> Result<String, StoreFull> {
        self.entries.lock().logins.insert_unnamed(login, now.saturating_add(LOGIN_LIFESPAN), now)
    }

    pub(crate) fn login(&self, name: &str, now: UnixTime) -> Option<PendingLogin> {
        self.entries.lock().logins.get(name, now).cloned()
    }

    /// Counts a wrong password; after too many the login is gone.
    pub(crate) fn fail_login(&self, name: &str, now: UnixTime) {
        let mut entries = self.entries.lock();
        if let Some(login) = entries.logins.get_mut(name, now) {
            login.attempts += 1;
            if login.attempts >= MAX_ATTEMPTS {
                entries.logins.remove(name, now);
            }
        }
    }

    /// Ends a login. `None` when it, or the pushed request behind it, was ended before.
    pub(crate) fn finish_login(&self, name: &str, now: UnixTime) -> Option<PendingLogin> {
        let mut entries = self.entries.lock();
        let login = entries.logins.remove(name, now)?;
        if let Some(request_uri) = &login.request_uri {
            entries.pushed.remove(request_uri, now)?;
        }
        Some(login)
    }

    // Pushed authorization requests.

    /// Keeps a pushed request and tells its `request_uri`.
    pub(crate) fn push(
        &self,
        realm: &str,
        request: AuthorizationRequest,
        now: UnixTime,
    ) -> Result<String, StoreFull> {
        let request_uri =
            format!("urn:ietf:params:oauth:request_uri:{}", base64url::encode(crypto::random::<32>()));
        let expires_at = now.saturating_add(PUSHED_REQUEST_LIFESPAN);
        self.entries.lock().pushed.insert(&request_uri, (realm.to_owned(), request), expires_at, now)?;
        Ok(request_uri)
    }

    /// The pushed request, if this client of this realm pushed it. It is spent only when the login ends, so that the page can be loaded again.
    pub(crate) fn pushed(
        &self,
        realm: &str,
        client_id: &str,
        request_uri: &str,
        now: UnixTime,
    ) -> Option<AuthorizationRequest> {
        let entries = self.entries.lock();
        let (of_realm, request) = entries.pushed.get(request_uri, now)?;
        (of_realm == realm && request.client_id == client_id).then(|| request.clone())
    }

    // Sessions and codes.

    /// Opens a session for a login and tells its identifier, the `sid` of tokens.
    pub(crate) fn open_session(
        &self,
        realm: &str,
        client_id: &str,
        lifespan: Duration,
        now: UnixTime,
    ) -> Result<String, StoreFull> {
        let expires_at = now.saturating_add(lifespan);
        let session = Session { realm: realm.to_owned(), client_id: client_id.to_owned(), expires_at };
        let id = base64url::encode(crypto::random::<16>());
        self.entries.lock().sessions.insert(&id, session, expires_at, now)?;
        Ok(id)
    }

    pub(crate) fn is_session_live(&self, id: &str, now: UnixTime) -> bool {
        self.entries.lock().sessions.get(id, now).is_some()
    }

    /// Ends a session of that client of that realm: its refresh tokens stop working, its access tokens are no longer active.
    pub(crate) fn end_session(&self, realm: &str, client_id: &str, id: &str, now: UnixTime) {
        self.entries.lock().end_session_of(realm, client_id, id, now);
    }

    pub(crate) fn issue_code(
        &self,
        grant: CodeGrant,
        lifespan: Duration,
        now: UnixTime,
    ) -> Result<String, StoreFull> {
        self.entries.lock().codes.insert_unnamed(
            CodeState::Fresh(Box::new(grant)),
            now.saturating_add(lifespan),
            now,
        )
    }

    /// Spends a code of this client. Another client's attempt changes nothing.
    pub(crate) fn redeem_code(&self, realm: &str, client_id: &str, code: &str, now: UnixTime) -> Redemption {
        let mut entries = self.entries.lock();
        match entries.codes.get(code, now) {
            None => Redemption::Unknown,
            Some(CodeState::Spent(session_id)) => {
                let session_id = session_id.clone();
                match entries.end_session_of(realm, client_id, &session_id, now) {
                    true => Redemption::Reused,
                    false => Redemption::Unknown,
                }
            }
            Some(CodeState::Fresh(code_grant)) => {
                let code_grant = code_grant.clone();
                if code_grant.grant.client_id != client_id || code_grant.grant.realm != realm {
                    return Redemption::Unknown;
                }
                let session_id = code_grant.grant.session_id.clone();
                // The session may be gone already: then so is all that could come of the code.
                let Some(session) = entries.sessions.get(&session_id, now) else {
                    return Redemption::Unknown;
                };
                // Remembered as long as the session, so that a late second use still ends it.
                let until = session.expires_at;
                if let Some(state) = entries.codes.get_mut(code, now) {
                    *state = CodeState::Spent(session_id);
                }
                entries.codes.extend(code, until);
                Redemption::Redeemed(code_grant)
            }
        }
    }

    // Refresh tokens.

    /// Issues a refresh token that lives for `lifespan`, and no longer than its session.
    pub(crate) fn issue_refresh_token(
        &self,
        grant: RefreshGrant,
        lifespan: Duration,
        now: UnixTime,
    ) -> Result<String, StoreFull> {
        let mut entries = self.entries.lock();
        let session_end =
            entries.sessions.get(&grant.grant.session_id, now).map_or(now, |session| session.expires_at);
        let expires_at = now.saturating_add(lifespan).min(session_end);
        entries.refresh_tokens.insert_unnamed(RefreshState::Live(Box::new(grant)), expires_at, now)
    }

    /// Looks a refresh token of this client up, without spending it.
    pub(crate) fn refresh_token(
        &self,
        realm: &str,
        client_id: &str,
        token: &str,
        now: UnixTime,
    ) -> FoundRefreshToken {
        let mut entries = self.entries.lock();
        match entries.refresh_tokens.get(token, now) {
            None => FoundRefreshToken::Unknown,
            Some(RefreshState::Rotated(session_id)) => {
                let session_id = session_id.clone();
                match entries.end_session_of(realm, client_id, &session_id, now) {
                    true => FoundRefreshToken::Reused,
                    false => FoundRefreshToken::Unknown,
                }
            }
            Some(RefreshState::Live(grant)) => {
                let is_theirs = grant.grant.client_id == client_id && grant.grant.realm == realm;
                if is_theirs && entries.sessions.get(&grant.grant.session_id, now).is_some() {
                    FoundRefreshToken::Live(grant.clone())
                } else {
                    FoundRefreshToken::Unknown
                }
            }
        }
    }

    /// Spends a refresh token that was found live. Of several at once exactly one succeeds; the others end the session.
    pub(crate) fn rotate_refresh_token(&self, token: &str, now: UnixTime) -> bool {
        let mut entries = self.entries.lock();
        match entries.refresh_tokens.get_mut(token, now) {
            None => false,
            Some(RefreshState::Rotated(session_id)) => {
                let session_id = session_id.clone();
                entries.sessions.remove(&session_id, now);
                false
            }
            Some(state) => {
                if let RefreshState::Live(grant) = state {
                    *state = RefreshState::Rotated(std::mem::take(&mut grant.grant.session_id));
                }
                true
            }
        }
    }

    /// Ends the session of a refresh token of this client, be it rotated or not; other tokens are left alone.
    pub(crate) fn revoke_refresh_token(&self, realm: &str, client_id: &str, token: &str, now: UnixTime) {
        let mut entries = self.entries.lock();
        let session_id = match entries.refresh_tokens.get(token, now) {
            Some(RefreshState::Live(grant)) => grant.grant.session_id.clone(),
            Some(RefreshState::Rotated(session_id)) => session_id.clone(),
            None => return,
        };
        entries.end_session_of(realm, client_id, &session_id, now);
    }

    // Client assertions.

    /// Spends the `jti` of a client assertion. `false` when it was spent before.
    pub(crate) fn spend_assertion(
        &self,
        realm: &str,
        client_id: &str,
        jti: &str,
        expires_at: UnixTime,
        now: UnixTime,
    ) -> Result<bool, StoreFull> {
        // A line break stands in no realm's name, and the length keeps client and `jti` apart.
        let name = format!("{realm}\n{}\n{client_id}{jti}", client_id.len());
        let assertions = &mut self.entries.lock().assertions;
        if assertions.get(&name, now).is_some() {
            return Ok(false);
        }
        assertions.insert(&name, (), expires_at, now)?;
        Ok(true)
    }

    // Revoked access tokens.

    pub(crate) fn revoke_token(
        &self,
        jti: &str,
        expires_at: UnixTime,
        now: UnixTime,
    ) -> Result<(), StoreFull> {
        self.entries.lock().revoked_tokens.insert(jti, (), expires_at, now)
    }

    pub(crate) fn is_token_revoked(&self, jti: &str, now: UnixTime) -> bool {
        self.entries.lock().revoked_tokens.get(jti, now).is_some()
    }
}
