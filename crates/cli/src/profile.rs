//! Profiles: what is typed again and again, by name, in `keybound/config.toml` of the user's configuration folder.
//!
//! A profile only gives defaults: the command line wins over the environment, and both win over the profile.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::exit::WrongUsage;

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// The profile for commands without `--profile`.
    default_profile: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

/// One issuer with its client. Every name is that of an option, `api` excepted. There is no place for secrets, only for
/// the files they are in; relative paths start at the folder of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    issuer: Option<String>,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    client_id: Option<String>,
    client_secret_file: Option<PathBuf>,
    client_key: Option<String>,
    client_key_id: Option<String>,
    scope: Option<String>,
    redirect_port: Option<u16>,
    key: Option<String>,
    key_passphrase_file: Option<PathBuf>,
    state_dir: Option<PathBuf>,
    /// The URL that `keybound call` calls.
    api: Option<String>,
}

impl Profile {
    /// The profile that the command line, the environment or the file chooses; `None` when none is chosen.
    pub(crate) fn choose(arguments: &[OsString]) -> Result<Option<Self>> {
        let Some(path) = config_path() else { return Ok(None) };
        let wanted =
            named(arguments).or_else(|| env::var("KEYBOUND_PROFILE").ok().filter(|name| !name.is_empty()));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && wanted.is_none() => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        Self::find(&text, wanted, &path)
    }

    fn find(text: &str, wanted: Option<String>, path: &Path) -> Result<Option<Self>> {
        let document: Document = toml::from_str(text).with_context(|| format!("read {}", path.display()))?;
        let Some(name) = wanted.or(document.default_profile) else { return Ok(None) };
        let Some(profile) = document.profiles.get(&name) else {
            let known: Vec<&str> = document.profiles.keys().map(String::as_str).collect();
            let text = format!("{} has no profile `{name}`; it has {}", path.display(), known.join(", "));
            return Err(WrongUsage(text).into());
        };
        let mut profile = profile.clone();
        let folder = path.parent().unwrap_or(Path::new("."));
        for file in [&mut profile.client_secret_file, &mut profile.key_passphrase_file] {
            *file = file.take().map(|file| folder.join(file));
        }
        for key in [&mut profile.client_key, &mut profile.key] {
            *key = key.take().map(|key| match key.starts_with("pkcs11:") {
                true => key,
                false => folder.join(key).to_string_lossy().into_owned(),
            });
        }
        let state_dir = match profile.state_dir.take() {
            Some(state_dir) => Some(folder.join(state_dir)),
            None => state_folder().map(|state| state.join("keybound").join(&name)),
        };
        Ok(Some(Self { state_dir, ..profile }))
    }

    /// The default for an argument of a command, by its id.
    fn value(&self, command: &str, argument: &str) -> Option<OsString> {
        let text = |value: &Option<String>| value.as_ref().map(OsString::from);
        let path = |value: &Option<PathBuf>| value.as_ref().map(OsString::from);
        match argument {
            "issuer" => text(&self.issuer),
            "authorization_endpoint" => text(&self.authorization_endpoint),
            "token_endpoint" => text(&self.token_endpoint),
            "revocation_endpoint" => text(&self.revocation_endpoint),
            "device_authorization_endpoint" => text(&self.device_authorization_endpoint),
            "client_id" => text(&self.client_id),
            "client_secret_file" => path(&self.client_secret_file),
            "client_key" => text(&self.client_key),
            "client_key_id" => text(&self.client_key_id),
            "scope" => text(&self.scope),
            "redirect_port" => self.redirect_port.map(|port| port.to_string().into()),
            "key" => text(&self.key),
            "key_passphrase_file" => path(&self.key_passphrase_file),
            "state_dir" => path(&self.state_dir),
            "url" if command == "call" => text(&self.api),
            _ => None,
        }
    }

    /// Makes the profile's values the defaults of every command that can be used with a profile.
    pub(crate) fn apply(&self, command: clap::Command) -> clap::Command {
        let names: Vec<String> =
            command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        names
            .into_iter()
            .fold(command, |command, name| command.mut_subcommand(name, |command| self.apply_to(command)))
    }

    fn apply_to(&self, command: clap::Command) -> clap::Command {
        if !command.get_arguments().any(|argument| argument.get_id() == "profile") {
            return command;
        }
        let name = command.get_name().to_owned();
        let defaults: Vec<(clap::Id, OsString)> = command
            .get_arguments()
            .filter_map(|argument| {
                Some((argument.get_id().clone(), self.value(&name, argument.get_id().as_str())?))
            })
            .collect();
        defaults.into_iter().fold(command, |command, (id, value)| {
            command.mut_arg(id, |argument| argument.required(false).default_value(value))
        })
    }
}

/// The name after `--profile`. Looked for before the command line is read as a whole, since it changes the defaults.
fn named(arguments: &[OsString]) -> Option<String> {
    let texts: Vec<&str> = arguments.iter().map_while(|argument| argument.to_str()).collect();
    let before_end = texts.iter().take_while(|text| **text != "--");
    let mut found = None;
    let mut is_next = false;
    for text in before_end {
        match text.strip_prefix("--profile") {
            _ if is_next => {
                found = Some((*text).to_owned());
                is_next = false;
            }
            Some("") => is_next = true,
            Some(rest) => found = rest.strip_prefix('=').map(str::to_owned).or(found),
            None => {}
        }
    }
    found
}

/// `KEYBOUND_CONFIG`, else `keybound/config.toml` in the configuration folder of the XDG Base Directory Specification.
fn config_path() -> Option<PathBuf> {
    if let Some(path) = env::var_os("KEYBOUND_CONFIG").filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    Some(xdg("XDG_CONFIG_HOME", ".config")?.join("keybound/config.toml"))
}

fn state_folder() -> Option<PathBuf> {
    xdg("XDG_STATE_HOME", ".local/state")
}

/// A folder of the specification. It says that relative paths are ignored.
fn xdg(variable: &str, in_home: &str) -> Option<PathBuf> {
    let folder = env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute());
    folder.or_else(|| Some(env::home_dir()?.join(in_home)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        default_profile = "acme"

        [profiles.acme]
        issuer = "https://as.example.com/realms/acme"
        client_id = "service"
        client_secret_file = "acme.secret"
        key = "pkcs11:object=dpop?module-path=/m.so"

        [profiles.shop]
        issuer = "https://shop.example.com"
        state_dir = "/var/lib/shop"
        client_key = "/etc/shop.pem"
    "#;

    fn find(text: &str, wanted: Option<&str>) -> Result<Option<Profile>> {
        Profile::find(text, wanted.map(str::to_owned), Path::new("/home/alice/.config/keybound/config.toml"))
    }

    #[test]
    fn takes_the_named_one_or_the_default() {
        let profile = find(FILE, None).unwrap().unwrap();
        assert_eq!(profile.issuer.as_deref(), Some("https://as.example.com/realms/acme"));
        assert_eq!(profile.client_secret_file, Some("/home/alice/.config/keybound/acme.secret".into()));
        assert_eq!(profile.key.as_deref(), Some("pkcs11:object=dpop?module-path=/m.so"));
        assert!(profile.state_dir.unwrap().ends_with("keybound/acme"));
        let profile = find(FILE, Some("shop")).unwrap().unwrap();
        assert_eq!(profile.state_dir, Some("/var/lib/shop".into()));
        assert_eq!(profile.client_key.as_deref(), Some("/etc/shop.pem"));
        assert_eq!(find("", None).unwrap(), None);
    }

    #[test]
    fn says_what_is_wrong_with_the_file() {
        let error = find(FILE, Some("other")).unwrap_err();
        assert!(error.to_string().ends_with("has no profile `other`; it has acme, shop"), "{error}");
        let error = find("[profiles.a]\nclient_secret = \"s\"", Some("a")).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("unknown field `client_secret`") && text.contains("line 2"), "{text}");
    }

    #[test]
    fn finds_the_name_before_all_else_is_read() {
        let named = |arguments: &[&str]| named(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(named(&["keybound", "call", "--profile", "a"]).as_deref(), Some("a"));
        assert_eq!(named(&["keybound", "--profile=a", "--profile=b"]).as_deref(), Some("b"));
        assert_eq!(named(&["keybound", "call", "--", "--profile", "a"]), None);
        assert_eq!(named(&["keybound", "call", "--profiles"]), None);
    }
}
