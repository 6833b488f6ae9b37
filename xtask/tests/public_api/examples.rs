//! Every public type of the libraries that a service's author meets has a compiling example in its documentation, and so has
//! every function that takes more than `self`, or they stand here with the reason why they have none.

use syn::punctuated::Punctuated;
use syn::token::Comma;
use syn::{Attribute, Expr, FnArg, ImplItem, Item, Lit, Meta, Path, Signature, TraitItem, Visibility};

use crate::library;
use crate::listing::is_of;
use crate::source::{Library, Reached, What, attributes, is_test, own_name};

/// Libraries of which every type has an example.
const TYPES: [&str; 6] = ["resource-server", "resource-server-tower", "testkit", "dpop", "jose", "oauth"];
/// Libraries of which every function has one, too.
const FUNCTIONS: [&str; 3] = ["resource-server", "resource-server-tower", "testkit"];

/// Types without an example, by reason. Errors need none: users never make them, and match variants that say what they mean.
const WITHOUT: [(&str, &[&str]); 1] =
    [("returned by what has an example, and passed on", &["RequirementService", "ResponseFuture"])];

/// Functions without an example, by reason.
const FUNCTIONS_WITHOUT: [(&str, &[&str]); 1] = [(
    "parts of `replay_contract::check`, which has one",
    &["claims_once", "forgets_when_due", "holds_through_steps_of_the_clock", "one_of_equal_claims_wins"],
)];

/// The code of the examples in some documentation.
fn examples(attributes: &[Attribute]) -> String {
    let (mut code, mut is_inside) = (String::new(), false);
    for attribute in attributes {
        let Meta::NameValue(doc) = &attribute.meta else { continue };
        let Expr::Lit(text) = &doc.value else { continue };
        let Lit::Str(text) = &text.lit else { continue };
        if !doc.path.is_ident("doc") {
            continue;
        }
        match text.value().trim() {
            "```" => is_inside = !is_inside,
            line if is_inside => code.push_str(&(line.to_owned() + "\n")),
            _ => {}
        }
    }
    code
}

/// Whether it is derived that a type is an error.
fn is_error(attributes: &[Attribute]) -> bool {
    let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let mut names = derives.filter_map(|derive| {
        let Meta::List(list) = &derive.meta else { return None };
        list.parse_args_with(Punctuated::<Path, Comma>::parse_terminated).ok()
    });
    let is_error = |path: &Path| path.segments.last().is_some_and(|name| name.ident == "Error");
    names.any(|names| names.iter().any(is_error))
}

/// A function that takes more than `self`.
struct Function<'a> {
    /// As in `Type::name`.
    path: String,
    name: String,
    attributes: &'a [Attribute],
}

fn takes_more_than_self(signature: &Signature) -> bool {
    signature.inputs.iter().any(|input| matches!(input, FnArg::Typed(_)))
}

/// The functions of an item, and the examples that may show them: its own, and those of its other functions.
fn functions_of<'a>(library: &'a Library, item: &'a Item) -> (Vec<Function<'a>>, String) {
    let type_name = own_name(item).unwrap_or_default();
    let mut documented: Vec<(&[Attribute], Option<&Signature>)> = vec![(attributes(item), None)];
    match item {
        Item::Fn(function) => documented = vec![(&function.attrs, Some(&function.sig))],
        Item::Trait(interface) => {
            documented.extend(interface.items.iter().filter_map(|member| match member {
                TraitItem::Fn(member) => Some((&member.attrs[..], Some(&member.sig))),
                _ => None,
            }));
        }
        Item::Struct(_) | Item::Enum(_) => {
            let blocks = library.implementations();
            let own = blocks.into_iter().filter(|block| block.trait_.is_none() && is_of(block, &type_name));
            documented.extend(own.flat_map(|block| &block.items).filter_map(|member| match member {
                ImplItem::Fn(member)
                    if matches!(member.vis, Visibility::Public(_)) && !is_test(&member.attrs) =>
                {
                    Some((&member.attrs[..], Some(&member.sig)))
                }
                _ => None,
            }));
        }
        _ => {}
    }
    let shown = documented.iter().map(|(attributes, _)| examples(attributes)).collect();
    let functions = documented.into_iter().filter_map(|(attributes, signature)| {
        let name = signature.filter(|signature| takes_more_than_self(signature))?.ident.to_string();
        let path = if matches!(item, Item::Fn(_)) { name.clone() } else { format!("{type_name}::{name}") };
        Some(Function { path, name, attributes })
    });
    (functions.collect(), shown)
}

fn module_of(path: &str) -> &str {
    path.rsplit_once("::").map_or("", |(module, _)| module)
}

/// All examples of the items in a module.
fn shown_in(library: &Library, reached: &[Reached<'_>], module: &str) -> String {
    let items = reached.iter().filter(|one| module_of(&one.path) == module);
    let own = items.filter_map(|one| match one.what {
        What::Own(item) => Some(functions_of(library, item).1),
        What::Foreign(_) => None,
    });
    own.collect()
}

/// Whether an example calls a function, or implements it.
fn names(example: &str, function: &str) -> bool {
    example.match_indices(function).any(|(at, _)| {
        let before = example[..at].chars().next_back();
        let after = &example[at + function.len()..];
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
            && (after.starts_with('(') || after.starts_with('<') || after.starts_with("::<"))
    })
}

#[test]
fn every_type_has_an_example_or_a_reason() {
    let mut missing = Vec::new();
    let mut needless = Vec::new();
    for name in TYPES {
        for reached in library(name).reached() {
            let What::Own(item @ (Item::Struct(_) | Item::Enum(_) | Item::Trait(_))) = reached.what else {
                continue;
            };
            let own_name = reached.path.rsplit("::").next().unwrap_or_default();
            if is_error(attributes(item)) {
                continue;
            }
            let is_excused = WITHOUT.iter().any(|(_, types)| types.contains(&own_name));
            match (!examples(attributes(item)).is_empty(), is_excused) {
                (false, false) => missing.push(reached.path),
                (true, true) => needless.push(reached.path),
                _ => {}
            }
        }
    }
    assert!(missing.is_empty(), "no example in the documentation of {missing:#?}");
    assert!(needless.is_empty(), "excused, but with an example: {needless:#?}");
}

#[test]
fn every_function_is_called_in_an_example_or_has_a_reason() {
    let mut missing = Vec::new();
    let mut excused: Vec<&str> =
        FUNCTIONS_WITHOUT.iter().flat_map(|(_, functions)| functions.iter().copied()).collect();
    for name in FUNCTIONS {
        let library = library(name);
        let reached = library.reached();
        for one in &reached {
            let What::Own(item) = one.what else { continue };
            let (functions, mut shown) = functions_of(&library, item);
            if matches!(item, Item::Fn(_)) {
                // Those of its neighbours show a free function.
                shown = shown_in(&library, &reached, module_of(&one.path));
            }
            for function in functions {
                let has_own = !examples(function.attributes).is_empty();
                if has_own || names(&shown, &function.name) {
                    continue;
                }
                match excused.iter().position(|excused| *excused == function.path) {
                    Some(place) => drop(excused.remove(place)),
                    None => missing.push(format!("{name}: {}", function.path)),
                }
            }
        }
    }
    assert!(missing.is_empty(), "in no example of their type or their own: {missing:#?}");
    assert!(excused.is_empty(), "excused, but with an example or not there: {excused:#?}");
}

#[test]
fn an_example_names_a_function_where_it_is_called_or_implemented() {
    for (example, expected) in [
        ("store.claim(key)", true),
        ("Store::claim(&store)", true),
        ("fn claim(&self)", true),
        ("claim::<u8>(1)", true),
        ("reclaim(key)", false),
        ("claims(key)", false),
        ("let claim = 1;", false),
    ] {
        assert_eq!(names(example, "claim"), expected, "{example}");
    }
}
