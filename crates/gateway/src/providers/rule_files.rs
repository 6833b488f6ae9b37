//! From rule files to rule sets, at start and whenever the files change.

use std::{path::PathBuf, sync::Arc};

use gateway_core::{
    document::{Code, Diagnostic, Diagnostics, KeyPath, Place},
    rules::{RuleSet, decode_rule_set},
};

use super::{
    file_system::{self, ReadError, RuleFile},
    rule_book::{RuleBook, SourceIndex},
};
use crate::{
    config::{Environment, Sources, read_document},
    file_watch::Watch,
};

/// `providers.file_system`.
#[derive(Debug, Clone)]
pub(crate) struct RuleFiles {
    /// The file or folder.
    pub(crate) source: PathBuf,
    /// The environment, if `${NAME}` is to be replaced in rule files.
    pub(crate) environment: Option<Environment>,
}

impl RuleFiles {
    /// Reads the files as they are now.
    ///
    /// # Errors
    ///
    /// If the file, the folder or one of its files can not be read.
    pub(crate) fn read(&self) -> Result<Vec<RuleFile>, ReadError> {
        file_system::read(&self.source)
    }

    /// The rule sets in the files. All mistakes of all files are added to `diagnostics`. A file without content, as editors
    /// leave for a moment, has no rules.
    pub(crate) fn decode(
        &self,
        files: &[RuleFile],
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) -> Vec<RuleSet> {
        let mut rule_sets = Vec::new();
        for file in files {
            let name = file.path.display().to_string();
            let root = KeyPath::rule_set();
            let environment = self.environment.as_ref();
            let node = read_document(&name, &file.text, &root, environment, sources, diagnostics);
            if let Some(node) = node.filter(|node| !node.is_null()) {
                rule_sets.extend(decode_rule_set(&node, diagnostics));
            }
        }
        rule_sets
    }

    /// Follows the files for as long as the gateway runs. `known` is what the rules of the moment were made from.
    ///
    /// Files that can not be read or hold a mistake leave the rules as they are, with an error in the log; a file that is gone
    /// takes its rules away.
    pub(crate) async fn follow(
        self,
        watch: Watch,
        mut known: Vec<RuleFile>,
        book: Arc<RuleBook>,
        source: SourceIndex,
    ) {
        let mut last_error = None;
        loop {
            watch.changed().await;
            match self.read() {
                Ok(files) if files == known => {}
                Ok(files) => {
                    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
                    let rule_sets = self.decode(&files, &mut sources, &mut diagnostics);
                    book.replace(source, rule_sets, diagnostics);
                    known = files;
                    last_error = None;
                }
                // The poll finds the same error again and again; once is enough.
                Err(error) => {
                    let error = error.to_string();
                    if last_error.as_ref() != Some(&error) {
                        tracing::error!(error, "rules not read, the old ones stay");
                        book.engine().rules_unreadable();
                    }
                    last_error = Some(error);
                }
            }
        }
    }
}

/// An error of reading as a mistake of the configuration, for the start.
pub(crate) fn unreadable(error: &ReadError) -> Diagnostic {
    let place = Place::whole_file(Arc::from(error.path.display().to_string()));
    Diagnostic::error(Code::UnreadableFile, format!("rules can not be read: {}", error.source), &place)
        .expected("a readable file, or a folder of them")
}
