//! The state machine with everyone who waits on it: callers, the open `next`, the clock.
//!
//! It knows nothing of HTTP's shape; [`super::routes`] and [`super::invoke`] speak it.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hyper::StatusCode;
use hyper::header::HeaderMap;
use tokio::sync::{Notify, oneshot, watch};

use super::state::{Content, Init, Kind, Next, Now, Refusal, Settled, State};
use super::{InitFailure, InvokeRequest, Outcome, Settings};
use crate::contract::header;

/// One sandbox, shared by the listeners and the handles.
pub(super) struct Sandbox {
    pub(super) settings: Settings,
    inner: Mutex<Inner>,
    init: watch::Sender<Init>,
    clock: Notify,
}

struct Inner {
    state: State<Job>,
    /// The `next` that made the sandbox ready, and waits if it still is. A newer one takes its place: the
    /// runtime has given the older one up.
    open_next: Option<oneshot::Sender<Handout>>,
    /// Until when the clock sleeps.
    wakes_at: Option<Instant>,
    forced_status: Option<StatusCode>,
}

struct Job {
    request: Arc<InvokeRequest>,
    caller: oneshot::Sender<Outcome>,
}

/// An invocation as `next` hands it out.
#[derive(Debug)]
pub(super) struct Handout {
    pub(super) id: String,
    /// Milliseconds since the Unix epoch.
    pub(super) deadline_ms: u64,
    pub(super) request: Arc<InvokeRequest>,
}

/// A caller's place in the queue.
pub(super) struct Ticket {
    pub(super) id: String,
    outcome: oneshot::Receiver<Outcome>,
}

impl Sandbox {
    pub(super) fn new(settings: Settings) -> Sandbox {
        Sandbox {
            inner: Mutex::new(Inner {
                state: State::new(settings.timeout),
                open_next: None,
                wakes_at: None,
                forced_status: None,
            }),
            settings,
            init: watch::Sender::new(Init::Pending),
            clock: Notify::new(),
        }
    }

    /// Queues an invocation, and hands it out if a `next` is open.
    pub(super) fn enqueue(&self, request: InvokeRequest) -> Ticket {
        let id = request.request_id.clone().unwrap_or_else(random_id);
        let (caller, outcome) = oneshot::channel();
        let job = Job { request: Arc::new(request), caller };
        let now = now();
        let mut inner = self.lock();
        if let Some(settled) = inner.state.enqueue(id.clone(), job, now) {
            settle(settled, HeaderMap::new(), now);
        }
        self.serve_open_next(&mut inner, now);
        self.mind_clock(&mut inner);
        Ticket { id, outcome }
    }

    /// The next event, as soon as there is one.
    pub(super) async fn next(&self) -> Result<Handout, Refusal> {
        let open = {
            let mut inner = self.lock();
            let handout = match inner.state.next(now()) {
                Next::Event(running) => {
                    Some(Handout::new(&running.id, running.deadline_ms, &running.event.request))
                }
                Next::Wait => None,
                Next::Refused(refusal) => return Err(refusal),
            };
            self.publish_init(&inner);
            self.mind_clock(&mut inner);
            match handout {
                Some(handout) => return Ok(handout),
                None => {
                    let (sender, open) = oneshot::channel();
                    inner.open_next = Some(sender);
                    open
                }
            }
        };
        match open.await {
            Ok(handout) => Ok(handout),
            // Superseded: its connection has nobody left to tell.
            Err(_) => std::future::pending().await,
        }
    }

    /// The runtime's answer; `headers` are those it came with.
    pub(super) fn answer(
        &self,
        id: &str,
        kind: Kind,
        content: Content,
        headers: HeaderMap,
    ) -> Result<(), Refusal> {
        let now = now();
        let mut inner = self.lock();
        let step = inner.state.answer(id, kind, content, now);
        self.mind_clock(&mut inner);
        drop(inner);
        if let Some(settled) = step.settled {
            settle(settled, headers, now);
        }
        step.told
    }

    pub(super) fn init_error(&self, error_type: Option<String>, content: Content) -> Result<(), Refusal> {
        let now = now();
        let mut inner = self.lock();
        let (told, settled) = inner.state.init_error(error_type, content);
        self.publish_init(&inner);
        drop(inner);
        for one in settled {
            settle(one, HeaderMap::new(), now);
        }
        told
    }

    pub(super) fn runtime_exited(&self, status: Option<&str>) {
        let now = now();
        let mut inner = self.lock();
        let settled = inner.state.runtime_exited(status, now);
        self.publish_init(&inner);
        self.mind_clock(&mut inner);
        drop(inner);
        if let Some(settled) = settled {
            settle(settled, HeaderMap::new(), now);
        }
    }

    pub(super) async fn ready(&self) -> Result<(), InitFailure> {
        let mut init = self.init.subscribe();
        let reached = init.wait_for(|init| *init != Init::Pending).await;
        match reached.as_deref() {
            Ok(Init::Failed(failure)) => Err(failure.clone()),
            // The sender lives in `self`, so an error cannot be.
            _ => Ok(()),
        }
    }

    pub(super) fn force_status(&self, status: StatusCode) {
        self.lock().forced_status = Some(status);
    }

    pub(super) fn take_forced_status(&self) -> Option<StatusCode> {
        self.lock().forced_status.take()
    }

    /// Ends invocations whose time is up, for as long as it is polled.
    ///
    /// The clock is not set anew for each invocation: it sleeps until the deadline of one that is long
    /// answered, looks, and sleeps on. It is woken only for a deadline earlier than that.
    pub(super) async fn run_clock(&self) {
        loop {
            let wakes_at = {
                let now = now();
                let mut inner = self.lock();
                while let Some(settled) = inner.state.expire(now) {
                    settle(settled, HeaderMap::new(), now);
                }
                inner.wakes_at = inner.state.deadline();
                inner.wakes_at
            };
            let alarm = async {
                match wakes_at {
                    Some(instant) => tokio::time::sleep_until(instant.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = alarm => {}
                () = self.clock.notified() => {}
            }
        }
    }

    fn serve_open_next(&self, inner: &mut Inner, now: Now) {
        if !inner.state.has_event() {
            return;
        }
        // A closed one lost its connection; the event then waits for the next `next`.
        let Some(open) = inner.open_next.take().filter(|open| !open.is_closed()) else { return };
        if let Next::Event(running) = inner.state.next(now) {
            let handout = Handout::new(&running.id, running.deadline_ms, &running.event.request);
            // Should it close right now, the event is handed out again to whoever asks next.
            let _ = open.send(handout);
        }
    }

    fn mind_clock(&self, inner: &mut Inner) {
        if let Some(deadline) = inner.state.deadline()
            && inner.wakes_at.is_none_or(|wakes_at| deadline < wakes_at)
        {
            inner.wakes_at = Some(deadline);
            self.clock.notify_one();
        }
    }

    fn publish_init(&self, inner: &Inner) {
        self.init.send_if_modified(|seen| {
            let changed = seen != inner.state.init();
            if changed {
                seen.clone_from(inner.state.init());
            }
            changed
        });
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code that runs under the lock leaves the state half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Waits for the invocation's end.
    pub(super) async fn outcome(self) -> Outcome {
        self.outcome.await.expect("the sandbox outlives its tickets, and ends what it took in")
    }
}

impl Handout {
    fn new(id: &str, deadline_ms: u64, request: &Arc<InvokeRequest>) -> Handout {
        Handout { id: id.to_owned(), deadline_ms, request: Arc::clone(request) }
    }
}

/// Tells the caller, if it still listens.
fn settle(settled: Settled<Job>, headers: HeaderMap, now: Now) {
    let text = |name| Some(String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned());
    let outcome = Outcome {
        request_id: settled.id,
        function_error: settled.failed.then(|| "Unhandled".to_owned()),
        payload: settled.payload,
        error_type_header: text(header::FUNCTION_ERROR_TYPE),
        xray_cause: text(header::XRAY_ERROR_CAUSE),
        duration: settled
            .handed_out
            .map_or(Duration::ZERO, |handed_out| now.instant.saturating_duration_since(handed_out)),
        headers,
    };
    let _ = settled.event.caller.send(outcome);
}

fn now() -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now {
        // tokio's, so that a test may stop it.
        instant: tokio::time::Instant::now().into_std(),
        unix_ms: u64::try_from(unix.as_millis()).unwrap_or(u64::MAX),
    }
}

/// A version 4 UUID as far as anyone can see. The standard library's hasher seeds are random enough for
/// a name that need only be new.
fn random_id() -> String {
    let random = || RandomState::new().build_hasher().finish();
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff,
    )
}
