//! Taking header fields away by their names.

use http::{HeaderMap, HeaderName};

/// Removes the fields whose names `is_unwanted` picks. One walk over the names that are there, which are few, instead of a
/// look-up for each of many that hardly ever are.
pub(super) fn remove_where(headers: &mut HeaderMap, is_unwanted: impl Fn(&HeaderName) -> bool) {
    let mut unwanted = headers.keys().filter(|name| is_unwanted(name));
    // Mostly there is none, or one: they need no list.
    let Some(first) = unwanted.next().cloned() else { return };
    let others: Vec<HeaderName> = unwanted.cloned().collect();
    headers.remove(first);
    for name in others {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn removes_every_line_of_a_field_and_no_other() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("te", "a"), ("x-a", "1"), ("te", "b"), ("x-tea", "2")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        remove_where(&mut headers, |name| name.as_str() == "te");
        assert_eq!(headers.len(), 2);
        assert!(headers.contains_key("x-a") && headers.contains_key("x-tea"));
    }
}
