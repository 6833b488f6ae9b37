//! [`Template`]: compiled once, rendered for every request.

use std::{collections::BTreeSet, collections::HashMap, fmt};

use regex::Regex;

use crate::{
    ast::Tree,
    error::{ParseError, Position, RenderError, Warning},
    eval,
    functions::regular_expressions,
    output::Output,
    parser,
    reads::{self, Reads},
    secret::{NoSecrets, SecretReference, SecretResolver},
    time::Time,
    value::Value,
    warnings,
};

/// A compiled template.
pub struct Template {
    source: String,
    tree: Tree,
    secrets: Vec<SecretReference>,
    reads: Reads,
    patterns: HashMap<Vec<u8>, Regex>,
}

/// What compiling a template needs besides its text.
pub struct CompileOptions<'a> {
    /// Gives the values of `secret` calls.
    pub secrets: &'a dyn SecretResolver,
}

/// What rendering a template needs besides the data, and its bounds.
pub struct RenderOptions<'a> {
    /// What `now` gives.
    pub now: Time,
    /// Fills the slice with random bytes from a cryptographic source; false if it cannot. For `uuidv4`, `randAlphaNum` and the like.
    pub random: &'a dyn Fn(&mut [u8]) -> bool,
    /// The longest output, and the longest text on the way to it, in bytes.
    pub max_output_bytes: usize,
    /// How deep templates may call each other.
    pub max_depth: usize,
    /// The most elements `repeat`, `until`, `seq`, `randAlphaNum` and the like may make.
    pub max_elements: usize,
    /// The most work, in steps: nodes and function calls evaluated, values walked.
    pub max_steps: u64,
}

/// A rendered text and what was odd about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text. Bytes that are not UTF-8 have become U+FFFD.
    pub text: String,
    /// The places that printed `<no value>`, each once. In a header or a claim this is hardly ever what someone wants.
    pub missing: BTreeSet<Position>,
}

impl Default for CompileOptions<'_> {
    fn default() -> Self {
        Self { secrets: &NoSecrets }
    }
}

impl RenderOptions<'_> {
    /// The usual bounds: 1 MiB of output, nesting depth 100, 100 000 elements, a million steps; no random bytes.
    pub fn at(now: Time) -> Self {
        Self {
            now,
            random: &|_| false,
            max_output_bytes: 1 << 20,
            max_depth: 100,
            max_elements: 100_000,
            max_steps: 1_000_000,
        }
    }
}

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    ///
    /// [`ParseError`] with place and, where possible, a hint: malformed actions, unknown functions, variables not declared, secrets
    /// that the resolver refuses.
    pub fn compile(source: &str, options: &CompileOptions<'_>) -> Result<Self, ParseError> {
        let (tree, secrets) = parser::parse(source, options.secrets)?;
        let reads = reads::of(&tree);
        let patterns = regular_expressions::compile_literals(&tree);
        Ok(Self { source: source.into(), tree, secrets, reads, patterns })
    }

    /// Renders the template; `data` is its dot.
    ///
    /// # Errors
    ///
    /// [`RenderError`], in which case the request this is for must be refused. It never holds a value of the data.
    pub fn render(&self, data: &Value, options: &RenderOptions<'_>) -> Result<String, RenderError> {
        self.render_with_report(data, options).map(|rendered| rendered.text)
    }

    /// Renders the template and tells which places had no value.
    ///
    /// # Errors
    ///
    /// As [`Template::render`].
    pub fn render_with_report(
        &self,
        data: &Value,
        options: &RenderOptions<'_>,
    ) -> Result<Rendered, RenderError> {
        let output = Output::new(options.max_output_bytes);
        let program = eval::Program {
            source: &self.source,
            tree: &self.tree,
            patterns: &self.patterns,
            changes_maps: self.reads.changes_maps,
        };
        eval::render(&program, data, options, output).map_err(|error| *error)
    }

    /// The names `.X` of the data that the template reads. Empty if [`Template::reads_everything`] tells that it takes the data as a whole.
    pub fn top_level_names(&self) -> &BTreeSet<String> {
        &self.reads.names
    }

    /// Whether the template takes the data as a whole somewhere, as `toJson .` does.
    pub fn reads_everything(&self) -> bool {
        self.reads.everything
    }

    /// Whether the template may read `.name` of the data.
    pub fn reads(&self, name: &str) -> bool {
        self.reads.everything || self.reads.names.contains(name)
    }

    /// Whether a step `.name` stands anywhere in the template, on whatever value: errs on the side of yes.
    pub fn takes_step(&self, name: &str) -> bool {
        self.reads.steps.contains(name)
    }

    /// What is probably not meant, in order: for the log when the configuration is loaded.
    pub fn warnings(&self) -> Vec<Warning> {
        warnings::of(&self.source, &self.tree)
    }

    /// The secrets in the template, in order.
    pub fn secrets(&self) -> &[SecretReference] {
        &self.secrets
    }
}

impl fmt::Debug for Template {
    /// Shows the source: it names secrets, but does not hold them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Template").field(&self.source).finish()
    }
}
