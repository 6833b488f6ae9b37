//! An answer as it came from the wire.

/// An answer, its body without framing.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a field that must not appear twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(field, _)| field == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "two {name} lines");
        value
    }

    /// The nonce that the answer hands out.
    pub fn nonce(&self) -> Option<String> {
        self.header("dpop-nonce").map(str::to_owned)
    }

    /// Whether a text stands in a field or in the body.
    pub fn says(&self, text: &str) -> bool {
        self.headers.iter().any(|(_, value)| value.contains(text)) || self.text().contains(text)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The values of a field that reached an upstream which answers with what it saw.
    pub fn upstream_saw(&self, name: &str) -> Vec<String> {
        seen_header(&self.json(), name)
    }
}

/// The values of a header field in what such an upstream saw.
pub fn seen_header(seen: &serde_json::Value, name: &str) -> Vec<String> {
    let fields = seen["headers"].as_array().unwrap().iter();
    fields.filter(|field| field[0] == name).map(|field| field[1].as_str().unwrap().to_owned()).collect()
}
