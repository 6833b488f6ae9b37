//! One tree for hosts and paths: host labels from the right, then the path's segments.
//!
//! A search visits places from the most special to the most general: exact host before wildcard with more labels before
//! fewer before `*`; on each host, segment by segment, literal before `:name` before `*name`. It goes on wherever a visitor
//! does not take what it finds, and hands every visitor the values of exactly the wildcards on the way to that place.

use std::{collections::HashMap, ops::ControlFlow};

use super::{
    host::HostPattern,
    path_pattern::{PathPattern, Segment},
};

/// A route by its position in the index.
pub(super) type RouteNumber = usize;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct PathTrie {
    hosts: HostNode,
}

#[derive(Debug, Default)]
struct HostNode {
    labels: HashMap<Box<str>, HostNode>,
    /// Paths on the host that ends here.
    here: Option<Box<PathNode>>,
    /// Paths on all hosts with more labels.
    below: Option<Box<PathNode>>,
}

#[derive(Debug, Default)]
struct PathNode {
    literals: HashMap<Box<str>, PathNode>,
    single: Option<Box<PathNode>>,
    /// Routes whose path ends here.
    here: Vec<RouteNumber>,
    /// Routes whose path ends in a free wildcard here.
    rest: Vec<RouteNumber>,
}

impl PathTrie {
    /// Adds a route behind those that are at the same place already; returns these.
    pub(super) fn insert(
        &mut self,
        host: &HostPattern,
        path: &PathPattern,
        route: RouteNumber,
    ) -> Vec<RouteNumber> {
        let mut node = self.hosts.entry(host);
        for segment in path.segments() {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.as_str().into()).or_default(),
                Segment::Single(_) => node.single.get_or_insert_default(),
                // Always the last segment.
                Segment::Rest(_) => return push(&mut node.rest, route),
            };
        }
        push(&mut node.here, route)
    }

    /// Visits the places that match, most special first, until a visitor breaks. `normal` and `resolved` are the two forms
    /// of one [`NormalPath`](super::normal_path::NormalPath); the visitor gets the values of the wildcards as in `resolved`.
    pub(super) fn search<'p, R>(
        &self,
        host: &str,
        normal: &'p str,
        resolved: &'p str,
        visit: &mut impl FnMut(&[RouteNumber], &[&'p str]) -> ControlFlow<R>,
    ) -> ControlFlow<R> {
        let strip = |path: &'p str| path.strip_prefix('/').unwrap_or(path);
        let (normal, resolved) = (strip(normal), strip(resolved));
        self.hosts.search(Some(host), &mut |paths| {
            paths.search(Some(normal), Some(resolved), &mut Vec::new(), visit)
        })
    }

    /// Visits every route that shares a request with this host and path, in no particular order.
    pub(super) fn overlapping<R>(
        &self,
        host: &HostPattern,
        path: &PathPattern,
        visit: &mut impl FnMut(&[RouteNumber]) -> ControlFlow<R>,
    ) -> ControlFlow<R> {
        self.hosts.overlapping(host, &mut |paths| paths.overlapping(path.segments(), visit))
    }
}

fn push(routes: &mut Vec<RouteNumber>, route: RouteNumber) -> Vec<RouteNumber> {
    let before = routes.clone();
    routes.push(route);
    before
}

impl HostNode {
    fn entry(&mut self, host: &HostPattern) -> &mut PathNode {
        match host {
            HostPattern::Any => self.below.get_or_insert_default(),
            HostPattern::Below(suffix) => self.node(suffix).below.get_or_insert_default(),
            HostPattern::Exact(name) => self.node(name).here.get_or_insert_default(),
        }
    }

    fn node(&mut self, name: &str) -> &mut Self {
        let mut node = self;
        for label in name.rsplit('.') {
            node = node.labels.entry(label.into()).or_default();
        }
        node
    }

    /// `rest` are the labels that are left, `None` if the whole name was used up.
    fn search<R>(
        &self,
        rest: Option<&str>,
        visit: &mut impl FnMut(&PathNode) -> ControlFlow<R>,
    ) -> ControlFlow<R> {
        let Some(rest) = rest else { return visit_some(self.here.as_deref(), visit) };
        let (front, label) = split_last_label(rest);
        if let Some(child) = self.labels.get(label) {
            child.search(front, visit)?;
        }
        visit_some(self.below.as_deref(), visit)
    }

    fn overlapping<R>(
        &self,
        host: &HostPattern,
        visit: &mut impl FnMut(&PathNode) -> ControlFlow<R>,
    ) -> ControlFlow<R> {
        match host {
            HostPattern::Any => self.everything(visit),
            // A search finds just the patterns that cover an exact host.
            HostPattern::Exact(name) => self.search(Some(name), visit),
            HostPattern::Below(suffix) => {
                let mut node = self;
                for label in suffix.rsplit('.') {
                    visit_some(node.below.as_deref(), visit)?;
                    match node.labels.get(label) {
                        Some(child) => node = child,
                        None => return ControlFlow::Continue(()),
                    }
                }
                visit_some(node.below.as_deref(), visit)?;
                node.labels.values().try_for_each(|child| child.everything(visit))
            }
        }
    }

    fn everything<R>(&self, visit: &mut impl FnMut(&PathNode) -> ControlFlow<R>) -> ControlFlow<R> {
        visit_some(self.here.as_deref(), visit)?;
        visit_some(self.below.as_deref(), visit)?;
        self.labels.values().try_for_each(|child| child.everything(visit))
    }
}

fn visit_some<R>(
    paths: Option<&PathNode>,
    visit: &mut impl FnMut(&PathNode) -> ControlFlow<R>,
) -> ControlFlow<R> {
    paths.map_or(ControlFlow::Continue(()), visit)
}

fn split_last_label(name: &str) -> (Option<&str>, &str) {
    match name.rsplit_once('.') {
        Some((front, label)) => (Some(front), label),
        None => (None, name),
    }
}

impl PathNode {
    /// `normal` and `resolved` are what is left of both forms, `None` if the whole path was used up.
    fn search<'p, R>(
        &self,
        normal: Option<&'p str>,
        resolved: Option<&'p str>,
        captured: &mut Vec<&'p str>,
        visit: &mut impl FnMut(&[RouteNumber], &[&'p str]) -> ControlFlow<R>,
    ) -> ControlFlow<R> {
        let (Some(normal), Some(resolved)) = (normal, resolved) else {
            return if self.here.is_empty() {
                ControlFlow::Continue(())
            } else {
                visit(&self.here, captured)
            };
        };
        let (segment, normal_rest) = split_first_segment(normal);
        let (sent, resolved_rest) = split_first_segment(resolved);
        let depth = captured.len();
        if let Some(child) = self.literals.get(segment) {
            child.search(normal_rest, resolved_rest, captured, visit)?;
            captured.truncate(depth);
        }
        if let Some(single) = &self.single
            && !segment.is_empty()
        {
            captured.push(sent);
            single.search(normal_rest, resolved_rest, captured, visit)?;
            captured.truncate(depth);
        }
        if !self.rest.is_empty() && !normal.is_empty() {
            captured.push(resolved);
            visit(&self.rest, captured)?;
            captured.truncate(depth);
        }
        ControlFlow::Continue(())
    }

    fn overlapping<R>(
        &self,
        segments: &[Segment],
        visit: &mut impl FnMut(&[RouteNumber]) -> ControlFlow<R>,
    ) -> ControlFlow<R> {
        match segments {
            [] => visit(&self.here),
            [Segment::Literal(text), behind @ ..] => {
                if let Some(child) = self.literals.get(text.as_str()) {
                    child.overlapping(behind, visit)?;
                }
                if text.is_empty() {
                    return ControlFlow::Continue(());
                }
                if let Some(single) = &self.single {
                    single.overlapping(behind, visit)?;
                }
                visit(&self.rest)
            }
            [Segment::Single(_), behind @ ..] => {
                for (text, child) in &self.literals {
                    if !text.is_empty() {
                        child.overlapping(behind, visit)?;
                    }
                }
                if let Some(single) = &self.single {
                    single.overlapping(behind, visit)?;
                }
                visit(&self.rest)
            }
            [Segment::Rest(_), ..] => {
                for (text, child) in &self.literals {
                    if !text.is_empty() {
                        child.everything(visit)?;
                    }
                }
                if let Some(single) = &self.single {
                    single.everything(visit)?;
                }
                visit(&self.rest)
            }
        }
    }

    fn everything<R>(&self, visit: &mut impl FnMut(&[RouteNumber]) -> ControlFlow<R>) -> ControlFlow<R> {
        visit(&self.here)?;
        visit(&self.rest)?;
        if let Some(single) = &self.single {
            single.everything(visit)?;
        }
        self.literals.values().try_for_each(|child| child.everything(visit))
    }
}

fn split_first_segment(path: &str) -> (&str, Option<&str>) {
    match path.split_once('/') {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (path, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie(routes: &[(&str, &str)]) -> PathTrie {
        let mut trie = PathTrie::default();
        for (number, (host, path)) in routes.iter().enumerate() {
            let path = PathPattern::parse(path).unwrap().pattern.unwrap();
            trie.insert(&HostPattern::parse(host).unwrap(), &path, number);
        }
        trie
    }

    fn visited(trie: &PathTrie, host: &str, path: &str) -> Vec<(Vec<usize>, Vec<String>)> {
        let mut visited = Vec::new();
        let _ = trie.search::<()>(host, path, path, &mut |routes, captured| {
            visited.push((routes.to_vec(), captured.iter().map(ToString::to_string).collect()));
            ControlFlow::Continue(())
        });
        visited
    }

    #[test]
    fn visits_special_before_general_with_the_values_of_each_way() {
        let trie = trie(&[
            ("*", "/**"),
            ("*.b", "/x/**"),
            ("a.b", "/:one/*two"),
            ("a.b", "/x/:two"),
            ("a.b", "/x/y"),
            ("a.b", "/x/y"),
        ]);
        let owned = |values: &[&str]| values.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            visited(&trie, "a.b", "/x/y"),
            [
                (vec![4, 5], owned(&[])),
                (vec![3], owned(&["y"])),
                (vec![2], owned(&["x", "y"])),
                (vec![1], owned(&["y"])),
                (vec![0], owned(&["x/y"])),
            ]
        );
        assert_eq!(visited(&trie, "c.a.b", "/x/"), [(vec![0], owned(&["x/"]))]);
        assert_eq!(visited(&trie, "b", "/"), []);
    }

    #[test]
    fn finds_what_overlaps() {
        let trie = trie(&[
            ("*", "/shop/**"),
            ("*.b", "/shop/:x"),
            ("a.b", "/shop/admin"),
            ("a.b", "/shop/"),
            ("b", "/shop/admin"),
            ("x.a.b", "/:any/:thing"),
        ]);
        let check = |host: &str, path: &str, expected: &[usize]| {
            let mut found: Vec<usize> = Vec::new();
            let path = PathPattern::parse(path).unwrap().pattern.unwrap();
            let _ = trie.overlapping::<()>(&HostPattern::parse(host).unwrap(), &path, &mut |routes| {
                found.extend(routes);
                ControlFlow::Continue(())
            });
            found.sort_unstable();
            assert_eq!(found, expected, "{host} {path}");
        };
        check("a.b", "/shop/admin", &[0, 1, 2]);
        check("*", "/shop/**", &[0, 1, 2, 4, 5]);
        check("*.b", "/**", &[0, 1, 2, 3, 5]);
        check("*.a.b", "/:x/admin", &[0, 1, 5]);
        check("a.b", "/shop/", &[3]);
        check("c", "/shop/x/y", &[0]);
        check("c", "/shop", &[]);
    }
}
