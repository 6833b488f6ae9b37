//! Finds the rule for a request, and refuses sets of rules in which that would be a matter of luck.

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
    sync::Arc,
};

use thiserror::Error;

use super::{
    condition::Condition,
    host::{self, HostError, HostPattern},
    method_set::MethodSet,
    nearest::Mismatch,
    normal_path::{self, NormalPath, PathError},
    path_pattern::PathPattern,
    path_trie::{PathTrie, RouteNumber},
    rule::{EncodedSlashes, RuleDefinition, RulePath, RuleSet, Scheme},
};
use crate::{
    document::{Code, Diagnostic, Diagnostics},
    request::Request,
};

/// All rules of a gateway, ready to be asked. Immutable: a reload builds a new one.
#[derive(Debug)]
pub struct RuleIndex {
    trie: PathTrie,
    routes: Vec<Route>,
    rules: Vec<RequestCondition>,
    has_default_rule: bool,
}

/// What a lookup found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// A rule matches.
    Rule {
        /// Its position, counted over all rule sets in the order in which they were given.
        rule: usize,
        /// The decoded values of the named wildcards of the path that matched.
        captures: BTreeMap<String, String>,
    },
    /// No rule matches; the default rule applies.
    DefaultRule,
    /// No rule matches, and there is no default rule: 404.
    NoRule,
    /// The request is answered with 400, and no pipeline runs.
    BadRequest(BadRequest),
}

/// Why a request is answered with 400 before any pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadRequest {
    /// The host is not well formed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The path can not be looked up, or not be read as the rule wants it.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// What came of a route whose host and path fit a request.
pub(super) enum Verdict {
    /// The lookup ends here.
    Decided(Lookup),
    /// It goes on: something else does not fit.
    Mismatch(Mismatch),
}

/// What a request must fulfil beside host and path.
#[derive(Debug)]
struct RequestCondition {
    methods: MethodSet,
    scheme: Option<Scheme>,
    host_conditions: Vec<Condition>,
    encoded_slashes: EncodedSlashes,
}

/// One path of one rule on one host.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) rule: usize,
    /// The path as written and read, and the host.
    pub(super) written: String,
    pub(super) pattern: PathPattern,
    pub(super) host: HostPattern,
    /// In the order of the path's wildcards.
    names: Vec<Option<String>>,
    /// Positions in `names` and what must hold there.
    captures: Arc<[(usize, Condition)]>,
    /// Whether the host must fulfil one of the rule's host conditions.
    is_for_conditioned_hosts: bool,
}

impl RuleIndex {
    /// Puts the rules of all sets together. `None` after an error was added to `diagnostics`.
    ///
    /// Errors: a rule id twice; wildcards of different names at one place; rules of different sets of which one matches
    /// everything that the other does, so that one team could take over another team's paths. Of two sets the later one is
    /// blamed. Warnings: rules of different sets that merely share a request; rules that can never match because earlier
    /// ones at the same places always do.
    pub fn build(
        rule_sets: &[RuleSet],
        has_default_rule: bool,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let mut builder = Builder {
            index: Self {
                trie: PathTrie::default(),
                routes: Vec::new(),
                rules: Vec::new(),
                has_default_rule,
            },
            origins: Vec::new(),
            definitions: Vec::new(),
            failed: false,
            diagnostics,
        };
        builder.check_ids(rule_sets);
        for (set, rule_set) in rule_sets.iter().enumerate() {
            let first = builder.definitions.len();
            builder.definitions.extend(rule_set.rules.iter().map(|rule| (set, rule)));
            if set > 0 {
                rule_set.rules.iter().for_each(|rule| builder.check_overlap_with_earlier_sets(rule));
            }
            for (position, rule) in rule_set.rules.iter().enumerate() {
                builder.add(first + position, rule);
            }
        }
        if builder.failed { None } else { Some(builder.index) }
    }

    /// Finds the rule for a request.
    #[must_use]
    pub fn find(&self, request: &Request) -> Lookup {
        let host = request.uri.host();
        if let Err(error) = host::check(host) {
            return Lookup::BadRequest(error.into());
        }
        let path = match NormalPath::parse(request.uri.path()) {
            Ok(path) => path,
            Err(error) => return Lookup::BadRequest(error.into()),
        };
        let found = self.trie.search(host, path.normal(), path.resolved(), &mut |routes, values| {
            routes.iter().try_for_each(|route| self.ask(*route, request, &path, values))
        });
        match found {
            ControlFlow::Break(lookup) => lookup,
            ControlFlow::Continue(()) if !self.has_default_rule => Lookup::NoRule,
            // The default rule never allows encoded slashes.
            ControlFlow::Continue(()) if path.has_encoded_slash() => {
                Lookup::BadRequest(PathError::EncodedSlash.into())
            }
            ControlFlow::Continue(()) => Lookup::DefaultRule,
        }
    }

    /// Asks one candidate; `Continue` means that it does not match.
    fn ask(
        &self,
        route: RouteNumber,
        request: &Request,
        path: &NormalPath<'_>,
        values: &[&str],
    ) -> ControlFlow<Lookup> {
        let Some(route) = self.routes.get(route) else { return ControlFlow::Continue(()) };
        match self.judge(route, request, path, values) {
            Verdict::Decided(lookup) => ControlFlow::Break(lookup),
            Verdict::Mismatch(_) => ControlFlow::Continue(()),
        }
    }

    /// All routes, in the order of their rules.
    pub(super) fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// What does not fit beside path and captures.
    pub(super) fn mismatch_of_request(&self, route: &Route, request: &Request) -> Option<Mismatch> {
        let rule = self.rules.get(route.rule)?;
        if !rule.methods.contains(request.method.as_str()) {
            let methods = match &rule.methods {
                MethodSet::Any => Vec::new(),
                MethodSet::Only(methods) => methods.clone(),
            };
            return Some(Mismatch::Method(methods));
        }
        if let Some(scheme) = rule.scheme.filter(|scheme| scheme.as_str() != request.uri.scheme()) {
            return Some(Mismatch::Scheme(scheme.as_str()));
        }
        let host_fits = !route.is_for_conditioned_hosts
            || rule.host_conditions.iter().any(|condition| condition.holds(request.uri.host()));
        (!host_fits).then_some(Mismatch::Host)
    }

    /// Judges a route whose host and path fit; `values` are those of the path's wildcards.
    pub(super) fn judge(
        &self,
        route: &Route,
        request: &Request,
        path: &NormalPath<'_>,
        values: &[&str],
    ) -> Verdict {
        if let Some(mismatch) = self.mismatch_of_request(route, request) {
            return Verdict::Mismatch(mismatch);
        }
        let encoded_slashes = self.rules.get(route.rule).map(|rule| rule.encoded_slashes).unwrap_or_default();
        if path.has_encoded_slash() && encoded_slashes == EncodedSlashes::Off {
            // A condition on a value whose segments are in doubt can not be decided, so it does not hold.
            return if route.captures.is_empty() {
                Verdict::Decided(Lookup::BadRequest(PathError::EncodedSlash.into()))
            } else {
                Verdict::Mismatch(Mismatch::EncodedSlash)
            };
        }
        let Ok(values) = route.decode(values, encoded_slashes) else {
            return Verdict::Decided(Lookup::BadRequest(PathError::CaptureNotText.into()));
        };
        let fails = |(position, condition): &&(usize, Condition)| {
            !values.get(*position).is_some_and(|value| condition.holds(value))
        };
        if let Some((position, _)) = route.captures.iter().find(fails) {
            let name = route.names.get(*position).cloned().flatten();
            return Verdict::Mismatch(Mismatch::Capture(name.unwrap_or_default()));
        }
        let named = route.names.iter().zip(values);
        let captures = named.filter_map(|(name, value)| Some((name.clone()?, value))).collect();
        Verdict::Decided(Lookup::Rule { rule: route.rule, captures })
    }
}

impl Route {
    /// The values of the wildcards; an empty text for those without name.
    fn decode(&self, values: &[&str], slashes: EncodedSlashes) -> Result<Vec<String>, PathError> {
        let decode = |(name, value): (&Option<String>, &&str)| {
            if name.is_none() {
                return Ok(String::new());
            }
            let octets = match slashes {
                EncodedSlashes::Off | EncodedSlashes::On => normal_path::decode(value).collect(),
                EncodedSlashes::NoDecode => normal_path::decode_but_slashes(value).collect(),
            };
            String::from_utf8(octets).map_err(|_| PathError::CaptureNotText)
        };
        self.names.iter().zip(values).map(decode).collect()
    }
}

/// Puts an index together and remembers what its messages need.
struct Builder<'r, 'd> {
    index: RuleIndex,
    /// Of each route: its path and host as written.
    origins: Vec<(&'r RulePath, HostPattern)>,
    /// Every rule with the number of its set.
    definitions: Vec<(usize, &'r RuleDefinition)>,
    failed: bool,
    diagnostics: &'d mut Diagnostics,
}

/// The places of one rule: every path on every host.
fn places(rule: &RuleDefinition) -> impl Iterator<Item = (&RulePath, HostPattern, bool)> {
    rule.matching.paths.iter().flat_map(|path| {
        let plain = rule.matching.hosts.iter().map(move |host| (path, host.clone(), false));
        let conditioned =
            (!rule.matching.host_conditions.is_empty()).then_some((path, HostPattern::Any, true));
        plain.chain(conditioned)
    })
}

impl<'r> Builder<'r, '_> {
    fn fail(&mut self, diagnostic: Diagnostic) {
        self.failed = true;
        self.diagnostics.push(diagnostic);
    }

    fn check_ids(&mut self, rule_sets: &'r [RuleSet]) {
        let mut known: HashMap<&str, &RuleDefinition> = HashMap::new();
        for rule in rule_sets.iter().flat_map(|set| &set.rules) {
            match known.get(rule.id.value.as_str()) {
                None => {
                    known.insert(&rule.id.value, rule);
                }
                Some(first) => {
                    let diagnostic = Diagnostic::error(
                        Code::DuplicateRuleId,
                        format!("rule id `{}` is used twice", rule.id.value),
                        &rule.id.place,
                    )
                    .and_place(&first.id.place)
                    .expected("unique ids in one provider")
                    .hint("rename one; logs and metrics could not tell them apart");
                    self.fail(diagnostic);
                }
            }
        }
    }

    fn add(&mut self, number: usize, rule: &'r RuleDefinition) {
        self.index.rules.push(RequestCondition {
            methods: rule.matching.methods.clone(),
            scheme: rule.matching.scheme,
            host_conditions: rule.matching.host_conditions.clone(),
            encoded_slashes: rule.allow_encoded_slashes,
        });
        let mut is_reachable = false;
        let mut shadowed_by = None;
        for (path, host, is_for_conditioned_hosts) in places(rule) {
            let names: Vec<Option<String>> =
                path.pattern.wildcard_names().map(|name| name.map(str::to_owned)).collect();
            let position = |name: &str| names.iter().position(|known| known.as_deref() == Some(name));
            let captures = path
                .captures
                .iter()
                .filter_map(|capture| Some((position(&capture.name)?, capture.condition.clone())))
                .collect();
            let route = Route {
                rule: number,
                written: path.written.clone(),
                pattern: path.pattern.clone(),
                host: host.clone(),
                names,
                captures,
                is_for_conditioned_hosts,
            };
            let earlier = self.index.trie.insert(&host, &path.pattern, self.index.routes.len());
            self.check_names(&route, path, &earlier);
            match self.shadowing(&route, rule, &earlier) {
                None => is_reachable = true,
                Some(first) => shadowed_by = Some(first),
            }
            self.index.routes.push(route);
            self.origins.push((path, host));
        }
        if let Some(first) = shadowed_by
            && !is_reachable
        {
            self.diagnostics.push(
                Diagnostic::warning(
                    Code::DeadRule,
                    format!(
                        "rule `{}` can never match: the earlier rule `{}` at the same place always wins",
                        rule.id.value, first.id.value
                    ),
                    &rule.id.place,
                )
                .and_place(&first.id.place)
                .hint("put the rule with the narrower methods or captures first"),
            );
        }
    }

    /// Wildcards at one place must have one name: conditions and templates of both rules read it.
    fn check_names(&mut self, route: &Route, path: &RulePath, earlier: &[RouteNumber]) {
        let other = earlier.iter().find_map(|number| {
            let other = self.index.routes.get(*number)?;
            let (other_path, _) = self.origins.get(*number)?;
            (other.names != route.names).then_some((other.rule, *other_path))
        });
        let Some((other_rule, other_path)) = other else { return };
        let (Some((_, rule)), Some((_, other_rule))) =
            (self.definitions.get(route.rule), self.definitions.get(other_rule))
        else {
            return;
        };
        let diagnostic = Diagnostic::error(
            Code::ConflictingRules,
            format!(
                "rule `{}` and rule `{}` name the same wildcard differently",
                rule.id.value, other_rule.id.value
            ),
            &path.place,
        )
        .and_place(&other_path.place)
        .found(format!("`{}` and `{}`", path.written, other_path.written))
        .expected("one name for one place")
        .hint("use the same names in both paths");
        self.fail(diagnostic);
    }

    /// An earlier rule that takes every request which would reach this route.
    fn shadowing(
        &self,
        route: &Route,
        rule: &RuleDefinition,
        earlier: &[RouteNumber],
    ) -> Option<&'r RuleDefinition> {
        earlier.iter().find_map(|number| {
            let other = self.index.routes.get(*number)?;
            let condition = self.index.rules.get(other.rule)?;
            let always_wins = other.rule != route.rule
                && other.names == route.names
                && other.captures.is_empty()
                && !other.is_for_conditioned_hosts
                && condition.methods.covers(&rule.matching.methods)
                && (condition.scheme.is_none() || condition.scheme == rule.matching.scheme);
            let (_, definition) = self.definitions.get(other.rule)?;
            always_wins.then_some(*definition)
        })
    }

    /// The tree holds the earlier sets only when this is called.
    fn check_overlap_with_earlier_sets(&mut self, rule: &'r RuleDefinition) {
        let mut shared = None;
        for (path, host, _) in places(rule) {
            let found = self.index.trie.overlapping(&host, &path.pattern, &mut |routes| {
                for number in routes {
                    let Some((other_path, other_host)) = self.origins.get(*number) else { continue };
                    let covers = |one: (&HostPattern, &PathPattern), other: (&HostPattern, &PathPattern)| {
                        one.0.covers(other.0) && one.1.covers(other.1)
                    };
                    let (one, other) = ((&host, &path.pattern), (other_host, &other_path.pattern));
                    let overlap = (path, host.clone(), *number);
                    if covers(one, other) || covers(other, one) {
                        return ControlFlow::Break(overlap);
                    }
                    shared.get_or_insert(overlap);
                }
                ControlFlow::Continue(())
            });
            if let ControlFlow::Break((path, host, number)) = found {
                if let Some(diagnostic) = self.describe_overlap(rule, path, &host, number, Overlap::Covering)
                {
                    self.fail(diagnostic);
                }
                return;
            }
        }
        if let Some((path, host, number)) = shared
            && let Some(diagnostic) = self.describe_overlap(rule, path, &host, number, Overlap::Sharing)
        {
            self.diagnostics.push(diagnostic);
        }
    }

    fn describe_overlap(
        &self,
        rule: &RuleDefinition,
        path: &RulePath,
        host: &HostPattern,
        other: RouteNumber,
        overlap: Overlap,
    ) -> Option<Diagnostic> {
        let (other_path, other_host) = self.origins.get(other)?;
        let (_, other_rule) = self.definitions.get(self.index.routes.get(other)?.rule)?;
        let verb = match overlap {
            Overlap::Covering => "overlaps",
            Overlap::Sharing => "shares requests with",
        };
        let headline = format!(
            "rule `{}` ({}) {verb} rule `{}` ({}) in another rule set",
            rule.id.value, path.place.source, other_rule.id.value, other_path.place.source
        );
        let diagnostic = match overlap {
            Overlap::Covering => Diagnostic::error(Code::ConflictingRules, headline, &path.place),
            Overlap::Sharing => Diagnostic::warning(Code::ConflictingRules, headline, &path.place),
        };
        let hosts = if host == other_host {
            format!("on host `{host}`")
        } else {
            format!("on hosts `{host}` and `{other_host}`")
        };
        let witness = format!(
            "{}//{}{}",
            common_scheme(rule, other_rule),
            host.common_host(other_host).unwrap_or_default(),
            path.pattern.common_path(&other_path.pattern).unwrap_or_default()
        );
        Some(
            diagnostic
                .and_place(&other_path.place)
                .found(format!("`{}` and `{}` {hosts}", path.written, other_path.written))
                .expected("overlapping rules in one rule set")
                .hint(format!(
                    "both match `{witness}`; put both rules into one file, or narrow one path or host"
                )),
        )
    }
}

/// `https:`, or what the rules ask for; nothing where they ask for different ones, which does not keep them apart.
fn common_scheme(one: &RuleDefinition, other: &RuleDefinition) -> &'static str {
    match (one.matching.scheme, other.matching.scheme) {
        (Some(one), Some(other)) if one != other => "",
        (Some(Scheme::Http), _) | (_, Some(Scheme::Http)) => "http:",
        _ => "https:",
    }
}

/// How rules of two sets meet.
#[derive(Clone, Copy)]
enum Overlap {
    /// One matches everything that the other does: refused.
    Covering,
    /// Each also has requests of its own: told.
    Sharing,
}
