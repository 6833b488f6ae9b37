//! YAML 1.2 and JSON text as a tree with places.
//!
//! The parser's events are turned into the tree here, so that the target type of a setting, not the parser, decides what a
//! scalar means, and every key and value keeps its place through aliases, merge keys and substituted variables.

use std::collections::BTreeMap;
use std::sync::Arc;

use gateway_core::document::{Code, Diagnostic, Diagnostics, Key, KeyPath, Node, NodeValue, Place};
use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::environment::Environment;
use super::source_text::{Lines, Sources};
use super::substitute::{Substituted, substitute};

/// Nodes of one document, those that aliases repeat included.
const MAX_NODES: usize = 50_000;
/// Collections inside collections.
const MAX_NESTING: usize = 64;
/// Bytes of one document.
const MAX_BYTES: usize = 8 << 20;

/// Reads one document. With an `environment`, `${NAME}` is replaced first. The text is added to `sources` for printing.
///
/// An empty document is a null node. `None` after reporting why the text can not be read.
pub fn read(
    name: &str,
    text: &str,
    root_path: &KeyPath,
    environment: Option<&Environment>,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let source: Arc<str> = Arc::from(name);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let node = read_text(&source, text, environment, diagnostics);
    sources.add(&source, text, node.as_ref().map(|node| (node, root_path)));
    node
}

fn read_text(
    source: &Arc<str>,
    text: &str,
    environment: Option<&Environment>,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    if text.len() > MAX_BYTES {
        let headline = format!("the document is larger than {MAX_BYTES} bytes");
        diagnostics.push(Diagnostic::error(
            Code::UnreadableYaml,
            headline,
            &Place::whole_file(Arc::clone(source)),
        ));
        return None;
    }
    let substituted = match environment {
        Some(environment) => substitute(source, text, environment, diagnostics)?,
        None => Substituted::unchanged(text),
    };
    parse(source, text, &substituted, diagnostics)
}

/// Reads a value that stands alone, such as that of an environment variable.
pub(super) fn parse_value(variable: &str, text: &str, diagnostics: &mut Diagnostics) -> Option<Node> {
    let mut found = Diagnostics::new();
    let node = parse(&Arc::from(variable), text, &Substituted::unchanged(text), &mut found);
    if node.is_none() || found.has_errors() {
        diagnostics.push(
            Diagnostic::error(
                Code::UnreadableYaml,
                format!("the value of `{variable}` is not readable as YAML"),
                &Place::environment(variable),
            )
            .expected("a scalar, or a list or map in one line, such as `{id: a, type: jwt}`"),
        );
        return None;
    }
    node
}

fn parse(
    source: &Arc<str>,
    written: &str,
    text: &Substituted,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: MAX_NESTING,
        block_nesting_limit: MAX_NESTING,
    };
    let mut tree = Tree {
        places: Places { source, lines: Lines::of(written), text },
        diagnostics,
        open: Vec::new(),
        anchors: BTreeMap::new(),
        nodes: 0,
        root: None,
        failed: false,
    };
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(&text.text, options) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                tree.report_scan_error(&error);
                return None;
            }
        };
        if let Event::DocumentStart(..) = event {
            documents += 1;
            if documents > 1 {
                let place = tree.places.of(&span);
                let headline = "the file has further documents, which are ignored";
                tree.diagnostics.push(Diagnostic::warning(Code::FurtherDocumentsIgnored, headline, &place));
                break;
            }
        }
        tree.take(event, &span)?;
    }
    if tree.failed {
        return None;
    }
    Some(tree.root.unwrap_or_else(|| Node::new(NodeValue::Null, Place::new(Arc::clone(source), 1, 1))))
}

/// The tree while it grows.
struct Tree<'a> {
    places: Places<'a>,
    diagnostics: &'a mut Diagnostics,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
    failed: bool,
}

/// A collection whose end was not seen yet.
struct Open {
    place: Place,
    anchor: usize,
    content: OpenContent,
}

enum OpenContent {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<(Key, Node)>, key: Option<PendingKey>, merged: Vec<Node> },
}

/// A key whose value comes next.
enum PendingKey {
    Plain(Key),
    Merge,
}

/// The key that merges other maps into this one (YAML 1.1, still in wide use).
const MERGE_KEY: &str = "<<";

impl Tree<'_> {
    /// Takes one event. `None` when the rest of the document can not be understood.
    fn take(&mut self, event: Event<'_>, span: &Span) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let place = self.places.of(span);
                self.count(1, &place)?;
                if self.expects_key() {
                    let is_merge = text == MERGE_KEY && style == ScalarStyle::Plain;
                    if anchor != 0 {
                        self.anchors.insert(anchor, Node::quoted_scalar(text.as_ref(), place.clone()));
                    }
                    return self.key(&text, is_merge, place);
                }
                let place = Place { text_offset: self.places.text_offset(span, &text, &place), ..place };
                let node = scalar(&text, style, tag.as_deref(), place);
                self.remember(anchor, &node);
                self.value(node)
            }
            Event::SequenceStart(_, anchor, _) => {
                let place = self.places.start_of(span);
                self.open(anchor, place, OpenContent::Sequence(Vec::new()))
            }
            Event::MappingStart(_, anchor, _) => {
                let place = self.places.start_of(span);
                let content = OpenContent::Mapping { entries: Vec::new(), key: None, merged: Vec::new() };
                self.open(anchor, place, content)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let closed = self.open.pop()?;
                let value = match closed.content {
                    OpenContent::Sequence(elements) => NodeValue::Sequence(elements),
                    OpenContent::Mapping { entries, merged, .. } => {
                        NodeValue::Mapping(self.merge(entries, merged))
                    }
                };
                let node = Node::new(value, closed.place);
                self.remember(closed.anchor, &node);
                self.value(node)
            }
            Event::Alias(id) => {
                let place = self.places.of(span);
                let Some(node) = self.anchors.get(&id).cloned() else {
                    self.report(&place, "an alias inside the value it stands for");
                    return None;
                };
                self.count(size(&node), &place)?;
                if self.expects_key() {
                    let text = node.scalar_text();
                    let Some(text) = text else {
                        self.report(&place, "a key must be a text");
                        return None;
                    };
                    return self.key(&text, false, place);
                }
                self.value(node)
            }
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::UnresolvedAlias(..) => Some(()),
            // The enum may grow, and has a variant for comments when another crate switches them on.
            #[allow(unreachable_patterns, reason = "depends on the features of the parser")]
            _ => Some(()),
        }
    }

    fn open(&mut self, anchor: usize, place: Place, content: OpenContent) -> Option<()> {
        self.count(1, &place)?;
        if self.expects_key() {
            self.report(&place, "a key must be a text");
            return None;
        }
        let place = self.key_above(&place).cloned().unwrap_or(place);
        self.open.push(Open { place, anchor, content });
        Some(())
    }

    /// The key of a collection that starts below it. What is missing in the collection is looked for there.
    fn key_above(&self, place: &Place) -> Option<&Place> {
        match self.open.last().map(|open| &open.content) {
            Some(OpenContent::Mapping { key: Some(PendingKey::Plain(key)), .. }) => {
                Some(&key.place).filter(|key| key.line < place.line)
            }
            Some(OpenContent::Mapping { .. } | OpenContent::Sequence(_)) | None => None,
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: OpenContent::Mapping { key: None, .. }, .. }))
    }

    fn key(&mut self, text: &str, is_merge: bool, place: Place) -> Option<()> {
        let Some(Open { content: OpenContent::Mapping { entries, key, .. }, .. }) = self.open.last_mut()
        else {
            return None;
        };
        if !is_merge && let Some((first, _)) = entries.iter().find(|(other, _)| other.text == text) {
            self.diagnostics.push(
                Diagnostic::error(
                    Code::DuplicateKey,
                    format!("key `{text}` stands twice in one map"),
                    &place,
                )
                .and_place(&first.place)
                .found(text)
                .hint("remove one of the two"),
            );
            self.failed = true;
        }
        let plain = || PendingKey::Plain(Key { text: text.to_owned(), place });
        *key = Some(if is_merge { PendingKey::Merge } else { plain() });
        Some(())
    }

    fn value(&mut self, node: Node) -> Option<()> {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(OpenContent::Sequence(elements)) => elements.push(node),
            Some(OpenContent::Mapping { entries, key, merged }) => match key.take() {
                None => {
                    let place = node.place;
                    self.report(&place, "a key must be a text");
                    return None;
                }
                Some(PendingKey::Merge) => merged.push(node),
                Some(PendingKey::Plain(key)) => entries.push((key, node)),
            },
        }
        Some(())
    }

    /// Adds the entries of merged maps that are not there already; the map's own come first, then earlier maps.
    fn merge(&mut self, mut entries: Vec<(Key, Node)>, merged: Vec<Node>) -> Vec<(Key, Node)> {
        for node in merged {
            let Node { value, place, .. } = node;
            let maps = match value {
                NodeValue::Sequence(elements) => elements,
                other => vec![Node::new(other, place)],
            };
            for map in maps {
                let Some(further) = map.entries() else {
                    self.report(&map.place, "`<<` merges maps only");
                    continue;
                };
                for (key, value) in further {
                    if !entries.iter().any(|(own, _)| own.text == key.text) {
                        entries.push((key.clone(), value.clone()));
                    }
                }
            }
        }
        entries
    }

    fn remember(&mut self, anchor: usize, node: &Node) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
    }

    fn count(&mut self, nodes: usize, place: &Place) -> Option<()> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            self.report(
                place,
                &format!("the document has more than {MAX_NODES} values, repeated ones included"),
            );
            return None;
        }
        Some(())
    }

    fn report(&mut self, place: &Place, headline: &str) {
        self.failed = true;
        self.diagnostics.push(Diagnostic::error(Code::UnreadableYaml, headline, place));
    }

    fn report_scan_error(&mut self, error: &ScanError) {
        let offset = error.marker().byte_offset().unwrap_or(0);
        let place = self.places.at(offset, 1);
        let indentation = self.places.line_indentation(offset);
        let mut diagnostic = Diagnostic::error(
            Code::UnreadableYaml,
            format!("the text is not YAML: {}", error.info()),
            &place,
        );
        if indentation.contains('\t') {
            diagnostic = diagnostic.hint("indent with blanks, YAML does not allow tabs there");
        }
        self.diagnostics.push(diagnostic);
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Node {
    let is_text = tag.is_some_and(|tag| tag.core_suffix() == Some("str"));
    match style {
        ScalarStyle::Plain if !is_text => Node::plain_scalar(text, place),
        ScalarStyle::Plain
        | ScalarStyle::SingleQuoted
        | ScalarStyle::DoubleQuoted
        | ScalarStyle::Literal
        | ScalarStyle::Folded => Node::quoted_scalar(text, place),
    }
}

/// The number of nodes in a tree.
fn size(node: &Node) -> usize {
    match &node.value {
        NodeValue::Sequence(elements) => elements.iter().map(size).sum::<usize>() + 1,
        NodeValue::Mapping(entries) => entries.iter().map(|(_, value)| size(value)).sum::<usize>() + 1,
        NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(_) | NodeValue::String(_) => 1,
    }
}

/// Finds places in the text as written.
struct Places<'a> {
    source: &'a Arc<str>,
    lines: Lines<'a>,
    text: &'a Substituted,
}

impl Places<'_> {
    fn of(&self, span: &Span) -> Place {
        let start = span.start.byte_offset().unwrap_or(0);
        let end = span.end.byte_offset().unwrap_or(start);
        self.at(start, end.saturating_sub(start))
    }

    /// How many characters behind the column of `place` each line of a scalar's `text` stands; `None` when the text is not
    /// written character for character.
    fn text_offset(&self, span: &Span, text: &str, place: &Place) -> Option<u32> {
        let (start, end) = self.written(span);
        let written = self.lines.text().get(start..end)?;
        let between_quotes = |quote| written.strip_prefix(quote)?.strip_suffix(quote);
        if between_quotes('"').or_else(|| between_quotes('\'')) == Some(text) {
            return Some(1);
        }
        let indentation = usize::try_from(place.column).ok()?.checked_sub(1)?;
        let mut written_lines = written.trim_end().lines();
        let is_literal = text.trim_end().split('\n').enumerate().all(|(number, line)| {
            written_lines.next().is_some_and(|written| match written.strip_suffix(line) {
                Some(before) if number == 0 || line.is_empty() => before.trim_start().is_empty(),
                Some(before) => before.len() == indentation && before.trim_start().is_empty(),
                None => false,
            })
        });
        (is_literal && written_lines.next().is_none()).then_some(0)
    }

    /// Start and end of a token in the text as written.
    fn written(&self, span: &Span) -> (usize, usize) {
        let start = span.start.byte_offset().unwrap_or(0);
        let end = span.end.byte_offset().unwrap_or(start).max(start);
        let written = self.text.written_offset(start);
        (written, self.text.written_offset(end).max(written))
    }

    /// Collections are pointed to by their first character.
    fn start_of(&self, span: &Span) -> Place {
        self.at(span.start.byte_offset().unwrap_or(0), 1)
    }

    fn at(&self, offset: usize, length: usize) -> Place {
        let start = self.text.written_offset(offset);
        let end = self.text.written_offset(offset + length).max(start);
        self.lines.place(self.source, start, end - start)
    }

    fn line_indentation(&self, offset: usize) -> &str {
        let text = self.text.text.as_str();
        let start = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        line.get(..line.len() - line.trim_start().len()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use gateway_core::document::Spanned;

    use super::*;

    fn run(text: &str) -> (Option<Node>, Diagnostics) {
        let mut diagnostics = Diagnostics::new();
        let path = KeyPath::configuration();
        let environment = Environment::from_pairs([("PORT", "4456"), ("LONG", "a-long-value")]);
        let node = read("f.yaml", text, &path, Some(&environment), &mut Sources::new(), &mut diagnostics);
        (node, diagnostics)
    }

    fn node(text: &str) -> Node {
        let (node, diagnostics) = run(text);
        assert!(diagnostics.is_empty(), "{diagnostics}");
        node.unwrap()
    }

    fn at<'n>(node: &'n Node, path: &str) -> &'n Node {
        path.split('.').fold(node, |node, step| match step.parse::<usize>() {
            Ok(index) => &node.elements().unwrap()[index],
            Err(_) => node.get(step).unwrap(),
        })
    }

    fn position(place: &Place) -> (u32, u32, u32) {
        (place.line, place.column, place.length)
    }

    #[track_caller]
    fn fails(text: &str, code: Code, line: u32) {
        let (node, diagnostics) = run(text);
        assert!(node.is_none());
        let error = diagnostics.errors().next().unwrap();
        assert_eq!((error.code, error.places[0].line), (code, line), "{diagnostics}");
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let root = node("serve:\n  timeout:\n    read: 5s\n  list: [a, \"b\"]\n");
        assert_eq!(position(&at(&root, "serve.timeout.read").place), (3, 11, 2));
        assert_eq!(position(at(&root, "serve.timeout").key_place("read").unwrap()), (3, 5, 4));
        assert_eq!(position(&at(&root, "serve.list.0").place), (4, 10, 1));
        assert_eq!(position(&at(&root, "serve.list.1").place), (4, 13, 3));
        assert_eq!(at(&root, "serve.list.1").value, NodeValue::String("b".into()));
    }

    #[test]
    fn a_collection_below_its_key_is_found_at_the_key() {
        let root = node("serve:\n  timeout: {read: 5s}\nlist:\n  - a: 1\n");
        assert_eq!(position(&at(&root, "serve").place), (1, 1, 5));
        assert_eq!(position(&at(&root, "serve.timeout").place), (2, 12, 1));
        assert_eq!(position(&at(&root, "list.0").place), (4, 5, 1));
    }

    #[test]
    fn scalars_keep_their_style() {
        let root = node("a: yes\nb: \"12\"\nc: 12\nd: ~\ne: !!str 12\nf: |\n  12\n");
        assert_eq!(at(&root, "a").as_str(), Some("yes"));
        assert_eq!(at(&root, "b").as_str(), Some("12"));
        assert_eq!(at(&root, "c").value, NodeValue::Number("12".into()));
        assert!(at(&root, "d").is_null());
        assert_eq!(at(&root, "e").as_str(), Some("12"));
        assert_eq!(at(&root, "f").as_str(), Some("12\n"));
    }

    #[test]
    fn an_unquoted_exclamation_mark_is_a_tag_on_nothing() {
        assert!(at(&node("methods: [GET, !POST ]"), "methods.1").is_null());
    }

    #[test]
    fn places_are_those_before_substitution() {
        let root = node("port: ${PORT} # ${LONG}\nb: \"${LONG}\" \nc: x${LONG}y\nd: 1\n");
        assert_eq!(at(&root, "port").value, NodeValue::Number("4456".into()));
        assert_eq!(position(&at(&root, "port").place), (1, 7, 7));
        assert_eq!(position(&at(&root, "b").place), (2, 4, 9));
        assert_eq!(at(&root, "c").as_str(), Some("xa-long-valuey"));
        assert_eq!(position(&at(&root, "d").place), (4, 4, 1));
    }

    #[test]
    fn places_within_a_text_are_within_its_token() {
        let within = |yaml: &str, line, column| {
            let root = node(yaml);
            let text = at(&root, "t");
            let place = Spanned::new(text.as_str().unwrap().to_owned(), text.place.clone());
            let place = place.place_within(line, column);
            (place.line, place.column)
        };
        assert_eq!(within("t: abc\n", 1, 3), (1, 6));
        assert_eq!(within("t: 'abc'\n", 1, 3), (1, 7));
        assert_eq!(within("t: |\n  abc\n  def\n", 2, 3), (3, 5));
        assert_eq!(within("t: |\n  abc\n", 1, 3), (2, 5));
        // Other lines than those of the token, or a longer one: the whole.
        assert_eq!(within("t: 'abc\n  def'\n", 1, 6), (1, 4));
        assert_eq!(within("t: >\n  abc\n  def\n", 1, 6), (2, 3));
        assert_eq!(within("t: \"abc\\ndef\"\n", 2, 3), (1, 4));
        assert_eq!(within("t: ${LONG}\n", 1, 12), (1, 4));
        assert_eq!(within("t: |\n  abc\n  ${LONG}\n", 2, 12), (2, 3));
        assert_eq!(within("t: |\n  abc\n\n   def\n", 3, 2), (4, 4));
        assert_eq!(within("t: |\n  abc\n", 2, 1), (2, 3));
    }

    #[test]
    fn json_is_read_as_well() {
        let root = node("{\"log\": {\"level\": \"info\", \"n\": [1, true, null]}}");
        assert_eq!(at(&root, "log.level").as_str(), Some("info"));
        assert_eq!(at(&root, "log.n.1").value, NodeValue::Bool(true));
    }

    #[test]
    fn aliases_and_merge_keys_are_resolved() {
        let root = node("a: &x {p: 1, q: 2}\nb: *x\nc: {<<: *x, q: 3}\nd: {<<: [{r: 1}, {r: 2, s: 3}]}\n");
        assert_eq!(at(&root, "b"), at(&root, "a"));
        assert_eq!(at(&root, "c.q").value, NodeValue::Number("3".into()));
        assert_eq!(at(&root, "c.p").value, NodeValue::Number("1".into()));
        assert_eq!(at(&root, "d.r").value, NodeValue::Number("1".into()));
        assert_eq!(at(&root, "d.s").value, NodeValue::Number("3".into()));
    }

    #[test]
    fn an_empty_file_is_nothing() {
        assert!(node("").is_null());
        assert!(node("# only a comment\n").is_null());
        assert!(node("---\n").is_null());
    }

    #[test]
    fn further_documents_are_ignored_with_a_warning() {
        let (node, diagnostics) = run("a: 1\n---\nb: 2\n");
        assert!(node.unwrap().get("b").is_none());
        let codes: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        assert_eq!(codes, [Code::FurtherDocumentsIgnored]);
    }

    #[test]
    fn unreadable_text_is_refused_with_its_line() {
        fails("a: 1\nb: [1, 2\n", Code::UnreadableYaml, 2);
        fails("a:\n\tb: 1\n", Code::UnreadableYaml, 2);
        fails("a: 1\nb: 2\na: 3\n", Code::DuplicateKey, 3);
        fails("a: *nope\n", Code::UnreadableYaml, 1);
        fails("a: &x [*x]\n", Code::UnreadableYaml, 1);
        fails("{a: 1}: 2\n", Code::UnreadableYaml, 1);
        fails("a: {<<: 1}\n", Code::UnreadableYaml, 1);
        fails(&"[".repeat(100), Code::UnreadableYaml, 1);
        fails("a: ${X-y}\n", Code::BadSubstitution, 1);
    }

    #[test]
    fn aliases_that_multiply_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..8 {
            let previous = level - 1;
            let aliases = vec![format!("*a{previous}"); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        fails(&text, Code::UnreadableYaml, 5);
    }

    proptest! {
        #[test]
        fn no_text_panics_and_every_place_lies_in_it(text in "[-a-z0-9 :,#&*!|>'\"%@\\[\\]{}<$\\n\\té]{0,80}") {
            let (node, diagnostics) = run(&text);
            let lines = text.lines().count().max(1) + 1;
            for diagnostic in diagnostics.iter() {
                for place in &diagnostic.places {
                    prop_assert!(usize::try_from(place.line).unwrap() <= lines);
                }
            }
            prop_assert_eq!(node.is_none(), diagnostics.has_errors());
        }
    }
}
