//! Versions: `semver` and `semverCompare`.

use std::{cmp::Ordering, sync::Arc};

use crate::{
    error::FunctionError,
    functions::{Call, Function, FunctionResult, Parameter::Text, wrong_type},
    object::Object,
    value::{Integer, IntegerKind, Value},
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("semver", &[Text], |call| {
        let version = Version::parse(&call.str(0)?).ok_or(NO_VERSION)?;
        Ok(Value::Object(Arc::new(version)))
    }),
    Function::new("semverCompare", &[Text, Text], compare),
];

const NO_VERSION: FunctionError = FunctionError::Unreadable { what: "version" };

/// A semantic version; missing parts count as 0.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    parts: [u64; 3],
    prerelease: String,
    metadata: String,
    original: String,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let partial = Partial::parse(text)?;
        if partial.wildcard {
            return None;
        }
        Some(partial.version)
    }

    fn without_prerelease(parts: [u64; 3]) -> Self {
        Self { parts, prerelease: String::new(), metadata: String::new(), original: String::new() }
    }

    fn text(&self) -> String {
        let [major, minor, patch] = self.parts;
        let mut text = format!("{major}.{minor}.{patch}");
        for (mark, part) in [('-', &self.prerelease), ('+', &self.metadata)] {
            if !part.is_empty() {
                text.push(mark);
                text.push_str(part);
            }
        }
        text
    }

    /// Precedence, semantic versioning 2.0.0, item 11. Metadata does not count.
    fn precedence(&self, other: &Self) -> Ordering {
        self.parts.cmp(&other.parts).then_with(|| {
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_prereleases(&self.prerelease, &other.prerelease),
            }
        })
    }
}

fn compare_prereleases(left: &str, right: &str) -> Ordering {
    let mut left = left.split('.');
    let mut right = right.split('.');
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => match (left.parse::<u64>(), right.parse::<u64>()) {
                (Ok(left), Ok(right)) => left.cmp(&right),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => left.cmp(right),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// A version that may lack parts or have `x` or `*` in their place, as in a constraint.
struct Partial {
    version: Version,
    /// How many parts are given before the first that is missing or a wildcard.
    given: usize,
    wildcard: bool,
}

impl Partial {
    fn parse(text: &str) -> Option<Self> {
        let (rest, metadata) = text.split_once('+').unwrap_or((text, ""));
        let (numbers, prerelease) = rest.split_once('-').unwrap_or((rest, ""));
        let is_identifiers = |text: &str| {
            text.split('.').all(|part| {
                !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
        };
        if (rest.contains('-') && !is_identifiers(prerelease))
            || (text.contains('+') && !is_identifiers(metadata))
        {
            return None;
        }
        let mut parts = [0; 3];
        let (mut given, mut wildcard) = (0, false);
        for (index, part) in numbers.strip_prefix('v').unwrap_or(numbers).split('.').enumerate() {
            let slot = parts.get_mut(index)?;
            if matches!(part, "x" | "X" | "*") {
                wildcard = true;
            } else {
                if !part.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                *slot = part.parse().ok()?;
                if !wildcard {
                    given = index + 1;
                }
            }
        }
        let version = Version {
            parts,
            prerelease: prerelease.into(),
            metadata: metadata.into(),
            original: text.into(),
        };
        Some(Self { version, given, wildcard })
    }

    /// The least version above all that agree in the first `kept` parts.
    fn next_after(&self, kept: usize) -> Version {
        let mut parts = [0; 3];
        for (index, (slot, part)) in parts.iter_mut().zip(self.version.parts).enumerate() {
            *slot = match (index + 1).cmp(&kept) {
                Ordering::Less => part,
                Ordering::Equal => part.saturating_add(1),
                Ordering::Greater => 0,
            };
        }
        Version::without_prerelease(parts)
    }
}

/// Alternatives (`||`) of conditions that must all hold (separated by commas or spaces).
fn compare(call: &Call<'_>) -> FunctionResult {
    let constraint = call.str(0)?;
    let mut alternatives = Vec::new();
    for alternative in constraint.split("||") {
        alternatives.push(
            parse_conditions(alternative).ok_or(FunctionError::Unreadable { what: "version constraint" })?,
        );
    }
    let version = Version::parse(&call.str(1)?).ok_or(NO_VERSION)?;
    let holds =
        alternatives.iter().any(|conditions| conditions.iter().all(|condition| condition.holds(&version)));
    Ok(Value::Bool(holds))
}

struct Condition {
    operator: Operator,
    bound: Partial,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    /// `~`: the last part given may grow.
    Tilde,
    /// `^`: everything behind the first part that is not 0 may grow.
    Caret,
}

const OPERATORS: [(&str, Operator); 12] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::AtLeast),
    ("=>", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("=<", Operator::AtMost),
    ("~>", Operator::Tilde),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
    ("", Operator::Equal),
];

fn parse_conditions(text: &str) -> Option<Vec<Condition>> {
    // `1.2 - 1.4` is a range with both ends included.
    if let Some((low, high)) = text.split_once(" - ") {
        let bound = |text: &str| Partial::parse(text.trim());
        return Some(vec![
            Condition { operator: Operator::AtLeast, bound: bound(low)? },
            Condition { operator: Operator::AtMost, bound: bound(high)? },
        ]);
    }
    let mut conditions = Vec::new();
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (operator, after) =
            OPERATORS.into_iter().find_map(|(sign, operator)| Some((operator, rest.strip_prefix(sign)?)))?;
        let after = after.trim_start();
        let (bound, after) = after.split_at_checked(after.find([',', ' ']).unwrap_or(after.len()))?;
        conditions.push(Condition { operator, bound: Partial::parse(bound)? });
        rest = after.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Some(conditions)
}

impl Condition {
    fn holds(&self, version: &Version) -> bool {
        let Partial { version: bound, given, .. } = &self.bound;
        // A prerelease counts only where the condition names one too.
        if !version.prerelease.is_empty()
            && bound.prerelease.is_empty()
            && self.operator != Operator::NotEqual
        {
            return false;
        }
        let order = version.precedence(bound);
        let at_least = order.is_ge();
        let below = |limit: Version| version.precedence(&limit).is_lt();
        match self.operator {
            // `=1.2` and `=1.2.x` stand for every 1.2 version.
            Operator::Equal if *given < 3 => {
                *given == 0 || (at_least && below(self.bound.next_after(*given)))
            }
            Operator::Equal => order.is_eq(),
            Operator::NotEqual if *given < 3 => {
                *given != 0 && !(at_least && below(self.bound.next_after(*given)))
            }
            Operator::NotEqual => order.is_ne(),
            Operator::Less => order.is_lt(),
            Operator::AtMost if *given < 3 => *given == 0 || below(self.bound.next_after(*given)),
            Operator::AtMost => order.is_le(),
            Operator::Greater if *given < 3 => *given != 0 && !below(self.bound.next_after(*given)),
            Operator::Greater => order.is_gt(),
            Operator::AtLeast => at_least,
            Operator::Tilde => *given == 0 || (at_least && below(self.bound.next_after((*given).min(2)))),
            Operator::Caret => {
                let significant = bound.parts.iter().position(|part| *part > 0).map_or(3, |first| first + 1);
                *given == 0 || (at_least && below(self.bound.next_after(significant.min(*given))))
            }
        }
    }
}

impl Object for Version {
    fn type_name(&self) -> &str {
        "*semver.Version"
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        let [major, minor, patch] = self.parts;
        let number = |value: u64| {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            Value::Int(Integer { value, kind: IntegerKind::Uint64 })
        };
        let value = match name {
            "Major" => number(major),
            "Minor" => number(minor),
            "Patch" => number(patch),
            "Prerelease" => self.prerelease.as_str().into(),
            "Metadata" => self.metadata.as_str().into(),
            "Original" => self.original.as_str().into(),
            "String" => self.text().into(),
            "Compare" => return Some(self.compared(arguments)),
            _ => return None,
        };
        Some(match arguments {
            [] => Ok(value),
            [..] => Err(FunctionError::ArgumentCount { expected: 0, given: arguments.len() }),
        })
    }

    fn to_text(&self) -> Option<String> {
        Some(self.text())
    }
}

impl Version {
    /// -1, 0 or 1; the other version comes as its object, which prints as its text.
    fn compared(&self, arguments: &[Value]) -> FunctionResult {
        let [other] = arguments else {
            return Err(FunctionError::ArgumentCount { expected: 1, given: arguments.len() });
        };
        let Value::Object(object) = other else { return Err(wrong_type("*semver.Version", other)) };
        let other = object
            .to_text()
            .and_then(|text| Self::parse(&text))
            .ok_or_else(|| wrong_type("*semver.Version", other))?;
        Ok(Value::int(match self.precedence(&other) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(constraint: &str, version: &str, expected: bool) {
        let version = Version::parse(version).unwrap();
        let holds = constraint.split("||").any(|alternative| {
            parse_conditions(alternative).unwrap().iter().all(|condition| condition.holds(&version))
        });
        assert_eq!(holds, expected, "{constraint} {}", version.original);
    }

    #[test]
    fn constraints_hold_or_not() {
        check(">=1.2.0", "1.3.1", true);
        check(">=1.2.0, <1.3.0", "1.3.0", false);
        check("1.2.x", "1.2.9", true);
        check("1.2.x", "1.3.0", false);
        check("~1.2.3", "1.2.9", true);
        check("~1", "1.9.0", true);
        check("^1.2", "1.9.0", true);
        check("^0.2.3", "0.3.0", false);
        check("1.2 - 1.4", "1.4.5", true);
        check("<1 || >=2", "2.1.0", true);
        check(">1.0.0", "1.1.0-rc1", false);
        check(">1.0.0-0", "1.1.0-rc1", true);
        check("*", "3.0.0", true);
    }

    #[test]
    fn versions_are_ordered_by_precedence() {
        let ordered =
            ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1"];
        for pair in ordered.windows(2) {
            let [left, right] = [0, 1].map(|index| Version::parse(pair[index]).unwrap());
            assert_eq!(left.precedence(&right), Ordering::Less);
        }
    }
}
