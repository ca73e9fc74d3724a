//! What a function reports when it fails, and the forms in which the Runtime API takes it.

use std::any::Any;
use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::contract::XRAY_CAUSE_LIMIT;

/// A failed invocation, in the shape of aws-lambda-go's `InvokeResponse_Error`.
///
/// It is a value, not an error of ours: it travels to `/error` and the loop goes on.
///
/// ```
/// use runtime_api::FunctionError;
///
/// let failure = FunctionError::new("errorString", "no such user");
/// assert_eq!(failure.to_json(), r#"{"errorMessage":"no such user","errorType":"errorString"}"#);
/// assert_eq!(failure.log_line(), "no such user: errorString null");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FunctionError {
    /// The error's text.
    #[serde(rename = "errorMessage")]
    pub message: String,
    /// The error's type: a Go type name without package, or one of the platform's `Runtime.…` names.
    #[serde(rename = "errorType")]
    pub error_type: String,
    /// Innermost frame first; empty for returned errors, filled for panics.
    #[serde(rename = "stackTrace", skip_serializing_if = "Vec::is_empty")]
    pub stack_trace: Vec<StackFrame>,
    /// The process that ran the handler must not serve another invocation.
    #[serde(skip)]
    pub should_exit: bool,
}

/// One level of a stack trace. The key names are aws-lambda-go's (`lambda/messages/messages.go`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StackFrame {
    /// Source file.
    pub path: String,
    /// Line in it, from 1.
    pub line: i32,
    /// Function.
    pub label: String,
}

impl FunctionError {
    /// A failure without a stack trace, after which the process may go on.
    pub fn new(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        FunctionError { message: message.into(), error_type: error_type.into(), ..Default::default() }
    }

    /// The failure that a caught panic is, after which the process must not go on. Its text is a literal or not,
    /// Go calls both `string`.
    pub fn from_panic(panic: Box<dyn Any + Send>) -> Self {
        let text = match panic.downcast::<String>() {
            Ok(text) => Some(*text),
            Err(panic) => panic.downcast_ref::<&str>().map(|text| (*text).to_owned()),
        };
        let failure = match text {
            Some(text) => FunctionError::new("string", text),
            None => FunctionError::new("Any", "the handler panicked with a value that is no text"),
        };
        FunctionError { should_exit: true, ..failure }
    }

    /// The body of `/error` and `/init/error`.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and integers always serialise")
    }

    /// [`FunctionError::to_json`] for where there is little room: shorter than the limit, in bytes. Frames are dropped
    /// from the outer end, then the message is cut, until it fits. A type that leaves no room is left out.
    pub(crate) fn to_json_within(&self, limit: usize) -> String {
        #[derive(Serialize)]
        struct Short<'a> {
            #[serde(rename = "errorMessage")]
            message: &'a str,
            #[serde(rename = "errorType")]
            error_type: &'a str,
            #[serde(rename = "stackTrace", skip_serializing_if = "<[_]>::is_empty")]
            stack_trace: &'a [StackFrame],
        }
        let json = |error_type: &str| {
            self.shortened(limit, |message, stack_trace| {
                serde_json::to_string(&Short { message, error_type, stack_trace })
                    .expect("strings and integers always serialise")
            })
        };
        json(&self.error_type).or_else(|| json("")).expect("there is room for two empty strings")
    }

    /// The line that the go1.x runtime wrote to the log: `message: type null`, or with the frames as JSON.
    /// Metric filters of old functions match it, the `null` (Go's nil stack) included.
    pub fn log_line(&self) -> String {
        let frames = if self.stack_trace.is_empty() {
            "null".to_owned()
        } else {
            serde_json::to_string(&self.stack_trace).expect("strings and integers always serialise")
        };
        format!("{}: {} {frames}", self.message, self.error_type)
    }

    /// The value of the X-Ray cause header: one line of ASCII JSON, shorter than 64 KiB.
    ///
    /// Shape: `{"working_directory", "exceptions": [{"type", "message", "stack"}], "paths"}`
    /// (aws-lambda-go `lambda/invoke_loop.go`). Frames are dropped from the outer end, then the message is cut,
    /// until it fits.
    pub fn xray_cause(&self, working_directory: &str) -> String {
        self.shortened(XRAY_CAUSE_LIMIT, |message, frames| {
            ascii_json(&Cause::new(self, message, frames, working_directory))
        })
        // Only a type or a directory of this length is left to blame.
        .unwrap_or_else(|| ascii_json(&Cause::new(&FunctionError::default(), "", &[], "")))
    }

    /// A text of the message and the stack that is shorter than the limit, made of as much of them as that takes.
    fn shortened(&self, limit: usize, render: impl Fn(&str, &[StackFrame]) -> String) -> Option<String> {
        let mut message: &str = &self.message;
        // No frame takes less than this, so more cannot fit.
        let mut frames = self.stack_trace.len().min(limit / r#"{"path":"","line":0,"label":""}"#.len());
        loop {
            let text = render(message, &self.stack_trace[..frames]);
            if text.len() < limit {
                return Some(text);
            }
            if frames > 0 {
                frames /= 2;
            } else if !message.is_empty() {
                message = &message[..floor_char_boundary(message, message.len() / 2)];
            } else {
                return None;
            }
        }
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FunctionError {}

#[derive(Serialize)]
struct Cause<'a> {
    working_directory: &'a str,
    exceptions: [Exception<'a>; 1],
    paths: Vec<&'a str>,
}

#[derive(Serialize)]
struct Exception<'a> {
    r#type: &'a str,
    message: &'a str,
    stack: &'a [StackFrame],
}

impl<'a> Cause<'a> {
    fn new(
        failure: &'a FunctionError,
        message: &'a str,
        stack: &'a [StackFrame],
        directory: &'a str,
    ) -> Self {
        let mut paths: Vec<&str> = Vec::new();
        for frame in stack {
            if !paths.contains(&frame.path.as_str()) {
                paths.push(&frame.path);
            }
        }
        Cause {
            working_directory: directory,
            exceptions: [Exception { r#type: &failure.error_type, message, stack }],
            paths,
        }
    }
}

/// A header's value may hold visible ASCII alone, so all else is escaped as JSON allows.
fn ascii_json(cause: &Cause<'_>) -> String {
    let json = serde_json::to_string(cause).expect("strings and integers always serialise");
    if json.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return json;
    }
    let mut ascii = String::with_capacity(json.len() + 64);
    for character in json.chars() {
        if (' '..='~').contains(&character) {
            ascii.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            write!(ascii, "\\u{unit:04x}").expect("writing to a string cannot fail");
        }
    }
    ascii
}

fn floor_char_boundary(text: &str, mut index: usize) -> usize {
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(path: &str) -> StackFrame {
        StackFrame { path: path.into(), line: 7, label: "main.fail".into() }
    }

    #[test]
    fn json_has_frames_as_objects() {
        let failure =
            FunctionError { stack_trace: vec![frame("main.go")], ..FunctionError::new("string", "boom") };
        assert_eq!(
            failure.to_json(),
            r#"{"errorMessage":"boom","errorType":"string","stackTrace":[{"path":"main.go","line":7,"label":"main.fail"}]}"#
        );
        assert_eq!(failure.log_line(), r#"boom: string [{"path":"main.go","line":7,"label":"main.fail"}]"#);
    }

    #[test]
    fn xray_cause_is_one_ascii_line_and_names_each_path_once() {
        let failure = FunctionError {
            stack_trace: vec![frame("a.go"), frame("b.go"), frame("a.go")],
            ..FunctionError::new("MyError", "größe 🦀\n")
        };
        let cause = failure.xray_cause("/var/task");
        assert!(cause.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{cause}");
        let parsed: serde_json::Value = serde_json::from_str(&cause).unwrap();
        assert_eq!(parsed["paths"], serde_json::json!(["a.go", "b.go"]));
        assert_eq!(parsed["exceptions"][0]["message"], "größe 🦀\n");
        assert_eq!(parsed["working_directory"], "/var/task");
    }

    #[test]
    fn xray_cause_stays_below_its_limit() {
        for failure in [
            FunctionError::new("E", "ü".repeat(200_000)),
            FunctionError {
                stack_trace: vec![frame(&"p".repeat(3_000)); 100],
                ..FunctionError::new("E", "m")
            },
            FunctionError::new("E".repeat(100_000), "m"),
        ] {
            let cause = failure.xray_cause("/var/task");
            assert!(cause.len() < XRAY_CAUSE_LIMIT);
            serde_json::from_str::<serde_json::Value>(&cause).unwrap();
        }
    }

    #[test]
    fn json_for_little_room_keeps_what_fits() {
        let json = |failure: &FunctionError| -> serde_json::Value {
            let json = failure.to_json_within(2048);
            assert!(json.len() < 2048, "{}", json.len());
            serde_json::from_str(&json).unwrap()
        };
        let small = FunctionError { stack_trace: vec![frame("main.go")], ..FunctionError::new("E", "m") };
        assert_eq!(small.to_json_within(2048), small.to_json());
        let deep = FunctionError { stack_trace: vec![frame("main.go"); 100], ..FunctionError::new("E", "m") };
        let frames = json(&deep)["stackTrace"].as_array().unwrap().len();
        assert!((10..100).contains(&frames), "{frames}");
        let long = json(&FunctionError::new("E", "ü\u{1}".repeat(9_000)));
        assert!(long["errorMessage"].as_str().unwrap().starts_with("ü\u{1}ü"), "{long}");
        assert_eq!(json(&FunctionError::new("E".repeat(9_000), "m"))["errorMessage"], "m");
    }

    #[test]
    fn it_is_an_error_that_says_its_message() {
        let error: Box<dyn std::error::Error + Send + Sync> =
            Box::new(FunctionError::new("E", "no such user"));
        assert_eq!(error.to_string(), "no such user");
    }

    #[test]
    fn panics_keep_their_text_and_end_the_process() {
        for (panic, error_type, message) in [
            (Box::new("literal") as Box<dyn Any + Send>, "string", "literal"),
            (Box::new("formatted".to_owned()), "string", "formatted"),
            (Box::new(7), "Any", "the handler panicked with a value that is no text"),
        ] {
            let failure = FunctionError::from_panic(panic);
            assert_eq!((failure.error_type.as_str(), failure.message.as_str()), (error_type, message));
            assert!(failure.should_exit);
        }
    }
}
