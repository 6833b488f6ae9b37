//! Sizes in bytes: `16KB`.

use crate::document::decode::{Decode, report_wrong_type};
use crate::document::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::document::key_path::KeyPath;
use crate::document::node::{Node, NodeValue};

/// A number of bytes, written `^[0-9]+(B|KB|MB|GB)$`; 1 KB is 1024 bytes, as heimdall counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// The number of bytes.
    #[must_use]
    pub fn as_bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes as this machine counts memory; the largest value when it does not fit.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Decode for ByteSize {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let text = match &node.value {
            NodeValue::String(text) | NodeValue::Number(text) => text.as_str(),
            NodeValue::Null | NodeValue::Bool(_) | NodeValue::Sequence(_) | NodeValue::Mapping(_) => {
                report_wrong_type(
                    node,
                    path,
                    "a size in bytes",
                    Some("write for example `16KB`"),
                    diagnostics,
                );
                return None;
            }
        };
        let parsed = parse(text);
        if parsed.is_none() {
            let wanted: String = text.to_ascii_uppercase().split_whitespace().collect();
            let wanted = if wanted.ends_with('B') { wanted } else { format!("{wanted}B") };
            let hint = match parse(&wanted) {
                Some(_) => format!("write `{wanted}`"),
                None => "write for example `16KB`".to_owned(),
            };
            diagnostics.push(
                Diagnostic::error(Code::BadByteSize, format!("`{path}` is not a size in bytes"), &node.place)
                    .found(text)
                    .expected("a number and a unit without blank: B KB MB GB")
                    .hint(hint),
            );
        }
        parsed.map(Self)
    }
}

fn parse(text: &str) -> Option<u64> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at_checked(digits_end)?;
    let factor: u64 = match unit {
        "B" => 1,
        "KB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::document::node::Place;

    #[test]
    fn sizes_have_an_upper_case_unit_and_no_blank() {
        assert_eq!(parse("4KB"), Some(4096));
        assert_eq!(parse("12B"), Some(12));
        assert_eq!(parse("1MB"), Some(1_048_576));
        for text in ["4 kb", "4kb", "KB", "4", "-4KB", "4.5KB", "99999999999999999999B", "20000000000GB"] {
            assert_eq!(parse(text), None, "{text}");
        }
        let mut diagnostics = Diagnostics::new();
        let node = Node::plain_scalar("4 kb", Place::new(Arc::from("f"), 1, 1));
        assert!(ByteSize::decode(&node, &KeyPath::configuration(), &mut diagnostics).is_none());
        assert_eq!(diagnostics.errors().next().unwrap().hint.as_deref(), Some("write `4KB`"));
    }
}
