//! JWTs, among them proofs: decoded without belief, with warnings about what a server would stumble over.

use std::{error::Error, time::Duration};

use anyhow::{Context, Result, bail};
use dpop::{Policy, UnverifiedProof};
use jose::{Algorithm, AlgorithmSet, PublicJwk, UnixTime, base64url, jwt::UnverifiedJwt};
use oauth::Confirmation;
use serde_json::{Map, Value};

use super::{Decoded, Report, Time, key};
use crate::human_time;

/// A token that lives longer is worth a second look.
const LONG_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// The first second of the year 5138: a time beyond it was meant in milliseconds.
const MILLISECONDS: i64 = 100_000_000_000;

/// Decodes a JWT in compact form.
pub(super) fn inspect(text: &str, now: UnixTime) -> Result<Report> {
    let parts: Vec<&str> = text.split('.').collect();
    let (header, claims, signature) = match parts.as_slice() {
        [header, claims, signature] => (*header, *claims, *signature),
        [_, _, _, _, _] => bail!("an encrypted token (JWE): only its receiver can read it"),
        _ => bail!("neither a JWT, a JWK nor a PEM key; an opaque token has nothing to show"),
    };
    let decode = |part: &str, name: &str| {
        let bytes = base64url::decode(part).with_context(|| format!("decode the {name}"))?;
        Decoded::read(&bytes, name)
    };
    let (header, header_had_private_parts) = decode(header, "header")?;
    let (claims, claims_had_private_parts) = decode(claims, "claims")?;
    let mut report = Report { kind: kind(&header.members), ..Report::default() };
    if header_had_private_parts || claims_had_private_parts {
        report.warnings.push("holds a private key, left out here: the key is burnt, make another".to_owned());
    }
    report.warnings.extend(algorithm_warnings(&header.members, signature));
    report.times = Time::of(&claims.members, now);
    if is_proof(&header.members) {
        inspect_proof(text, &header.members, &mut report, now);
    } else {
        inspect_token(&claims.members, &mut report, now);
    }
    report.warnings.extend(time_warnings(&report.times, now));
    report.header = Some(header);
    report.claims = Some(claims);
    Ok(report)
}

fn typ(header: &Map<String, Value>) -> String {
    let typ = header.get("typ").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ)
}

fn is_proof(header: &Map<String, Value>) -> bool {
    typ(header) == "dpop+jwt"
}

fn kind(header: &Map<String, Value>) -> &'static str {
    match typ(header).as_str() {
        "dpop+jwt" => "DPoP proof",
        "at+jwt" => "Access token (RFC 9068)",
        _ => "JWT",
    }
}

fn algorithm_warnings(header: &Map<String, Value>, signature: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    let alg = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    if alg.eq_ignore_ascii_case("none") {
        warnings.push("alg is none: nobody signed this, everybody can write it".to_owned());
    } else if alg.starts_with("HS") {
        warnings.push(format!("alg {alg} is a MAC: whoever can check it can also make it"));
    } else if alg.parse::<Algorithm>().is_err() {
        warnings.push("alg is missing or not a supported signature algorithm".to_owned());
    }
    if signature.is_empty() && !alg.eq_ignore_ascii_case("none") {
        warnings.push("the signature is empty".to_owned());
    }
    for name in jose::jwt::REFUSED_HEADER_PARAMETERS {
        if header.contains_key(name) {
            warnings.push(format!("the header parameter {name} is not supported: such tokens are refused"));
        }
    }
    warnings
}

/// A proof says everything about itself, so its form and its signature can be judged.
fn inspect_proof(text: &str, header: &Map<String, Value>, report: &mut Report, now: UnixTime) {
    let policy = Policy { algorithms: AlgorithmSet::new(Algorithm::ALL), ..Policy::rfc9449() };
    let Some(jwk) = header.get("jwk").and_then(Value::as_object) else {
        report.warnings.push("servers refuse this proof: jwk is missing or no JSON object".to_owned());
        return;
    };
    let (key, _) = key::inspect_jwk(jwk);
    let verdict = PublicJwk::parse(&key.jwk)
        .ok()
        .zip(UnverifiedJwt::parse(text).ok())
        .map(|(public, jwt)| jwt.verify(&public).is_ok());
    report.keys.push(key);
    report.signature = Some(match verdict {
        Some(true) => "good, by the key in the header",
        Some(false) => "does not verify with the key in the header",
        None => "can not be checked",
    });
    match UnverifiedProof::parse(text, &policy) {
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            report.warnings.push(format!("servers refuse this proof: {error}{cause}"));
        }
        Ok(proof) => {
            let issued_at = proof.claims().iat;
            if issued_at.checked_add(policy.max_age).is_some_and(|end| end < now) {
                let window = human_time::amount(policy.max_age);
                report.warnings.push(format!("older than {window}: most servers refuse it"));
            }
        }
    }
    if verdict == Some(false) {
        report.warnings.push("the signature does not verify: the proof was changed or cut off".to_owned());
    }
}

fn inspect_token(claims: &Map<String, Value>, report: &mut Report, now: UnixTime) {
    report.signature = Some("not checked: its issuer's keys are not known offline");
    match Confirmation::from_claims(claims) {
        Ok(Some(Confirmation { jkt: Some(jkt), .. })) => report.bound_to = Some(jkt.to_string()),
        Ok(_) => {}
        Err(error) => report.warnings.push(format!("{error}: servers refuse this token")),
    }
    let time = |name: &str| claims.get(name).and_then(UnixTime::from_numeric_date);
    match time("exp") {
        None => report.warnings.push("no exp: it never ends by itself".to_owned()),
        Some(end) if end <= now => report.warnings.push("it has expired".to_owned()),
        Some(end) => {
            let life = end.checked_duration_since(time("iat").unwrap_or(now)).unwrap_or_default();
            if life > LONG_LIFE {
                report.warnings.push(format!("a long life: {}", human_time::amount(life)));
            }
        }
    }
}

fn time_warnings(times: &[Time], now: UnixTime) -> Vec<String> {
    let mut warnings = Vec::new();
    for time in times {
        let is_ahead = time.unix > now.as_seconds().saturating_add(10);
        match time.claim {
            _ if time.unix > MILLISECONDS => {
                warnings.push(format!("{} looks like milliseconds; seconds are expected", time.claim));
            }
            "iat" if is_ahead => warnings.push("iat is in the future: check the clocks".to_owned()),
            "nbf" if is_ahead => warnings.push("nbf is in the future: not valid yet".to_owned()),
            _ => {}
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use dpop::ProofBuilder;
    use jose::KeyPair;

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_784_444_400);

    fn jwt(header: &str, claims: &str, signature: &str) -> String {
        format!("{}.{}.{signature}", base64url::encode(header), base64url::encode(claims))
    }

    #[track_caller]
    fn check(text: &str, warning: &str) {
        let report = inspect(text, NOW).unwrap();
        assert!(report.warnings.iter().any(|found| found.contains(warning)), "{:?}", report.warnings);
    }

    #[test]
    fn warns_about_tokens() {
        check(&jwt(r#"{"alg":"none"}"#, r#"{"exp":1784444500}"#, ""), "alg is none");
        check(&jwt(r#"{"alg":"HS256"}"#, r#"{"exp":1784444500}"#, "AA"), "MAC");
        check(&jwt(r#"{"alg":"ES256","crit":["x"]}"#, "{}", "AA"), "crit");
        check(&jwt(r#"{"alg":"ES256"}"#, "{}", "AA"), "never ends");
        check(&jwt(r#"{"alg":"ES256"}"#, r#"{"exp":1784444400}"#, "AA"), "expired");
        check(&jwt(r#"{"alg":"ES256"}"#, r#"{"exp":1784444400000}"#, "AA"), "milliseconds");
        check(&jwt(r#"{"alg":"ES256"}"#, r#"{"exp":1787444400}"#, "AA"), "long life: 34 d 17 h");
        check(&jwt(r#"{"alg":"ES256"}"#, r#"{"iat":1784444500}"#, "AA"), "iat is in the future");
        check(&jwt(r#"{"alg":"ES256"}"#, r#"{"cnf":{"jkt":1}}"#, "AA"), "cnf.jkt");
    }

    #[test]
    fn keeps_the_order_of_members() {
        let report = inspect(&jwt(r#"{"typ":"JWT","alg":"ES256"}"#, r#"{"z":1,"a":2}"#, "AA"), NOW).unwrap();
        assert_eq!(report.claims.unwrap().text, "{\n  \"z\": 1,\n  \"a\": 2\n}");
        assert_eq!((report.kind, report.header.is_some()), ("JWT", true));
    }

    #[test]
    fn checks_a_proof_with_its_own_key() {
        let key = KeyPair::generate(Algorithm::Es256).unwrap();
        let proof = ProofBuilder::new(&key, "GET", "https://api.example.com/").sign(NOW).unwrap();
        let report = inspect(&proof, NOW).unwrap();
        assert_eq!((report.kind, report.warnings.as_slice()), ("DPoP proof", &[][..]));
        assert_eq!(report.keys[0].thumbprint, Some(key.thumbprint().to_string()));
        assert_eq!(report.signature, Some("good, by the key in the header"));
        let later = NOW.checked_add(Duration::from_secs(61)).unwrap();
        assert_eq!(inspect(&proof, later).unwrap().warnings, ["older than 1 min: most servers refuse it"]);
        let (rest, _) = proof.rsplit_once('.').unwrap();
        check(&format!("{rest}.{}", base64url::encode([1; 64])), "does not verify");
    }

    #[test]
    fn a_private_key_in_a_proof_is_not_shown() {
        let header = r#"{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","d":"c2VjcmV0"}}"#;
        let report = inspect(&jwt(header, "{}", "AA"), NOW).unwrap();
        assert!(!serde_json::to_string(&report).unwrap().contains("c2VjcmV0"));
        assert!(!report.header.as_ref().unwrap().text.contains("c2VjcmV0"));
        check(&jwt(header, "{}", "AA"), "the key is burnt");
    }

    #[test]
    fn says_what_can_not_be_read() {
        for (text, error) in
            [("opaque", "opaque token"), ("a.b.c.d.e", "JWE"), ("!.e30.AA", "decode the header")]
        {
            assert!(format!("{:#}", inspect(text, NOW).unwrap_err()).contains(error), "{text}");
        }
    }
}
