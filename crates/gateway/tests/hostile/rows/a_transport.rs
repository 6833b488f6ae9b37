//! Presence of token and proof, schemes, places where they do not belong.

use serde_json::json;

use super::{
    case::{Case, at, plain},
    expectation::*,
};

const NONCE_ROUTE: &str = "/nonce/a";
const MIXED: &str = "/mixed/a";

pub fn rows() -> Vec<Case> {
    vec![
        plain("A1", BARE, |d| {
            d.wire = Some(|w| {
                w.remove("authorization");
                w.remove("dpop");
            });
        }),
        at(NONCE_ROUTE, "A4", BARE, |d| {
            d.wire = Some(|w| {
                w.remove("authorization");
                w.remove("dpop");
            });
        }),
        plain("A5", NO_PROOF, |d| d.wire = Some(|w| w.remove("dpop"))),
        at(NONCE_ROUTE, "A6", NO_PROOF, |d| d.wire = Some(|w| w.remove("dpop"))),
        plain("A7", TWO_PROOFS, |d| d.wire = Some(|w| w.add("DPoP", w.proof.clone()))),
        plain("A8", TWO_PROOFS, |d| d.wire = Some(|w| w.add("dpop", w.proof.clone()))),
        plain("A9", TWO_PROOFS, |d| d.wire = Some(|w| w.add("DPoP", ""))),
        plain("A10", NO_JWS, |d| d.wire = Some(|w| w.set("DPoP", format!("{0}, {0}", w.proof)))),
        plain("A11", NO_JWS, |d| d.wire = Some(|w| w.set("DPoP", format!("{},", w.proof)))),
        plain("A12", NO_JWS, |d| d.wire = Some(|w| w.set("DPoP", format!(",{}", w.proof)))),
        plain("A13", NO_JWS, |d| d.wire = Some(|w| w.set("DPoP", format!("DPoP {}", w.proof)))),
        plain("A14", NO_JWS, |d| d.wire = Some(|w| w.set("DPoP", format!("\"{}\"", w.proof)))),
        plain("A15", NO_JWS, |d| d.wire = Some(|w| w.set("DPoP", ""))),
        plain("A16", NO_JWS, |d| d.wire = Some(|w| w.set("DPoP", "   "))),
        plain("A17", ALLOWED, |d| d.wire = Some(|w| w.rename("DPoP", "DPOP"))),
        plain("A18", ALLOWED, |d| d.scheme = "dpop"),
        plain("A19", ALLOWED, |d| d.scheme = "DPOP"),
        plain("A20", ALLOWED, |d| d.scheme = "dpOp"),
        at(MIXED, "A21", ALLOWED, |d| {
            d.token.remove_claim("cnf");
            d.scheme = "bearer";
            d.wire = Some(|w| w.remove("dpop"));
        }),
        at(MIXED, "A22", DENIED, |d| {
            d.scheme = "BEARER";
            d.wire = Some(|w| w.remove("dpop"));
        }),
        plain("A23", ALLOWED, |d| d.scheme = "DPoP   "),
        plain("A24", REQUEST, |d| {
            d.wire = Some(|w| w.set("Authorization", format!("DPoP\t{}", w.token)));
        }),
        plain("A25", REQUEST, |d| {
            d.wire = Some(|w| w.set("Authorization", format!("DPoP {0} {0}", w.token)));
        }),
        plain("A26", REQUEST, |d| {
            d.wire = Some(|w| w.set("Authorization", format!("DPoP {0}, DPoP {0}", w.token)));
        }),
        plain("A27", REQUEST, |d| {
            d.wire = Some(|w| w.set("Authorization", format!("DPoP {},", w.token)));
        }),
        plain("A28", REQUEST, |d| {
            d.wire = Some(|w| w.set("Authorization", format!("DPoP {}\\", w.token)));
        }),
        plain("A29", MALFORMED_OR_401, |d| {
            d.wire = Some(|w| w.set("Authorization", format!("DPoP {}\0", w.token)));
        }),
        plain("A30", REQUEST, |d| {
            d.wire = Some(|w| w.add("Authorization", format!("Bearer {}", w.token)));
        }),
        at(MIXED, "A31", REQUEST, |d| {
            d.wire = Some(|w| w.add("Authorization", "Bearer unbound"));
        })
        .also(|answer| {
            let said = answer.header("www-authenticate").unwrap();
            said.starts_with("DPoP ")
                && said.contains("Bearer ")
                && said.matches("invalid_request").count() == 2
        }),
        plain("A32", REQUEST, |d| {
            d.wire = Some(|w| w.set("Authorization", format!("Bearer {0}, DPoP {0}", w.token)));
        }),
        plain("A33", TOKEN_AS_BEARER, |d| {
            d.scheme = "Bearer";
            d.wire = Some(|w| w.remove("dpop"));
        }),
        at(MIXED, "A34", DENIED, |d| {
            d.scheme = "Bearer";
            d.wire = Some(|w| w.remove("dpop"));
        }),
        at(MIXED, "A35", DENIED, |d| d.scheme = "Bearer"),
        at(MIXED, "A36", BEARER, |d| {
            d.scheme = "Bearer";
            d.wire = Some(|w| w.remove("dpop"));
        })
        .also(|answer| {
            let (dpop, _) = answer.header("www-authenticate").unwrap().split_once("Bearer ").unwrap();
            dpop.starts_with("DPoP algs=") && !dpop.contains("error")
        }),
        at(MIXED, "A37", PROOF_OR_TOKEN, |d| d.token.remove_claim("cnf")),
        plain("A38", TOKEN_UNBOUND, |d| d.token.remove_claim("cnf")),
        plain("A39", PROOF_OR_TOKEN, |d| {
            d.scheme = "Bearer";
            d.token.remove_claim("cnf");
            d.wire = Some(|w| w.remove("dpop"));
        })
        .also(|answer| !answer.header("www-authenticate").unwrap().contains("Bearer")),
        at(MIXED, "A40", ALLOWED, |d| {
            d.scheme = "Bearer";
            d.token.remove_claim("cnf");
            d.wire = Some(|w| w.remove("dpop"));
        }),
        at(MIXED, "A41", ALLOWED, |_| {}),
        plain("A42", BAD_REQUEST_OR_401, |d| {
            d.wire = Some(|w| {
                w.remove("authorization");
                w.line = format!("GET /plain/a/b?access_token={} HTTP/1.1", w.token);
            });
        }),
        plain("A43", REQUEST, |d| {
            d.wire = Some(|w| w.line = format!("GET /plain/a/b?access_token={} HTTP/1.1", w.token));
        }),
        plain("A44", EITHER, |d| {
            d.method = "POST";
            d.wire = Some(|w| {
                w.add("Content-Type", "application/x-www-form-urlencoded");
                w.body(&format!("access_token={}", w.token));
            });
        }),
        plain("A45", DENIED, |d| {
            d.method = "POST";
            d.wire = Some(|w| {
                w.remove("authorization");
                w.add("Content-Type", "application/x-www-form-urlencoded");
                w.body(&format!("access_token={}", w.token));
            });
        }),
        plain("A46", DENIED, |d| {
            d.wire = Some(|w| {
                w.remove("authorization");
                w.add("Content-Type", "application/x-www-form-urlencoded");
                w.body(&format!("access_token={}", w.token));
            });
        }),
        plain("A47", BARE, |d| {
            d.method = "POST";
            d.wire = Some(|w| {
                w.remove("authorization");
                w.add("Content-Type", "application/x-www-form-urlencoded");
                w.body(&format!("access_token={}", w.token));
            });
        }),
        plain("A48", BARE, |d| d.wire = Some(|w| w.rename("Authorization", "Proxy-Authorization"))),
        plain("A49", BARE, |d| d.wire = Some(|w| w.set("Authorization", "Basic YWxpY2U6c2VjcmV0"))),
        plain("A50", BARE, |d| {
            d.wire = Some(|w| {
                w.remove("authorization");
                w.add("Cookie", format!("access_token={}", w.token));
            });
        }),
        plain("A51", NO_PROOF, |d| {
            d.wire = Some(|w| {
                w.remove("dpop");
                w.line = format!("GET /plain/a/b?DPoP={} HTTP/1.1", w.proof);
            });
        }),
        plain("A52", BARE, |d| {
            d.method = "POST";
            d.wire = Some(|w| {
                w.remove("authorization");
                w.add("Transfer-Encoding", "chunked");
                w.add("Trailer", "Authorization");
                w.body = format!("1\r\nx\r\n0\r\nAuthorization: DPoP {}\r\n\r\n", w.token).into();
            });
        }),
        plain("A55", ALLOWED, |d| d.method = "HEAD"),
        plain("A56", ALLOWED, |d| d.method = "DELETE"),
        plain("A57", ALLOWED, |d| d.method = "PROPFIND"),
        plain("A58", DENIED_OR_501, |d| {
            d.method = "CONNECT";
            d.wire = Some(|w| w.line = "CONNECT api.example.com:80 HTTP/1.1".to_owned());
        }),
        plain("A59", BAD_METHOD, |d| {
            d.method = "get";
            d.claim("htm", json!("GET"));
        }),
    ]
}
