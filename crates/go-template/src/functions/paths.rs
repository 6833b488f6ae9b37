//! Paths with slashes, as texts: nothing is looked up. The forms with `os` are the same: gateways run on Unix.

use crate::functions::{Call, Function, FunctionResult, Parameter::Text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("base", &[Text], |call| of(call, base)),
    Function::new("osBase", &[Text], |call| of(call, base)),
    Function::new("dir", &[Text], |call| of(call, directory)),
    Function::new("osDir", &[Text], |call| of(call, directory)),
    Function::new("ext", &[Text], |call| of(call, extension)),
    Function::new("osExt", &[Text], |call| of(call, extension)),
    Function::new("clean", &[Text], |call| of(call, clean)),
    Function::new("osClean", &[Text], |call| of(call, clean)),
    Function::new("isAbs", &[Text], |call| Ok(call.str(0)?.starts_with('/').into())),
    Function::new("osIsAbs", &[Text], |call| Ok(call.str(0)?.starts_with('/').into())),
];

fn of(call: &Call<'_>, part: fn(&str) -> String) -> FunctionResult {
    Ok(part(&call.str(0)?).into())
}

/// The last element; `.` of an empty path, `/` of slashes only.
fn base(path: &str) -> String {
    if path.is_empty() {
        return ".".into();
    }
    match path.trim_end_matches('/').rsplit('/').next() {
        Some("") | None => "/".into(),
        Some(last) => last.into(),
    }
}

/// Everything but the last element.
fn directory(path: &str) -> String {
    clean(path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or_default())
}

/// From the last dot of the last element on.
fn extension(path: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or_default();
    last.rfind('.').and_then(|dot| last.get(dot..)).unwrap_or_default().into()
}

/// The shortest path that means the same: without empty elements, `.` and inner `..`.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut elements: Vec<&str> = Vec::new();
    for element in path.split('/') {
        match element {
            "" | "." => {}
            ".." => match elements.last() {
                Some(&"..") => elements.push(".."),
                Some(_) => {
                    elements.pop();
                }
                None if rooted => {}
                None => elements.push(".."),
            },
            _ => elements.push(element),
        }
    }
    match (rooted, elements.is_empty()) {
        (true, _) => format!("/{}", elements.join("/")),
        (false, true) => ".".into(),
        (false, false) => elements.join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned() {
        for (path, expected) in [
            ("", "."),
            ("/", "/"),
            ("a/../..", ".."),
            ("/../a", "/a"),
            ("a//b/./c/", "a/b/c"),
            ("../../x", "../../x"),
        ] {
            assert_eq!(clean(path), expected);
        }
        assert_eq!((base("/a/b/"), base("//"), base("")), ("b".into(), "/".into(), ".".into()));
        assert_eq!(
            (directory("/a"), directory("a"), directory("a/b/")),
            ("/".into(), ".".into(), "a/b".into())
        );
    }
}
