//! The child's environment: what go1.x had and `provided.*` lacks.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::Environment;
use super::settings::HANDLER;

/// go1.x set each of these to the same value as the variable beside it.
const ALIASES: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
    ("AWS_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"),
];

/// go1.x had these folders at the front of these lists, and `provided.*` has not.
const FIRST_IN_LISTS: [(&str, &str); 2] = [("PATH", "/var/lang/bin"), ("LD_LIBRARY_PATH", "/var/lang/lib")];

/// A copy of the sandbox's environment with go1.x's own variables in it, as recorded on AWS in December 2023.
/// Programs look at them to find out where they run, and which of them they are: `handler` is the one that is started.
pub(super) fn go1x(sandbox: &Environment, handler: &Path) -> Environment {
    let mut environment = sandbox.clone();
    environment.insert("AWS_EXECUTION_ENV".into(), "AWS_Lambda_go1.x".into());
    environment.insert(HANDLER.into(), handler.into());
    for (name, folder) in FIRST_IN_LISTS {
        if let Some(list) = environment.get_mut(OsStr::new(name)) {
            let mut whole = OsString::from(folder);
            whole.push(":");
            whole.push(&*list);
            *list = whole;
        }
    }
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
        let sandbox: Environment = [
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_LAMBDA_RUNTIME_API", "a:1"),
            ("AWS_SECRET_KEY", "own"),
            ("_HANDLER", "bootstrap"),
            ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
        ]
        .map(|(key, value)| (key.into(), value.into()))
        .into();
        let environment = go1x(&sandbox, Path::new("bin/main"));
        let get = |name: &str| environment.get(OsStr::new(name)).and_then(|value| value.to_str());
        assert_eq!(get("AWS_ACCESS_KEY"), Some("id"));
        assert_eq!(get("AWS_SECRET_KEY"), Some("own"));
        assert_eq!(get("AWS_SECURITY_TOKEN"), None);
        assert_eq!(get("AWS_EXECUTION_ENV"), Some("AWS_Lambda_go1.x"));
        assert_eq!(get("AWS_LAMBDA_RUNTIME_API"), Some("a:1"));
        assert_eq!(get("_HANDLER"), Some("bin/main"));
        assert_eq!(get("PATH"), Some("/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"));
        assert_eq!(get("LD_LIBRARY_PATH"), None);
    }
}
