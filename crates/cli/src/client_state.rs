//! The folder in which the client commands keep key, token and last proof between calls. File names and contents are
//! those of the guide's Python client. Everything in it is for its owner only.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use dpop::AccessTokenHash;
use dpop_client::key_store::{self, KeyStoreError};
use jose::{Algorithm, KeyPair};
use oauth::{AccessToken, TokenResponse};
use serde::{Deserialize, Serialize};

use crate::output;

/// Where the state is.
#[derive(Debug, clap::Args)]
pub(crate) struct StateArgs {
    /// Folder with the DPoP key, the token and the last proof.
    #[arg(long, env = "STATE_DIR", value_name = "DIR", default_value = ".state")]
    state_dir: PathBuf,
}

/// Which of the two keys.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyName {
    /// The client's own.
    Primary,
    /// A second one, for `call --wrong-key`.
    Other,
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

    fn key_file(&self, name: KeyName) -> PathBuf {
        match name {
            KeyName::Primary => self.file("dpop-private-key.pem"),
            KeyName::Other => self.file("other-dpop-private-key.pem"),
        }
    }

    fn token_file(&self) -> PathBuf {
        self.file("token.json")
    }

    fn last_proof_file(&self) -> PathBuf {
        self.file("resource-server-dpop-state.json")
    }

    /// Makes a key, in place of an earlier one, and says so.
    pub(crate) fn generate_key(&self, name: KeyName, algorithm: Algorithm) -> Result<KeyPair> {
        let path = self.key_file(name);
        let key = KeyPair::generate(algorithm).context("generate a key")?;
        key_store::save(&path, &key).context("store the DPoP key")?;
        output::line(format_args!("Created DPoP key: {}", path.display()))?;
        output::line(format_args!("JWK thumbprint: {}", key.thumbprint()))?;
        Ok(key)
    }

    /// The key; a new one, for the first of `algorithms`, when there is none.
    pub(crate) fn key(&self, name: KeyName, algorithm: Algorithm) -> Result<Arc<KeyPair>> {
        let key = match key_store::load(&self.key_file(name)) {
            Ok(key) => key,
            Err(KeyStoreError::Missing { .. }) => self.generate_key(name, algorithm)?,
            Err(error) => return Err(error).context("use the DPoP key"),
        };
        Ok(Arc::new(key))
    }

    /// The client's own key, and never a new one: nothing is bound to a key that was just made.
    pub(crate) fn stored_key(&self) -> Result<Option<KeyPair>> {
        match key_store::load(&self.key_file(KeyName::Primary)) {
            Ok(key) => Ok(Some(key)),
            Err(KeyStoreError::Missing { .. }) => Ok(None),
            Err(error) => Err(error).context("use the DPoP key"),
        }
    }

    /// Keeps a token response.
    pub(crate) fn store_token(&self, response: &TokenResponse) -> Result<()> {
        let text = serde_json::to_vec_pretty(response).context("write the token")?;
        key_store::write_private(&self.token_file(), &text).context("store the token")
    }

    /// The access token of the last login.
    pub(crate) fn access_token(&self) -> Result<AccessToken> {
        Ok(self.tokens()?.access_token)
    }

    /// The tokens of the last login.
    pub(crate) fn tokens(&self) -> Result<TokenResponse> {
        match self.tokens_if_any()? {
            Some(tokens) => Ok(tokens),
            None => bail!("No access token found. Run `keybound login` first."),
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
        delete(&self.token_file())?;
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

    /// Deletes all state. Only the files this program makes: `STATE_DIR` may name a folder with other things in it.
    pub(crate) fn clear(&self) -> Result<()> {
        let keys = [self.key_file(KeyName::Primary), self.key_file(KeyName::Other)];
        for path in keys.into_iter().chain([self.token_file(), self.last_proof_file()]) {
            delete(&path)?;
        }
        Ok(())
    }
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
