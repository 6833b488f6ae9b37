//! `pkcs11:` URIs (RFC 7512): which module, which token, which key, where the PIN is.

use std::{fmt, path::PathBuf, str::FromStr};

use percent_encoding::percent_decode_str;
use thiserror::Error;

/// Names one key: `pkcs11:token=dev;object=dpop?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/pin`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pkcs11Uri {
    /// `module-path`: the library of the token's maker.
    pub module_path: PathBuf,
    /// `token`: the token's label. Any token, if not given.
    pub token: Option<String>,
    /// `serial`: the token's serial number.
    pub serial: Option<String>,
    /// `object`: the key's label.
    pub object: Option<String>,
    /// `id`: the key's identifier.
    pub id: Option<Vec<u8>>,
    /// `pin-source`: a file with the PIN. Without it no PIN is sent.
    pub pin_file: Option<PathBuf>,
}

/// Why a text does not name a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Pkcs11UriError {
    /// Another scheme.
    #[error("not a pkcs11: URI")]
    Scheme,
    /// An attribute that is not known, repeated, or not text.
    #[error("the attribute `{0}` of the pkcs11: URI can not be used")]
    Attribute(String),
    /// No `module-path`.
    #[error("the pkcs11: URI has no module-path")]
    NoModule,
    /// Neither `object` nor `id`.
    #[error("the pkcs11: URI names no key: neither object nor id")]
    NoKey,
}

impl FromStr for Pkcs11Uri {
    type Err = Pkcs11UriError;

    fn from_str(text: &str) -> Result<Self, Pkcs11UriError> {
        let rest = text.strip_prefix("pkcs11:").ok_or(Pkcs11UriError::Scheme)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let attributes = path.split(';').chain(query.split('&')).filter(|attribute| !attribute.is_empty());
        let mut uri = Self::default();
        let mut module_path = None;
        for attribute in attributes {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let bad = || Pkcs11UriError::Attribute(name.to_owned());
            let bytes: Vec<u8> = percent_decode_str(value).collect();
            let text = || String::from_utf8(bytes.clone()).map_err(|_| bad());
            let is_new = match name {
                "token" => uri.token.replace(text()?).is_none(),
                "serial" => uri.serial.replace(text()?).is_none(),
                "object" => uri.object.replace(text()?).is_none(),
                "id" => uri.id.replace(bytes.clone()).is_none(),
                "module-path" => module_path.replace(PathBuf::from(text()?)).is_none(),
                "pin-source" => {
                    let file = text()?;
                    let file = file.strip_prefix("file://").or(file.strip_prefix("file:")).unwrap_or(&file);
                    uri.pin_file.replace(PathBuf::from(file)).is_none()
                }
                // What kind of object it is; only private keys sign.
                "type" => bytes == b"private",
                // pin-value would show the PIN to every user of the machine.
                _ => false,
            };
            if !is_new {
                return Err(bad());
            }
        }
        uri.module_path = module_path.ok_or(Pkcs11UriError::NoModule)?;
        if uri.object.is_none() && uri.id.is_none() {
            return Err(Pkcs11UriError::NoKey);
        }
        Ok(uri)
    }
}

impl fmt::Display for Pkcs11Uri {
    /// Token and key, for messages.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.object, &self.id) {
            (Some(object), _) => write!(formatter, "key {object:?}")?,
            (None, Some(id)) => {
                let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
                write!(formatter, "key with id {id}")?;
            }
            (None, None) => write!(formatter, "key")?,
        }
        match &self.token {
            Some(token) => write!(formatter, " in token {token:?}"),
            None => write!(formatter, " of {}", self.module_path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_path_and_query() {
        let uri: Pkcs11Uri =
            "pkcs11:token=my%20token;object=dpop;id=%01%ff;type=private?module-path=/lib/p11.so&pin-source=file:/run/pin"
                .parse()
                .unwrap();
        assert_eq!(uri.token.as_deref(), Some("my token"));
        assert_eq!(uri.id.as_deref(), Some(&[1, 0xff][..]));
        assert_eq!(uri.pin_file, Some("/run/pin".into()));
        assert_eq!(uri.to_string(), "key \"dpop\" in token \"my token\"");
    }

    #[test]
    fn refuses_what_it_would_have_to_ignore() {
        for (text, error) in [
            ("file:/key", Pkcs11UriError::Scheme),
            ("pkcs11:object=a", Pkcs11UriError::NoModule),
            ("pkcs11:token=a?module-path=/m", Pkcs11UriError::NoKey),
            ("pkcs11:object=a;object=b?module-path=/m", Pkcs11UriError::Attribute("object".into())),
            ("pkcs11:object=a?module-path=/m&pin-value=1234", Pkcs11UriError::Attribute("pin-value".into())),
            ("pkcs11:object=a;type=public?module-path=/m", Pkcs11UriError::Attribute("type".into())),
            ("pkcs11:object=%ff?module-path=/m", Pkcs11UriError::Attribute("object".into())),
        ] {
            assert_eq!(text.parse::<Pkcs11Uri>().unwrap_err(), error, "{text}");
        }
    }
}
