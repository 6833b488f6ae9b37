//! [`Map`]: maps by text, in key order.
//!
//! Maps of the host are never changed by a template. Maps a template makes (`dict`) are references as in Go: `set` changes what
//! every holder sees. A template that calls a changing function works on a copy of the data (see [`Map::thaw`]).

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{error::FunctionError, limits::MAX_NESTING, text::Text, value::ElementType, value::Value};

/// A map by text. Cheap to clone.
#[derive(Clone)]
pub struct Map {
    storage: Storage,
    element: ElementType,
}

#[derive(Clone)]
enum Storage {
    /// Given by the host or made by a function: never changes.
    Fixed(Arc<BTreeMap<Text, Value>>),
    /// Made by the template: shared by reference.
    Changeable(Arc<Changeable>),
}

struct Changeable {
    entries: Mutex<Arc<BTreeMap<Text, Value>>>,
    /// How deep this map lies within other changeable maps at most; bounds the depth of everything that can be built.
    level: AtomicUsize,
}

impl Map {
    /// A map of anything: `map[string]interface {}` in Go's words.
    pub fn new<K: Into<Text>>(entries: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::with_element(ElementType::Any, entries)
    }

    /// A map of strings: `map[string]string` in Go's words. `get`, `hasKey` and other functions do not take it.
    pub fn of_strings<K: Into<Text>, V: Into<Text>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::with_element(
            ElementType::Text,
            entries.into_iter().map(|(key, value)| (key, Value::String(value.into()))),
        )
    }

    /// A map whose values all have the given type.
    pub fn with_element<K: Into<Text>>(
        element: ElementType,
        entries: impl IntoIterator<Item = (K, Value)>,
    ) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value)).collect();
        Self { storage: Storage::Fixed(Arc::new(entries)), element }
    }

    /// A map of anything that `set` and its like can change.
    pub(crate) fn changeable(entries: BTreeMap<Text, Value>) -> Self {
        let changeable = Changeable { entries: Mutex::new(Arc::new(entries)), level: AtomicUsize::new(0) };
        Self { storage: Storage::Changeable(Arc::new(changeable)), element: ElementType::Any }
    }

    /// The type of the values.
    pub fn element(&self) -> ElementType {
        self.element
    }

    /// The entries as they are now.
    pub fn entries(&self) -> Arc<BTreeMap<Text, Value>> {
        match &self.storage {
            Storage::Fixed(entries) => Arc::clone(entries),
            Storage::Changeable(changeable) => Arc::clone(&changeable.lock()),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        match &self.storage {
            Storage::Fixed(entries) => entries.get(key).cloned(),
            Storage::Changeable(changeable) => changeable.lock().get(key).cloned(),
        }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of the value in which every map of anything can be changed, those in lists and maps included.
    pub(crate) fn thaw(value: &Value, depth: usize) -> Result<Value, FunctionError> {
        let deeper = depth.checked_sub(1).ok_or(FunctionError::NestedTooDeeply { limit: MAX_NESTING })?;
        Ok(match value {
            Value::Map(map) => {
                let mut entries = BTreeMap::new();
                for (key, value) in map.entries().iter() {
                    entries.insert(key.clone(), Self::thaw(value, deeper)?);
                }
                match map.element {
                    ElementType::Any => {
                        let copy = Self::changeable(entries);
                        for value in copy.entries().values() {
                            copy.make_room_for(value)?;
                        }
                        Value::Map(copy)
                    }
                    ElementType::Text
                    | ElementType::Int
                    | ElementType::List
                    | ElementType::TextList
                    | ElementType::Object(_) => Value::Map(Self::with_element(map.element, entries)),
                }
            }
            Value::List(list) => {
                let mut items = Vec::with_capacity(list.items().len());
                for item in list.items() {
                    items.push(Self::thaw(item, deeper)?);
                }
                Value::List(list.with_items(items))
            }
            Value::Nil
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::Time(_)
            | Value::Object(_) => value.clone(),
        })
    }

    /// This map if it can be changed, else a copy that can.
    pub(crate) fn to_changeable(&self) -> Self {
        match self.storage {
            Storage::Fixed(_) => Self::changeable((*self.entries()).clone()),
            Storage::Changeable(_) => self.clone(),
        }
    }

    /// Puts a value in. Fails for a map that would hold itself and for values nested too deeply.
    pub(crate) fn insert(&self, key: Text, value: Value) -> Result<(), FunctionError> {
        self.make_room_for(&value)?;
        if let Storage::Changeable(changeable) = &self.storage {
            Arc::make_mut(&mut *changeable.lock()).insert(key, value);
        }
        Ok(())
    }

    /// Takes a key out.
    pub(crate) fn remove(&self, key: &[u8]) {
        if let Storage::Changeable(changeable) = &self.storage {
            Arc::make_mut(&mut *changeable.lock()).remove(key);
        }
    }

    fn make_room_for(&self, value: &Value) -> Result<(), FunctionError> {
        let Storage::Changeable(target) = &self.storage else { return Ok(()) };
        lower(value, target, target.level.load(Ordering::Relaxed) + 1)
    }

    /// Whether both are the same map, not merely equal ones.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.storage, &other.storage) {
            (Storage::Fixed(left), Storage::Fixed(right)) => Arc::ptr_eq(left, right),
            (Storage::Changeable(left), Storage::Changeable(right)) => Arc::ptr_eq(left, right),
            (Storage::Fixed(_), Storage::Changeable(_)) | (Storage::Changeable(_), Storage::Fixed(_)) => {
                false
            }
        }
    }
}

/// Notes that `value` now lies at least `level` deep, for it and everything in it.
fn lower(value: &Value, target: &Arc<Changeable>, level: usize) -> Result<(), FunctionError> {
    if level > MAX_NESTING {
        return Err(FunctionError::NestedTooDeeply { limit: MAX_NESTING });
    }
    match value {
        Value::Map(map) => {
            if let Storage::Changeable(changeable) = &map.storage {
                if Arc::ptr_eq(changeable, target) {
                    return Err(FunctionError::Cycle);
                }
                changeable.level.fetch_max(level, Ordering::Relaxed);
            }
            map.entries().values().try_for_each(|value| lower(value, target, level + 1))
        }
        Value::List(list) => list.items().iter().try_for_each(|value| lower(value, target, level + 1)),
        Value::Nil
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::Time(_)
        | Value::Object(_) => Ok(()),
    }
}

impl Changeable {
    fn lock(&self) -> std::sync::MutexGuard<'_, Arc<BTreeMap<Text, Value>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Map {
    fn default() -> Self {
        Self::with_element(ElementType::Any, std::iter::empty::<(Text, Value)>())
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.element == other.element && (self.is_same(other) || self.entries() == other.entries())
    }
}

impl fmt::Debug for Map {
    /// Shows the number of entries only.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Map({} entries)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_cannot_come_to_hold_itself() {
        let outer = Map::changeable(BTreeMap::new());
        let inner = Map::changeable(BTreeMap::new());
        outer.insert("inner".into(), Value::Map(inner.clone())).unwrap();
        assert_eq!(inner.insert("outer".into(), Value::Map(outer.clone())), Err(FunctionError::Cycle));
        assert_eq!(outer.insert("self".into(), Value::Map(outer.clone())), Err(FunctionError::Cycle));
    }

    #[test]
    fn maps_cannot_be_nested_without_end() {
        let root = Map::changeable(BTreeMap::new());
        let mut deepest = root.clone();
        let refusal = (0..1000).find_map(|_| {
            let next = Map::changeable(BTreeMap::new());
            let result = deepest.insert("next".into(), Value::Map(next.clone()));
            deepest = next;
            result.err()
        });
        assert_eq!(refusal, Some(FunctionError::NestedTooDeeply { limit: MAX_NESTING }));
    }

    #[test]
    fn a_thawed_copy_leaves_the_original_alone() {
        let inner = Value::Map(Map::new([("a", Value::from(1_i64))]));
        let outer = Map::new([("inner", inner.clone())]);
        let Value::Map(copy) = Map::thaw(&Value::Map(outer), MAX_NESTING).unwrap() else { panic!("a map") };
        let Some(Value::Map(copied)) = copy.get(b"inner") else { panic!("a map") };
        copied.insert("a".into(), Value::from(2_i64)).unwrap();
        assert!(copy.get(b"inner") != Some(inner.clone()));
        let Value::Map(inner) = inner else { panic!("a map") };
        assert!(inner.get(b"a") == Some(Value::from(1_i64)));
    }
}
