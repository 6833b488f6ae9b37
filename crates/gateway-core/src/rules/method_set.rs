//! The methods of a rule.

/// What `ALL` stands for.
const ALL: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"];

/// The methods a rule answers to. Case matters, and `GET` does not imply `HEAD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MethodSet {
    /// Every method, unknown ones too.
    Any,
    /// These only; never empty.
    Only(Vec<String>),
}

impl MethodSet {
    /// Works out a list as written: `ALL` stands for the nine known methods, `!X` takes `X` away again, wherever it stands.
    ///
    /// A list from which nothing is left means *any*, as in heimdall. [`excludes_nothing`](Self::excludes_nothing) says
    /// whether that happened to a list in which something was written.
    #[must_use]
    pub fn from_written<'a>(written: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut taken, mut removed) = (Vec::new(), Vec::new());
        for method in written {
            let (target, name) = match method.strip_prefix('!') {
                Some(name) => (&mut removed, name),
                None => (&mut taken, method),
            };
            if name == "ALL" { target.extend(ALL) } else { target.push(name) }
        }
        let mut left: Vec<String> = Vec::new();
        for method in taken {
            if !removed.contains(&method) && !left.iter().any(|known| known == method) {
                left.push(method.to_owned());
            }
        }
        if left.is_empty() { Self::Any } else { Self::Only(left) }
    }

    /// Whether methods were written, but none is left, so that the rule answers to every method.
    #[must_use]
    pub fn excludes_nothing(&self, written: &[&str]) -> bool {
        match self {
            Self::Any => !written.is_empty(),
            Self::Only(_) => false,
        }
    }

    /// Whether the rule answers to `method`.
    #[must_use]
    pub fn contains(&self, method: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(methods) => methods.iter().any(|known| known == method),
        }
    }

    /// Whether this set has every method of `other`.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Only(_), Self::Any) => false,
            (Self::Only(_), Self::Only(others)) => others.iter().all(|method| self.contains(method)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_means_the_nine_known_methods() {
        let set = MethodSet::from_written(["ALL"]);
        assert!(set.contains("TRACE"));
        assert!(!set.contains("PURGE"));
        assert!(!set.contains("get"));
    }

    #[test]
    fn exclusions_work_wherever_they_stand() {
        let set = MethodSet::from_written(["!TRACE", "ALL", "PURGE"]);
        assert!(set.contains("GET") && set.contains("PURGE") && !set.contains("TRACE"));
    }

    #[test]
    fn nothing_left_means_any_and_is_told() {
        for written in [&["!GET"][..], &["!ALL"], &["ALL", "!ALL"], &["GET", "!GET"]] {
            let set = MethodSet::from_written(written.iter().copied());
            assert_eq!(set, MethodSet::Any);
            assert!(set.excludes_nothing(written));
        }
        assert!(!MethodSet::from_written([]).excludes_nothing(&[]));
    }

    #[test]
    fn any_covers_all_but_not_the_other_way_round() {
        let all = MethodSet::from_written(["ALL"]);
        assert!(MethodSet::Any.covers(&all));
        assert!(!all.covers(&MethodSet::Any));
        assert!(all.covers(&MethodSet::from_written(["GET", "PUT"])));
    }
}
