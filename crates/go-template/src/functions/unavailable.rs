//! Names that are no functions here, and what to say about them.

use crate::functions::UnknownFunction;

/// sprig functions that do network or key work. heimdall has them.
const REFUSED: [&str; 14] = [
    "getHostByName",
    "bcrypt",
    "htpasswd",
    "derivePassword",
    "encryptAES",
    "decryptAES",
    "genPrivateKey",
    "genCA",
    "genCAWithKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "buildCustomCert",
];

/// Functions of Helm, which uses the same language.
const OF_HELM: [&str; 8] =
    ["toYaml", "fromYaml", "toToml", "include", "lookup", "tpl", "required", "fromYamlArray"];

/// sprig functions heimdall leaves out too.
const OF_THE_ENVIRONMENT: [&str; 2] = ["env", "expandenv"];

/// The message for a name that is no function, given those that are.
pub(super) fn explain<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> UnknownFunction {
    if REFUSED.contains(&name) {
        let message = format!("function '{name}' does network or key work and is not available in templates");
        return UnknownFunction { message, hint: None };
    }
    let hint = if OF_HELM.contains(&name) {
        Some(format!("`{name}` belongs to Helm templates"))
    } else if OF_THE_ENVIRONMENT.contains(&name) {
        Some("templates cannot read the environment; use `.Values`, or `secret` for secrets".to_owned())
    } else {
        known
            .map(|candidate| (distance(name, candidate), candidate))
            .filter(|(distance, _)| *distance <= 2 && *distance < name.chars().count())
            .min()
            .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
    };
    UnknownFunction { message: format!("unknown function '{name}'"), hint }
}

/// How many letters must be added, dropped, changed or swapped with their neighbour; letter case counts for nothing.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
    for (row, letter) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let changed = at(&above, column) + usize::from(letter != other);
            let mut least = changed.min(at(&above, column + 1) + 1).min(at(&current, column) + 1);
            let swapped = row > 0
                && column > 0
                && left.get(row - 1) == Some(other)
                && right.get(column - 1) == Some(letter);
            if swapped {
                least = least.min(at(&before, column - 1) + 1);
            }
            current.push(least);
        }
        before = std::mem::replace(&mut above, current);
    }
    at(&above, right.len())
}

#[cfg(test)]
mod tests {
    use crate::functions::find;

    fn hint(name: &str) -> Option<String> {
        find(name).err().and_then(|unknown| unknown.hint)
    }

    #[test]
    fn suggests_what_was_meant() {
        assert_eq!(hint("qoute").as_deref(), Some("did you mean `quote`?"));
        assert_eq!(hint("tojson").as_deref(), Some("did you mean `toJson`?"));
        assert_eq!(hint("nothingLikeThis"), None);
    }

    #[test]
    fn tells_where_a_foreign_function_belongs() {
        assert!(hint("toYaml").unwrap().contains("Helm"));
        assert!(hint("env").unwrap().contains(".Values"));
    }

    #[test]
    fn refuses_network_and_key_work() {
        let unknown = find("getHostByName").err().unwrap();
        assert_eq!(
            unknown.message,
            "function 'getHostByName' does network or key work and is not available in templates"
        );
    }
}
