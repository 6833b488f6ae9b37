//! `host:port` of a server.

use std::fmt;
use std::str::FromStr;

const DEFAULT_PORT: u16 = 6379;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// The text is not `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an address of the form `host:port`")]
pub struct InvalidAddress;

impl FromStr for Address {
    type Err = InvalidAddress;

    /// Reads `host`, `host:port`, `[::1]` and `[::1]:port`; without a port it is 6379.
    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or(InvalidAddress)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| InvalidAddress)?;
                (
                    host,
                    if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or(InvalidAddress)?) },
                )
            }
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || !host.chars().all(is_plain) {
            return Err(InvalidAddress);
        }
        let port = match port {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port != 0).ok_or(InvalidAddress)?
            }
            Some(_) => return Err(InvalidAddress),
            None => DEFAULT_PORT,
        };
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_hosts_and_ports() {
        for (text, written) in [
            ("redis.example.com:7000", "redis.example.com:7000"),
            ("redis", "redis:6379"),
            ("10.0.0.7:1", "10.0.0.7:1"),
            ("[::1]", "[::1]:6379"),
            ("[fd00::1]:65535", "[fd00::1]:65535"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            ":6379",
            "redis:",
            "redis:0",
            "redis:65536",
            "redis:+1",
            "redis://redis:6379",
            "user@redis:1",
            "[::1",
            "[redis]:1",
            "[::1]6379",
            "fd00::1",
            "redis/1",
        ] {
            assert_eq!(text.parse::<Address>(), Err(InvalidAddress), "{text}");
        }
    }
}
