//! The runtime's side of one sandbox as a state machine: who may do what when, and what each is told.
//!
//! It knows no socket, no task and no clock: instants are passed in, answers are handed back. `E` is
//! whatever the owner wants to keep with an invocation.
//!
//! ```text
//! Started ── next ──► Ready ── event ──► Running ── response, error ──► ResponseSent ── next ──► Ready
//!    └─ init/error ─► InitError             └─ time is up ─► TimedOut ── next ──► Ready
//! ```
//!
//! States, their names and the texts are those of AWS's open-source emulator (its
//! `internal/lambda/core/states.go` and `rapi/rendering`), which resets the sandbox where this has `TimedOut`.
//!
//! A sandbox of Lambda Managed Instances holds several invocations at once, each of which goes its own way from
//! `Running` to its end, while the sandbox stays `Ready`. One that times out leaves its id behind: its answer, when it
//! comes, is too late, and nothing else happens (that emulator's `internal/lambda-managed-instances`).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;

use super::InitFailure;
use crate::contract::error_type;

/// What the platform grants a runtime between its start and its first `next`.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// So many late answers are known as such; older ones are to unknown invocations.
const TIMED_OUT_KEPT: usize = 1000;

/// One sandbox with its queue. So many invocations are in flight at a time, the others wait in order of arrival.
pub(super) struct State<E> {
    timeout: Duration,
    concurrency: usize,
    phase: Phase,
    init: Init,
    queue: VecDeque<Queued<E>>,
    /// In the order in which they were handed out.
    running: Vec<Running<E>>,
    /// How many have been handed out.
    attempts: u64,
    /// Ids, oldest first; none where one invocation is in flight at a time.
    timed_out: VecDeque<String>,
    /// When the front of the queue gives up waiting to be asked for.
    patience: Option<Instant>,
}

/// Where the runtime stands; `Running` is what has invocations in flight.
enum Phase {
    Started,
    InitError,
    Ready,
    /// The last one, where one invocation is in flight at a time.
    ResponseSent {
        id: String,
    },
    TimedOut,
}

/// How far the runtime process has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Init {
    Pending,
    Done,
    Failed(InitFailure),
}

struct Queued<E> {
    id: String,
    event: E,
}

/// An invocation that the runtime holds.
pub(super) struct Running<E> {
    pub(super) id: String,
    /// Which handing out of an event this is. An id can come again, this does not.
    pub(super) attempt: String,
    pub(super) event: E,
    /// Milliseconds since the Unix epoch.
    pub(super) deadline_ms: u64,
    handed_out: Instant,
    deadline: Option<Instant>,
}

/// One moment on the two clocks there are: one that never jumps, and the one in the deadline header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) instant: Instant,
    pub(super) unix_ms: u64,
}

/// What a call to `next` comes to.
pub(super) enum Next<'a, E> {
    Event(&'a Running<E>),
    Wait,
    Refused(Refusal),
}

/// Which of the two answers the runtime gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Response,
    Error,
}

/// What came of the answer's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Whole(Bytes),
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    Truncated,
    /// Whole, but announced with a response mode that does not exist.
    UnknownMode,
}

/// What the runtime is told, and the invocation that this ended.
pub(super) struct Step<E> {
    pub(super) told: Result<(), Refusal>,
    pub(super) settled: Option<Settled<E>>,
}

/// An invocation that is over.
#[derive(Debug)]
pub(super) struct Settled<E> {
    pub(super) id: String,
    pub(super) event: E,
    pub(super) failed: bool,
    pub(super) payload: Bytes,
    /// `None` if no runtime ever saw it.
    pub(super) handed_out: Option<Instant>,
}

/// Why a call of the runtime is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    InvalidStateTransition { from: &'static str, to: &'static str },
    InvalidRequestId,
    InvokeTimeout,
    RequestEntityTooLarge { limit: usize },
    TruncatedHttpRequest,
    InvalidFunctionResponseMode,
}

impl<E> State<E> {
    pub(super) fn new(timeout: Duration, concurrency: usize) -> State<E> {
        State {
            timeout,
            concurrency: concurrency.max(1),
            phase: Phase::Started,
            init: Init::Pending,
            queue: VecDeque::new(),
            running: Vec::new(),
            attempts: 0,
            timed_out: VecDeque::new(),
            patience: None,
        }
    }

    pub(super) fn init(&self) -> &Init {
        &self.init
    }

    /// Whether an event could be handed to an open `next` now.
    pub(super) fn has_event(&self) -> bool {
        matches!(self.phase, Phase::Ready) && self.has_room() && !self.queue.is_empty()
    }

    /// What belongs to an invocation that the runtime holds.
    pub(super) fn held(&self, id: &str, attempt: Option<&str>) -> Option<&E> {
        self.running.iter().find(|running| running.is(id, attempt)).map(|running| &running.event)
    }

    /// When [`State::expire`] has something to do; `None` while nothing is waited for.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.running.iter().filter_map(|running| running.deadline).chain(self.patience).min()
    }

    /// A new invocation. It is over at once if the runtime has failed to start and is still there.
    pub(super) fn enqueue(&mut self, id: String, event: E, now: Now) -> Option<Settled<E>> {
        self.queue.push_back(Queued { id, event });
        if let (Phase::InitError, Init::Failed(failure)) = (&self.phase, &self.init) {
            let payload = failure.payload.clone();
            return self.give_up(|_| payload);
        }
        self.mind_front(now);
        None
    }

    /// `GET /runtime/invocation/next`. A runtime that holds one invocation at a time, and asks again without having
    /// answered, is handed the same event again.
    pub(super) fn next(&mut self, now: Now) -> Next<'_, E> {
        if let Phase::InitError = self.phase {
            return Next::Refused(self.refuse_transition("Ready"));
        }
        self.init = Init::Done;
        if self.concurrency > 1 || self.running.is_empty() {
            self.phase = Phase::Ready;
            let event = if self.has_room() { self.queue.pop_front() } else { None };
            let Some(Queued { id, event }) = event else { return Next::Wait };
            self.attempts += 1;
            self.running.push(Running {
                id,
                attempt: self.attempts.to_string(),
                event,
                deadline_ms: now.unix_ms.saturating_add(whole_ms(self.timeout)),
                handed_out: now.instant,
                deadline: now.instant.checked_add(self.timeout),
            });
            self.patience = None;
            self.mind_front(now);
        }
        self.running.last().map_or(Next::Wait, Next::Event)
    }

    /// The runtime never got this event: it is the first in the queue again.
    pub(super) fn hand_back(&mut self, id: &str, attempt: &str, now: Now) {
        if let Some(Running { id, event, .. }) = self.take_running(id, Some(attempt)) {
            self.queue.push_front(Queued { id, event });
            self.patience = None;
            self.mind_front(now);
        }
    }

    /// `POST /runtime/invocation/{id}/response` and `…/error`. An answer that says which attempt it is of is taken for
    /// no other.
    pub(super) fn answer(
        &mut self,
        id: &str,
        attempt: Option<&str>,
        kind: Kind,
        content: Content,
        now: Now,
    ) -> Step<E> {
        let Some(running) = self.take_running(id, attempt) else {
            return Step { told: Err(self.refuse_answer(id, kind)), settled: None };
        };
        if self.concurrency == 1 {
            self.phase = Phase::ResponseSent { id: id.to_owned() };
        }
        self.mind_front(now);
        match content {
            Content::Whole(payload) => {
                Step { told: Ok(()), settled: Some(running.settled(kind == Kind::Error, payload)) }
            }
            Content::TooLarge { limit } => Step {
                told: Err(Refusal::RequestEntityTooLarge { limit }),
                settled: Some(running.settled(true, too_large(limit))),
            },
            Content::Truncated => {
                let payload = fault(error_type::TRUNCATED_RESPONSE, id, "Response was truncated");
                Step {
                    told: Err(Refusal::TruncatedHttpRequest),
                    settled: Some(running.settled(true, payload)),
                }
            }
            Content::UnknownMode => {
                let payload = fault(error_type::INVALID_RESPONSE_MODE, id, "Invalid function response mode");
                Step {
                    told: Err(Refusal::InvalidFunctionResponseMode),
                    settled: Some(running.settled(true, payload)),
                }
            }
        }
    }

    /// `POST /runtime/init/error`. Everyone who waits is answered with it, and so is everyone who comes
    /// before the process has ended.
    pub(super) fn init_error(
        &mut self,
        error_type: Option<String>,
        content: Content,
    ) -> (Result<(), Refusal>, Vec<Settled<E>>) {
        if !matches!(self.phase, Phase::Started) {
            return (Err(self.refuse_transition("InitError")), Vec::new());
        }
        let (told, payload) = match content {
            Content::Whole(payload) => (Ok(()), payload),
            Content::TooLarge { limit } => (Err(Refusal::RequestEntityTooLarge { limit }), too_large(limit)),
            Content::Truncated | Content::UnknownMode => {
                return (Err(Refusal::TruncatedHttpRequest), Vec::new());
            }
        };
        self.phase = Phase::InitError;
        self.init = Init::Failed(InitFailure { error_type, payload: payload.clone() });
        let mut settled = Vec::new();
        while let Some(one) = self.give_up(|_| payload.clone()) {
            settled.push(one);
        }
        (told, settled)
    }

    /// The runtime process has ended; `status` says how, unless it was with success.
    ///
    /// Ends what it held, or, if it had not come to its first `next`, the invocation that it was started
    /// for. The others wait for the next process.
    pub(super) fn runtime_exited(&mut self, status: Option<&str>, now: Now) -> Vec<Settled<E>> {
        let message = match status {
            None => "Runtime exited without providing a reason".to_owned(),
            Some(status) => format!("Runtime exited with error: {status}"),
        };
        let held = self.running.drain(..).map(|running| {
            let payload = fault(error_type::EXIT, &running.id, &message);
            running.settled(true, payload)
        });
        let mut settled: Vec<_> = held.collect();
        self.timed_out.clear();
        match std::mem::replace(&mut self.phase, Phase::Started) {
            Phase::Started => {
                self.init = Init::Failed(InitFailure {
                    error_type: Some(error_type::EXIT.to_owned()),
                    payload: error_json(error_type::EXIT, &message),
                });
                settled.extend(self.give_up(|id| fault(error_type::EXIT, id, &message)));
            }
            // Its failure has been told.
            Phase::InitError => {}
            Phase::Ready | Phase::ResponseSent { .. } | Phase::TimedOut => self.init = Init::Pending,
        }
        self.patience = None;
        self.mind_front(now);
        settled
    }

    /// Ends an invocation whose time is up, if there is one.
    pub(super) fn expire(&mut self, now: Now) -> Option<Settled<E>> {
        if self.deadline()? > now.instant {
            return None;
        }
        let message = format!("Task timed out after {:.2} seconds", self.timeout.as_secs_f64());
        let overdue = |running: &Running<E>| running.deadline.is_some_and(|deadline| deadline <= now.instant);
        let settled = match self.running.iter().position(overdue) {
            Some(position) => {
                let running = self.running.remove(position);
                if self.concurrency == 1 {
                    self.phase = Phase::TimedOut;
                } else {
                    self.timed_out.push_back(running.id.clone());
                    self.timed_out.drain(..self.timed_out.len().saturating_sub(TIMED_OUT_KEPT));
                }
                let payload = fault(error_type::TIMEOUT, &running.id, &message);
                Some(running.settled(true, payload))
            }
            None => self.give_up(|id| fault(error_type::TIMEOUT, id, &message)),
        };
        self.mind_front(now);
        settled
    }

    fn has_room(&self) -> bool {
        self.running.len() < self.concurrency
    }

    fn take_running(&mut self, id: &str, attempt: Option<&str>) -> Option<Running<E>> {
        let position = self.running.iter().position(|running| running.is(id, attempt))?;
        Some(self.running.remove(position))
    }

    /// Fails the front of the queue.
    fn give_up(&mut self, payload: impl FnOnce(&str) -> Bytes) -> Option<Settled<E>> {
        let Queued { id, event } = self.queue.pop_front()?;
        self.patience = None;
        let payload = payload(&id);
        Some(Settled { id, event, failed: true, payload, handed_out: None })
    }

    /// From when on an invocation is the next one to be asked for, the runtime has the time of an init
    /// and of the invocation itself to do so.
    fn mind_front(&mut self, now: Now) {
        if self.queue.is_empty() || !self.has_room() {
            self.patience = None;
        } else if self.patience.is_none() {
            let limit = INIT_LIMIT.checked_add(self.timeout);
            self.patience = limit.and_then(|limit| now.instant.checked_add(limit));
        }
    }

    /// Why the answer to an invocation that is not in flight is none.
    fn refuse_answer(&self, id: &str, kind: Kind) -> Refusal {
        match &self.phase {
            Phase::ResponseSent { id: last } if last == id => self.refuse_transition(match kind {
                Kind::Response => "InvocationResponse",
                Kind::Error => "InvocationErrorResponse",
            }),
            _ if self.timed_out.iter().any(|late| late == id) => Refusal::InvokeTimeout,
            // Another attempt of it is under way: this one is over.
            _ if self.held(id, None).is_some() => Refusal::InvokeTimeout,
            _ => Refusal::InvalidRequestId,
        }
    }

    fn refuse_transition(&self, to: &'static str) -> Refusal {
        let from = match self.phase {
            _ if !self.running.is_empty() => "Running",
            Phase::Started => "Started",
            Phase::InitError => "InitError",
            Phase::Ready => "Ready",
            Phase::ResponseSent { .. } => "ResponseSent",
            Phase::TimedOut => "TimedOut",
        };
        Refusal::InvalidStateTransition { from, to }
    }
}

impl<E> Running<E> {
    /// Runtimes of before July 2026 do not say which attempt they mean.
    fn is(&self, id: &str, attempt: Option<&str>) -> bool {
        self.id == id && attempt.is_none_or(|attempt| attempt == self.attempt)
    }

    fn settled(self, failed: bool, payload: Bytes) -> Settled<E> {
        Settled { id: self.id, event: self.event, failed, payload, handed_out: Some(self.handed_out) }
    }
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Refusal::InvalidStateTransition { .. } => StatusCode::FORBIDDEN,
            Refusal::InvokeTimeout => StatusCode::GONE,
            Refusal::RequestEntityTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::InvalidRequestId
            | Refusal::TruncatedHttpRequest
            | Refusal::InvalidFunctionResponseMode => StatusCode::BAD_REQUEST,
        }
    }

    pub(super) fn error_type(self) -> &'static str {
        match self {
            Refusal::InvalidStateTransition { .. } => "InvalidStateTransition",
            Refusal::InvalidRequestId => "InvalidRequestID",
            Refusal::InvokeTimeout => "InvokeTimeout",
            Refusal::RequestEntityTooLarge { .. } => "RequestEntityTooLarge",
            Refusal::TruncatedHttpRequest => "TruncatedHTTPRequest",
            Refusal::InvalidFunctionResponseMode => "InvalidFunctionResponseMode",
        }
    }

    pub(super) fn message(self) -> String {
        match self {
            Refusal::InvalidStateTransition { from, to } => format!(
                "State transition from {from} to {to} failed for runtime. Error: State transition is not allowed"
            ),
            Refusal::InvalidRequestId => "Invalid request ID".to_owned(),
            Refusal::InvokeTimeout => "Invoke timeout".to_owned(),
            Refusal::RequestEntityTooLarge { limit } => {
                format!("Exceeded maximum allowed payload size ({limit} bytes).")
            }
            Refusal::TruncatedHttpRequest => "HTTP request detected as truncated".to_owned(),
            Refusal::InvalidFunctionResponseMode => "Invalid function response mode".to_owned(),
        }
    }
}

/// What the platform itself tells a caller.
pub(super) fn error_json(error_type: &str, message: &str) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Fault<'a> {
        error_type: &'a str,
        error_message: &'a str,
    }
    let fault = Fault { error_type, error_message: message };
    serde_json::to_vec(&fault).expect("strings always serialise").into()
}

fn fault(error_type: &str, id: &str, message: &str) -> Bytes {
    error_json(error_type, &format!("RequestId: {id} Error: {message}"))
}

/// AWS's own text, which its open-source emulator does not use.
fn too_large(limit: usize) -> Bytes {
    error_json(
        error_type::RESPONSE_TOO_LARGE,
        &format!("Response payload size exceeded maximum allowed payload size ({limit} bytes)."),
    )
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a script of calls against a sandbox whose timeout is 3 s, and compares what each comes to.
    ///
    /// Calls: `invoke ID`, `next`, `response ID TEXT`, `error ID TEXT`, `lost ID`, `init TEXT`, `exit STATUS`, `at MS`.
    /// `ID#2` is the second attempt that was handed out.
    /// Results: what the runtime is told, then the invocations that ended as `ID ok|failed TEXT`.
    #[track_caller]
    fn play(script: &[(&str, &str)]) {
        play_at_once(1, script);
    }

    /// The same for a sandbox that holds so many invocations at once.
    #[track_caller]
    fn play_at_once(concurrency: usize, script: &[(&str, &str)]) {
        let mut state = State::new(Duration::from_secs(3), concurrency);
        let start = Instant::now();
        let mut now = Now { instant: start, unix_ms: 1_000_000 };
        for (line, (call, expected)) in script.iter().enumerate() {
            let (verb, rest) = call.split_once(' ').unwrap_or((call, ""));
            let (id, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let mut results = Vec::new();
            let mut ended = Vec::new();
            match verb {
                "invoke" => ended.extend(state.enqueue(id.to_owned(), (), now)),
                "next" => results.push(match state.next(now) {
                    Next::Event(running) => format!("{} until {}", running.id, running.deadline_ms),
                    Next::Wait => "wait".to_owned(),
                    Next::Refused(refusal) => told(Err(refusal)),
                }),
                "response" | "error" => {
                    let kind = if verb == "error" { Kind::Error } else { Kind::Response };
                    let (id, attempt) =
                        id.split_once('#').map_or((id, None), |(id, attempt)| (id, Some(attempt)));
                    let step = state.answer(id, attempt, kind, content(text), now);
                    results.push(told(step.told));
                    ended.extend(step.settled);
                }
                "lost" => {
                    let (id, attempt) = id.split_once('#').unwrap();
                    state.hand_back(id, attempt, now);
                }
                "init" => {
                    let (reply, settled) = state.init_error(Some("Runtime.T".to_owned()), content(rest));
                    results.push(told(reply));
                    ended.extend(settled);
                }
                "exit" => ended.extend(state.runtime_exited((!rest.is_empty()).then_some(rest), now)),
                "at" => {
                    let elapsed: u64 = rest.parse().unwrap();
                    let instant = start + Duration::from_millis(elapsed);
                    now = Now { instant, unix_ms: 1_000_000 + elapsed };
                    while let Some(settled) = state.expire(now) {
                        ended.push(settled);
                    }
                }
                _ => panic!("no such call: {call}"),
            }
            results.extend(ended.iter().map(|settled| {
                let result = if settled.failed { "failed" } else { "ok" };
                format!("{} {result} {}", settled.id, std::str::from_utf8(&settled.payload).unwrap())
            }));
            assert_eq!(results.join("; "), *expected, "line {line}: {call}");
        }
    }

    fn content(text: &str) -> Content {
        match text {
            "LARGE" => Content::TooLarge { limit: 6_291_556 },
            "TRUNCATED" => Content::Truncated,
            "MODE" => Content::UnknownMode,
            _ => Content::Whole(text.to_owned().into()),
        }
    }

    fn told(result: Result<(), Refusal>) -> String {
        match result {
            Ok(()) => "202".to_owned(),
            Err(Refusal::InvalidStateTransition { from, to }) => format!("403 {from} to {to}"),
            Err(refusal) => format!("{} {}", refusal.status().as_u16(), refusal.error_type()),
        }
    }

    #[test]
    fn one_after_the_other() {
        play(&[
            ("next", "wait"),
            ("invoke a", ""),
            ("next", "a until 1003000"),
            ("invoke b", ""),
            ("invoke c", ""),
            ("response a 1", "202; a ok 1"),
            ("at 500", ""),
            ("next", "b until 1003500"),
            ("error b 2", "202; b failed 2"),
            ("next", "c until 1003500"),
            ("response c", "202; c ok "),
            ("next", "wait"),
        ]);
    }

    #[test]
    fn an_event_is_handed_out_again_until_it_is_answered() {
        play(&[
            ("invoke a", ""),
            ("invoke b", ""),
            ("next", "a until 1003000"),
            ("at 1000", ""),
            ("next", "a until 1003000"),
            ("response a 1", "202; a ok 1"),
            ("next", "b until 1004000"),
        ]);
    }

    #[test]
    fn only_the_invocation_in_flight_can_be_answered() {
        play(&[
            ("response a 1", "400 InvalidRequestID"),
            ("error a 1", "400 InvalidRequestID"),
            ("next", "wait"),
            ("response a 1", "400 InvalidRequestID"),
            ("invoke a", ""),
            ("invoke b", ""),
            ("next", "a until 1003000"),
            ("response b 1", "400 InvalidRequestID"),
            ("error  1", "400 InvalidRequestID"),
            ("response a LARGE", TOO_LARGE_TOLD),
            ("error a 2", "403 ResponseSent to InvocationErrorResponse"),
            ("response a 2", "403 ResponseSent to InvocationResponse"),
            ("response b 2", "400 InvalidRequestID"),
            ("next", "b until 1003000"),
            ("response a 2", "400 InvalidRequestID"),
            ("response b 3", "202; b ok 3"),
            ("next", "wait"),
            ("response b 3", "400 InvalidRequestID"),
        ]);
    }

    const TOO_LARGE_TOLD: &str = concat!(
        r#"413 RequestEntityTooLarge; a failed {"errorType":"Function.ResponseSizeTooLarge","#,
        r#""errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}"#
    );

    #[test]
    fn bodies_that_cannot_be_taken_end_the_invocation() {
        for (call, expected) in [
            ("response a LARGE", TOO_LARGE_TOLD),
            ("error a LARGE", TOO_LARGE_TOLD),
            (
                "response a TRUNCATED",
                r#"400 TruncatedHTTPRequest; a failed {"errorType":"Runtime.TruncatedResponse","errorMessage":"RequestId: a Error: Response was truncated"}"#,
            ),
            (
                "response a MODE",
                r#"400 InvalidFunctionResponseMode; a failed {"errorType":"Runtime.InvalidResponseModeHeader","errorMessage":"RequestId: a Error: Invalid function response mode"}"#,
            ),
        ] {
            play(&[
                ("invoke a", ""),
                ("next", "a until 1003000"),
                (call, expected),
                ("error a 1", "403 ResponseSent to InvocationErrorResponse"),
                ("next", "wait"),
            ]);
        }
    }

    #[test]
    fn init_errors_come_before_the_first_next_and_end_all_that_wait() {
        play(&[
            ("invoke a", ""),
            ("invoke b", ""),
            ("init e", "202; a failed e; b failed e"),
            ("invoke c", "c failed e"),
            ("next", "403 InitError to Ready"),
            ("init f", "403 InitError to InitError"),
            ("response a 1", "400 InvalidRequestID"),
            ("exit exit status 1", ""),
            ("invoke d", ""),
            ("next", "d until 1003000"),
        ]);
        for before in [
            &[("next", "wait")][..],
            &[("invoke a", ""), ("next", "a until 1003000")],
            &[("invoke a", ""), ("next", "a until 1003000"), ("response a 1", "202; a ok 1")],
        ] {
            let states = ["Ready", "Running", "ResponseSent"];
            let refused = format!("403 {} to InitError", states[before.len().min(3) - 1]);
            play(&[before, &[("init e", refused.as_str())]].concat());
        }
        play(&[("init TRUNCATED", "400 TruncatedHTTPRequest"), ("next", "wait")]);
    }

    #[test]
    fn a_process_that_ends_takes_its_invocation_with_it() {
        for (call, message) in [
            ("exit", "Runtime exited without providing a reason"),
            ("exit exit status 2", "Runtime exited with error: exit status 2"),
            ("exit signal: killed", "Runtime exited with error: signal: killed"),
        ] {
            let failed = format!(
                r#"a failed {{"errorType":"Runtime.ExitError","errorMessage":"RequestId: a Error: {message}"}}"#
            );
            // In flight; the next one waits for the next process.
            play(&[
                ("invoke a", ""),
                ("next", "a until 1003000"),
                ("invoke b", ""),
                (call, &failed),
                ("response a 1", "400 InvalidRequestID"),
                ("next", "b until 1003000"),
            ]);
            // Before its first `next`.
            play(&[("invoke a", ""), ("invoke b", ""), (call, &failed), ("next", "b until 1003000")]);
            // With nothing in its hands.
            play(&[("next", "wait"), (call, ""), ("init e", "202")]);
            play(&[
                ("invoke a", ""),
                ("next", "a until 1003000"),
                ("response a 1", "202; a ok 1"),
                (call, ""),
                ("response a 1", "400 InvalidRequestID"),
                ("init e", "202"),
            ]);
        }
    }

    fn timed_out(id: &str) -> String {
        format!(
            r#"{id} failed {{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: {id} Error: Task timed out after 3.00 seconds"}}"#
        )
    }

    #[test]
    fn time_is_up() {
        play(&[
            ("invoke a", ""),
            ("at 100", ""),
            ("next", "a until 1003100"),
            ("invoke b", ""),
            ("at 3099", ""),
            ("at 3100", &timed_out("a")),
            ("response a 1", "400 InvalidRequestID"),
            ("error a 1", "400 InvalidRequestID"),
            ("init e", "403 TimedOut to InitError"),
            ("next", "b until 1006100"),
            ("response b 1", "202; b ok 1"),
            ("at 100000", ""),
        ]);
        // Never asked for: an init's time more, for each from when it is first in the queue.
        play(&[
            ("invoke a", ""),
            ("at 1000", ""),
            ("invoke b", ""),
            ("at 12999", ""),
            ("at 13000", &timed_out("a")),
            ("at 25999", ""),
            ("at 26000", &timed_out("b")),
            ("next", "wait"),
        ]);
    }

    #[test]
    fn endless_timeouts_have_no_deadline() {
        let mut state = State::new(Duration::MAX, 1);
        let now = Now { instant: Instant::now(), unix_ms: 7 };
        assert!(state.enqueue("a".to_owned(), (), now).is_none());
        assert_eq!(state.deadline(), None);
        let Next::Event(running) = state.next(now) else { panic!("the event waits") };
        assert_eq!(running.deadline_ms, u64::MAX);
        assert_eq!(state.deadline(), None);
    }

    #[test]
    fn init_is_remembered_until_the_next_process_is_ready() {
        let now = Now { instant: Instant::now(), unix_ms: 0 };
        let mut state = State::<()>::new(Duration::from_secs(1), 1);
        assert_eq!(state.init(), &Init::Pending);
        assert!(state.runtime_exited(Some("exit status 1"), now).is_empty());
        let failure = InitFailure {
            error_type: Some("Runtime.ExitError".to_owned()),
            payload: r#"{"errorType":"Runtime.ExitError","errorMessage":"Runtime exited with error: exit status 1"}"#
                .into(),
        };
        assert_eq!(state.init(), &Init::Failed(failure));
        assert!(matches!(state.next(now), Next::Wait));
        assert_eq!(state.init(), &Init::Done);
        assert!(state.runtime_exited(None, now).is_empty());
        assert_eq!(state.init(), &Init::Pending);
        assert_eq!(state.init_error(None, Content::Whole(Bytes::from("e"))).0, Ok(()));
        assert!(state.runtime_exited(None, now).is_empty());
        assert_eq!(state.init(), &Init::Failed(InitFailure { error_type: None, payload: Bytes::from("e") }));
    }

    #[test]
    fn several_at_once_in_any_order() {
        play_at_once(
            3,
            &[
                ("next", "wait"),
                ("next", "wait"),
                ("invoke a", ""),
                ("invoke b", ""),
                ("invoke c", ""),
                ("invoke d", ""),
                ("next", "a until 1003000"),
                ("at 100", ""),
                ("next", "b until 1003100"),
                ("response c 1", "400 InvalidRequestID"),
                ("next", "c until 1003100"),
                // Nothing is handed out twice, and not more than agreed.
                ("next", "wait"),
                ("init e", "403 Running to InitError"),
                ("error b 2", "202; b failed 2"),
                ("response b 2", "400 InvalidRequestID"),
                ("next", "d until 1003100"),
                ("response d 4", "202; d ok 4"),
                ("response a LARGE", TOO_LARGE_TOLD),
                ("response c 3", "202; c ok 3"),
                ("response a 1", "400 InvalidRequestID"),
                ("next", "wait"),
            ],
        );
    }

    #[test]
    fn each_of_several_has_its_own_time_and_a_late_answer_is_told_so() {
        play_at_once(
            2,
            &[
                ("invoke a", ""),
                ("invoke b", ""),
                ("next", "a until 1003000"),
                ("at 1000", ""),
                ("next", "b until 1004000"),
                ("invoke c", ""),
                ("at 3000", &timed_out("a")),
                ("response a 1", "410 InvokeTimeout"),
                ("error a 1", "410 InvokeTimeout"),
                ("response b 2", "202; b ok 2"),
                ("next", "c until 1006000"),
                ("response c 3", "202; c ok 3"),
                ("response a 1", "410 InvokeTimeout"),
                // Another process knows nothing of it.
                ("exit", ""),
                ("response a 1", "400 InvalidRequestID"),
            ],
        );
        // The front of the queue has an init's time more, while there is room for it.
        play_at_once(
            2,
            &[
                ("invoke a", ""),
                ("next", "a until 1003000"),
                ("invoke b", ""),
                ("at 2000", ""),
                ("response a 1", "202; a ok 1"),
                ("at 12999", ""),
                ("at 13000", &timed_out("b")),
            ],
        );
    }

    #[test]
    fn an_attempt_that_is_over_is_not_taken_for_another_of_the_same_id() {
        play(&[
            ("next", "wait"),
            ("invoke a", ""),
            ("next", "a until 1003000"),
            ("at 3000", &timed_out("a")),
            ("invoke a", ""),
            ("next", "a until 1006000"),
            ("response a#1 1", "410 InvokeTimeout"),
            ("error a#1 1", "410 InvokeTimeout"),
            ("error a#? 1", "410 InvokeTimeout"),
            ("response a#2 2", "202; a ok 2"),
            ("invoke a", ""),
            ("next", "a until 1006000"),
            // It does not say which it means.
            ("response a 3", "202; a ok 3"),
        ]);
        play_at_once(
            2,
            &[
                ("invoke a", ""),
                ("invoke a", ""),
                ("next", "a until 1003000"),
                ("next", "a until 1003000"),
                ("response a#2 2", "202; a ok 2"),
                ("response a#2 2", "410 InvokeTimeout"),
                ("response a#1 1", "202; a ok 1"),
            ],
        );
    }

    #[test]
    fn a_thousand_late_ones_are_remembered() {
        let mut state = State::new(Duration::from_secs(1), 2000);
        let start = Now { instant: Instant::now(), unix_ms: 0 };
        for id in 0..1001 {
            assert!(state.enqueue(id.to_string(), (), start).is_none());
            assert!(matches!(state.next(start), Next::Event(_)));
        }
        let late = Now { instant: start.instant + Duration::from_secs(1), unix_ms: 1000 };
        assert_eq!(std::iter::from_fn(|| state.expire(late)).count(), 1001);
        let mut told = |id| state.answer(id, None, Kind::Response, content(""), late).told;
        assert_eq!(told("0"), Err(Refusal::InvalidRequestId));
        assert_eq!(told("1"), Err(Refusal::InvokeTimeout));
        assert_eq!(told("1000"), Err(Refusal::InvokeTimeout));
    }

    #[test]
    fn a_process_takes_all_it_held_with_it() {
        let failed = |id: &str| {
            format!(
                r#"{id} failed {{"errorType":"Runtime.ExitError","errorMessage":"RequestId: {id} Error: Runtime exited with error: exit status 2"}}"#
            )
        };
        play_at_once(
            2,
            &[
                ("invoke a", ""),
                ("invoke b", ""),
                ("invoke c", ""),
                ("next", "a until 1003000"),
                ("next", "b until 1003000"),
                ("exit exit status 2", &format!("{}; {}", failed("a"), failed("b"))),
                ("response a 1", "400 InvalidRequestID"),
                ("next", "c until 1003000"),
            ],
        );
    }

    #[test]
    fn an_event_that_did_not_reach_the_runtime_is_first_again() {
        play_at_once(
            2,
            &[
                ("invoke a", ""),
                ("invoke b", ""),
                ("invoke c", ""),
                ("next", "a until 1003000"),
                ("next", "b until 1003000"),
                ("lost a#1", ""),
                ("response a 1", "400 InvalidRequestID"),
                ("at 100", ""),
                ("next", "a until 1003100"),
                ("response a 1", "202; a ok 1"),
                // It is over: there is nothing to be had back.
                ("lost a#1", ""),
                ("next", "c until 1003100"),
            ],
        );
    }
}
