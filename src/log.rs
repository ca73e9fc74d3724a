//! The line that a failure leaves in the log.

use std::io::Write as _;
use std::time::SystemTime;

use humantime::format_rfc3339_millis;
use runtime_api::{FunctionError, RequestId, StackFrame};
use serde::Serialize;

use crate::RuntimeError;

/// How failures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// As the go1.x runtime did, `no such user: errorString null`: metric filters of old functions match that.
    #[default]
    Go1x,
    /// One JSON object a line: `timestamp`, `level`, `requestId`, `errorMessage`, `errorType`, `stackTrace`.
    Json,
}

impl LogFormat {
    /// Reads `GO1X_LOG_FORMAT`, or else `AWS_LAMBDA_LOG_FORMAT`; `value` gives a variable's text, if it is set to any.
    pub(crate) fn read(
        value: impl Fn(&'static str) -> Result<Option<String>, RuntimeError>,
    ) -> Result<LogFormat, RuntimeError> {
        match value(LOG_FORMAT)?.as_deref() {
            Some("go1x") => Ok(LogFormat::Go1x),
            Some("json") => Ok(LogFormat::Json),
            Some(other) => Err(RuntimeError::not(LOG_FORMAT, other, "go1x or json")),
            None if value(PLATFORMS_FORMAT)?.is_some_and(|format| format.eq_ignore_ascii_case("json")) => {
                Ok(LogFormat::Json)
            }
            None => Ok(LogFormat::Go1x),
        }
    }

    /// Tells of a failed invocation. In one write, since the handler's own output goes to the same place; and whether
    /// anybody reads it or not.
    pub(crate) fn failed(self, request_id: &RequestId, failure: &FunctionError) {
        write(match self {
            LogFormat::Go1x => failure.log_line(),
            LogFormat::Json => json(request_id.as_str(), failure),
        });
    }

    /// Tells why `bootstrap` ends.
    pub fn ends(self, error: &str) {
        write(match self {
            LogFormat::Go1x => format!("go1x: error: {error}"),
            LogFormat::Json => json("", &FunctionError::new("Runtime.Go1xEnded", error)),
        });
    }
}

const LOG_FORMAT: &str = "GO1X_LOG_FORMAT";
/// The function's own setting, which the platform passes on: `JSON` or `Text`.
const PLATFORMS_FORMAT: &str = "AWS_LAMBDA_LOG_FORMAT";

fn json(request_id: &str, failure: &FunctionError) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Line<'a> {
        timestamp: String,
        level: &'static str,
        #[serde(skip_serializing_if = "str::is_empty")]
        request_id: &'a str,
        error_message: &'a str,
        error_type: &'a str,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        stack_trace: &'a [StackFrame],
    }
    let line = Line {
        timestamp: timestamp(SystemTime::now()),
        level: "ERROR",
        request_id,
        error_message: &failure.message,
        error_type: &failure.error_type,
        stack_trace: &failure.stack_trace,
    };
    serde_json::to_string(&line).expect("strings and integers always serialise")
}

/// A point in time as RFC 3339 has it, in UTC, to the millisecond.
pub fn timestamp(time: SystemTime) -> String {
    format_rfc3339_millis(time).to_string()
}

fn write(line: String) {
    _ = std::io::stderr().write_all((line + "\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ours: &str, platforms: &str) -> Result<LogFormat, String> {
        let value = |name| {
            let text = if name == LOG_FORMAT { ours } else { platforms };
            Ok((!text.is_empty()).then(|| text.to_owned()))
        };
        LogFormat::read(value).map_err(|error| error.to_string())
    }

    #[test]
    fn ours_goes_before_the_platforms() {
        assert_eq!(read("", ""), Ok(LogFormat::Go1x));
        assert_eq!(read("", "JSON"), Ok(LogFormat::Json));
        assert_eq!(read("", "Text"), Ok(LogFormat::Go1x));
        assert_eq!(read("go1x", "JSON"), Ok(LogFormat::Go1x));
        assert_eq!(read("json", "Text"), Ok(LogFormat::Json));
        assert_eq!(read("xml", ""), Err("GO1X_LOG_FORMAT is \"xml\"; it can be go1x or json".into()));
    }

    #[test]
    fn an_object_has_all_of_the_failure() {
        let frame = StackFrame { path: "main.go".into(), line: 7, label: "main".into() };
        let failure = FunctionError { stack_trace: vec![frame], ..FunctionError::new("string", "a\n\"b\"") };
        let line = json("id-1", &failure);
        assert!(!line.contains('\n'), "{line}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&value["level"], &value["requestId"], &value["errorMessage"], &value["errorType"]),
            (&"ERROR".into(), &"id-1".into(), &"a\n\"b\"".into(), &"string".into())
        );
        assert_eq!(value["stackTrace"][0]["line"], 7);
        let timestamp = value["timestamp"].as_str().unwrap();
        assert!(timestamp.len() == 24 && timestamp.ends_with('Z'), "{timestamp}");
    }
}
