//! The proof as a compact JWS of two JSON objects.

use jose::base64url;
use serde_json::json;

use super::{
    case::{Case, plain},
    draft::{Draft, signed},
    expectation::*,
};

fn add(text: String, member: &str) -> String {
    format!("{},{member}}}", text.strip_suffix('}').unwrap())
}

fn first(text: String, member: &str) -> String {
    text.replacen('{', &format!("{{{member},"), 1)
}

/// Joins changed parts and signs them as written.
fn rejoin(key: &jose::KeyPair, jws: &str, edit: fn(&str, &str) -> String) -> String {
    let parts: Vec<&str> = jws.split('.').collect();
    signed(key, &edit(parts[0], parts[1]))
}

pub fn rows() -> Vec<Case> {
    vec![
        plain("B1", NO_JWS, |d| d.proof.compact = Some(|_, t| t.replace('.', ""))),
        plain("B2", NO_JWS, |d| d.proof.compact = Some(|_, t| t.rsplit_once('.').unwrap().0.to_owned())),
        plain("B3", NO_JWS, |d| d.proof.compact = Some(|_, t| t + ".")),
        plain("B4", LIMIT, |d| d.proof.compact = Some(|_, _| ".".repeat(8_000))),
        plain("B5", LIMIT, |d| d.proof.compact = Some(|_, _| ".".repeat(1_000_000))),
        plain("B6", NO_JWS, |d| d.proof.compact = Some(|k, t| rejoin(k, &t, |h, _| format!("{h}.")))),
        plain("B7", NO_JWS, |d| {
            d.proof.compact = Some(|_, t| {
                let p: Vec<&str> = t.split('.').collect();
                json!({"protected": p[0], "payload": p[1], "signature": p[2]}).to_string()
            });
        }),
        plain("B8", NO_JWS, |d| {
            d.proof.compact = Some(|_, t| {
                let p: Vec<&str> = t.split('.').collect();
                json!({"payload": p[1], "signatures": [{"protected": p[0], "signature": p[2]}]}).to_string()
            });
        }),
        plain("B9", NO_JWS, |d| {
            d.proof.header["b64"] = json!(false);
            d.proof.header["crit"] = json!(["b64"]);
            d.proof.compact = Some(|k, t| {
                rejoin(k, &t, |h, p| {
                    format!("{h}.{}", String::from_utf8(base64url::decode(p).unwrap()).unwrap())
                })
            });
        }),
        plain("B10", NO_JWS, |d| {
            d.proof.header["b64"] = json!(false);
            d.proof.header["crit"] = json!(["b64"]);
            d.proof.compact = Some(|_, t| {
                let p: Vec<&str> = t.split('.').collect();
                format!("{}..{}", p[0], p[2])
            });
        }),
        plain("B11", NO_JWS, |d| {
            d.proof.compact = Some(|k, t| rejoin(k, &t, |h, p| format!("{h}==.{p}")));
        }),
        plain("B12", NO_JWS, |d| {
            d.proof.compact = Some(|k, t| rejoin(k, &t, |h, p| format!("{h}.{p}=")));
        }),
        plain("B13", NO_JWS, |d| d.proof.compact = Some(|_, t| t + "==")),
        plain("B14", NO_JWS, |d| {
            // Blanks until the header leaves spare bits, and one of them set.
            d.proof.header_text = Some(|t| {
                let blanks = 4 - t.len() % 3;
                t + &" ".repeat(blanks)
            });
            d.proof.compact = Some(|k, t| {
                rejoin(k, &t, |h, p| {
                    let last = h.chars().next_back().unwrap();
                    format!("{}{}.{p}", &h[..h.len() - 1], (last as u8 + 1) as char)
                })
            });
        }),
        plain("B15", NO_JWS, |d| {
            d.proof.header["x"] = json!("\u{7f}?>~\u{ff}\u{fe}???>>>");
            d.proof.compact = Some(|k, t| {
                rejoin(k, &t, |h, p| {
                    let h = h.replace('_', "/").replace('-', "+");
                    assert!(h.contains('/') || h.contains('+'));
                    format!("{h}.{p}")
                })
            });
        }),
        plain("B16", NO_JWS, |d| {
            d.proof.claims["x"] = json!("\u{7f}?>~\u{ff}\u{fe}???>>>");
            d.proof.compact = Some(|k, t| {
                rejoin(k, &t, |h, p| {
                    let p = p.replace('_', "/").replace('-', "+");
                    assert!(p.contains('/') || p.contains('+'));
                    format!("{h}.{p}")
                })
            });
        }),
        plain("B17", NO_JWS, |d| {
            d.proof.compact = Some(|k, t| rejoin(k, &t, |h, p| format!("{h}.{} {}", &p[..8], &p[8..])));
        }),
        plain("B18", NO_JWS, |d| {
            d.proof.compact = Some(|k, t| rejoin(k, &t, |h, p| format!("{h}.{}\t{}", &p[..8], &p[8..])));
        }),
        plain("B19", NO_JWS, |d| {
            d.proof.compact = Some(|k, t| rejoin(k, &t, |h, p| format!("{h}.{}%0d%0a{}", &p[..8], &p[8..])));
        }),
        plain("B20", NO_JWS, |d| d.proof.header_text = Some(|t| format!("[{t}]"))),
        plain("B21", NO_JWS, |d| d.proof.header_text = Some(|_| "null".to_owned())),
        plain("B22", NO_JWS, |d| d.proof.claims_text = Some(|t| format!("[{t}]"))),
        plain("B23", NO_JWS, |d| d.proof.claims_text = Some(|t| json!(t).to_string())),
        plain("B24", NO_JWS, |d| d.proof.claims_text = Some(|_| "1".to_owned())),
        plain("B25", NO_JWS, |d| d.proof.claims_text = Some(|t| t + "x")),
        plain("B26", NO_JWS, |d| d.proof.claims_text = Some(|t| format!("\u{feff}{t}"))),
        plain("B27", NO_JWS, |d| d.proof.claims_text = Some(|t| t.replacen('{', "{/* */", 1))),
        plain("B28", NO_JWS, |d| d.proof.claims_text = Some(|t| add(t, "\"x\":NaN"))),
        plain("B29", NO_JWS, |d| d.proof.header_text = Some(|t| t + "{}")),
        plain("B30", NO_JWS, |d| d.proof.claims_text = Some(|t| t.replace("\"htm\"", "htm"))),
        plain("B31", NO_JWS, |d| d.proof.header_text = Some(|t| format!("\u{feff}{t}"))),
        plain("B32", NO_JWS, |d| {
            d.proof.header_text = Some(|t| add(t, "\"x\":\"#\""));
            d.proof.header_bytes =
                Some(|b| b.into_iter().map(|byte| if byte == b'#' { 0xff } else { byte }).collect());
        }),
        plain("B33", NO_JWS, |d| {
            d.proof.claims_text = Some(|t| add(t, "\"x\":\"#\""));
            d.proof.claims_bytes = Some(|b| {
                b.into_iter()
                    .flat_map(|byte| if byte == b'#' { vec![0xc0, 0xaf] } else { vec![byte] })
                    .collect()
            });
        }),
        plain("B34", NO_JWS, |d| {
            d.claim("jti", json!("JTI"));
            d.proof.claims_text = Some(|t| t.replace("\"JTI\"", "\"a\\ud800b\""));
        }),
        plain("B35", BAD_HTM, |d| d.claim("htm", json!("GET\0"))),
        plain("B36", NO_JWS, |d| d.proof.claims_text = Some(|t| first(t, "\"htm\":\"POST\""))),
        plain("B37", NO_JWS, |d| d.proof.claims_text = Some(|t| first(t, "\"htm\":\"GET\""))),
        plain("B38", NO_JWS, |d| {
            d.proof.claims_text = Some(|t| first(t, "\"htu\":\"http://evil.example/\""))
        }),
        plain("B39", NO_JWS, |d| d.proof.claims_text = Some(|t| first(t, "\"jti\":\"another\""))),
        plain("B40", NO_JWS, |d| d.proof.header_text = Some(|t| add(t, "\"typ\":\"JWT\""))),
        plain("B41", NO_JWS, |d| d.proof.header_text = Some(|t| add(t, "\"alg\":\"none\""))),
        plain("B42", NO_JWS, |d| d.proof.header_text = Some(|t| first(t, "\"alg\":\"none\""))),
        plain("B43", NO_JWS, |d| {
            d.proof.header_text = Some(|t| t.replace("\"jwk\":{", "\"jwk\":{\"kty\":\"oct\","));
        }),
        plain("B44", NO_JWS, |d| {
            d.proof.claims_text = Some(|t| add(t, "\"\\u0068\\u0074\\u006d\":\"POST\""));
        }),
        plain("B45", NO_JWS, |d| d.proof.header_text = Some(|t| add(t, "\"t\\u0079p\":\"JWT\""))),
        plain("B46", NO_JWS, |d| {
            d.proof.claims_text = Some(|t| add(t, &format!("\"x\":{}{}", "[".repeat(64), "]".repeat(64))));
        }),
        plain("B47", LIMIT, |d| {
            d.proof.claims_text =
                Some(|t| add(t, &format!("\"x\":{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000))));
        }),
        plain("B48", LIMIT, |d| extra_claims(d, 1_000)),
        plain("B49", LIMIT, |d| extra_claims(d, 10_000)),
        plain("B50", ALLOWED, |d| d.claim("x", json!("x".repeat(2_150)))),
        plain("B51", LIMIT, |d| d.claim("x", json!("x".repeat(5_700)))),
        plain("B52", LIMIT, |d| d.claim("x", json!("x".repeat(48_000)))),
        plain("B53", NO_JWS, |d| {
            d.proof.header["cty"] = json!("JWT");
            d.proof.compact = Some(|k, t| {
                let header = t.split('.').next().unwrap().to_owned();
                signed(k, &format!("{header}.{}", base64url::encode(&t)))
            });
        }),
        plain("B54", NO_JWS, |d| {
            d.proof.header["zip"] = json!("DEF");
            // One stored block of deflate, with nothing after it.
            d.proof.claims_bytes = Some(|claims| {
                let length = u16::try_from(claims.len()).unwrap();
                let mut block = vec![1];
                block.extend_from_slice(&length.to_le_bytes());
                block.extend_from_slice(&(!length).to_le_bytes());
                block.extend_from_slice(&claims);
                block
            });
        }),
        plain("B55", NO_JWS, |d| iat(d, |t| t.replace("\"IAT\"", "1e999999"))),
        plain("B56", LIMIT, |d| iat(d, |t| t.replace("\"IAT\"", &"9".repeat(5_000)))),
        plain("B57", EITHER, |d| d.proof.claims_text = Some(|t| add(t, "\"x\":1e999999"))),
        plain("B58", ALLOWED, |d| {
            d.proof.header["jwk"]["kid"] = json!("k");
            d.proof.header["jwk"]["alg"] = json!("ES256");
            d.proof.header["jwk"]["use"] = json!("sig");
            d.proof.header["jwk"]["key_ops"] = json!(["verify"]);
        }),
        plain("B59", ALLOWED, |d| {
            d.proof.claims_text = Some(|t| {
                let claims: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&t).unwrap();
                let members: Vec<String> =
                    claims.iter().rev().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            });
        }),
        plain("B60", ALLOWED, |d| {
            d.proof.header_text = Some(|t| t.replace(',', " ,\n  ").replace('{', "{\n "));
            d.proof.claims_text = Some(|t| t.replace(',', " ,\n  ").replace('{', "{\n "));
        }),
        plain("B61", ALLOWED, |d| {
            d.proof.claims_text =
                Some(|t| t.replace("\"htm\":\"GET\"", "\"\\u0068tm\":\"G\\u0045T\"").replace('/', "\\/"));
        }),
    ]
}

fn extra_claims(draft: &mut Draft, count: usize) {
    for number in 0..count {
        draft.claim(&format!("x{number}"), json!("abc"));
    }
}

pub fn iat(draft: &mut Draft, edit: fn(String) -> String) {
    draft.claim("iat", json!("IAT"));
    draft.proof.claims_text = Some(edit);
}
