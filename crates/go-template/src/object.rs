//! [`Object`]: how a host offers things with fields and methods to templates.

use crate::{error::FunctionError, map::Map, value::Value};

/// A thing of the host, such as the request. `.Request.Header "X"` asks the object `Request` for its method `Header`.
///
/// A step `.name` is looked up as method, then as field, then as key of [`Object::entries`].
pub trait Object: Send + Sync {
    /// The type in Go's words (`*url.URL`), for `typeOf` and messages.
    fn type_name(&self) -> &str;

    /// The field of this name.
    fn field(&self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }

    /// Calls the method of this name; `None` if there is none. The number and types of the arguments are the method's to check:
    /// [`FunctionError::ArgumentCount`], [`FunctionError::ArgumentType`].
    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        let _ = (name, arguments);
        None
    }

    /// The entries, for an object that is a map in Go: it can be walked, indexed and counted.
    fn entries(&self) -> Option<Map> {
        None
    }

    /// The text form, for an object that has one in Go (a `String` method). It is how the object prints.
    fn to_text(&self) -> Option<String> {
        None
    }

    /// The exported fields in order, for the JSON form of an object that is a struct in Go. Without any, the JSON form is that of the
    /// entries, else the text form as a string.
    fn members(&self) -> Vec<(String, Value)> {
        Vec::new()
    }
}
