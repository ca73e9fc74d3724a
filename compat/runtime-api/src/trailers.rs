//! What is sent of a failure: a header's value, and behind a streamed payload the trailers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::FunctionError;
use crate::contract::{TRAILERS_LIMIT, error_type, header};
use crate::http::is_value;

/// A longer error type is left out of headers and trailers, and is in the JSON alone.
pub(crate) const ERROR_TYPE_LIMIT: usize = 1024;
/// Room for a failure's JSON in the trailers, beside their names and the longest error type.
const ERROR_JSON_LIMIT: usize = (TRAILERS_LIMIT - ERROR_TYPE_LIMIT - 256) / 4 * 3;

/// The failure's type as a header's value, if it is fit for one.
pub(crate) fn error_type_value(failure: &FunctionError) -> Option<&str> {
    Some(&*failure.error_type).filter(|text| text.len() <= ERROR_TYPE_LIMIT && is_value(text))
}

/// It is the type's presence that makes a failure of a response.
pub(crate) fn trailers(failure: &FunctionError) -> [(&'static str, String); 2] {
    // Blanks around a value are not its own in HTTP, and of blanks nothing would be left.
    let error_type = error_type_value(failure).filter(|text| !text.trim().is_empty());
    let json = BASE64.encode(failure.to_json_within(ERROR_JSON_LIMIT));
    [
        (header::FUNCTION_ERROR_TYPE, error_type.unwrap_or(error_type::UNKNOWN).to_owned()),
        (header::FUNCTION_ERROR_BODY, json),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_are_short_enough_for_servers_in_go() {
        for failure in [
            FunctionError::new("", ""),
            FunctionError::new("größe", "m"),
            FunctionError::new("E".repeat(ERROR_TYPE_LIMIT), "ü".repeat(100_000)),
            FunctionError::new("E".repeat(100_000), "m".repeat(100_000)),
        ] {
            let trailers = trailers(&failure);
            let length: usize =
                trailers.iter().map(|(name, value)| name.len() + value.len() + ": \r\n".len()).sum();
            assert!(length + "\r\n".len() < TRAILERS_LIMIT, "{length}");
            let [(_, error_type), (_, json)] = &trailers;
            assert!(is_value(error_type) && !error_type.is_empty());
            let json = BASE64.decode(json).unwrap();
            serde_json::from_slice::<serde_json::Value>(&json).unwrap();
        }
    }
}
