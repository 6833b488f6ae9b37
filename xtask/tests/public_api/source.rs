//! A library as its source says it: modules with their items, and the items that can be reached from outside.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

use crate::tidy::tidy;

/// A library's modules.
pub(crate) struct Library {
    pub(crate) name: String,
    root: Module,
}

#[derive(Default)]
struct Module {
    items: Vec<Item>,
    modules: BTreeMap<String, (bool, Vec<Attribute>, Module)>,
}

/// An item that can be reached: its public path, what features it needs, and what it is.
pub(crate) struct Reached<'a> {
    pub(crate) path: String,
    pub(crate) features: Vec<String>,
    pub(crate) what: What<'a>,
}

pub(crate) enum What<'a> {
    /// An item of the library.
    Own(&'a Item),
    /// One of another crate, by its path there.
    Foreign(String),
}

impl Library {
    pub(crate) fn read(name: &str, file: &Path) -> Self {
        let source = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let folder = file.parent().unwrap();
        Self { name: name.to_owned(), root: Module::of(syn::parse_file(&source).unwrap().items, folder) }
    }

    pub(crate) fn parse(name: &str, source: &str) -> Self {
        let items = syn::parse_file(source).unwrap().items;
        Self { name: name.to_owned(), root: Module::of(items, Path::new("")) }
    }

    /// Everything that can be named from outside, sorted by path.
    pub(crate) fn reached(&self) -> Vec<Reached<'_>> {
        let mut reached = Vec::new();
        self.walk(&self.root, &[], &self.name, &[], &mut reached);
        reached.sort_by(|one, other| one.path.cmp(&other.path));
        reached
    }

    /// The `impl` blocks of the whole library.
    pub(crate) fn implementations(&self) -> Vec<&syn::ItemImpl> {
        let mut found = Vec::new();
        self.root.implementations(&mut found);
        found
    }

    fn walk<'a>(
        &'a self,
        module: &'a Module,
        place: &[String],
        public: &str,
        features: &[String],
        reached: &mut Vec<Reached<'a>>,
    ) {
        for item in &module.items {
            if let Item::Use(import) = item {
                if matches!(import.vis, Visibility::Public(_)) && !is_test(&import.attrs) {
                    let features = [features, &features_of(&import.attrs)].concat();
                    self.follow(import, place, public, &features, reached);
                }
            } else if let Some((name, attributes)) = public_name(item)
                && !is_test(attributes)
            {
                let features = [features, &features_of(attributes)].concat();
                reached.push(Reached { path: format!("{public}::{name}"), features, what: What::Own(item) });
            }
        }
        for (name, (is_public, attributes, inner)) in &module.modules {
            if *is_public && !is_test(attributes) {
                let place = [place, std::slice::from_ref(name)].concat();
                let features = [features, &features_of(attributes)].concat();
                self.walk(inner, &place, &format!("{public}::{name}"), &features, reached);
            }
        }
    }

    /// What a `pub use` brings in.
    fn follow<'a>(
        &'a self,
        import: &ItemUse,
        place: &[String],
        public: &str,
        features: &[String],
        reached: &mut Vec<Reached<'a>>,
    ) {
        let mut leaves = Vec::new();
        flatten(&import.tree, Vec::new(), &mut leaves);
        for (path, name) in leaves {
            let public_path = format!("{public}::{name}");
            match self.find(place, &path) {
                Some(item) => reached.push(Reached {
                    features: [features, &features_of(attributes(item))].concat(),
                    path: public_path,
                    what: What::Own(item),
                }),
                None => reached.push(Reached {
                    path: public_path,
                    features: features.to_vec(),
                    what: What::Foreign(path.join("::")),
                }),
            }
        }
    }

    /// The item at `path`, seen from the module at `place`; `None` for other crates.
    fn find(&self, place: &[String], path: &[String]) -> Option<&Item> {
        let (name, mut ahead) = path.split_last()?;
        let mut here = place.to_vec();
        while let Some((first, rest)) = ahead.split_first() {
            match first.as_str() {
                "crate" => here.clear(),
                "super" => drop(here.pop()),
                "self" => {}
                _ => break,
            }
            ahead = rest;
        }
        here.extend_from_slice(ahead);
        let module = self.module(&here)?;
        let found = module
            .items
            .iter()
            .find(|item| !matches!(item, Item::Impl(_)) && own_name(item).is_some_and(|own| own == *name));
        found.or_else(|| {
            // It may itself be brought in there.
            module.items.iter().find_map(|item| {
                let Item::Use(import) = item else { return None };
                let mut leaves = Vec::new();
                flatten(&import.tree, Vec::new(), &mut leaves);
                let (path, _) = leaves.into_iter().find(|(path, own)| own == name && path.len() > 1)?;
                self.find(&here, &path)
            })
        })
    }

    fn module(&self, path: &[String]) -> Option<&Module> {
        path.iter().try_fold(&self.root, |module, name| module.modules.get(name).map(|(_, _, inner)| inner))
    }
}

impl Module {
    fn of(items: Vec<Item>, folder: &Path) -> Self {
        let mut module = Self::default();
        for item in items {
            let Item::Mod(inner) = item else {
                module.items.push(item);
                continue;
            };
            if is_test(&inner.attrs) {
                continue;
            }
            let name = inner.ident.to_string();
            let below = folder.join(&name);
            let items = match inner.content {
                Some((_, items)) => items,
                None => {
                    let file = [below.with_extension("rs"), below.join("mod.rs")];
                    let file = file.iter().find(|file| file.is_file());
                    let file = file.unwrap_or_else(|| panic!("no file for {}", below.display()));
                    syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap().items
                }
            };
            let is_public = matches!(inner.vis, Visibility::Public(_));
            module.modules.insert(name, (is_public, inner.attrs, Self::of(items, &below)));
        }
        module
    }

    fn implementations<'a>(&'a self, found: &mut Vec<&'a syn::ItemImpl>) {
        found.extend(self.items.iter().filter_map(|item| match item {
            Item::Impl(implementation) if !is_test(&implementation.attrs) => Some(implementation),
            _ => None,
        }));
        for (_, _, inner) in self.modules.values() {
            inner.implementations(found);
        }
    }
}

fn flatten(tree: &UseTree, mut path: Vec<String>, leaves: &mut Vec<(Vec<String>, String)>) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            flatten(&step.tree, path, leaves);
        }
        UseTree::Name(leaf) => {
            let name = leaf.ident.to_string();
            // `use a::{self}` names `a`.
            if name != "self" {
                path.push(name);
            }
            let name = path.last().cloned().unwrap_or_default();
            leaves.push((path, name));
        }
        UseTree::Rename(leaf) => {
            path.push(leaf.ident.to_string());
            leaves.push((path, leaf.rename.to_string()));
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, path.clone(), leaves);
            }
        }
        UseTree::Glob(_) => {
            path.push("*".to_owned());
            leaves.push((path, "*".to_owned()));
        }
    }
}

/// The name of an item that says `pub` itself, and its attributes.
fn public_name(item: &Item) -> Option<(String, &[Attribute])> {
    let visibility = match item {
        Item::Const(item) => &item.vis,
        Item::Enum(item) => &item.vis,
        Item::Fn(item) => &item.vis,
        Item::Static(item) => &item.vis,
        Item::Struct(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::Type(item) => &item.vis,
        _ => return None,
    };
    matches!(visibility, Visibility::Public(_))
        .then(|| (own_name(item).unwrap_or_default(), attributes(item)))
}

/// The name of an item.
pub(crate) fn own_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// The attributes of an item.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        _ => &[],
    }
}

fn features_of(attributes: &[Attribute]) -> Vec<String> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).map(tidy).collect()
}

/// Whether something is there for the library's own tests only.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    features_of(attributes).iter().any(|cfg| cfg == "#[cfg(test)]")
}
