//! A panic in a handler as what go1x made of one: a failure with a stack trace, after which the process is to end.

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use runtime_api::{FunctionError, StackFrame};

/// Frames that are reported, as in Go (aws-lambda-go `lambda/panic.go`).
const FRAMES_LIMIT: usize = 32;

thread_local! {
    /// Whether a handler is at work on this thread.
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    /// Where its panic began.
    static STACK: RefCell<Vec<StackFrame>> = const { RefCell::new(Vec::new()) };
}

/// Runs a part of a handler; its panic becomes a failure.
///
/// The place of a panic is known to the panic hook alone, so a hook is put before the one that is set, once.
pub(crate) fn catch<T>(run: impl FnOnce() -> T) -> Result<T, FunctionError> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let next = take_hook();
        set_hook(Box::new(move |panic| {
            note(panic);
            next(panic);
        }));
    });
    let outer = WATCHED.replace(true);
    // What a panic leaves half done is not seen again: the process is asked to end.
    let outcome = catch_unwind(AssertUnwindSafe(run));
    WATCHED.set(outer);
    outcome.map_err(|panic| FunctionError { stack_trace: STACK.take(), ..FunctionError::from_panic(panic) })
}

fn note(panic: &PanicHookInfo<'_>) {
    if WATCHED.get() {
        let frames = frames(&Backtrace::force_capture().to_string(), panic.location());
        STACK.replace(frames);
    }
}

/// The frames from the panic's place outwards, up to our own. The standard library has no other access to them than
/// the text; where that has no names, as in a stripped program, the place is all there is.
fn frames(backtrace: &str, place: Option<&Location<'_>>) -> Vec<StackFrame> {
    let Some(place) = place else { return Vec::new() };
    let line = i32::try_from(place.line()).unwrap_or(i32::MAX);
    let is_place = |frame: &StackFrame| frame.line == line && frame.path.ends_with(place.file());
    let inner = parse(backtrace).skip_while(|frame| !is_place(frame));
    let mut frames: Vec<_> = inner
        .take_while(|frame| !frame.label.trim_start_matches('<').starts_with("go1x::"))
        .take(FRAMES_LIMIT)
        .collect();
    if frames.is_empty() {
        frames.push(StackFrame { path: place.file().to_owned(), line, label: String::new() });
    }
    frames
}

/// `  12: crate::function::h0123…`, and below it `             at path:line:column`.
fn parse(backtrace: &str) -> impl Iterator<Item = StackFrame> {
    let mut label = "";
    backtrace.lines().filter_map(move |text| {
        let text = text.trim_start();
        let Some(place) = text.strip_prefix("at ") else {
            let (number, name) = text.split_once(": ")?;
            label = if number.parse::<u32>().is_ok() { name } else { "" };
            return None;
        };
        let mut parts = place.rsplitn(3, ':');
        let (_column, line, path) = (parts.next()?, parts.next()?, parts.next()?);
        Some(StackFrame {
            path: path.to_owned(),
            line: line.parse().ok()?,
            label: without_hash(label).to_owned(),
        })
    })
}

fn without_hash(label: &str) -> &str {
    match label.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => name,
        _ => label,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_from_the_text() {
        let text = "   0: std::backtrace::capture\n             at /rustc/x/library/std/src/backtrace.rs:331:13\n   \
                    1: core::panicking::panic_fmt\n   2: handlers::fail::h0123456789abcdef\n             \
                    at ./src/main.rs:7:5\n   3: <handlers::T as core::fmt::Display>::fmt\n             \
                    at ./src/main.rs:9:1\n  10: <unknown>\n";
        let frames: Vec<_> = parse(text).map(|frame| (frame.label, frame.line, frame.path)).collect();
        let frame = |label: &str, line, path: &str| (label.to_owned(), line, path.to_owned());
        assert_eq!(
            frames,
            [
                frame("std::backtrace::capture", 331, "/rustc/x/library/std/src/backtrace.rs"),
                frame("handlers::fail", 7, "./src/main.rs"),
                frame("<handlers::T as core::fmt::Display>::fmt", 9, "./src/main.rs"),
            ]
        );
        let place = Location::caller();
        let nameless = [StackFrame {
            path: place.file().to_owned(),
            line: i32::try_from(place.line()).unwrap(),
            label: String::new(),
        }];
        assert_eq!(frames_of(place), nameless);
    }

    fn frames_of(place: &Location<'_>) -> Vec<StackFrame> {
        super::frames("   0: <unknown>\n", Some(place))
    }

    #[test]
    fn panics_of_others_are_left_alone() {
        assert!(std::thread::spawn(|| panic!("not a handler's")).join().is_err());
        assert!(STACK.take().is_empty());
        let failure = catch(|| -> () { panic!("{} of tea", "out") }).unwrap_err();
        assert_eq!((failure.message.as_str(), failure.error_type.as_str()), ("out of tea", "string"));
        assert!(failure.should_exit);
        assert!(failure.stack_trace[0].path.ends_with("src/panic.rs"), "{failure:?}");
        let failure = catch(|| -> () { std::panic::panic_any(7) }).unwrap_err();
        assert_eq!(failure.error_type, "Any");
    }
}
