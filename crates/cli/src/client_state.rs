//! The folder in which the client commands keep key, token and last proof between calls. File names and contents are
//! those of the guide's Python client. Everything in it is for its owner only.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use dpop::AccessTokenHash;
use dpop_client::{Signer, TokenSet, key_store};
use jose::{Algorithm, KeyPair, UnixTime, jwt::UnverifiedJwt};
use oauth::{AccessToken, TokenResponse};
use serde::{Deserialize, Serialize};

use crate::{
    client_key::KeyPlace,
    exit::{NotLoggedIn, WrongUsage},
    passphrase,
};

/// When the access token ends, in seconds since 1970: beside the server's own members of the token response.
const EXPIRES_AT: &str = "expires_at";

/// Where the state is.
#[derive(Debug, clap::Args)]
pub(crate) struct StateArgs {
    /// Take defaults from this profile of keybound/config.toml in the user's configuration folder [env:
    /// KEYBOUND_PROFILE]; KEYBOUND_CONFIG names another file.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Folder with the DPoP key, the token and the last proof.
    #[arg(long, env = "STATE_DIR", value_name = "DIR", default_value = ".state")]
    state_dir: PathBuf,
    /// The DPoP key, if it is not in that folder: a PEM file, or a pkcs11: URI.
    #[arg(long, env = "DPOP_KEY", value_name = "KEY")]
    key: Option<KeyPlace>,
    /// A file whose first line is the passphrase of the DPoP key. Without it, it is asked for.
    #[arg(long, env = "DPOP_KEY_PASSPHRASE_FILE", value_name = "FILE")]
    key_passphrase_file: Option<PathBuf>,
}

/// Which of the two keys.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyName {
    /// The client's own.
    Primary,
    /// A second one, for `call --wrong-key`.
    Other,
}

/// What a login was made with, so that its tokens can be renewed and revoked without saying it again. No secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) client_id: String,
    pub(crate) token_endpoint: String,
    pub(crate) revocation_endpoint: Option<String>,
    /// The audience of client assertions.
    pub(crate) assertion_audience: String,
    /// Whether the server reads a secret in the form only.
    pub(crate) secret_in_form: bool,
    /// Whether the client logged in as itself.
    pub(crate) is_service: bool,
    /// The scope that was asked for.
    pub(crate) scope: Option<String>,
}

/// A key that was made: what is told about it.
#[derive(Debug, Serialize)]
pub(crate) struct NewKey {
    pub(crate) path: PathBuf,
    pub(crate) algorithm: &'static str,
    pub(crate) thumbprint: String,
    pub(crate) has_passphrase: bool,
}

/// The last proof that a server accepted, for `call --replay`.
#[derive(Serialize, Deserialize)]
struct LastProof {
    access_token_hash: String,
    proof: String,
    nonce: Option<String>,
}

impl StateArgs {
    fn file(&self, name: &str) -> PathBuf {
        self.state_dir.join(name)
    }

    fn key_place(&self, name: KeyName) -> KeyPlace {
        match (name, &self.key) {
            (KeyName::Primary, Some(place)) => place.clone(),
            (KeyName::Primary, None) => KeyPlace::File(self.file("dpop-private-key.pem")),
            (KeyName::Other, _) => KeyPlace::File(self.file("other-dpop-private-key.pem")),
        }
    }

    fn login_file(&self) -> PathBuf {
        self.file("login.json")
    }

    fn token_file(&self) -> PathBuf {
        self.file("token.json")
    }

    fn last_proof_file(&self) -> PathBuf {
        self.file("resource-server-dpop-state.json")
    }

    /// Makes a key, in place of an earlier one. `ask` has a passphrase typed when no file has it.
    pub(crate) fn generate_key(&self, name: KeyName, algorithm: Algorithm, ask: bool) -> Result<NewKey> {
        let KeyPlace::File(path) = self.key_place(name) else {
            let text = "a key in a token is made with the token's own program, for instance pkcs11-tool";
            return Err(WrongUsage(text.into()).into());
        };
        let passphrase = match (&self.key_passphrase_file, name) {
            (Some(file), KeyName::Primary) => Some(passphrase::read(file).context("read the passphrase")?),
            (None, KeyName::Primary) if ask => {
                let typed = passphrase::ask("Passphrase for the new key")?;
                Some(
                    typed.ok_or_else(|| {
                        WrongUsage("name a --key-passphrase-file: nobody can be asked".into())
                    })?,
                )
            }
            _ => None,
        };
        if passphrase.as_ref().is_some_and(|passphrase| passphrase.is_empty()) {
            bail!("an empty passphrase protects nothing");
        }
        let key = KeyPair::generate(algorithm).context("generate a key")?;
        let text = passphrase.as_ref().map(|passphrase| passphrase.as_str());
        key_store::save_with(&path, &key, text).context("store the DPoP key")?;
        Ok(NewKey {
            path,
            algorithm: algorithm.as_str(),
            thumbprint: key.thumbprint().to_string(),
            has_passphrase: passphrase.is_some(),
        })
    }

    /// The key; a new one when there is none, which `made` is told.
    pub(crate) fn key(
        &self,
        name: KeyName,
        algorithm: Algorithm,
        made: impl FnOnce(&NewKey) -> Result<()>,
    ) -> Result<Arc<dyn Signer>> {
        if let Some(key) = self.load_key(name)? {
            return Ok(key);
        }
        made(&self.generate_key(name, algorithm, false)?)?;
        self.load_key(name)?.context("the new key is gone")
    }

    /// The client's own key, and never a new one: nothing is bound to a key that was just made.
    pub(crate) fn stored_key(&self) -> Result<Option<Arc<dyn Signer>>> {
        self.load_key(KeyName::Primary)
    }

    /// As [`stored_key`](Self::stored_key), for a key that must be at hand.
    pub(crate) fn stored_key_pair(&self) -> Result<Option<KeyPair>> {
        let loaded = self.key_place(KeyName::Primary).load_pair(self.key_passphrase_file.as_deref());
        loaded.context("use the DPoP key")
    }

    fn load_key(&self, name: KeyName) -> Result<Option<Arc<dyn Signer>>> {
        let passphrase_file = match name {
            KeyName::Primary => self.key_passphrase_file.as_deref(),
            KeyName::Other => None,
        };
        self.key_place(name).load(passphrase_file).context("use the DPoP key")
    }

    /// Keeps the tokens of a login, and what it was made with.
    pub(crate) fn store_login(&self, login: &Login, tokens: &TokenSet) -> Result<()> {
        let text = serde_json::to_vec_pretty(login).context("write the login")?;
        key_store::write_private(&self.login_file(), &text).context("store the login")?;
        self.store_tokens(tokens)
    }

    /// Keeps renewed tokens.
    pub(crate) fn store_tokens(&self, tokens: &TokenSet) -> Result<()> {
        let mut response = tokens.response.clone();
        if let Some(expires_at) = tokens.expires_at {
            response.additional.insert(EXPIRES_AT.to_owned(), expires_at.as_seconds().into());
        }
        let text = serde_json::to_vec_pretty(&response).context("write the token")?;
        key_store::write_private(&self.token_file(), &text).context("store the token")
    }

    /// What the last login was made with.
    pub(crate) fn login(&self) -> Result<Option<Login>> {
        let Some(text) = read_if_there(&self.login_file())? else { return Ok(None) };
        let path = self.login_file();
        serde_json::from_slice(&text).with_context(|| format!("read {}", path.display())).map(Some)
    }

    /// Lets only one program at a time renew tokens: a refresh token that rotates must not be used twice. Ends when
    /// the file is dropped.
    pub(crate) fn lock(&self) -> Result<fs::File> {
        let path = self.file("lock");
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.with_context(|| format!("open {}", path.display()))?;
        file.lock().with_context(|| format!("lock {}", path.display()))?;
        Ok(file)
    }

    /// The access token of the last login.
    pub(crate) fn access_token(&self) -> Result<AccessToken> {
        Ok(self.tokens()?.access_token)
    }

    /// The tokens of the last login.
    pub(crate) fn tokens(&self) -> Result<TokenResponse> {
        match self.tokens_if_any()? {
            Some(tokens) => Ok(tokens),
            None => Err(NotLoggedIn("No access token found. Run `keybound login` first.").into()),
        }
    }

    /// The tokens of the last login; `None` when there was none.
    pub(crate) fn tokens_if_any(&self) -> Result<Option<TokenResponse>> {
        let path = self.token_file();
        let Some(text) = read_if_there(&path)? else { return Ok(None) };
        // The cause is left out: messages of the parser may quote what they read.
        let response: Option<TokenResponse> = serde_json::from_slice(&text).ok();
        let Some(response) = response else { bail!("{} is not a token response", path.display()) };
        Ok(Some(response))
    }

    /// Forgets the tokens and what was made for them. The key stays.
    pub(crate) fn forget_tokens(&self) -> Result<()> {
        for file in [self.token_file(), self.login_file(), self.file("lock")] {
            delete(&file)?;
        }
        self.forget_last_proof()
    }

    /// Remembers the proof that a server accepted together with `token`.
    pub(crate) fn store_last_proof(
        &self,
        token: &AccessToken,
        proof: &str,
        nonce: Option<&str>,
    ) -> Result<()> {
        let last = LastProof {
            access_token_hash: AccessTokenHash::of(token).to_string(),
            proof: proof.to_owned(),
            nonce: nonce.map(str::to_owned),
        };
        let text = serde_json::to_vec_pretty(&last).context("write the last proof")?;
        key_store::write_private(&self.last_proof_file(), &text).context("store the last proof")
    }

    /// The last accepted proof that was made for `token`.
    pub(crate) fn last_proof(&self, token: &AccessToken) -> Result<Option<String>> {
        let Some(text) = read_if_there(&self.last_proof_file())? else { return Ok(None) };
        let last: Option<LastProof> = serde_json::from_slice(&text).ok();
        let of_token = AccessTokenHash::of(token).to_string();
        Ok(last.filter(|last| last.access_token_hash == of_token).map(|last| last.proof))
    }

    /// Forgets the last proof: it was made for an earlier token.
    pub(crate) fn forget_last_proof(&self) -> Result<()> {
        delete(&self.last_proof_file())
    }

    /// Deletes all state. Only the files this program makes: `STATE_DIR` may name a folder with other things in it. A
    /// key that was placed elsewhere stays.
    pub(crate) fn clear(&self) -> Result<()> {
        delete(&self.file("dpop-private-key.pem"))?;
        delete(&self.file("other-dpop-private-key.pem"))?;
        self.forget_tokens()
    }

    /// Whether the client's own key is a file of the state folder.
    pub(crate) fn has_own_key(&self) -> bool {
        self.key.is_none()
    }
}

/// When stored tokens end: as remembered, else as the token itself says.
pub(crate) fn expiry(tokens: &TokenResponse) -> Option<UnixTime> {
    let remembered = tokens.additional.get(EXPIRES_AT).and_then(UnixTime::from_numeric_date);
    remembered.or_else(|| {
        let token = UnverifiedJwt::parse(tokens.access_token.as_str()).ok()?;
        UnixTime::from_numeric_date(token.claims.get("exp")?)
    })
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

fn delete(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("delete {}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
