//! A good request in parts, for a row to spoil: token, proof, request line, fields, body.

use std::time::{SystemTime, UNIX_EPOCH};

use jose::{Algorithm, KeyPair, base64url, crypto};
use serde_json::{Value, json};

pub type Edit<T> = fn(T) -> T;
pub type Sign = fn(&[u8]) -> Vec<u8>;

#[allow(clippy::disallowed_methods)]
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// The same key once more.
pub fn copy_of(key: &KeyPair) -> KeyPair {
    let copy = KeyPair::from_pkcs8_pem(&key.to_pkcs8_pem().unwrap()).unwrap();
    copy.with_default_algorithm(key.algorithm())
}

/// Signs any text as the last part of a compact JWS.
pub fn signed(key: &KeyPair, input: &str) -> String {
    format!("{input}.{}", base64url::encode(key.sign(input.as_bytes()).unwrap()))
}

/// A JWT before it is signed.
pub struct Jwt {
    pub header: Value,
    pub claims: Value,
    pub header_text: Option<Edit<String>>,
    pub claims_text: Option<Edit<String>>,
    pub header_bytes: Option<Edit<Vec<u8>>>,
    pub claims_bytes: Option<Edit<Vec<u8>>>,
    /// Who signs in place of the right key.
    pub signer: Option<KeyPair>,
    pub signature: Option<Edit<Vec<u8>>>,
    /// The last word, with the key that signed.
    pub compact: Option<fn(&KeyPair, String) -> String>,
}

impl Jwt {
    fn new(header: Value, claims: Value) -> Self {
        Self {
            header,
            claims,
            header_text: None,
            claims_text: None,
            header_bytes: None,
            claims_bytes: None,
            signer: None,
            signature: None,
            compact: None,
        }
    }

    pub fn remove_claim(&mut self, name: &str) {
        self.claims.as_object_mut().unwrap().remove(name);
    }

    pub fn remove_header(&mut self, name: &str) {
        self.header.as_object_mut().unwrap().remove(name);
    }

    fn build(&self, key: &KeyPair, places: &[(&str, String)]) -> String {
        let key = self.signer.as_ref().unwrap_or(key);
        let part = |value: &Value, text: Option<Edit<String>>, bytes: Option<Edit<Vec<u8>>>| {
            let mut json = value.to_string();
            for (place, filling) in places {
                json = json.replace(&format!("\"<{place}>\""), &json!(filling).to_string());
            }
            let json = text.map_or(json.clone(), |edit| edit(json)).into_bytes();
            base64url::encode(bytes.map_or(json.clone(), |edit| edit(json)))
        };
        let header = part(&self.header, self.header_text, self.header_bytes);
        let input = format!("{header}.{}", part(&self.claims, self.claims_text, self.claims_bytes));
        let signature = key.sign(input.as_bytes()).unwrap();
        let signature = self.signature.map_or(signature.clone(), |edit| edit(signature));
        let compact = format!("{input}.{}", base64url::encode(signature));
        self.compact.map_or(compact.clone(), |edit| edit(key, compact))
    }
}

/// The request on the wire.
pub struct Wire {
    pub line: String,
    pub fields: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub token: String,
    pub proof: String,
    /// Sent in place of everything above.
    pub raw: Option<Vec<u8>>,
}

impl Wire {
    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.fields.push((name.to_owned(), value.as_ref().to_vec()));
    }

    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.remove(name);
        self.add(name, value);
    }

    pub fn remove(&mut self, name: &str) {
        self.fields.retain(|(field, _)| !field.eq_ignore_ascii_case(name));
    }

    pub fn rename(&mut self, name: &str, new: &str) {
        for (field, _) in &mut self.fields {
            if field == name {
                new.clone_into(field);
            }
        }
    }

    pub fn body(&mut self, body: &str) {
        self.set("Content-Length", body.len().to_string());
        self.body = body.into();
    }

    pub fn bytes(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut bytes = format!("{}\r\n", self.line).into_bytes();
        for (name, value) in &self.fields {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends the text of the whole request with a piece replaced, which must be there.
    pub fn replace(&mut self, from: &str, to: impl AsRef<[u8]>) {
        let bytes = self.bytes();
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
        self.raw = Some([&bytes[..at], to.as_ref(), &bytes[at + from.len()..]].concat());
    }
}

/// Everything that a row may change.
pub struct Draft {
    pub key: KeyPair,
    pub token: Jwt,
    pub proof: Jwt,
    pub scheme: &'static str,
    pub method: &'static str,
    /// The target as sent.
    pub target: String,
    pub host: String,
    /// What becomes of the nonce that the gateway hands out; without it the proof has none.
    pub nonce: Option<fn(String) -> Value>,
    /// The nonce of the answer before; without one a challenge is asked for.
    pub given_nonce: Option<String>,
    /// The route whose challenge brings it.
    pub nonce_from: &'static str,
    /// Whether the request comes from the address of the trusted proxy.
    pub trusted: bool,
    pub wire: Option<fn(&mut Wire)>,
    /// The proof that was sent last.
    pub last_proof: Option<String>,
    /// Whether that is sent again in place of another.
    pub repeats_proof: bool,
    /// A token that is made already.
    pub token_text: Option<String>,
    /// The key that signs tokens.
    pub issuer_key: Option<KeyPair>,
    /// Makes the signature of the proof in place of the key.
    pub sign_by_hand: Option<Sign>,
}

/// The path of what nobody may fetch.
pub const TRAP: &str = "never-fetched";

pub const HOST: &str = "api.example.com";

impl Draft {
    pub fn new(issuer: &str, target: &str) -> Self {
        let key = KeyPair::generate(Algorithm::Es256).unwrap();
        let token = Jwt::new(
            json!({"alg": "ES256", "typ": "JWT", "kid": "issuer-key"}),
            json!({
                "iss": issuer, "sub": "alice-id", "azp": "client", "typ": "DPoP", "jti": dpop::fresh_jti(),
                "aud": "https://api.example", "scope": "api:read", "iat": now() - 5, "exp": now() + 300,
            }),
        );
        let proof = Jwt::new(
            json!({"typ": "dpop+jwt", "alg": "ES256"}),
            json!({
                "jti": dpop::fresh_jti(), "htm": "<htm>", "htu": "<htu>", "iat": now(), "ath": "<ath>",
            }),
        );
        let mut draft = Self {
            key: KeyPair::generate(Algorithm::Es256).unwrap(),
            token,
            proof,
            scheme: "DPoP",
            method: "GET",
            target: target.to_owned(),
            host: HOST.to_owned(),
            nonce: None,
            given_nonce: None,
            nonce_from: "/nonce/a",
            trusted: false,
            wire: None,
            last_proof: None,
            repeats_proof: false,
            token_text: None,
            issuer_key: None,
            sign_by_hand: None,
        };
        draft.use_key(key);
        draft
    }

    /// Makes another key the client's: named and signing in the proof, bound in the token.
    pub fn use_key(&mut self, key: KeyPair) {
        self.proof_by(key);
        self.token.claims["cnf"] = json!({"jkt": self.key.thumbprint().to_string()});
    }

    pub fn use_new_key(&mut self, algorithm: Algorithm) {
        self.use_key(KeyPair::generate(algorithm).unwrap());
    }

    /// The proof is right but made with another key than the token is bound to.
    pub fn proof_by(&mut self, key: KeyPair) {
        self.proof.header["alg"] = json!(key.algorithm().as_str());
        self.proof.header["jwk"] = Value::Object(key.public_jwk().to_json());
        self.key = key;
    }

    pub fn proof_by_another_key(&mut self) {
        self.proof_by(KeyPair::generate(Algorithm::Es256).unwrap());
    }

    /// Names another key in the proof, with the token bound to it as it is written.
    pub fn bind_to(&mut self, jwk: Value) {
        let names: &[&str] = match jwk["kty"].as_str() {
            Some("RSA") => &["e", "kty", "n"],
            Some("OKP") => &["crv", "kty", "x"],
            _ => &["crv", "kty", "x", "y"],
        };
        let members: serde_json::Map<String, Value> =
            names.iter().filter_map(|name| Some(((*name).to_owned(), jwk.get(name)?.clone()))).collect();
        let hash = crypto::sha256(Value::Object(members).to_string().as_bytes());
        self.token.claims["cnf"] = json!({"jkt": base64url::encode(hash)});
        self.proof.header["jwk"] = jwk;
    }

    /// Another proof of the same kind.
    pub fn fresh_proof(&mut self) {
        self.claim("jti", json!(dpop::fresh_jti()));
        self.claim("iat", json!(now()));
    }

    pub fn claim(&mut self, name: &str, value: Value) {
        self.proof.claims[name] = value;
    }

    /// The address of something that nobody may fetch: at the issuer, where a site may count who comes.
    pub fn trap(&self) -> Value {
        let issuer = self.token.claims["iss"].as_str().unwrap();
        json!(format!("{}/{TRAP}", issuer.strip_suffix("/realms/dpop").unwrap()))
    }

    /// The path as in the target.
    pub fn path(&self) -> &str {
        let target = self.target.split(['?', '#']).next().unwrap();
        match target.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
            None => target,
        }
    }

    pub fn make_token(&mut self, issuer: &KeyPair) -> String {
        let token = self.token_text.clone().unwrap_or_else(|| self.token.build(issuer, &[]));
        self.token_text = Some(token.clone());
        token
    }

    pub fn make_wire(&self, token: &str) -> Wire {
        let places = [
            ("htm", self.method.to_owned()),
            ("htu", format!("http://{}{}", self.host, self.path())),
            ("ath", base64url::encode(crypto::sha256(token.as_bytes()))),
        ];
        let mut proof = self.proof.build(&self.key, &places);
        if let Some(sign) = self.sign_by_hand {
            let input = proof.rsplit_once('.').unwrap().0;
            proof = format!("{input}.{}", base64url::encode(sign(input.as_bytes())));
        }
        if self.repeats_proof {
            proof = self.last_proof.clone().expect("a proof was sent before");
        }
        let mut wire = Wire {
            line: format!("{} {} HTTP/1.1", self.method, self.target),
            fields: Vec::new(),
            body: Vec::new(),
            token: token.to_owned(),
            proof: proof.clone(),
            raw: None,
        };
        wire.add("Host", &self.host);
        wire.add("Authorization", format!("{} {token}", self.scheme));
        wire.add("DPoP", proof);
        if let Some(edit) = self.wire {
            edit(&mut wire);
        }
        wire
    }
}
