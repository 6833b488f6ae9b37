//! The process environment: variables for substitution, and settings laid over the configuration file.
//!
//! `HEIMDALLCFG_SERVE_TRUSTED__PROXIES_0=10.0.0.0/8` sets `serve.trusted_proxies[0]`: behind the prefix, in any case, `_`
//! separates levels, `__` is an underscore, a number is a position in a list. A value that begins with `{`, `[` or a quote is
//! read as YAML, any other is a scalar. The environment wins over the file.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use gateway_core::document::{Code, Diagnostic, Diagnostics, Key, Node, NodeValue, Place};

use super::document::parse_value;

/// The variables of the process as they were when it started. `Debug` hides them: they may be credentials.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Environment").field("variables", &self.variables.len()).finish()
    }
}

impl Environment {
    /// The environment of this process. Variables that are not Unicode are left out.
    #[must_use]
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self { variables: variables.collect() }
    }

    /// An environment of these variables.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        Self { variables: variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }

    /// The value of a variable, `None` when it is not set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Lays every variable with one of the `prefixes` over the document, later prefixes over earlier ones.
    pub(crate) fn overlay(&self, root: &mut Node, prefixes: &[&str], diagnostics: &mut Diagnostics) {
        for prefix in prefixes {
            let mut settings: Vec<(Vec<Step>, &str, &str)> = self
                .variables
                .iter()
                .filter_map(|(name, value)| {
                    let is_for_commands = COMMAND_VARIABLES.contains(&name.as_str());
                    let path = name
                        .strip_prefix(prefix)
                        .filter(|_| !is_for_commands)
                        .filter(|path| !path.is_empty())?;
                    Some((steps(path), name.as_str(), value.as_str()))
                })
                .collect();
            // Positions in order, so that a list can grow; a whole before its parts.
            settings.sort();
            for (path, name, value) in settings {
                let place = Place::environment(name);
                let Some(value) = read_value(name, value, &place, diagnostics) else { continue };
                if let Err(conflict) = set(root, &path, value, &place) {
                    report(conflict, name, &place, diagnostics);
                }
            }
        }
    }
}

/// Variables with our prefix that client commands read: they set nothing here, and are no mistake.
const COMMAND_VARIABLES: [&str; 1] = ["KEYBOUND_INSECURE_PLAIN_HTTP"];

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Index(usize),
    Key(String),
}

/// `SERVE_TRUSTED__PROXIES_0` as levels.
fn steps(path: &str) -> Vec<Step> {
    const UNDERSCORE: char = '\u{0}';
    path.to_lowercase()
        .replace("__", &UNDERSCORE.to_string())
        .split('_')
        .map(|step| match step.parse() {
            Ok(index) if step.bytes().all(|byte| byte.is_ascii_digit()) => Step::Index(index),
            Ok(_) | Err(_) => Step::Key(step.replace(UNDERSCORE, "_")),
        })
        .collect()
}

fn read_value(name: &str, value: &str, place: &Place, diagnostics: &mut Diagnostics) -> Option<Node> {
    if !value.starts_with(['{', '[', '"', '\'']) {
        return Some(if value.is_empty() {
            Node::quoted_scalar("", place.clone())
        } else {
            Node::plain_scalar(value, place.clone())
        });
    }
    let mut node = parse_value(name, value, diagnostics)?;
    mark(&mut node, &Arc::from(name));
    Some(node)
}

/// Makes every place inside a value that of its variable; keys keep a column, so that they are told from the levels in the
/// variable's name.
fn mark(node: &mut Node, variable: &Arc<str>) {
    let within =
        |place: &mut Place| *place = Place { column: place.column.max(1), ..Place::environment(variable) };
    within(&mut node.place);
    match &mut node.value {
        NodeValue::Sequence(elements) => elements.iter_mut().for_each(|element| mark(element, variable)),
        NodeValue::Mapping(entries) => {
            for (key, value) in entries {
                within(&mut key.place);
                mark(value, variable);
            }
        }
        NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(_) | NodeValue::String(_) => {}
    }
}

enum Conflict {
    /// A scalar stands where the path needs a map or list, or the reverse.
    Shape,
    /// The list ends before the position.
    Gap,
}

fn report(conflict: Conflict, name: &str, place: &Place, diagnostics: &mut Diagnostics) {
    let (code, headline, expected) = match conflict {
        Conflict::Shape => (
            Code::WrongType,
            format!("`{name}` does not fit the configuration it is laid over"),
            "a scalar where a scalar is, a map where a map is",
        ),
        Conflict::Gap => (
            Code::OutOfRange,
            format!("`{name}` leaves a gap in its list"),
            "the positions from 0 on, without a gap",
        ),
    };
    diagnostics.push(Diagnostic::error(code, headline, place).expected(expected));
}

fn set(node: &mut Node, path: &[Step], value: Node, place: &Place) -> Result<(), Conflict> {
    let Some((step, rest)) = path.split_first() else { return merge(node, value) };
    let fresh = || Node::new(NodeValue::Null, place.clone());
    match step {
        Step::Key(text) => {
            if node.is_null() {
                *node = Node::new(NodeValue::Mapping(Vec::new()), place.clone());
            }
            let NodeValue::Mapping(entries) = &mut node.value else { return Err(Conflict::Shape) };
            let position = entries.iter().position(|(key, _)| key.text == *text).unwrap_or(entries.len());
            if position == entries.len() {
                entries.push((Key { text: text.clone(), place: place.clone() }, fresh()));
            }
            entries.get_mut(position).map_or(Err(Conflict::Gap), |(_, child)| set(child, rest, value, place))
        }
        Step::Index(index) => {
            if node.is_null() {
                *node = Node::new(NodeValue::Sequence(Vec::new()), place.clone());
            }
            let elements = match &mut node.value {
                NodeValue::Sequence(elements) => elements,
                // A map may have a key that is a number.
                NodeValue::Mapping(_) => return set_key(node, &index.to_string(), rest, value, place),
                NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(_) | NodeValue::String(_) => {
                    return Err(Conflict::Shape);
                }
            };
            if *index == elements.len() {
                elements.push(fresh());
            }
            elements.get_mut(*index).map_or(Err(Conflict::Gap), |child| set(child, rest, value, place))
        }
    }
}

fn set_key(node: &mut Node, key: &str, rest: &[Step], value: Node, place: &Place) -> Result<(), Conflict> {
    let mut path = vec![Step::Key(key.to_owned())];
    path.extend_from_slice(rest);
    set(node, &path, value, place)
}

/// Lays a value over what is there: maps are merged, everything else is replaced by its like.
fn merge(node: &mut Node, value: Node) -> Result<(), Conflict> {
    let is_collection = |node: &Node| node.entries().is_some() || node.elements().is_some();
    if !node.is_null() && !value.is_null() && is_collection(node) != is_collection(&value) {
        return Err(Conflict::Shape);
    }
    if let (NodeValue::Mapping(_), NodeValue::Mapping(entries)) = (&node.value, &value.value) {
        for (key, child) in entries.clone() {
            set(node, &[Step::Key(key.text.clone())], child, &key.place)?;
        }
        return Ok(());
    }
    *node = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use gateway_core::document::{Decode, KeyPath};

    use super::*;

    fn overlay(file: &serde_json::Value, variables: &[(&str, &str)]) -> (Node, Diagnostics) {
        let mut root = Node::from_json(file, &Place::new(Arc::from("f.yaml"), 1, 1));
        let mut diagnostics = Diagnostics::new();
        let environment = Environment::from_pairs(variables.iter().copied());
        environment.overlay(&mut root, &["HEIMDALLCFG_", "KEYBOUND_"], &mut diagnostics);
        (root, diagnostics)
    }

    #[test]
    fn levels_underscores_and_positions_come_from_the_name() {
        let (root, diagnostics) = overlay(
            &serde_json::json!({"log": {"level": "info"}}),
            &[
                ("HEIMDALLCFG_LOG_LEVEL", "debug"),
                ("HEIMDALLCFG_SERVE_TRUSTED__PROXIES_0", "10.0.0.0/8"),
                ("OTHER", "x"),
            ],
        );
        assert!(diagnostics.is_empty());
        assert_eq!(root.get("log").unwrap().get("level").unwrap().as_str(), Some("debug"));
        let proxies = root.get("serve").unwrap().get("trusted_proxies").unwrap();
        assert_eq!(proxies.elements().unwrap()[0].as_str(), Some("10.0.0.0/8"));
        assert!(root.get("log").unwrap().get("level").unwrap().place.is_environment());
    }

    #[test]
    fn several_variables_build_one_new_element_and_merge_into_an_old_one() {
        let (root, diagnostics) = overlay(
            &serde_json::json!({"m": {"a": [{"id": "x", "config": {"p": "old"}}]}}),
            &[
                ("HEIMDALLCFG_M_A_0_CONFIG_P", "new"),
                ("HEIMDALLCFG_M_A_1_ID", "y"),
                ("HEIMDALLCFG_M_A_1_TYPE", "anonymous"),
                ("KEYBOUND_M_A_2", "{id: z, type: jwt}"),
            ],
        );
        assert!(diagnostics.is_empty(), "{diagnostics}");
        let elements = root.get("m").unwrap().get("a").unwrap().elements().unwrap();
        assert_eq!(elements[0].get("config").unwrap().get("p").unwrap().as_str(), Some("new"));
        assert_eq!(elements[0].get("id").unwrap().as_str(), Some("x"));
        assert_eq!(elements[1].get("type").unwrap().as_str(), Some("anonymous"));
        assert_eq!(elements[2].get("id").unwrap().as_str(), Some("z"));
    }

    #[test]
    fn conflicts_and_gaps_name_the_variable() {
        let file = serde_json::json!({"log": {"level": "info"}, "list": ["a"]});
        for (name, code) in [
            ("HEIMDALLCFG_LOG", Code::WrongType),
            ("HEIMDALLCFG_LOG_LEVEL_X", Code::WrongType),
            ("HEIMDALLCFG_LIST_2", Code::OutOfRange),
        ] {
            let (_, diagnostics) = overlay(&file, &[(name, "x")]);
            let error = diagnostics.errors().next().unwrap();
            assert_eq!((error.code, error.places[0].env.as_deref()), (code, Some(name)));
        }
    }

    #[test]
    fn numbers_are_text_where_text_is_wanted() {
        let (root, _) = overlay(&serde_json::json!({}), &[("KEYBOUND_A", "12")]);
        let path = KeyPath::configuration();
        let mut diagnostics = Diagnostics::new();
        assert_eq!(String::decode(root.get("a").unwrap(), &path, &mut diagnostics), Some("12".to_owned()));
        assert_eq!(u16::decode(root.get("a").unwrap(), &path, &mut diagnostics), Some(12));
    }
}
