//! The child's environment: what go1.x had and `provided.*` lacks.

use std::ffi::{OsStr, OsString};

use super::Environment;

/// go1.x set each of these to the same value as the variable beside it.
const ALIASES: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
    ("AWS_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"),
];

/// A copy of the sandbox's environment with go1.x's own variables in it, as recorded on AWS in December 2023.
/// Programs look at them to find out where they run.
pub(super) fn go1x(sandbox: &Environment) -> Environment {
    let mut environment = sandbox.clone();
    environment.insert("AWS_EXECUTION_ENV".into(), "AWS_Lambda_go1.x".into());
    for (alias, name) in ALIASES {
        if let Some(value) = sandbox.get(OsStr::new(name)) {
            environment.entry(OsString::from(alias)).or_insert_with(|| value.clone());
        }
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_appear_under_both_names_and_nothing_is_lost() {
        let sandbox: Environment =
            [("AWS_ACCESS_KEY_ID", "id"), ("AWS_LAMBDA_RUNTIME_API", "a:1"), ("AWS_SECRET_KEY", "own")]
                .map(|(key, value)| (key.into(), value.into()))
                .into();
        let environment = go1x(&sandbox);
        let get = |name: &str| environment.get(OsStr::new(name)).and_then(|value| value.to_str());
        assert_eq!(get("AWS_ACCESS_KEY"), Some("id"));
        assert_eq!(get("AWS_SECRET_KEY"), Some("own"));
        assert_eq!(get("AWS_SECURITY_TOKEN"), None);
        assert_eq!(get("AWS_EXECUTION_ENV"), Some("AWS_Lambda_go1.x"));
        assert_eq!(get("AWS_LAMBDA_RUNTIME_API"), Some("a:1"));
    }
}
