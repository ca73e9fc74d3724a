//! What the caller of a function is told of an error: its text, and the name of its type, as Go's is.

use std::any::{TypeId, type_name};
use std::borrow::Cow;

use runtime_api::FunctionError;

use crate::Error;

/// Errors are followed so far to what caused them.
const CAUSES_LIMIT: usize = 32;
/// What the names of pointers to errors begin with.
const POINTERS: [&str; 3] = ["alloc::boxed::Box<", "alloc::sync::Arc<", "alloc::rc::Rc<"];
/// Go's type of an error that is a text alone.
const TEXT: &str = "errorString";

/// The failure that an error is reported as. A [`FunctionError`] is one already, boxed or not.
///
/// `errorType` is the name of the error's type, without its path, as aws-lambda-go reports it. A text is an
/// `errorString`, Go's name for what `errors.New` makes. A boxed error has lost the name of its type; it gets the one
/// that a derived `Debug` begins with, and if there is none, `errorString` too.
///
/// `errorMessage` is the error's text, followed by those of its causes, if it does not have them in it.
///
/// ```
/// use go1x::{Error, failure};
///
/// let error = "seven".parse::<i32>().unwrap_err();
/// let reported = failure(error.clone());
/// assert_eq!((reported.error_type.as_str(), reported.message.as_str()), ("ParseIntError", "invalid digit found in string"));
/// assert_eq!(failure(Error::from(error)).error_type, "ParseIntError");
/// assert_eq!(failure("no such user").error_type, "errorString");
/// ```
pub fn failure<E: Into<Error> + 'static>(error: E) -> FunctionError {
    let known = known_name::<E>();
    let error = match error.into().downcast::<FunctionError>() {
        Ok(failure) => return *failure,
        Err(error) => error,
    };
    let is_io = error.is::<std::io::Error>();
    let known = known.or_else(|| is_io.then(|| "Error".to_owned()));
    let name = known.unwrap_or_else(|| shown_name(&format!("{error:?}")).unwrap_or(TEXT).to_owned());
    FunctionError::new(name, message(&*error))
}

/// The name of a type that was not given up for a box.
fn known_name<E: 'static>() -> Option<String> {
    let this = TypeId::of::<E>();
    if this == TypeId::of::<Error>() {
        return None;
    }
    let texts = [TypeId::of::<String>(), TypeId::of::<&'static str>(), TypeId::of::<Cow<'static, str>>()];
    if texts.contains(&this) {
        return Some(TEXT.to_owned());
    }
    let mut name = type_name::<E>();
    // As Go does with pointers.
    while let Some(inner) = POINTERS.iter().find_map(|pointer| name.strip_prefix(pointer)) {
        name = inner;
    }
    let plain = name.split(['<', '>', ',']).next().unwrap_or(name);
    Some(plain.rsplit("::").next().unwrap_or(plain).to_owned())
}

/// `NotFound { id: 3 }`, `Refused("no")` and `Closed` begin with a name.
fn shown_name(shown: &str) -> Option<&str> {
    let end = shown.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(shown.len());
    let (name, rest) = shown.split_at(end);
    let is_derived = rest.is_empty() || rest.starts_with('(') || rest.starts_with(" {");
    (is_derived && name.starts_with(|c: char| c.is_ascii_uppercase())).then_some(name)
}

fn message(error: &(dyn std::error::Error + 'static)) -> String {
    let mut message = error.to_string();
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    for cause in causes.take(CAUSES_LIMIT) {
        let text = cause.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::num::ParseIntError;

    use super::*;

    #[derive(Debug)]
    struct NotFound<T> {
        #[allow(dead_code, reason = "its Debug is what matters")]
        id: T,
        cause: Option<ParseIntError>,
    }

    impl<T> fmt::Display for NotFound<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("not found")
        }
    }

    impl<T: fmt::Debug> std::error::Error for NotFound<T> {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.cause.as_ref().map(|cause| cause as _)
        }
    }

    #[derive(Debug)]
    enum Refused {
        Late,
        Full(#[allow(dead_code, reason = "its Debug is what matters")] u32),
    }

    impl fmt::Display for Refused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("refused")
        }
    }

    impl std::error::Error for Refused {}

    #[track_caller]
    fn check<E: Into<Error> + 'static>(error: E, error_type: &str, message: &str) {
        let failure = failure(error);
        assert_eq!((failure.error_type.as_str(), failure.message.as_str()), (error_type, message));
    }

    #[test]
    fn types_give_their_names() {
        check(NotFound { id: "x", cause: None }, "NotFound", "not found");
        check(Refused::Late, "Refused", "refused");
        check("text", TEXT, "text");
        check("text".to_owned(), TEXT, "text");
        check(Cow::from("text"), TEXT, "text");
        check(anyhow::anyhow!("outer"), "Error", "outer");
        check(Box::new(NotFound { id: "x", cause: None }), "NotFound", "not found");
        check(std::sync::Arc::new(Refused::Late), "Refused", "refused");
        check(std::io::Error::other("full"), "Error", "full");
        check(Error::from(std::io::Error::other("full")), "Error", "full");
    }

    #[test]
    fn boxed_errors_give_what_they_show() {
        check(Error::from(NotFound { id: 1, cause: None }), "NotFound", "not found");
        check(Error::from(Refused::Late), "Late", "refused");
        check(Error::from(Refused::Full(3)), "Full", "refused");
        check(Error::from("Text that is a text"), TEXT, "Text that is a text");
        check(Error::from(anyhow::anyhow!("Outer")), TEXT, "Outer");
    }

    #[test]
    fn causes_are_told_once() {
        let cause = "x".parse::<i32>().unwrap_err();
        check(NotFound { id: 1, cause: Some(cause.clone()) }, "NotFound", &format!("not found: {cause}"));
        check(anyhow::anyhow!("inner").context("outer: inner"), "Error", "outer: inner");
        check(anyhow::anyhow!("inner").context("outer"), "Error", "outer: inner");
    }

    #[test]
    fn failures_stay_what_they_are() {
        let own = FunctionError { should_exit: true, ..FunctionError::new("Own", "mine") };
        assert_eq!(failure(own.clone()), own);
        assert_eq!(failure(Error::from(own.clone())), own);
    }
}
