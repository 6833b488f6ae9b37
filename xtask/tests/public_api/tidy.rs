//! Tokens as people write them.

use quote::ToTokens;

/// The text of some syntax in one line, with spaces where rustfmt has them.
pub(crate) fn tidy(tokens: impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (from, to) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" ,", ","),
        (" ;", ";"),
        ("( ", "("),
        (" )", ")"),
        ("[ ", "["),
        (" ]", "]"),
        (" < ", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" (", "("),
        ("->(", "-> ("),
        ("- >", "->"),
        ("->", " -> "),
        ("  -> ", " -> "),
        (" ->  ", " -> "),
        (" : ", ": "),
        (" :", ":"),
        ("& ", "&"),
        ("# ", "#"),
        (" !", "!"),
        ("? ", "?"),
        (",>", ">"),
        (",)", ")"),
        ("= >", "=>"),
        (" [", "["),
        ("=[", "= ["),
        (":[", ": ["),
        ("&'static[", "&'static ["),
        (" -> [", " -> ["),
        (" ->[", " -> ["),
        ("-> &[", "-> &["),
        ("+(", "+ ("),
        ("=(", "= ("),
        (":(", ": ("),
        (",(", ", ("),
        (",[", ", ["),
    ] {
        text = text.replace(from, to);
    }
    text.trim().to_owned()
}
