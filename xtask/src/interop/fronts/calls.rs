//! What every front must let pass, must refuse, and must tell both sides of it.

mod refusals;

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use self::refusals::{Expected, PROOF, Proof, REFUSED, Refused};
use super::Front;
use super::client::{Answer, Client, Request};
use super::site::Site;
use super::upstream::Seen;
use crate::interop::python;

/// Logs in and makes all calls; the gateway is stopped by the last one.
pub(super) fn run(site: &Site, front: Front) -> Result<()> {
    let calls = Calls { client: Client::login(site)?, site };
    calls.challenge_then_pass_then_replay(false).context("challenge, retry, replay")?;
    calls.challenge_then_pass_then_replay(true).context("the same over HTTP/2")?;
    for refused in REFUSED {
        calls.refused(refused, front).with_context(|| refused.name.to_owned())?;
    }
    for (method, target, body) in PASSED {
        calls.passed(method, target, body).with_context(|| format!("{method} {target}"))?;
    }
    calls.passed_in_chunks().context("a body in chunks")?;
    calls.spoofed_headers_have_no_effect().context("headers that only the gateway may set")?;
    calls.nobody_is_named_on_a_public_path().context("a public path")?;
    calls.internal_token().context("an internal token for the API")?;
    calls.fresh_nonce_with_a_good_answer().context("a fresh nonce with a good answer")?;
    foreign_client(&calls).context("requests-oauth2client")?;
    site.stop_gateway();
    calls.refused_without_the_gateway().context("while the gateway is down")?;
    calls.nothing_secret_is_logged(front)
}

/// What `cookie` finalizers set reaches the API and not the client; the client's own cookies reach nobody.
pub(super) fn cookies(site: &Site, front: Front) -> Result<()> {
    let calls = Calls { client: Client::login(site)?, site };
    calls.challenge_then_pass_then_replay(true).context("challenge, retry, replay")?;
    let evil = [("Cookie", "user=evil; other=1"), ("Set-Cookie", "user=evil")];
    let sent_for = |target: &str| {
        let (answer, seen) = calls.good("GET", target, b"", &evil)?;
        ensure!(answer.status == 200, "{target}: {answer:?}");
        ensure!(answer.values("set-cookie").is_empty(), "the client got the cookie");
        let cookies = seen.values("cookie").join("; ");
        ensure!(!cookies.contains("evil") && !cookies.contains("other"), "a cookie of the client: {cookies}");
        Ok(cookies)
    };
    let one = sent_for("/cookie/a")?;
    let one = one.trim_end_matches("; tenant=");
    ensure!(one.starts_with("user=") && one.len() > 15 && !one.contains([';', ',']), "Cookie: {one}");
    if matches!(front, Front::Nginx | Front::Haproxy) {
        let mut both: Vec<String> = sent_for("/cookies/a")?.split("; ").map(str::to_owned).collect();
        both.sort_unstable();
        ensure!(both == ["tenant=acme", one], "Cookie: {both:?}");
    }
    let none = sent_for("/api/orders")?;
    ensure!(none.split("; ").all(|cookie| cookie.is_empty() || cookie.ends_with('=')), "Cookie: {none}");
    Ok(())
}

/// Not even what is open to everybody.
pub(super) fn nothing_passes(site: &Site) -> Result<()> {
    Calls { client: Client::login(site)?, site }.refused_without_the_gateway()
}

/// Method, target and body of good calls.
const PASSED: [(&str, &str, &[u8]); 8] = [
    ("GET", "/api", b""),
    ("GET", "/api/orders?first=0&max=5", b""),
    ("GET", "/api/orders?", b""),
    ("GET", "/api/caf%C3%A9%20au%20lait/%7Ea;v=1,2?q=%2Fx+y%26z&&", b""),
    ("HEAD", "/api/orders", b""),
    ("DELETE", "/api/orders/7", b""),
    ("PATCH", "/api/orders/7", b"{\"a\": 1}"),
    ("POST", "/api/orders", &[b'a'; 100_000]),
];

struct Calls<'a> {
    client: Client<'a>,
    site: &'a Site,
}

impl Calls<'_> {
    /// RFC 9449, section 9: the challenge brings the nonce, a new proof over it passes, and passes once.
    fn challenge_then_pass_then_replay(&self, http2: bool) -> Result<()> {
        let target = "/api/orders?first=0";
        let authorization = format!("DPoP {}", self.client.token);
        let send = |proof: &str| {
            let headers = [("Authorization", &*authorization), ("DPoP", proof)];
            self.client.send(&Request {
                method: "GET",
                target,
                headers: &headers,
                http2,
                ..Request::default()
            })
        };
        let challenge = send(&self.client.proof("GET", target, None)?)?;
        let expected = Expected::Challenge(401, "DPoP error=\"use_dpop_nonce\"");
        self.check_refusal(&challenge, expected).context("the challenge")?;
        let [nonce] = challenge.values("dpop-nonce")[..] else {
            anyhow::bail!("not one nonce: {challenge:?}")
        };

        let proof = self.client.proof("GET", target, Some(nonce))?;
        self.check_permit(&send(&proof)?, "GET", target).context("the retry")?;
        self.check_refusal(&send(&proof)?, PROOF).context("the replay")
    }

    fn refused(&self, call: &Refused, front: Front) -> Result<()> {
        let nonce = self.nonce(call.target)?;
        let over = |method, url| self.client.proof(method, url, Some(&nonce));
        let proofs = match call.proof {
            Proof::None => Vec::new(),
            Proof::Good => vec![over(call.method, call.target)?],
            Proof::Twice => vec![over(call.method, call.target)?, over(call.method, call.target)?],
            Proof::Over(method, url) => vec![over(method, url)?],
        };
        let authorization = call.scheme.map(|scheme| format!("{scheme} {}", self.client.token));
        let mut headers = call.headers.to_vec();
        headers.extend(authorization.iter().map(|value| ("Authorization", value.as_str())));
        headers.extend(proofs.iter().map(|proof| ("DPoP", proof.as_str())));
        let Refused { method, target, .. } = *call;
        let answer =
            self.client.send(&Request { method, target, headers: &headers, ..Request::default() })?;
        if front == Front::Caddy && call.headers.iter().any(|(name, _)| *name == "Host") {
            // Caddy looks for the site before anything else, and there is none of that name: nobody is asked.
            return self.check_not_reached(&answer);
        }
        self.check_refusal(&answer, call.answer)
    }

    fn passed(&self, method: &str, target: &str, body: &[u8]) -> Result<Seen> {
        let (answer, seen) = self.pass(method, target, body, &[])?;
        ensure!(seen.body == body, "the API got {} bytes of {}", seen.body.len(), body.len());
        ensure!(method == "HEAD" || answer.body == "hello", "the client got {}", answer.body);
        Ok(seen)
    }

    /// Length unknown at the beginning: the gateway must not wait for a body that stays at the front.
    fn passed_in_chunks(&self) -> Result<()> {
        let body = [b'b'; 50_000];
        let (_, seen) = self.pass("POST", "/api/orders", &body, &[("Transfer-Encoding", "chunked")])?;
        ensure!(seen.body == body, "the API got {} bytes", seen.body.len());
        Ok(())
    }

    fn spoofed_headers_have_no_effect(&self) -> Result<()> {
        let evil = [
            ("X-User", "evil"),
            ("x-user", "evil"),
            ("X-User", ""),
            ("X-Forwarded-For", "6.6.6.6"),
            ("Forwarded", "for=6.6.6.6;proto=http;host=evil.example"),
            ("X-Real-Ip", "6.6.6.6"),
            ("X-Forwarded-Uri", "/public/evil"),
            ("X-Forwarded-Method", "POST"),
            ("X-Forwarded-Host", "evil.example"),
            ("X-Forwarded-Proto", "http"),
            ("X-Envoy-Auth-Headers-To-Remove", "x-user"),
        ];
        let (_, seen) = self.pass("GET", "/api/orders", b"", &evil)?;
        let (_, from) = self.good("GET", "/addresses/a", b"", &evil)?;
        // Who sent it to the front, and the front. (Envoy names the machine instead of its loopback address.)
        let addresses: Vec<_> = from.values("x-user").iter().flat_map(|value| value.split(',')).collect();
        ensure!(matches!(addresses[..], [client, "127.0.0.1"] if client != "6.6.6.6"), "from {addresses:?}");
        for name in
            ["x-forwarded-uri", "x-forwarded-method", "x-forwarded-host", "x-forwarded-proto", "forwarded"]
        {
            let values = seen.values(name).join(",");
            ensure!(!values.contains("evil") && values != "http" && values != "POST", "{name}: {values}");
        }
        Ok(())
    }

    /// The rule has no finalizer: whatever the client says about itself is taken away.
    fn nobody_is_named_on_a_public_path(&self) -> Result<()> {
        let headers = [("X-User", "evil")];
        let answer = self.client.send(&Request {
            method: "GET",
            target: "/public/a",
            headers: &headers,
            ..Request::default()
        })?;
        let seen = self.only_one_seen()?;
        ensure!(answer.status == 200, "status {}", answer.status);
        for name in ["x-user", "authorization", "dpop"] {
            ensure!(
                seen.values(name).iter().all(|value| value.is_empty()),
                "{name}: {:?}",
                seen.values(name)
            );
        }
        Ok(())
    }

    fn internal_token(&self) -> Result<()> {
        let (answer, seen) = self.good("GET", "/internal/a", b"", &[])?;
        ensure!(answer.status == 200, "{answer:?}");
        let [authorization] = seen.values("authorization")[..] else {
            anyhow::bail!("Authorization: {seen:?}")
        };
        ensure!(authorization.starts_with("Bearer eyJ"), "no token of the gateway");
        ensure!(!authorization.contains(&self.client.token), "the client's token");
        ensure!(seen.values("dpop").is_empty(), "the proof went on");
        ensure!(answer.values("authorization").is_empty(), "the client sees the internal token");
        Ok(())
    }

    /// The nonce of the first answer is past half its life when it is used.
    fn fresh_nonce_with_a_good_answer(&self) -> Result<()> {
        let target = "/brief/a";
        let nonce = self.nonce(target)?;
        #[expect(clippy::disallowed_methods, reason = "the age of a nonce is the subject")]
        std::thread::sleep(Duration::from_millis(2_500));
        let proof = self.client.proof("GET", target, Some(&nonce))?;
        let headers = [("Authorization", &*format!("DPoP {}", self.client.token)), ("DPoP", &*proof)];
        let answer =
            self.client.send(&Request { method: "GET", target, headers: &headers, ..Request::default() })?;
        self.check_permit(&answer, "GET", target)?;
        let [fresh] = answer.values("dpop-nonce")[..] else { anyhow::bail!("not one nonce: {answer:?}") };
        ensure!(fresh != nonce, "the old nonce");
        ensure!(answer.values("cache-control") == ["no-store"], "cacheable: {answer:?}");
        Ok(())
    }

    fn refused_without_the_gateway(&self) -> Result<()> {
        let proof = self.client.proof("GET", "/api/orders", None)?;
        let headers = [("Authorization", &*format!("DPoP {}", self.client.token)), ("DPoP", &*proof)];
        for target in ["/api/orders", "/public/a"] {
            let request = Request { method: "GET", target, headers: &headers, ..Request::default() };
            let answer = self.client.send(&request)?;
            ensure!(answer.status >= 500, "{target}: status {}", answer.status);
            self.check_not_reached(&answer)?;
        }
        Ok(())
    }

    /// No part of a token or proof: they all begin in one way.
    fn nothing_secret_is_logged(&self, front: Front) -> Result<()> {
        for name in [front.name(), "gateway"] {
            let log = std::fs::read_to_string(self.site.file(&format!("{name}.log")))?;
            ensure!(!log.contains("eyJ"), "a token or a proof in {name}.log");
        }
        Ok(())
    }

    /// A nonce for the next call.
    fn nonce(&self, target: &str) -> Result<String> {
        let target = if target.starts_with("/brief") { target } else { "/api" };
        let proof = self.client.proof("GET", target, None)?;
        let headers = [("Authorization", &*format!("DPoP {}", self.client.token)), ("DPoP", &*proof)];
        let answer =
            self.client.send(&Request { method: "GET", target, headers: &headers, ..Request::default() })?;
        Ok((*answer.values("dpop-nonce").first().with_context(|| format!("no nonce: {answer:?}"))?)
            .to_owned())
    }

    /// A call with token and good proof, and what it was at the API.
    fn good(&self, method: &str, target: &str, body: &[u8], more: &[(&str, &str)]) -> Result<(Answer, Seen)> {
        let proof = self.client.proof(method, target, Some(&self.nonce(target)?))?;
        let authorization = format!("DPoP {}", self.client.token);
        let mut headers = vec![("Authorization", &*authorization), ("DPoP", &*proof)];
        headers.extend(more);
        let answer =
            self.client.send(&Request { method, target, headers: &headers, body, ..Request::default() })?;
        let seen = self
            .only_one_seen()
            .with_context(|| format!("status {} {:?}", answer.status, answer.values("www-authenticate")))?;
        Ok((answer, seen))
    }

    /// As [`Calls::good`] for a path whose rule names the user.
    fn pass(&self, method: &str, target: &str, body: &[u8], more: &[(&str, &str)]) -> Result<(Answer, Seen)> {
        let (answer, seen) = self.good(method, target, body, more)?;
        self.check_permitted(&answer, &seen, method, target)?;
        Ok((answer, seen))
    }

    fn only_one_seen(&self) -> Result<Seen> {
        let mut seen = self.site.upstream.take();
        ensure!(seen.len() == 1, "{} requests at the API", seen.len());
        seen.pop().context("none")
    }

    fn check_permit(&self, answer: &Answer, method: &str, target: &str) -> Result<()> {
        let seen = self
            .only_one_seen()
            .with_context(|| format!("status {} {:?}", answer.status, answer.values("www-authenticate")))?;
        self.check_permitted(answer, &seen, method, target)
    }

    /// What was decided about is what arrived, with what the finalizers set, and without the proof.
    fn check_permitted(&self, answer: &Answer, seen: &Seen, method: &str, target: &str) -> Result<()> {
        ensure!(answer.status == 200, "status {}", answer.status);
        ensure!(seen.line == format!("{method} {target}"), "the API saw {}", seen.line);
        let user = seen.values("x-user");
        ensure!(user.len() == 1 && user.iter().all(|user| user.len() > 10), "X-User: {user:?}");
        ensure!(seen.values("dpop").is_empty(), "the proof went on");
        let authorization = format!("DPoP {}", self.client.token);
        ensure!(seen.values("authorization") == [authorization], "the token did not go on");
        for name in ["x-user", "www-authenticate"] {
            ensure!(answer.values(name).is_empty(), "{name} in the client's answer");
        }
        ensure!(!answer.values("dpop-nonce").contains(&"of-the-api"), "a nonce of the API in the answer");
        Ok(())
    }

    fn check_refusal(&self, answer: &Answer, expected: Expected) -> Result<()> {
        self.check_not_reached(answer)?;
        match expected {
            Expected::Challenge(status, challenge) => {
                let challenges = answer.values("www-authenticate");
                ensure!(answer.status == status, "status {} {challenges:?}", answer.status);
                ensure!(
                    challenges.len() == 1 && challenges.iter().all(|value| value.starts_with(challenge)),
                    "challenges {challenges:?}"
                );
                let nonces = answer.values("dpop-nonce").len();
                ensure!(nonces == usize::from(challenge.contains("use_dpop_nonce")), "{nonces} nonces");
                ensure!(answer.values("cache-control") == ["no-store"], "cacheable: {answer:?}");
            }
            Expected::AnyError => ensure!(answer.status >= 400, "status {}", answer.status),
        }
        ensure!(answer.values("x-user").is_empty(), "X-User in the client's answer");
        Ok(())
    }

    fn check_not_reached(&self, answer: &Answer) -> Result<()> {
        let seen = self.site.upstream.take();
        ensure!(seen.is_empty(), "status {}, and at the API: {:?}", answer.status, lines(&seen));
        ensure!(answer.body != "hello", "the API's answer");
        Ok(())
    }
}

fn lines(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|seen| seen.line.as_str()).collect()
}

/// A client that is not ours goes through the same exchange by itself.
fn foreign_client(calls: &Calls<'_>) -> Result<()> {
    let (python, folder) = python::install("interop/requests-oauth2client")?;
    let output = std::process::Command::new(python)
        .arg("call_through_a_front.py")
        .arg(&calls.site.issuer)
        .args(["kc-admin-client", "acme-admin-secret"])
        .arg(format!("{}/api/orders?first=0", calls.client.origin))
        .env("REQUESTS_CA_BUNDLE", calls.site.file("fullchain.pem"))
        .current_dir(folder)
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    let seen = calls.site.upstream.take();
    ensure!(seen.len() == 2, "{} requests at the API", seen.len());
    Ok(())
}
