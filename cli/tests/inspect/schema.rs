//! As much of JSON Schema (draft 4) as the schema of SARIF uses, to see whether a log is what it says.

use serde_json::Value;

/// What is wrong with a value; nothing, if it is valid.
///
/// # Panics
///
/// If the schema has a keyword that is not known here.
pub(crate) fn problems(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, value, "", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    let keywords = schema.as_object().expect("a schema is an object");
    if let Some(reference) = keywords.get("$ref") {
        let pointer =
            reference.as_str().and_then(|text| text.strip_prefix('#')).expect("a place in the schema");
        return check(root, root.pointer(pointer).expect("it is there"), value, place, found);
    }
    let mut problem = |text: String| found.push(format!("{place}: {text}"));
    for (keyword, argument) in keywords {
        match keyword.as_str() {
            "$schema" | "$id" | "id" | "title" | "description" | "default" | "definitions" | "format" => {}
            // With `properties`, below.
            "additionalProperties" => {}
            "type" => {
                let names = argument.as_array().cloned().unwrap_or_else(|| vec![argument.clone()]);
                let is = |name: &Value| match name.as_str().expect("a type has a name") {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    "null" => value.is_null(),
                    other => panic!("{other} is no type"),
                };
                if !names.iter().any(is) {
                    problem(format!("{value} is not {argument}"));
                }
            }
            "enum" => {
                if !argument.as_array().expect("values").contains(value) {
                    problem(format!("{value} is not one of {argument}"));
                }
            }
            "required" => {
                for name in argument.as_array().expect("names").iter().filter_map(Value::as_str) {
                    if value.is_object() && value.get(name).is_none() {
                        problem(format!("{name} is missing"));
                    }
                }
            }
            "minimum" => {
                if value.as_f64().is_some_and(|number| number < argument.as_f64().expect("a number")) {
                    problem(format!("{value} is less than {argument}"));
                }
            }
            "maximum" => {
                if value.as_f64().is_some_and(|number| number > argument.as_f64().expect("a number")) {
                    problem(format!("{value} is more than {argument}"));
                }
            }
            "minItems" => {
                if value
                    .as_array()
                    .is_some_and(|items| (items.len() as u64) < argument.as_u64().expect("a number"))
                {
                    problem(format!("fewer than {argument}"));
                }
            }
            "uniqueItems" => {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                if argument == true
                    && items.iter().enumerate().any(|(index, item)| items[..index].contains(item))
                {
                    problem("the same item twice".into());
                }
            }
            "items" | "properties" | "anyOf" | "allOf" | "oneOf" | "pattern" => {}
            other => panic!("{place}: the keyword {other} is not known here"),
        }
    }
    if let (Some(items), Some(values)) = (keywords.get("items"), value.as_array()) {
        for (index, value) in values.iter().enumerate() {
            check(root, items, value, &format!("{place}/{index}"), found);
        }
    }
    for (keyword, at_least) in [("anyOf", 1), ("allOf", usize::MAX), ("oneOf", 1)] {
        let Some(schemas) = keywords.get(keyword).and_then(Value::as_array) else { continue };
        let valid = schemas.iter().filter(|schema| {
            let mut inner = Vec::new();
            check(root, schema, value, place, &mut inner);
            inner.is_empty()
        });
        let valid = valid.count();
        if valid < at_least.min(schemas.len()) || (keyword == "oneOf" && valid != 1) {
            found.push(format!("{place}: {valid} of {keyword}"));
        }
    }
    let Some(object) = value.as_object() else { return };
    let properties = keywords.get("properties").and_then(Value::as_object);
    for (name, value) in object {
        let place = format!("{place}/{name}");
        match (properties.and_then(|known| known.get(name)), keywords.get("additionalProperties")) {
            (Some(schema), _) => check(root, schema, value, &place, found),
            (None, Some(Value::Bool(false))) => found.push(format!("{place}: not in the schema")),
            (None, Some(schema @ Value::Object(_))) => check(root, schema, value, &place, found),
            (None, _) => {}
        }
    }
}
