//! The listing of a library: one line for each item, indented lines for what belongs to it.

use std::fmt;

use syn::punctuated::Punctuated;
use syn::token::Comma;
use syn::{
    Attribute, Fields, ImplItem, Item, ItemEnum, ItemImpl, ItemStruct, ItemTrait, Meta, Path, TraitItem,
    Type, Visibility,
};

use crate::source::{Library, Reached, What, attributes, is_test, own_name};
use crate::tidy::tidy;

/// Lines, grouped by item and sorted.
pub(crate) struct Listing(Vec<Vec<String>>);

impl Listing {
    pub(crate) fn of(library: &Library) -> Self {
        let implementations = library.implementations();
        let mut items: Vec<Vec<String>> =
            library.reached().iter().map(|reached| lines(reached, &implementations)).collect();
        items.sort();
        items.dedup();
        Self(items)
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().flatten().try_for_each(|line| writeln!(formatter, "{line}"))
    }
}

fn lines(reached: &Reached<'_>, implementations: &[&ItemImpl]) -> Vec<String> {
    let path = &reached.path;
    let mut head: String = reached.features.iter().map(|feature| format!("{feature} ")).collect();
    let item = match &reached.what {
        What::Own(item) => *item,
        What::Foreign(foreign) => return vec![format!("{head}use {foreign} as {path}")],
    };
    for kept in ["non_exhaustive", "deprecated"] {
        if attributes(item).iter().any(|attribute| attribute.path().is_ident(kept)) {
            head = format!("{head}#[{kept}] ");
        }
    }
    let mut lines = match item {
        Item::Const(item) => vec![format!("{head}const {path}: {}", tidy(&item.ty))],
        Item::Static(item) => vec![format!("{head}static {path}: {}", tidy(&item.ty))],
        Item::Type(item) => vec![format!("{head}type {path}{} = {}", tidy(&item.generics), tidy(&item.ty))],
        Item::Fn(item) => {
            let signature = tidy(&item.sig);
            let rest = signature.split_once(&format!("fn {}", item.sig.ident)).map_or("", |(_, rest)| rest);
            let kind = if item.sig.asyncness.is_some() { "async fn" } else { "fn" };
            vec![format!("{head}{kind} {path}{rest}")]
        }
        Item::Struct(item) => structure(&head, path, item),
        Item::Enum(item) => enumeration(&head, path, item),
        Item::Trait(item) => interface(&head, path, item),
        _ => Vec::new(),
    };
    if let (Some(name), Item::Struct(_) | Item::Enum(_)) = (own_name(item), item) {
        let mut of_type: Vec<String> = implementations
            .iter()
            .filter(|one| is_of(one, &name))
            .flat_map(|one| implementation(one))
            .collect();
        of_type.sort();
        lines.extend(of_type);
    }
    lines
}

fn structure(head: &str, path: &str, item: &ItemStruct) -> Vec<String> {
    let (generics, derives) = (tidy(&item.generics), derives(&item.attrs));
    let mut lines = vec![format!("{head}pub struct {path}{generics}{derives}")];
    let is_public = |field: &&syn::Field| matches!(field.vis, Visibility::Public(_));
    for (index, field) in item.fields.iter().enumerate().filter(|(_, field)| is_public(field)) {
        let name = field.ident.as_ref().map_or(index.to_string(), ToString::to_string);
        lines.push(format!("  pub {name}: {}", tidy(&field.ty)));
    }
    if item.fields.iter().any(|field| !is_public(&field)) {
        lines.push("  (private fields)".to_owned());
    }
    lines
}

fn enumeration(head: &str, path: &str, item: &ItemEnum) -> Vec<String> {
    let (generics, derives) = (tidy(&item.generics), derives(&item.attrs));
    let mut lines = vec![format!("{head}pub enum {path}{generics}{derives}")];
    for variant in &item.variants {
        let name = &variant.ident;
        let types = |fields: &Fields| -> Vec<String> {
            let field = |field: &syn::Field| match &field.ident {
                Some(name) => format!("{name}: {}", tidy(&field.ty)),
                None => tidy(&field.ty),
            };
            fields.iter().map(field).collect()
        };
        lines.push(match &variant.fields {
            Fields::Unit => format!("  {name}"),
            fields @ Fields::Unnamed(_) => format!("  {name}({})", types(fields).join(", ")),
            fields @ Fields::Named(_) => format!("  {name} {{ {} }}", types(fields).join(", ")),
        });
    }
    lines
}

fn interface(head: &str, path: &str, item: &ItemTrait) -> Vec<String> {
    let generics = tidy(&item.generics);
    let bounds =
        if item.supertraits.is_empty() { String::new() } else { format!(": {}", tidy(&item.supertraits)) };
    let mut lines = vec![format!("{head}pub trait {path}{generics}{bounds}")];
    for member in &item.items {
        lines.extend(match member {
            TraitItem::Fn(function) => {
                let provided = if function.default.is_some() { " (provided)" } else { "" };
                Some(format!("  {}{provided}", tidy(&function.sig)))
            }
            TraitItem::Type(member) => Some(format!("  type {}", member.ident)),
            TraitItem::Const(member) => Some(format!("  const {}: {}", member.ident, tidy(&member.ty))),
            _ => None,
        });
    }
    lines
}

/// Whether a block is of the type with this name, whatever its arguments.
pub(crate) fn is_of(implementation: &ItemImpl, name: &str) -> bool {
    let Type::Path(path) = &*implementation.self_ty else { return false };
    path.path.segments.last().is_some_and(|segment| segment.ident == name)
}

fn implementation(block: &ItemImpl) -> Vec<String> {
    let features: String = block
        .attrs
        .iter()
        .filter(|one| one.path().is_ident("cfg"))
        .map(|one| format!("{} ", tidy(one)))
        .collect();
    let generics = tidy(&block.generics);
    if let Some((_, interface, _)) = &block.trait_ {
        return vec![format!("  {features}impl{generics} {} for {}", tidy(interface), tidy(&block.self_ty))];
    }
    let start = if generics.is_empty() { String::new() } else { format!("impl{generics} ") };
    let public = |member: &ImplItem| match member {
        ImplItem::Fn(function)
            if matches!(function.vis, Visibility::Public(_)) && !is_test(&function.attrs) =>
        {
            Some(format!("  {features}{start}pub {}", tidy(&function.sig)))
        }
        ImplItem::Const(member) if matches!(member.vis, Visibility::Public(_)) => {
            Some(format!("  {features}{start}pub const {}: {}", member.ident, tidy(&member.ty)))
        }
        _ => None,
    };
    block.items.iter().filter_map(public).collect()
}

fn derives(attributes: &[Attribute]) -> String {
    let names =
        attributes.iter().filter(|attribute| attribute.path().is_ident("derive")).flat_map(|attribute| {
            let Meta::List(list) = &attribute.meta else { return Vec::new() };
            let paths = list.parse_args_with(Punctuated::<Path, Comma>::parse_terminated).unwrap_or_default();
            paths.iter().map(tidy).collect()
        });
    let names: Vec<String> = names.collect();
    if names.is_empty() { String::new() } else { format!(" derive({})", names.join(", ")) }
}
