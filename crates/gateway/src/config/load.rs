//! From the command line to settings: find the file, read it, lay the environment over it, check it, read the secrets.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway_core::document::{Code, Diagnostic, Diagnostics, KeyPath, Node, NodeValue, Place};
use gateway_core::secrets::SecretStore;

use super::document;
use super::environment::Environment;
use super::render::Report;
use super::settings::Settings;
use super::source_text::Sources;
use super::validate::{self, Enforcement};
use crate::{
    clock,
    secrets::{self, Fingerprints},
    tls::certificate::certified_key,
};

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct LoadOptions {
    /// `-c`, `--config`: exactly this file. Without it the usual places are tried.
    pub(crate) file: Option<PathBuf>,
    /// The environment of the process.
    pub(crate) environment: Environment,
    /// `--env-config-prefix`. Without it both `HEIMDALLCFG_` and `KEYBOUND_` are read.
    pub(crate) environment_prefix: Option<String>,
    /// The `--insecure…` flags.
    pub(crate) enforcement: Enforcement,
}

/// A configuration that was read and may have errors. Rules and mechanisms add theirs before [`Draft::accept`] decides, so
/// that one run reports everything.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// The file that was read; none when there is none.
    pub(crate) file: Option<PathBuf>,
    /// What was found so far.
    pub(crate) diagnostics: Diagnostics,
    /// The documents read so far.
    pub(crate) sources: Sources,
    settings: Settings,
    secrets: SecretStore,
    fingerprints: Fingerprints,
}

impl Draft {
    /// The settings, good for finding further mistakes; to be used only once [`Draft::accept`] gave them.
    #[must_use]
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The secrets, as [`Draft::settings`].
    #[must_use]
    pub(crate) fn secrets(&self) -> &SecretStore {
        &self.secrets
    }

    /// The configuration, when nothing in it is wrong.
    ///
    /// # Errors
    ///
    /// The report of everything that was found, when there is at least one error.
    pub(crate) fn accept(self) -> Result<Loaded, Report> {
        let Self { file, diagnostics, sources, settings, secrets, fingerprints } = self;
        let report = Report::new(diagnostics, sources);
        if report.diagnostics.has_errors() {
            return Err(report);
        }
        Ok(Loaded { file, settings, secrets, fingerprints, warnings: report })
    }
}

/// A configuration without errors.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// The file it came from; none when there is none and everything is a default.
    pub(crate) file: Option<PathBuf>,
    /// The settings.
    pub(crate) settings: Settings,
    /// The secrets.
    pub(crate) secrets: SecretStore,
    /// What the secrets were read from.
    pub(crate) fingerprints: Fingerprints,
    /// The warnings.
    pub(crate) warnings: Report,
}

/// Reads a configuration with all its mistakes. Mechanisms, the default rule's steps and rules are not looked into.
#[must_use]
pub(crate) fn draft(options: &LoadOptions) -> Draft {
    let mut diagnostics = Diagnostics::new();
    let mut sources = Sources::new();
    let (file, root) = read_file(options, &mut sources, &mut diagnostics);
    let is_document_unreadable = diagnostics.errors().any(|error| is_unreadable(error.code));
    let settings = match is_document_unreadable {
        // Nothing that follows from an unreadable document would help.
        true => Settings::read(&Node::new(NodeValue::Null, root.place.clone()), &mut Diagnostics::new()),
        false => Settings::read(&root, &mut diagnostics),
    };
    let (secrets, fingerprints) =
        secrets::read_sources(&settings.secret_sources, &mut sources, &mut diagnostics);
    if !is_document_unreadable {
        validate::check(&settings, &options.enforcement, &mut diagnostics);
        check_references(&settings, &secrets, &mut diagnostics);
    }
    validate::warn_about_lifted(&options.enforcement, &mut diagnostics);
    Draft { file, diagnostics, sources, settings, secrets, fingerprints }
}

/// Whether the document as a whole was not understood.
fn is_unreadable(code: Code) -> bool {
    matches!(code, Code::UnreadableYaml | Code::DuplicateKey | Code::MissingFile | Code::BadSubstitution)
}

/// References that stand at the top level; those of mechanisms are checked when mechanisms are built.
fn check_references(settings: &Settings, secrets: &SecretStore, diagnostics: &mut Diagnostics) {
    if let Some(reference) = &settings.master_key {
        let selector = reference.selector.as_ref().map(|selector| selector.value.as_str());
        if let Err(error) = secrets.symmetric_keys(&reference.source.value, selector) {
            error.report(reference, "master_key", diagnostics);
        }
    }
    for (name, tls) in
        [("serve.tls.secret", &settings.serve.tls), ("management.tls.secret", &settings.management.tls)]
    {
        let Some(tls) = tls else { continue };
        if let Err(error) = certified_key(secrets, &tls.secret, clock::now()) {
            error.report(&tls.secret, name, diagnostics);
        }
    }
}

/// The document with the environment laid over it; null when there is no file or it can not be read.
fn read_file(
    options: &LoadOptions,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> (Option<PathBuf>, Node) {
    let nothing = |name: &str| Node::new(NodeValue::Null, Place::whole_file(Arc::from(name)));
    let file = match &options.file {
        Some(file) => Some(file.clone()),
        None => usual_places(&options.environment).into_iter().find(|place| place.is_file()),
    };
    let mut root = match &file {
        Some(file) => {
            let name = file.display().to_string();
            read_document(file, &name, options, sources, diagnostics).unwrap_or_else(|| nothing(&name))
        }
        None => {
            let tried: Vec<String> =
                usual_places(&options.environment).iter().map(|place| place.display().to_string()).collect();
            let root = nothing("configuration");
            diagnostics.push(
                Diagnostic::warning(
                    Code::MissingFile,
                    "there is no configuration file: no rules, every request is 404",
                    &root.place,
                )
                .expected(tried.join(", "))
                .hint("name one with `--config`"),
            );
            root
        }
    };
    if !diagnostics.has_errors() {
        let prefixes = match &options.environment_prefix {
            Some(prefix) => vec![prefix.as_str()],
            None => vec!["HEIMDALLCFG_", "KEYBOUND_"],
        };
        options.environment.overlay(&mut root, &prefixes, diagnostics);
    }
    (file, root)
}

fn read_document(
    file: &Path,
    name: &str,
    options: &LoadOptions,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let place = Place::whole_file(Arc::from(name));
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            let tried = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
            diagnostics.push(
                Diagnostic::error(
                    Code::MissingFile,
                    format!("the configuration file can not be read: {}", reason(&error)),
                    &place,
                )
                .found(tried.display().to_string()),
            );
            return None;
        }
    };
    let Ok(text) = String::from_utf8(bytes) else {
        diagnostics.push(Diagnostic::error(
            Code::UnreadableYaml,
            "the configuration file is not UTF-8",
            &place,
        ));
        return None;
    };
    document::read(name, &text, &KeyPath::configuration(), Some(&options.environment), sources, diagnostics)
}

/// Why a file can not be read, without numbers of the system.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        other => other.to_string(),
    }
}

/// Where a configuration is looked for without `--config`, in order.
fn usual_places(environment: &Environment) -> Vec<PathBuf> {
    let mut folders = vec![(PathBuf::from("."), PathBuf::from("."))];
    if let Some(home) = environment.get("HOME").filter(|home| !home.is_empty()) {
        let folder = Path::new(home).join(".config");
        folders.push((folder.clone(), folder));
    }
    folders.push((PathBuf::from("/etc/keybound"), PathBuf::from("/etc/heimdall")));
    folders
        .into_iter()
        .flat_map(|(own, heimdalls)| [own.join("keybound.yaml"), heimdalls.join("heimdall.yaml")])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(folder: &Path, text: &str, variables: &[(&str, &str)]) -> LoadOptions {
        let file = folder.join("gateway.yaml");
        std::fs::write(&file, text).unwrap();
        LoadOptions {
            file: Some(file),
            environment: Environment::from_pairs(variables.iter().copied()),
            environment_prefix: None,
            enforcement: Enforcement::none(),
        }
    }

    fn load(options: &LoadOptions) -> Result<Loaded, Report> {
        draft(options).accept()
    }

    fn codes(report: &Report) -> Vec<&'static str> {
        report.diagnostics.errors().map(|error| error.code.as_str()).collect()
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "{}", "# nothing\n"] {
            let loaded = load(&options(folder.path(), text, &[])).unwrap();
            assert_eq!((loaded.settings.serve.port, loaded.settings.management.port), (4456, 4457));
            assert_eq!(loaded.settings.serve.buffer_limit.read, 32 * 1024);
            assert!(loaded.settings.providers.file_system.is_none());
        }
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let variables = [
            ("HEIMDALLCFG_SERVE_PORT", "1234"),
            ("HEIMDALLCFG_SERVE_TIMEOUT_READ", "1h30m"),
            ("HEIMDALLCFG_SERVE_TRUSTED__PROXIES_0", "10.0.0.0/8"),
            ("KEYBOUND_LOG_LEVL", "debug"),
        ];
        let loaded =
            load(&options(folder.path(), "serve: {port: 1, host: 127.0.0.1}\n", &variables)).unwrap();
        let serve = &loaded.settings.serve;
        assert_eq!((serve.port, serve.host.as_deref()), (1234, Some("127.0.0.1")));
        assert_eq!(serve.timeout.read.as_secs(), 5400);
        assert_eq!(serve.trusted_proxies.len(), 1);
        let unknown =
            loaded.warnings.diagnostics.warnings().find(|warning| warning.code == Code::UnknownEnvironment);
        assert_eq!(unknown.unwrap().hint.as_deref(), Some("did you mean `level`?"));
    }

    #[test]
    fn a_bad_value_of_the_environment_names_its_variable() {
        let folder = tempfile::tempdir().unwrap();
        let variables = [("HEIMDALLCFG_SERVE_PORT", "https"), ("KEYBOUND_LOG", "{level: info, x: 1}")];
        let report = load(&options(folder.path(), "", &variables)).unwrap_err();
        assert_eq!(codes(&report), ["wrong_type", "unknown_key"]);
        assert!(report.to_text().contains("--> environment variable HEIMDALLCFG_SERVE_PORT\n"));
    }

    #[test]
    fn another_prefix_replaces_the_usual_ones() {
        let folder = tempfile::tempdir().unwrap();
        let variables = [("HEIMDALLCFG_SERVE_PORT", "1"), ("MY_SERVE_PORT", "2")];
        let options =
            LoadOptions { environment_prefix: Some("MY_".into()), ..options(folder.path(), "", &variables) };
        assert_eq!(load(&options).unwrap().settings.serve.port, 2);
    }

    #[test]
    fn a_missing_file_is_an_error_only_when_it_was_named() {
        let folder = tempfile::tempdir().unwrap();
        let named =
            LoadOptions { file: Some(folder.path().join("none.yaml")), ..options(folder.path(), "", &[]) };
        assert_eq!(codes(&load(&named).unwrap_err()), ["missing_file"]);
        let home = folder.path().to_str().unwrap();
        std::fs::create_dir(folder.path().join(".config")).unwrap();
        std::fs::write(folder.path().join(".config/heimdall.yaml"), "serve: {port: 7}\n").unwrap();
        let unnamed = LoadOptions { file: None, ..options(folder.path(), "", &[("HOME", home)]) };
        assert_eq!(load(&unnamed).unwrap().settings.serve.port, 7);
    }

    #[test]
    fn every_mistake_of_one_run_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let text = "serve: {port: x, timeout: {read: 5}, tls: {secret: {source: nope}}}\nlgo: {}\nmaster_key: {source: keys}\n\
                    secret_management: {keys: {type: pem, config: {path: none.pem}}}\ncache: {type: redis}\n";
        let report = load(&options(folder.path(), text, &[])).unwrap_err();
        let found = codes(&report);
        let wanted = [
            "wrong_type",
            "bad_duration",
            "unknown_secret_source",
            "unknown_key",
            "unreadable_file",
            "missing_key",
        ];
        assert_eq!(found, wanted, "{}", report.to_text());
    }

    #[test]
    fn demands_are_made_unless_a_flag_lifts_them() {
        let folder = tempfile::tempdir().unwrap();
        let text = "serve: {trusted_proxies: [0.0.0.0/1, 128.0.0.0/1]}\n";
        let strict = LoadOptions { enforcement: Enforcement::full(), ..options(folder.path(), text, &[]) };
        let report = load(&strict).unwrap_err();
        assert_eq!(codes(&report), ["missing_tls", "missing_tls", "insecure_trusted_proxies"]);
        let loaded = load(&options(folder.path(), text, &[])).unwrap();
        assert_eq!(loaded.warnings.diagnostics.warnings().count(), 5);
    }
}
