//! [`List`]: lists, never changed in place.

use std::{fmt, sync::Arc};

use crate::value::{ElementType, Value};

/// A list. Cheap to clone.
#[derive(Clone, PartialEq)]
pub struct List {
    items: Arc<Vec<Value>>,
    element: ElementType,
    is_null: bool,
}

impl List {
    /// A list of anything: `[]interface {}` in Go's words.
    pub fn new(items: impl IntoIterator<Item = Value>) -> Self {
        Self::with_element(ElementType::Any, items)
    }

    /// A list of strings: `[]string` in Go's words.
    pub fn of_strings<T: Into<crate::Text>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::with_element(ElementType::Text, items.into_iter().map(|item| Value::String(item.into())))
    }

    /// A list whose items all have the given type.
    pub fn with_element(element: ElementType, items: impl IntoIterator<Item = Value>) -> Self {
        Self { items: Arc::new(items.into_iter().collect()), element, is_null: false }
    }

    /// Go's nil slice: an empty list whose JSON form is `null`.
    pub(crate) fn null(element: ElementType) -> Self {
        Self { items: Arc::default(), element, is_null: true }
    }

    /// A list of the same type with other items.
    pub(crate) fn with_items(&self, items: Vec<Value>) -> Self {
        Self { items: Arc::new(items), element: self.element, is_null: self.is_null }
    }

    /// The items.
    pub fn items(&self) -> &[Value] {
        &self.items
    }

    /// The type of the items.
    pub fn element(&self) -> ElementType {
        self.element
    }

    pub(crate) fn is_null(&self) -> bool {
        self.is_null
    }
}

impl fmt::Debug for List {
    /// Shows the number of items only.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "List({} items)", self.items.len())
    }
}
