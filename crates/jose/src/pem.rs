//! Textual encoding of keys and certificates (RFC 7468), with the headers that RFC 1421 allows between the first line and the data.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Why a text is not PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// A block begins and never ends, or ends with another label.
    #[error("the block that begins on line {line} has no end line of the same label")]
    NoEnd {
        /// Line of the `BEGIN`, from 1.
        line: usize,
    },
    /// What stands in a block is not padded base64.
    #[error("the block that begins on line {line} is not base64")]
    NotBase64 {
        /// Line of the `BEGIN`, from 1.
        line: usize,
    },
}

/// One block of a PEM text. It may be a private key, so `Debug` shows the label only and the bytes are wiped when dropped.
///
/// ```
/// use jose::pem;
///
/// let blocks = pem::parse("-----BEGIN PUBLIC KEY-----\nAAEC\n-----END PUBLIC KEY-----\n")?;
/// let block = blocks.first().ok_or("no block")?;
/// assert_eq!((block.label.as_str(), block.der.as_slice()), ("PUBLIC KEY", &[0, 1, 2][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PemBlock {
    /// What the block says it holds, such as `PRIVATE KEY`.
    pub label: String,
    /// Headers before the data, as name and value, in file order.
    pub headers: Vec<(String, String)>,
    /// The decoded bytes.
    pub der: Zeroizing<Vec<u8>>,
}

impl PemBlock {
    /// The value of the first header with this name, compared without case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for PemBlock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PemBlock").field("label", &self.label).finish_non_exhaustive()
    }
}

/// All blocks of a text in file order; lines outside blocks are explanatory text and skipped (RFC 7468, section 5.2).
///
/// # Errors
///
/// A [`PemError`] for the first block that is broken: a file that is half understood is not used.
pub fn parse(text: &str) -> Result<Vec<PemBlock>, PemError> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let Some(label) = boundary(line, "-----BEGIN ") else { continue };
        let line = index + 1;
        let mut headers = Vec::new();
        let mut data = Zeroizing::new(String::new());
        loop {
            let (_, inner) = lines.next().ok_or(PemError::NoEnd { line })?;
            let inner = inner.trim();
            if let Some(end) = boundary(inner, "-----END ") {
                if end != label {
                    return Err(PemError::NoEnd { line });
                }
                break;
            }
            match inner.split_once(':') {
                Some((name, value)) if data.is_empty() => {
                    headers.push((name.trim().to_owned(), value.trim().to_owned()))
                }
                Some(_) => return Err(PemError::NotBase64 { line }),
                None if inner.starts_with("-----") => return Err(PemError::NoEnd { line }),
                None => data.push_str(inner),
            }
        }
        let der = STANDARD.decode(data.as_bytes()).map_err(|_| PemError::NotBase64 { line })?;
        blocks.push(PemBlock { label: label.to_owned(), headers, der: Zeroizing::new(der) });
    }
    Ok(blocks)
}

/// Writes one block with lines of 64 characters.
#[must_use]
pub fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let data = Zeroizing::new(STANDARD.encode(der));
    let mut text = Zeroizing::new(String::with_capacity(data.len() + data.len() / 64 + 2 * label.len() + 40));
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = data.as_str();
    while let Some((line, after)) =
        rest.split_at_checked(64.min(rest.len())).filter(|(line, _)| !line.is_empty())
    {
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

fn boundary<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.trim().strip_prefix(start)?.strip_suffix("-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_blocks_with_headers_between_explanations() {
        let text = "a note\r\n-----BEGIN A B-----\r\nX-Key-ID: one\r\nOther:two\r\n\r\nAAEC\r\nAwQ=\r\n-----END A B-----\r\nmore\n-----BEGIN C-----\n-----END C-----";
        let blocks = parse(text).unwrap();
        assert_eq!(blocks.len(), 2);
        assert_eq!(blocks[0].label, "A B");
        assert_eq!(blocks[0].header("x-key-id"), Some("one"));
        assert_eq!(blocks[0].headers.len(), 2);
        assert_eq!(blocks[0].der.as_slice(), [0, 1, 2, 3, 4]);
        assert_eq!(blocks[1].label, "C");
        assert!(blocks[1].der.is_empty());
    }

    #[test]
    fn refuses_broken_blocks() {
        assert_eq!(parse("x\n-----BEGIN A-----\nAAAA\n"), Err(PemError::NoEnd { line: 2 }));
        assert_eq!(parse("-----BEGIN A-----\nAAAA\n-----END B-----"), Err(PemError::NoEnd { line: 1 }));
        assert_eq!(
            parse("-----BEGIN A-----\n-----BEGIN A-----\n-----END A-----"),
            Err(PemError::NoEnd { line: 1 })
        );
        assert_eq!(parse("-----BEGIN A-----\nAAA\n-----END A-----"), Err(PemError::NotBase64 { line: 1 }));
        assert_eq!(
            parse("-----BEGIN A-----\nAAAA\nLate: header\n-----END A-----"),
            Err(PemError::NotBase64 { line: 1 })
        );
    }

    #[test]
    fn reads_what_it_wrote() {
        for length in [0, 1, 47, 48, 49, 200] {
            let der = vec![7; length];
            let text = encode("PRIVATE KEY", &der);
            assert!(text.lines().all(|line| line.len() <= 64));
            let blocks = parse(&text).unwrap();
            assert_eq!(
                (blocks.len(), blocks[0].label.as_str(), blocks[0].der.as_slice()),
                (1, "PRIVATE KEY", der.as_slice())
            );
        }
    }

    #[test]
    fn hides_the_bytes() {
        let block = parse("-----BEGIN A-----\nX: y\nAAAA\n-----END A-----").unwrap().remove(0);
        assert_eq!(format!("{block:?}"), "PemBlock { label: \"A\", .. }");
    }
}
