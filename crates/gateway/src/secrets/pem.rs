//! `pem` sources: private keys with their certificate chains, or a bundle of certificates.
//!
//! A key's id is the PEM header `X-Key-ID`, else the subject key identifier of its certificate in hex, else the identifier
//! that a certificate for it would have: SHA-1 of the public key's bits in hex (RFC 5280 §4.2.1.2, method 1). heimdall
//! names keys in the same way, so selectors and published `kid`s stay.

use std::sync::Arc;

use gateway_core::document::{Diagnostics, Spanned};
use gateway_core::secrets::{SecretContent, SigningKey};
use jose::pem::PemBlock;
use jose::{EncryptedKeyError, KeyPair, PublicJwk, base64url, crypto};
use serde_json::Value;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::report_unreadable;

/// The label of a private key behind a password (RFC 7468 §11).
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

pub(super) fn read(
    path: &Spanned<String>,
    bytes: &[u8],
    password: Option<&str>,
    diagnostics: &mut Diagnostics,
) -> Option<SecretContent> {
    match parse(bytes, password) {
        Ok(content) => Some(content),
        Err(why) => {
            report_unreadable(path, &why, diagnostics);
            None
        }
    }
}

/// The private keys of the file with their chains, or its certificates.
fn parse(bytes: &[u8], password: Option<&str>) -> Result<SecretContent, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let blocks = jose::pem::parse(text).map_err(|error| error.to_string())?;
    let mut keys: Vec<(Option<String>, KeyPair)> = Vec::new();
    let mut certificates: Vec<Vec<u8>> = Vec::new();
    for (position, block) in blocks.iter().enumerate() {
        let number = position + 1;
        if block.label == "CERTIFICATE" {
            X509Certificate::from_der(&block.der)
                .map_err(|_| format!("block {number} is not a certificate"))?;
            certificates.push(block.der.to_vec());
        } else if block.label.ends_with("PRIVATE KEY") {
            let key = private_key(block, password).map_err(|error| format!("block {number}: {error}"))?;
            keys.push((key_id_header(block), key));
        } else {
            return Err(format!("block {number} is neither a private key nor a certificate"));
        }
    }
    if keys.is_empty() && certificates.is_empty() {
        return Err("it holds neither a private key nor a certificate".to_owned());
    }
    if keys.is_empty() {
        return Ok(SecretContent::Certificates(certificates));
    }
    let mut signing: Vec<SigningKey> = Vec::new();
    for (header, key) in keys {
        let certificates = chain_of(&key, &certificates);
        let id = header
            .or_else(|| certificates.first().and_then(|leaf| subject_key_identifier(leaf)))
            .or_else(|| computed_identifier(key.public_jwk()))
            .ok_or_else(|| "no id can be computed for a key".to_owned())?;
        if signing.iter().any(|other| other.id == id) {
            return Err(format!("two of its keys have the id {id}"));
        }
        signing.push(SigningKey { id, key: Arc::new(key), certificates });
    }
    Ok(SecretContent::Keys { symmetric: Vec::new(), signing })
}

/// The key of a block, opened with the password if it is encrypted. The message tells nothing about either.
fn private_key(block: &PemBlock, password: Option<&str>) -> Result<KeyPair, String> {
    if block.label != ENCRYPTED {
        return KeyPair::from_pem_block(block).map_err(|error| error.to_string());
    }
    match password {
        None => Err("the private key is encrypted, and the source has no `password`".to_owned()),
        Some(password) => KeyPair::from_encrypted_pem_block(block, password).map_err(|error| match error {
            EncryptedKeyError::DoesNotOpen => "`password` does not open the private key".to_owned(),
            other => other.to_string(),
        }),
    }
}

fn key_id_header(block: &PemBlock) -> Option<String> {
    block.header("X-Key-ID").map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned)
}

/// The certificate of the key and those that issued it, as far as the file has them; leaf first.
fn chain_of(key: &KeyPair, certificates: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let parsed: Vec<(&Vec<u8>, X509Certificate<'_>)> = certificates
        .iter()
        .filter_map(|der| X509Certificate::from_der(der).ok().map(|(_, certificate)| (der, certificate)))
        .collect();
    let Some(bits) = public_key_bits(key.public_jwk()) else { return Vec::new() };
    let mut chain = Vec::new();
    let mut next = parsed.iter().find(|(_, certificate)| {
        certificate.public_key().subject_public_key.data.as_ref() == bits.as_slice()
    });
    while let Some((der, certificate)) = next {
        if chain.contains(*der) {
            break;
        }
        chain.push((*der).clone());
        if certificate.subject() == certificate.issuer() {
            break;
        }
        next = parsed.iter().find(|(_, issuer)| issuer.subject() == certificate.issuer());
    }
    chain
}

fn subject_key_identifier(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(hex(identifier.0)),
        _ => None,
    })
}

fn computed_identifier(key: &PublicJwk) -> Option<String> {
    public_key_bits(key).map(|bits| hex(&crypto::sha1(&bits)))
}

/// The contents of `subjectPublicKey` in a certificate for this key (RFC 5480 §2.2, RFC 8410 §4, RFC 8017 A.1.1).
fn public_key_bits(key: &PublicJwk) -> Option<Vec<u8>> {
    let members = key.to_json();
    let bytes = |name: &str| base64url::decode(members.get(name).and_then(Value::as_str)?).ok();
    match members.get("kty").and_then(Value::as_str)? {
        "EC" => Some([vec![4], bytes("x")?, bytes("y")?].concat()),
        "OKP" => bytes("x"),
        "RSA" => {
            let numbers = [der_integer(&bytes("n")?), der_integer(&bytes("e")?)].concat();
            Some(der_value(0x30, &numbers))
        }
        _ => None,
    }
}

/// DER of an unsigned integer: a leading zero keeps it positive.
fn der_integer(bytes: &[u8]) -> Vec<u8> {
    let padded = match bytes.first() {
        Some(first) if *first < 0x80 => bytes.to_vec(),
        Some(_) | None => [&[0], bytes].concat(),
    };
    der_value(0x02, &padded)
}

fn der_value(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.iter().copied().skip_while(|byte| *byte == 0).collect();
    let header = match (length.as_slice(), u8::try_from(content.len())) {
        (_, Ok(short)) if short < 0x80 => vec![tag, short],
        (long, _) => [&[tag, 0x80 | u8::try_from(long.len()).unwrap_or(8)], long].concat(),
    };
    [header.as_slice(), content].concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use jose::Algorithm;

    use super::*;

    fn signing(content: SecretContent) -> Vec<SigningKey> {
        match content {
            SecretContent::Keys { signing, .. } => signing,
            SecretContent::Unreadable | SecretContent::Certificates(_) | SecretContent::Entries(_) => {
                panic!()
            }
        }
    }

    #[test]
    fn a_key_is_named_by_its_header_else_by_the_identifier_a_certificate_would_have() {
        let pem = KeyPair::generate(Algorithm::Es256).unwrap().to_pkcs8_pem().unwrap();
        let computed = signing(parse(pem.as_bytes(), None).unwrap())[0].id.clone();
        assert!(computed.len() == 40 && computed.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let named =
            pem.replace("-----BEGIN PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----\nX-Key-ID: my-key\n\n");
        assert_eq!(signing(parse(named.as_bytes(), None).unwrap())[0].id, "my-key");
    }

    #[test]
    fn a_certificate_of_the_key_gives_chain_and_name() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["gateway.example".to_owned()]).unwrap();
        parameters.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(vec![1, 2, 0xff]);
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&pair).unwrap();
        let text = format!("{}{}", pair.serialize_pem(), certificate.pem());
        let keys = signing(parse(text.as_bytes(), None).unwrap());
        assert_eq!(keys[0].id, "0102ff");
        assert_eq!(keys[0].certificates, [certificate.der().to_vec()]);
        assert!(
            matches!(parse(certificate.pem().as_bytes(), None).unwrap(), SecretContent::Certificates(list) if list.len() == 1)
        );
    }

    #[test]
    fn the_computed_name_is_the_one_certificates_use() {
        // rcgen's default is SHA-256; the bits it hashes are what is checked here.
        let pair = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap().self_signed(&pair).unwrap();
        let (_, parsed) = X509Certificate::from_der(certificate.der()).unwrap();
        let key = KeyPair::from_pkcs8_pem(&pair.serialize_pem()).unwrap();
        let bits = public_key_bits(key.public_jwk()).unwrap();
        assert_eq!(parsed.public_key().subject_public_key.data.as_ref(), bits.as_slice());
    }

    #[test]
    fn an_encrypted_key_opens_with_its_password_only() {
        let key = KeyPair::generate(Algorithm::Es256).unwrap();
        let text = key.to_encrypted_pkcs8_pem("correct horse").unwrap();
        let opened = signing(parse(text.as_bytes(), Some("correct horse")).unwrap());
        assert_eq!(opened[0].key.thumbprint(), key.thumbprint());
        let why = |password| parse(text.as_bytes(), password).unwrap_err();
        assert_eq!(why(Some("battery staple")), "block 1: `password` does not open the private key");
        assert_eq!(why(None), "block 1: the private key is encrypted, and the source has no `password`");
        // A password does no harm to keys that need none.
        let plain = key.to_pkcs8_pem().unwrap();
        assert_eq!(
            signing(parse(plain.as_bytes(), Some("x")).unwrap())[0].key.thumbprint(),
            key.thumbprint()
        );
    }

    #[test]
    fn rsa_keys_are_encoded_as_in_certificates() {
        assert_eq!(der_integer(&[0x01, 0x00, 0x01]), [2, 3, 1, 0, 1]);
        assert_eq!(der_integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(der_value(0x30, &[0; 200])[..3], [0x30, 0x81, 200]);
        assert_eq!(der_value(0x30, &[0; 300])[..4], [0x30, 0x82, 1, 44]);
    }

    #[test]
    fn files_with_something_else_are_refused() {
        for text in ["", "no pem at all", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            assert!(parse(text.as_bytes(), None).is_err(), "{text}");
        }
        let key = KeyPair::generate(Algorithm::Es256).unwrap().to_pkcs8_pem().unwrap();
        assert!(parse(format!("{}{}", key.as_str(), key.as_str()).as_bytes(), None).is_err());
    }
}
