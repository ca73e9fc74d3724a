//! The state machine with everyone who waits on it: callers, the open `next` calls, the clock.
//!
//! It knows nothing of HTTP's shape; [`super::routes`] and [`super::invoke`] speak it.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderMap;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::state::{Content, Init, Kind, Next, Now, Refusal, Running, Settled, State};
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
    /// Each `next` that found nothing, oldest first. Where there are more than the sandbox's concurrency, a newer one
    /// takes the place of the oldest: the runtime has given that up.
    open_nexts: VecDeque<oneshot::Sender<Handout>>,
    /// Until when the clock sleeps.
    wakes_at: Option<Instant>,
    forced_status: Option<StatusCode>,
}

struct Job {
    request: Arc<InvokeRequest>,
    caller: oneshot::Sender<Outcome>,
    /// For a caller who wants to see a streamed response as it arrives.
    pieces: Option<mpsc::UnboundedSender<Bytes>>,
}

/// An invocation as `next` hands it out.
pub(super) struct Handout {
    pub(super) id: String,
    pub(super) attempt: String,
    /// Milliseconds since the Unix epoch.
    pub(super) deadline_ms: u64,
    pub(super) request: Arc<InvokeRequest>,
    /// To be kept until the event has gone out. `None` where one invocation is in flight at a time: there, whoever
    /// asks next is handed it again.
    pub(super) undelivered: Option<Undelivered>,
}

/// Hands an event back if it is dropped before the event went out to the runtime.
pub(super) struct Undelivered {
    sandbox: Option<Arc<Sandbox>>,
    id: String,
    attempt: String,
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
                state: State::new(settings.timeout, settings.max_concurrency),
                open_nexts: VecDeque::new(),
                wakes_at: None,
                forced_status: None,
            }),
            settings,
            init: watch::Sender::new(Init::Pending),
            clock: Notify::new(),
        }
    }

    /// Queues an invocation, and hands it out if a `next` is open.
    pub(super) fn enqueue(
        self: &Arc<Self>,
        request: InvokeRequest,
        pieces: Option<mpsc::UnboundedSender<Bytes>>,
    ) -> Ticket {
        let id = request.request_id.clone().unwrap_or_else(random_id);
        let (caller, outcome) = oneshot::channel();
        let job = Job { request: Arc::new(request), caller, pieces };
        let now = now();
        let mut inner = self.lock();
        if let Some(settled) = inner.state.enqueue(id.clone(), job, now) {
            settle(settled, HeaderMap::new(), now);
        }
        self.serve_open_nexts(&mut inner, now);
        self.mind_clock(&mut inner);
        Ticket { id, outcome }
    }

    /// The next event, as soon as there is one.
    pub(super) async fn next(self: &Arc<Self>) -> Result<Handout, Refusal> {
        let open = {
            let mut inner = self.lock();
            let handout = match inner.state.next(now()) {
                Next::Event(running) => Some(self.hand_out(running)),
                Next::Wait => None,
                Next::Refused(refusal) => return Err(refusal),
            };
            self.publish_init(&inner);
            self.mind_clock(&mut inner);
            match handout {
                Some(handout) => return Ok(handout),
                None => self.open_next(&mut inner),
            }
        };
        match open.await {
            Ok(handout) => {
                if handout.undelivered.is_some() {
                    // Time to see that the connection has ended: then this is dropped here, and the event not lost.
                    tokio::task::yield_now().await;
                }
                Ok(handout)
            }
            // Superseded: its connection has nobody left to tell.
            Err(_) => std::future::pending().await,
        }
    }

    /// A piece of a streamed response; `false` if its invocation is over.
    pub(super) fn piece(&self, id: &str, attempt: Option<&str>, piece: &Bytes) -> bool {
        let inner = self.lock();
        let Some(job) = inner.state.held(id, attempt) else { return false };
        if let Some(pieces) = &job.pieces {
            // Its caller may have seen enough.
            let _ = pieces.send(piece.clone());
        }
        true
    }

    /// The runtime's answer; `headers` are those it came with.
    pub(super) fn answer(
        self: &Arc<Self>,
        id: &str,
        attempt: Option<&str>,
        kind: Kind,
        content: Content,
        headers: HeaderMap,
    ) -> Result<(), Refusal> {
        let now = now();
        let mut inner = self.lock();
        let step = inner.state.answer(id, attempt, kind, content, now);
        self.serve_open_nexts(&mut inner, now);
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
        inner.open_nexts.clear();
        self.publish_init(&inner);
        self.mind_clock(&mut inner);
        drop(inner);
        for one in settled {
            settle(one, HeaderMap::new(), now);
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
    pub(super) async fn run_clock(self: &Arc<Self>) {
        loop {
            let wakes_at = {
                let now = now();
                let mut inner = self.lock();
                while let Some(settled) = inner.state.expire(now) {
                    settle(settled, HeaderMap::new(), now);
                }
                self.serve_open_nexts(&mut inner, now);
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

    fn open_next(&self, inner: &mut Inner) -> oneshot::Receiver<Handout> {
        let (sender, open) = oneshot::channel();
        inner.open_nexts.retain(|open| !open.is_closed());
        if inner.open_nexts.len() >= self.settings.max_concurrency.max(1) {
            inner.open_nexts.pop_front();
        }
        inner.open_nexts.push_back(sender);
        open
    }

    fn serve_open_nexts(self: &Arc<Self>, inner: &mut Inner, now: Now) {
        while inner.state.has_event() {
            let Some(open) = inner.open_nexts.pop_front() else { return };
            // A closed one lost its connection; the event is for another one, or for the next `next`.
            if open.is_closed() {
                continue;
            }
            let Next::Event(running) = inner.state.next(now) else { return };
            if let Err(handout) = open.send(self.hand_out(running))
                && let Some(undelivered) = handout.undelivered
            {
                let (id, attempt) = undelivered.disarm();
                inner.state.hand_back(&id, &attempt, now);
            }
        }
    }

    fn hand_out(self: &Arc<Self>, running: &Running<Job>) -> Handout {
        let (id, attempt) = (running.id.clone(), running.attempt.clone());
        let undelivered = (self.settings.max_concurrency > 1).then(|| Undelivered {
            sandbox: Some(Arc::clone(self)),
            id: id.clone(),
            attempt: attempt.clone(),
        });
        let request = Arc::clone(&running.event.request);
        Handout { id, attempt, deadline_ms: running.deadline_ms, request, undelivered }
    }

    fn hand_back(self: &Arc<Self>, id: &str, attempt: &str) {
        let now = now();
        let mut inner = self.lock();
        inner.state.hand_back(id, attempt, now);
        self.serve_open_nexts(&mut inner, now);
        self.mind_clock(&mut inner);
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

impl Undelivered {
    /// The event has gone out, or is handed back by other means.
    pub(super) fn disarm(mut self) -> (String, String) {
        self.sandbox = None;
        (std::mem::take(&mut self.id), std::mem::take(&mut self.attempt))
    }
}

impl Drop for Undelivered {
    fn drop(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            sandbox.hand_back(&self.id, &self.attempt);
        }
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
