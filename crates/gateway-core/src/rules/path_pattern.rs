//! The path language of rules: literals, `:name`, `:*`, `*name` and `**`.

use std::fmt;

use thiserror::Error;

use super::normal_path;

/// What stands for a value in a path that shows where two patterns overlap.
const PLACEHOLDER: &str = "x";

/// Most segments of a path: searching goes as deep as the deepest rule.
const MAX_SEGMENTS: usize = 128;

/// The path of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<Segment>,
}

/// One part of a rule's path between slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Text in the normal form of [`NormalPath`](super::normal_path::NormalPath). Empty only as the last segment, where it
    /// is a trailing slash.
    Literal(String),
    /// `:name` or `:*`: one segment with at least one character.
    Single(Option<String>),
    /// `*name` or `**`: the rest of the path, at least one character. Always the last segment.
    Rest(Option<String>),
}

/// A path as written, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedPath {
    /// What requests are compared with; `None` for a path that no request can have.
    pub pattern: Result<PathPattern, Unreachable>,
    /// The path in the present spelling, where it used the old wildcards `<*>` or `<**>`.
    pub respelled: Option<String>,
}

/// Why no request can ever have such a path. Rule files with it load, with a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unreachable {
    /// The path does not start with `/`.
    #[error("path does not start with `/`")]
    NoLeadingSlash,
    /// `.` or `..` in the path, which no request still has when rules are looked up.
    #[error("path holds a dot segment")]
    DotSegment,
}

/// Why a path can not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// Anything behind a free wildcard.
    #[error("nothing may follow the free wildcard `{0}`")]
    BehindFreeWildcard(String),
    /// `:` or `*` alone.
    #[error("the wildcard `{0}` has no name")]
    NamelessWildcard(String),
    /// The same name twice in one path.
    #[error("the name `{0}` is used twice")]
    RepeatedName(String),
    /// `%` without two hexadecimal digits behind it.
    #[error("`{0}` holds a `%` that starts no escape")]
    InvalidEscape(String),
    /// More than 128 segments.
    #[error("the path has more than 128 segments")]
    TooManySegments,
    /// `?` or `#`: a rule's path has no query.
    #[error("`{0}` holds `?` or `#`, which end a path")]
    NotAPath(String),
}

impl PathPattern {
    /// Reads a path as a rule file writes it.
    ///
    /// # Errors
    ///
    /// [`PatternError`] names the segment.
    pub fn parse(written: &str) -> Result<ParsedPath, PatternError> {
        let absolute = written.strip_prefix('/');
        let mut respelled = Vec::new();
        let mut uses_old_wildcards = false;
        for segment in absolute.unwrap_or(written).split('/') {
            let present = match segment {
                "<**>" => "**",
                "<*>" => ":*",
                other => other,
            };
            uses_old_wildcards |= present != segment;
            respelled.push(present);
        }
        let segments = parse_segments(&respelled)?;
        let has_dots = segments
            .iter()
            .any(|segment| matches!(segment, Segment::Literal(text) if text == "." || text == ".."));
        let pattern = match absolute {
            None => Err(Unreachable::NoLeadingSlash),
            Some(_) if has_dots => Err(Unreachable::DotSegment),
            Some(_) => Ok(Self { segments }),
        };
        let slash = if absolute.is_some() { "/" } else { "" };
        let respelled = uses_old_wildcards.then(|| format!("{slash}{}", respelled.join("/")));
        Ok(ParsedPath { pattern, respelled })
    }

    /// The segments, at least one; `/` is one empty literal.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names of the wildcards in the order of the path, `None` for those without name.
    pub fn wildcard_names(&self) -> impl Iterator<Item = Option<&str>> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Single(name) | Segment::Rest(name) => Some(name.as_deref()),
        })
    }

    /// Whether every path that `narrow` matches is matched by this pattern, too.
    #[must_use]
    pub fn covers(&self, narrow: &Self) -> bool {
        let (mut general, mut narrow) = (self.segments.as_slice(), narrow.segments.as_slice());
        loop {
            match (general, narrow) {
                ([], []) => return true,
                ([Segment::Rest(_)], remaining) => return matches_something(remaining),
                ([Segment::Literal(one), general_rest @ ..], [Segment::Literal(other), narrow_rest @ ..])
                    if one == other =>
                {
                    (general, narrow) = (general_rest, narrow_rest);
                }
                ([Segment::Single(_), general_rest @ ..], [Segment::Literal(text), narrow_rest @ ..])
                    if !text.is_empty() =>
                {
                    (general, narrow) = (general_rest, narrow_rest);
                }
                ([Segment::Single(_), general_rest @ ..], [Segment::Single(_), narrow_rest @ ..]) => {
                    (general, narrow) = (general_rest, narrow_rest);
                }
                _ => return false,
            }
        }
    }

    /// A path that both patterns match, if there is one.
    #[must_use]
    pub fn common_path(&self, other: &Self) -> Option<String> {
        let (mut left, mut right) = (self.segments.as_slice(), other.segments.as_slice());
        let mut witness = String::new();
        loop {
            let (segment, left_rest, right_rest) = match (left, right) {
                ([], []) => return Some(witness),
                ([Segment::Rest(_)], remaining) | (remaining, [Segment::Rest(_)]) => {
                    if !matches_something(remaining) {
                        return None;
                    }
                    for segment in remaining {
                        witness.push('/');
                        witness.push_str(segment.example());
                    }
                    return Some(witness);
                }
                ([one, left_rest @ ..], [other, right_rest @ ..]) => {
                    (common_segment(one, other)?, left_rest, right_rest)
                }
                ([], _) | (_, []) => return None,
            };
            witness.push('/');
            witness.push_str(segment);
            (left, right) = (left_rest, right_rest);
        }
    }
}

/// Whether a free wildcard matches what these segments match: at least one character.
fn matches_something(segments: &[Segment]) -> bool {
    match segments {
        [] => false,
        [Segment::Literal(text)] => !text.is_empty(),
        [_, ..] => true,
    }
}

fn common_segment<'a>(one: &'a Segment, other: &'a Segment) -> Option<&'a str> {
    match (one, other) {
        (Segment::Literal(one), Segment::Literal(other)) => (one == other).then_some(one),
        (Segment::Literal(text), Segment::Single(_)) | (Segment::Single(_), Segment::Literal(text)) => {
            (!text.is_empty()).then_some(text)
        }
        (Segment::Single(_), Segment::Single(_)) => Some(PLACEHOLDER),
        // A free wildcard is always last: the caller has looked at it before.
        (Segment::Rest(_), _) | (_, Segment::Rest(_)) => None,
    }
}

impl Segment {
    fn example(&self) -> &str {
        match self {
            Self::Literal(text) => text,
            Self::Single(_) | Self::Rest(_) => PLACEHOLDER,
        }
    }
}

fn parse_segments(written: &[&str]) -> Result<Vec<Segment>, PatternError> {
    let mut segments = Vec::with_capacity(written.len());
    let mut names: Vec<String> = Vec::new();
    let mut free_wildcard: Option<&str> = None;
    for (position, text) in written.iter().enumerate() {
        if let Some(wildcard) = free_wildcard {
            return Err(PatternError::BehindFreeWildcard(wildcard.to_owned()));
        }
        if segments.len() == MAX_SEGMENTS {
            return Err(PatternError::TooManySegments);
        }
        let is_last = position + 1 == written.len();
        // Doubled slashes collapse, as they do in requests.
        if text.is_empty() && !is_last {
            continue;
        }
        let segment = parse_segment(text)?;
        match &segment {
            Segment::Single(Some(name)) | Segment::Rest(Some(name)) => {
                if names.contains(name) {
                    return Err(PatternError::RepeatedName(name.clone()));
                }
                names.push(name.clone());
            }
            Segment::Literal(_) | Segment::Single(None) | Segment::Rest(None) => {}
        }
        if matches!(segment, Segment::Rest(_)) {
            free_wildcard = Some(text);
        }
        segments.push(segment);
    }
    Ok(segments)
}

fn parse_segment(text: &str) -> Result<Segment, PatternError> {
    if let Some(name) = text.strip_prefix(':') {
        return parse_name(text, name).map(Segment::Single);
    }
    if let Some(name) = text.strip_prefix('*') {
        return parse_name(text, name).map(Segment::Rest);
    }
    let literal = match text.strip_prefix('\\') {
        Some(rest) if rest.starts_with([':', '*', '\\']) => rest,
        Some(_) | None => text,
    };
    if !normal_path::escapes_are_valid(literal) {
        return Err(PatternError::InvalidEscape(text.to_owned()));
    }
    if literal.contains(['?', '#']) {
        return Err(PatternError::NotAPath(text.to_owned()));
    }
    Ok(Segment::Literal(normal_path::normalise(literal)))
}

fn parse_name(text: &str, name: &str) -> Result<Option<String>, PatternError> {
    match name {
        "" => Err(PatternError::NamelessWildcard(text.to_owned())),
        "*" => Ok(None),
        name => Ok(Some(name.to_owned())),
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) if text.starts_with([':', '*']) => write!(formatter, "/\\{text}")?,
                Segment::Literal(text) => write!(formatter, "/{text}")?,
                Segment::Single(name) => write!(formatter, "/:{}", name.as_deref().unwrap_or("*"))?,
                Segment::Rest(name) => write!(formatter, "/*{}", name.as_deref().unwrap_or("*"))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(written: &str) -> PathPattern {
        PathPattern::parse(written).unwrap().pattern.unwrap()
    }

    #[test]
    fn wildcards_stand_at_the_start_of_a_segment() {
        let literal = |text: &str| Segment::Literal(text.into());
        assert_eq!(pattern("/").segments(), [literal("")]);
        assert_eq!(
            pattern("/a/:id/").segments(),
            [literal("a"), Segment::Single(Some("id".into())), literal("")]
        );
        assert_eq!(pattern("/a//:*").segments(), [literal("a"), Segment::Single(None)]);
        assert_eq!(pattern("/**").segments(), [Segment::Rest(None)]);
        assert_eq!(pattern("/*rest").segments(), [Segment::Rest(Some("rest".into()))]);
        assert_eq!(pattern("/user:list/a*b").segments(), [literal("user:list"), literal("a*b")]);
        assert_eq!(
            pattern(r"/\:id/\*x/\\x/\x").segments(),
            [literal(":id"), literal("*x"), literal("%5Cx"), literal("%5Cx")]
        );
    }

    #[test]
    fn literals_are_put_into_the_normal_form() {
        assert_eq!(pattern("/münchen/a b/caf%c3%a9/p%61th"), pattern("/m%C3%BCnchen/a%20b/caf%C3%A9/path"));
    }

    #[test]
    fn reads_the_old_wildcards_and_says_so() {
        let parsed = PathPattern::parse("/api/<**>").unwrap();
        assert_eq!(parsed.respelled.as_deref(), Some("/api/**"));
        assert_eq!(parsed.pattern, Ok(pattern("/api/**")));
        assert_eq!(PathPattern::parse("/u/<*>/x").unwrap().respelled.as_deref(), Some("/u/:*/x"));
        assert_eq!(PathPattern::parse("/u/a<*>").unwrap().respelled, None);
        assert!(PathPattern::parse("/<**>/x").is_err());
    }

    #[test]
    fn tells_paths_that_no_request_has() {
        assert_eq!(PathPattern::parse("a/b").unwrap().pattern, Err(Unreachable::NoLeadingSlash));
        assert_eq!(PathPattern::parse("/a/%2e%2e/b").unwrap().pattern, Err(Unreachable::DotSegment));
    }

    #[test]
    fn refuses_paths_it_can_not_read() {
        assert_eq!(PathPattern::parse("/a/**/b"), Err(PatternError::BehindFreeWildcard("**".into())));
        assert_eq!(PathPattern::parse("/a/*x/"), Err(PatternError::BehindFreeWildcard("*x".into())));
        assert_eq!(PathPattern::parse("/a/:"), Err(PatternError::NamelessWildcard(":".into())));
        assert_eq!(PathPattern::parse("/a/*"), Err(PatternError::NamelessWildcard("*".into())));
        assert_eq!(PathPattern::parse("/:a/:a"), Err(PatternError::RepeatedName("a".into())));
        assert_eq!(PathPattern::parse("/50%"), Err(PatternError::InvalidEscape("50%".into())));
        assert_eq!(PathPattern::parse(&"/a".repeat(129)), Err(PatternError::TooManySegments));
        assert!(PathPattern::parse(&"/a".repeat(128)).is_ok());
        assert_eq!(PathPattern::parse("/a?b=1"), Err(PatternError::NotAPath("a?b=1".into())));
    }

    #[test]
    fn covers_what_is_more_special() {
        let covers = |general: &str, narrow: &str| pattern(general).covers(&pattern(narrow));
        assert!(covers("/shop/**", "/shop/admin"));
        assert!(covers("/shop/**", "/shop/a/"));
        assert!(covers("/shop/**", "/shop/:a/*b"));
        assert!(covers("/:a/b", "/x/b"));
        assert!(covers("/:a", "/:b"));
        assert!(!covers("/shop/**", "/shop/"));
        assert!(!covers("/shop/**", "/shop"));
        assert!(!covers("/**", "/"));
        assert!(!covers("/:a", "/"));
        assert!(!covers("/:a", "/**"));
        assert!(!covers("/a", "/:a"));
    }

    #[test]
    fn finds_a_path_that_both_match() {
        let common = |one: &str, other: &str| pattern(one).common_path(&pattern(other));
        assert_eq!(common("/shop/**", "/shop/admin").as_deref(), Some("/shop/admin"));
        assert_eq!(common("/:a/info", "/files/:b").as_deref(), Some("/files/info"));
        assert_eq!(common("/a/**", "/:x/*y").as_deref(), Some("/a/x"));
        assert_eq!(common("/:a/", "/**").as_deref(), Some("/x/"));
        assert_eq!(common("/a", "/b"), None);
        assert_eq!(common("/:a", "/"), None);
        assert_eq!(common("/a/**", "/a/"), None);
        assert_eq!(common("/a", "/a/b"), None);
    }
}
