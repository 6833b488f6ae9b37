//! A good request in parts, for a mutation to spoil.

use dpop::{AccessTokenHash, fresh_jti};
use jose::{Algorithm, KeyPair, base64url, crypto};
use oauth::AccessToken;
use serde_json::{Map, Value, json};
use testkit::TokenDraft;

use crate::random::Random;
use crate::world::{AUDIENCE, World};

const SEGMENT: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&()*+,;=:@";
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

/// The request a peer and we are asked about.
pub(crate) struct Request {
    pub(crate) method: String,
    /// Absolute, as the client used it.
    pub(crate) url: String,
    /// `Authorization` field lines.
    pub(crate) authorization: Vec<String>,
    /// `DPoP` field lines.
    pub(crate) proofs: Vec<String>,
    /// The nonce that the server has handed out and demands.
    pub(crate) nonce: Option<String>,
    /// The same request was accepted before.
    pub(crate) is_copy: bool,
}

/// What becomes a [`Request`]. It is right until something is changed.
pub(crate) struct Draft<'w> {
    pub(crate) world: &'w World,
    /// The client's key, and the algorithm it signs with.
    pub(crate) key: &'w KeyPair,
    pub(crate) algorithm: Algorithm,
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) authorization: Vec<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) is_copy: bool,
    token: TokenDraft<'w>,
    access_token: AccessToken,
    proofs: Option<Vec<String>>,
}

impl<'w> Draft<'w> {
    pub(crate) fn new(world: &'w World, algorithm: Algorithm, random: &mut Random) -> Self {
        let key = world.key(algorithm);
        let method = (*random.choose(&METHODS)).to_owned();
        let path: String = (0..=random.below(4))
            .map(|_| {
                let length = 1 + random.below(12);
                // A segment of dots alone would not stay what it is, and this one begins with none.
                format!("/s{}", random.text(SEGMENT, length))
            })
            .collect();
        let query = *random.choose(&["", "?first=0&max=5", "?q=a%20b"]);
        let token = world.issuer.token(world.now()).audience(AUDIENCE).bound_to(&key.thumbprint());
        let token =
            token.claim("jti", json!(random.next().to_string())).claim("client_id", json!("shop-app"));
        let url = format!("https://api.example.com{path}");
        let claims = json!({
            "jti": fresh_jti(),
            "htm": method,
            "htu": url,
            "iat": world.now().as_seconds() - 200 + i64::try_from(random.below(400)).unwrap_or_default(),
        });
        let header =
            json!({ "typ": "dpop+jwt", "alg": algorithm.as_str(), "jwk": key.public_jwk().to_json() });
        let access_token = token.issue();
        let mut draft = Self {
            world,
            key,
            algorithm,
            header: members(header),
            claims: members(claims),
            method,
            url: format!("{url}{query}"),
            authorization: Vec::new(),
            nonce: None,
            is_copy: false,
            token,
            access_token: access_token.clone(),
            proofs: None,
        };
        draft.send(access_token);
        draft
    }

    pub(crate) fn set_header(&mut self, name: &str, value: Value) {
        self.header.insert(name.to_owned(), value);
    }

    pub(crate) fn set_claim(&mut self, name: &str, value: Value) {
        self.claims.insert(name.to_owned(), value);
    }

    /// Sets a member of `jwk`.
    pub(crate) fn set_jwk(&mut self, name: &str, value: Value) {
        let mut jwk = self.jwk();
        jwk.insert(name.to_owned(), value);
        self.set_header("jwk", Value::Object(jwk));
    }

    pub(crate) fn jwk(&self) -> Map<String, Value> {
        self.header.get("jwk").and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// A member of `jwk` that is a text.
    pub(crate) fn jwk_text(&self, name: &str) -> String {
        self.jwk().get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The target URI without query: what `htu` is when it is right.
    pub(crate) fn target(&self) -> String {
        self.url.split('?').next().unwrap_or_default().to_owned()
    }

    /// Another target, and the claim that is right for it.
    pub(crate) fn go_to(&mut self, url: &str, htu: &str) {
        self.url = url.to_owned();
        self.set_claim("htu", json!(htu));
    }

    /// Another access token, with the `ath` that is right for it.
    pub(crate) fn change_token(&mut self, change: impl FnOnce(TokenDraft<'w>) -> TokenDraft<'w>) {
        self.token = change(self.token.clone());
        self.send(self.token.issue());
    }

    /// Sends this access token, with the `ath` that is right for it.
    pub(crate) fn send(&mut self, token: AccessToken) {
        self.set_claim("ath", json!(AccessTokenHash::of(&token).to_string()));
        self.authorization = vec![format!("DPoP {}", token.as_str())];
        self.access_token = token;
    }

    pub(crate) fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    /// Binds the access token to the key as it is written in `jwk`, right or wrong: RFC 7638 over the text of the members.
    pub(crate) fn bind_to_written_key(&mut self) {
        let jwk = self.jwk();
        let names: &[&str] = match jwk.get("kty").and_then(Value::as_str) {
            Some("EC") => &["crv", "kty", "x", "y"],
            Some("RSA") => &["e", "kty", "n"],
            _ => &["crv", "kty", "x"],
        };
        // serde_json writes members in the order of their names, as RFC 7638 wants.
        let required: Map<String, Value> =
            names.iter().filter_map(|name| Some(((*name).to_owned(), jwk.get(*name)?.clone()))).collect();
        let thumbprint = base64url::encode(crypto::sha256(Value::Object(required).to_string().as_bytes()));
        self.change_token(|token| token.claim("cnf", json!({ "jkt": thumbprint })));
    }

    /// The server demands this nonce; the proof has it.
    pub(crate) fn demand_nonce(&mut self) {
        let nonce = self.world.nonces.seal(&self.access_token, self.world.now());
        self.set_claim("nonce", json!(nonce));
        self.nonce = Some(nonce);
    }

    /// Header and claims as compact JSON.
    pub(crate) fn texts(&self) -> (String, String) {
        (Value::Object(self.header.clone()).to_string(), Value::Object(self.claims.clone()).to_string())
    }

    /// The proof as it stands.
    pub(crate) fn sign(&self) -> String {
        let (header, claims) = self.texts();
        self.sign_bytes(header.as_bytes(), claims.as_bytes())
    }

    /// A proof with these bytes for header and claims.
    pub(crate) fn sign_bytes(&self, header: &[u8], claims: &[u8]) -> String {
        self.sign_input(&format!("{}.{}", base64url::encode(header), base64url::encode(claims)))
    }

    /// A proof with any text before the last dot.
    pub(crate) fn sign_input(&self, input: &str) -> String {
        let signature =
            self.key.sign_with(self.algorithm, input.as_bytes()).expect("the key signs with its algorithm");
        format!("{input}.{}", base64url::encode(signature))
    }

    /// Sends these field lines in place of the signed proof.
    pub(crate) fn send_proofs(&mut self, proofs: impl IntoIterator<Item = String>) {
        self.proofs = Some(proofs.into_iter().collect());
    }

    /// Sends the proof with another text for its claims.
    pub(crate) fn edit_claims(&mut self, edit: impl FnOnce(String) -> Vec<u8>) {
        let (header, claims) = self.texts();
        self.send_proofs([self.sign_bytes(header.as_bytes(), &edit(claims))]);
    }

    /// Sends the proof with another text for its header.
    pub(crate) fn edit_header(&mut self, edit: impl FnOnce(String) -> String) {
        let (header, claims) = self.texts();
        self.send_proofs([self.sign_bytes(edit(header).as_bytes(), claims.as_bytes())]);
    }

    /// Sends the proof with another signature.
    pub(crate) fn edit_signature(&mut self, edit: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let proof = self.sign();
        let (input, signature) = proof.rsplit_once('.').expect("a compact JWS has dots");
        let signature = base64url::decode(signature).expect("the signature is base64url");
        self.send_proofs([format!("{input}.{}", base64url::encode(edit(signature)))]);
    }

    pub(crate) fn finish(self) -> Request {
        let proofs = self.proofs.clone().unwrap_or_else(|| vec![self.sign()]);
        Request {
            method: self.method,
            url: self.url,
            authorization: self.authorization,
            proofs,
            nonce: self.nonce,
            is_copy: self.is_copy,
        }
    }
}

fn members(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
