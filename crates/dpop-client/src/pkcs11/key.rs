//! A private key in a token, and its public half.

use std::{error::Error as StdError, fmt, sync::Arc};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error as ModuleError, RvError},
    mechanism::{
        Mechanism, MechanismType,
        eddsa::{EddsaParams, EddsaSignatureScheme},
        rsa::{PkcsMgfType, PkcsPssParams},
    },
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};
use futures_util::future::BoxFuture;
use jose::{Algorithm, JwkError, PublicJwk, SignError, base64url, crypto};
use parking_lot::Mutex;
use serde_json::json;
use thiserror::Error;

use super::uri::Pkcs11Uri;
use crate::signer::{Signer, SignerError};

/// The object identifiers of curves in `CKA_EC_PARAMS`, DER.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];

/// Why a key in a token can not be used. No message holds a PIN.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Pkcs11Error {
    /// The module can not be loaded, or refuses.
    #[error("the PKCS #11 module failed while {doing}")]
    Module {
        /// What was tried.
        doing: &'static str,
        /// The module's reason.
        #[source]
        source: ModuleError,
    },
    /// No token with that label or serial number.
    #[error("there is no token like that")]
    NoToken,
    /// Several tokens fit.
    #[error("several tokens fit: name the token or its serial number")]
    SeveralTokens,
    /// No private key with that label or identifier.
    #[error("the token has no private key like that")]
    NoKey,
    /// Several keys fit.
    #[error("several keys fit: name the id of one")]
    SeveralKeys,
    /// The token does not have the public half, without which no proof can be made.
    #[error("the token does not have the public half of the key")]
    NoPublicKey,
    /// A key of a type or curve that proofs can not use.
    #[error("the key is of a type that proofs can not use")]
    Unsupported,
    /// The public half is not acceptable.
    #[error("the public half of the key is not acceptable")]
    Public(#[from] JwkError),
}

/// A key that signs where it is. Its private half can not be read.
#[derive(Clone)]
pub struct Pkcs11Key {
    token: Arc<Mutex<Token>>,
    public: PublicJwk,
}

struct Token {
    session: Session,
    key: ObjectHandle,
}

impl Pkcs11Key {
    /// Opens a session with the token and finds the key. Blocks while the token answers.
    ///
    /// # Errors
    ///
    /// [`Pkcs11Error`].
    pub fn open(uri: &Pkcs11Uri, pin: Option<&str>) -> Result<Self, Pkcs11Error> {
        let failed = |doing| move |source| Pkcs11Error::Module { doing, source };
        let module = Pkcs11::new(&uri.module_path).map_err(failed("loading it"))?;
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // Another key of the same module is open in this program.
            Ok(()) | Err(ModuleError::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(source) => return Err(failed("starting it")(source)),
        }
        let slot = find_slot(&module, uri)?;
        let session = module.open_ro_session(slot).map_err(failed("opening a session"))?;
        if let Some(pin) = pin {
            match session.login(UserType::User, Some(&AuthPin::new(pin.into()))) {
                Ok(()) | Err(ModuleError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
                Err(source) => return Err(failed("logging in")(source)),
            }
        }
        let key = find_key(&session, uri)?;
        let public = public_half(&session, key)?;
        Ok(Self { token: Arc::new(Mutex::new(Token { session, key })), public })
    }
}

fn find_slot(module: &Pkcs11, uri: &Pkcs11Uri) -> Result<Slot, Pkcs11Error> {
    let failed = |source| Pkcs11Error::Module { doing: "listing its tokens", source };
    let mut found = Vec::new();
    for slot in module.get_slots_with_initialized_token().map_err(failed)? {
        let info = module.get_token_info(slot).map_err(failed)?;
        let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        if fits(&uri.token, info.label()) && fits(&uri.serial, info.serial_number()) {
            found.push(slot);
        }
    }
    match found.as_slice() {
        [] => Err(Pkcs11Error::NoToken),
        [slot] => Ok(*slot),
        _ => Err(Pkcs11Error::SeveralTokens),
    }
}

fn find_key(session: &Session, uri: &Pkcs11Uri) -> Result<ObjectHandle, Pkcs11Error> {
    let mut wanted = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    wanted.extend(uri.object.as_ref().map(|label| Attribute::Label(label.clone().into_bytes())));
    wanted.extend(uri.id.as_ref().map(|id| Attribute::Id(id.clone())));
    let failed = |source| Pkcs11Error::Module { doing: "looking for the key", source };
    match session.find_objects(&wanted).map_err(failed)?.as_slice() {
        [] => Err(Pkcs11Error::NoKey),
        [key] => Ok(*key),
        _ => Err(Pkcs11Error::SeveralKeys),
    }
}

/// Tokens keep the public half as an object of its own, with the identifier of the private one.
fn public_half(session: &Session, key: ObjectHandle) -> Result<PublicJwk, Pkcs11Error> {
    let failed = |source| Pkcs11Error::Module { doing: "reading the public half of the key", source };
    let wanted = [AttributeType::Id, AttributeType::KeyType];
    let mut template = vec![Attribute::Class(ObjectClass::PUBLIC_KEY)];
    template.extend(session.get_attributes(key, &wanted).map_err(failed)?);
    let public = session.find_objects(&template).map_err(failed)?;
    let public = *public.first().ok_or(Pkcs11Error::NoPublicKey)?;
    let wanted = [
        AttributeType::KeyType,
        AttributeType::EcParams,
        AttributeType::EcPoint,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
    ];
    let attributes = session.get_attributes(public, &wanted).map_err(failed)?;
    let (mut key_type, mut curve, mut point, mut modulus, mut exponent) = (None, None, None, None, None);
    for attribute in attributes {
        match attribute {
            Attribute::KeyType(is) => key_type = Some(is),
            Attribute::EcParams(is) => curve = Some(is),
            Attribute::EcPoint(is) => point = Some(is),
            Attribute::Modulus(is) => modulus = Some(is),
            Attribute::PublicExponent(is) => exponent = Some(is),
            _ => {}
        }
    }
    let members = match (key_type, curve, point, modulus, exponent) {
        (Some(KeyType::RSA), _, _, Some(modulus), Some(exponent)) => json!({
            "kty": "RSA",
            "n": base64url::encode(without_leading_zeros(&modulus)),
            "e": base64url::encode(without_leading_zeros(&exponent)),
        }),
        (Some(KeyType::EC), Some(curve), Some(point), ..) => {
            let (name, length) = match curve.as_slice() {
                P256 => ("P-256", 32),
                P384 => ("P-384", 48),
                P521 => ("P-521", 66),
                _ => return Err(Pkcs11Error::Unsupported),
            };
            let point = octets(&point, 1 + 2 * length).ok_or(Pkcs11Error::Unsupported)?;
            let (x, y) = point
                .strip_prefix(&[4])
                .and_then(|coordinates| coordinates.split_at_checked(length))
                .ok_or(Pkcs11Error::Unsupported)?;
            json!({"kty": "EC", "crv": name, "x": base64url::encode(x), "y": base64url::encode(y)})
        }
        (Some(KeyType::EC_EDWARDS), _, Some(point), ..) => {
            let point = octets(&point, 32).ok_or(Pkcs11Error::Unsupported)?;
            json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(point)})
        }
        _ => return Err(Pkcs11Error::Unsupported),
    };
    Ok(PublicJwk::parse(members.as_object().ok_or(Pkcs11Error::Unsupported)?)?)
}

/// `CKA_EC_POINT` is a DER OCTET STRING; some modules leave the wrapping out.
fn octets(point: &[u8], length: usize) -> Option<&[u8]> {
    let start = point.len().checked_sub(length)?;
    let (head, octets) = point.split_at_checked(start)?;
    let is_wrapped = match head {
        [] => true,
        [0x04, short] => usize::from(*short) == length,
        [0x04, 0x81, long] => usize::from(*long) == length,
        _ => false,
    };
    is_wrapped.then_some(octets)
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

impl Token {
    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, ModuleError> {
        let pss = |hash_alg, mgf, length: u64| PkcsPssParams { hash_alg, mgf, s_len: length.into() };
        let (mechanism, input) = match algorithm {
            // Every module has ECDSA over a given hash; few hash themselves.
            Algorithm::Es256 => (Mechanism::Ecdsa, crypto::sha256(message).to_vec()),
            Algorithm::Es384 => (Mechanism::Ecdsa, crypto::sha384(message).to_vec()),
            Algorithm::Es512 => (Mechanism::Ecdsa, crypto::sha512(message).to_vec()),
            Algorithm::Rs256 => (Mechanism::Sha256RsaPkcs, message.to_vec()),
            Algorithm::Rs384 => (Mechanism::Sha384RsaPkcs, message.to_vec()),
            Algorithm::Rs512 => (Mechanism::Sha512RsaPkcs, message.to_vec()),
            Algorithm::Ps256 => {
                let parameters = pss(MechanismType::SHA256, PkcsMgfType::MGF1_SHA256, 32);
                (Mechanism::Sha256RsaPkcsPss(parameters), message.to_vec())
            }
            Algorithm::Ps384 => {
                let parameters = pss(MechanismType::SHA384, PkcsMgfType::MGF1_SHA384, 48);
                (Mechanism::Sha384RsaPkcsPss(parameters), message.to_vec())
            }
            Algorithm::Ps512 => {
                let parameters = pss(MechanismType::SHA512, PkcsMgfType::MGF1_SHA512, 64);
                (Mechanism::Sha512RsaPkcsPss(parameters), message.to_vec())
            }
            Algorithm::EdDsa | Algorithm::Ed25519 => {
                (Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure)), message.to_vec())
            }
        };
        self.session.sign(&mechanism, self.key, &input)
    }
}

impl Signer for Pkcs11Key {
    fn public_jwk(&self) -> &PublicJwk {
        &self.public
    }

    fn sign<'a>(
        &'a self,
        algorithm: Algorithm,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, SignerError>> {
        Box::pin(async move {
            if !self.supports(algorithm) {
                return Err(SignError::KeyDoesNotFit.into());
            }
            let holder = |error: Box<dyn StdError + Send + Sync>| SignerError::Holder(error);
            // A token takes its time, and the module blocks meanwhile.
            let (token, message) = (self.token.clone(), message.to_vec());
            let signed = tokio::task::spawn_blocking(move || token.lock().sign(algorithm, &message));
            let signature =
                signed.await.map_err(|error| holder(error.into()))?.map_err(|error| holder(error.into()))?;
            Ok(signature)
        })
    }
}

impl fmt::Debug for Pkcs11Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pkcs11Key").field("public", &self.public).finish_non_exhaustive()
    }
}
