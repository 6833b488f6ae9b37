//! Where a private key is: in a file, maybe behind a passphrase, or in a PKCS #11 token.

use std::{
    convert::Infallible,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use anyhow::{Context, Result};
use dpop_client::{
    Signer,
    key_store::{self, KeyStoreError},
};
use jose::KeyPair;
use zeroize::Zeroizing;

use crate::{exit::WrongUsage, passphrase};

/// The place of a key, as it is given on the command line.
#[derive(Clone, Debug)]
pub(crate) enum KeyPlace {
    File(PathBuf),
    /// A URI of RFC 7512.
    Token(String),
}

impl FromStr for KeyPlace {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.starts_with("pkcs11:") {
            true => Self::Token(text.to_owned()),
            false => Self::File(text.into()),
        })
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Token(uri) => write!(formatter, "{uri}"),
        }
    }
}

impl KeyPlace {
    /// The key; `None` when it is a file that is not there.
    pub(crate) fn load(&self, passphrase_file: Option<&Path>) -> Result<Option<Arc<dyn Signer>>> {
        match self {
            Self::File(path) => Ok(load_file(path, passphrase_file)?.map(|key| Arc::new(key) as _)),
            Self::Token(uri) => open_token(uri).map(Some),
        }
    }

    /// As [`load`](Self::load), for keys that must be at hand; a key in a token is not.
    pub(crate) fn load_pair(&self, passphrase_file: Option<&Path>) -> Result<Option<KeyPair>> {
        match self {
            Self::File(path) => load_file(path, passphrase_file),
            Self::Token(_) => Err(WrongUsage("this needs a key in a file, not in a token".into()).into()),
        }
    }
}

/// A key in a file; `None` when there is no such file. Asks for the passphrase when there is somebody to ask.
fn load_file(path: &Path, passphrase_file: Option<&Path>) -> Result<Option<KeyPair>> {
    let given = passphrase_file.map(passphrase::read).transpose()?;
    let text = |passphrase: &Zeroizing<String>| key_store::load_with(path, Some(passphrase));
    let loaded = match &given {
        Some(passphrase) => text(passphrase),
        None => match key_store::load(path) {
            Err(error @ KeyStoreError::PassphraseNeeded { .. }) => {
                match passphrase::ask(&format!("Passphrase of {}", path.display()))? {
                    Some(passphrase) => text(&passphrase),
                    None => Err(error),
                }
            }
            loaded => loaded,
        },
    };
    match loaded {
        Ok(key) => Ok(Some(key)),
        Err(KeyStoreError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(feature = "pkcs11")]
fn open_token(uri: &str) -> Result<Arc<dyn Signer>> {
    let uri: dpop_client::Pkcs11Uri = uri.parse()?;
    let pin = match &uri.pin_file {
        Some(file) => Some(passphrase::read(file).context("read the PIN")?),
        None => passphrase::ask(&format!("PIN for the {uri}"))?,
    };
    let key = dpop_client::Pkcs11Key::open(&uri, pin.as_ref().map(|pin| pin.as_str()));
    Ok(Arc::new(key.with_context(|| format!("use the {uri}"))?))
}

#[cfg(not(feature = "pkcs11"))]
fn open_token(_uri: &str) -> Result<Arc<dyn Signer>> {
    Err(anyhow::anyhow!("build with `--features pkcs11`"))
        .context("this program was built without PKCS #11 tokens")
}
