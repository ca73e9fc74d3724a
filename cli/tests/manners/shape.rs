//! The shape of JSON as helps have it: `{name, size?, entries: [{name}], log: []}`. A name with `?` need not be there,
//! and of one without braces or brackets, the value may be anything. `null` is what is not known, anywhere.

use std::collections::BTreeSet;

use serde_json::Value;

#[derive(Debug)]
pub(crate) enum Shape {
    Anything,
    List(Box<Shape>),
    /// Name, whether it has to be there, and what it is.
    Object(Vec<(String, bool, Shape)>),
}

impl Shape {
    /// The shape that a text begins with.
    ///
    /// # Panics
    ///
    /// If it does not begin with one.
    pub(crate) fn parse(text: &str) -> Shape {
        let mut rest = text;
        let shape = shape(&mut rest);
        assert!(matches!(shape, Shape::Object(_)), "JSON is an object: {text}");
        shape
    }

    /// What of a value does not fit. `seen` gets the names that were there.
    pub(crate) fn problems(&self, value: &Value, seen: &mut BTreeSet<String>) -> Vec<String> {
        let mut found = Vec::new();
        self.check(value, "", seen, &mut found);
        found
    }

    fn check(&self, value: &Value, place: &str, seen: &mut BTreeSet<String>, found: &mut Vec<String>) {
        match (self, value) {
            (Shape::Anything, _) | (_, Value::Null) => {}
            (Shape::List(of), Value::Array(values)) => {
                values.iter().for_each(|value| of.check(value, &format!("{place}[]"), seen, found));
            }
            (Shape::Object(fields), Value::Object(values)) => {
                for (name, is_required, shape) in fields {
                    let place = format!("{place}.{name}");
                    match values.get(name) {
                        Some(value) => {
                            seen.insert(place.clone());
                            shape.check(value, &place, seen, found);
                        }
                        None if *is_required => found.push(format!("{place} is missing")),
                        None => {}
                    }
                }
                let known = |name: &String| fields.iter().any(|(known, ..)| known == name);
                let unknown = values.keys().filter(|name| !known(name));
                found.extend(unknown.map(|name| format!("{place}.{name} is not in the help")));
            }
            _ => found.push(format!("{place} is {value}")),
        }
    }

    /// All names in it.
    pub(crate) fn places(&self) -> Vec<String> {
        let below = |prefix: &str, shape: &Shape| {
            shape.places().iter().map(|place| format!("{prefix}{place}")).collect::<Vec<_>>()
        };
        match self {
            Shape::Anything => Vec::new(),
            Shape::List(of) => below("[]", of),
            Shape::Object(fields) => fields
                .iter()
                .flat_map(|(name, _, shape)| {
                    let place = format!(".{name}");
                    [vec![place.clone()], below(&place, shape)].concat()
                })
                .collect(),
        }
    }
}

fn shape(rest: &mut &str) -> Shape {
    if take(rest, '[') {
        let of = if rest.trim_start().starts_with(']') { Shape::Anything } else { shape(rest) };
        assert!(take(rest, ']'), "a list ends: {rest}");
        return Shape::List(Box::new(of));
    }
    if !take(rest, '{') {
        // In words, up to the next name.
        let end = rest.find([',', '}', ']']).expect("what is open is closed");
        *rest = &rest[end..];
        return Shape::Anything;
    }
    let mut fields = Vec::new();
    loop {
        let text = rest.trim_start();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').expect("a name ends");
        assert!(end > 0, "a name: {text}");
        let name = text[..end].to_owned();
        *rest = &text[end..];
        let is_required = !take(rest, '?');
        let of = if take(rest, ':') { shape(rest) } else { Shape::Anything };
        fields.push((name, is_required, of));
        if !take(rest, ',') {
            assert!(take(rest, '}'), "an object ends: {rest}");
            return Shape::Object(fields);
        }
    }
}

fn take(rest: &mut &str, sign: char) -> bool {
    match rest.trim_start().strip_prefix(sign) {
        Some(behind) => {
            *rest = behind;
            true
        }
        None => false,
    }
}
