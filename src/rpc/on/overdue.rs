//! When an invocation's time is over, by the platform's clock.
//!
//! To set a timer costs a system call, and nearly every invocation ends long before. So there is one timer for all: it
//! is set for an invocation that is long over, looks, and is set again; only an earlier deadline sets it anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use runtime_api::{Context, FunctionError};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// How long after the deadline a handler is left at an invocation that its caller was told has failed: an answer may
/// be on its way, and clocks differ.
const GRACE: Duration = Duration::from_millis(250);
/// The clock is looked at so often: while a sandbox is frozen it goes on, and a timer may not.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The invocations in flight, each in a slot of its own, and the timer.
#[derive(Debug)]
pub(super) struct Overdue {
    clock: Arc<Clock>,
    timer: AbortHandle,
}

#[derive(Debug)]
struct Clock {
    slots: Vec<Slot>,
    /// Until when the timer sleeps, in milliseconds since 1970; [`NEVER`] while nothing is in flight, and while it looks.
    wakes_at: AtomicU64,
    sooner: Notify,
}

#[derive(Debug)]
struct Slot {
    /// The invocation's deadline; [`NEVER`], or [`OVER`] once it has passed.
    due: AtomicU64,
    over: Notify,
}

const NEVER: u64 = u64::MAX;
const OVER: u64 = 0;

impl Overdue {
    /// For so many invocations at a time. Has to be called within a tokio runtime.
    pub(super) fn new(slots: usize) -> Overdue {
        let slot = || Slot { due: AtomicU64::new(NEVER), over: Notify::new() };
        let clock = Arc::new(Clock {
            slots: std::iter::repeat_with(slot).take(slots).collect(),
            wakes_at: AtomicU64::new(NEVER),
            sooner: Notify::new(),
        });
        let timer = tokio::spawn(clock.clone().run()).abort_handle();
        Overdue { clock, timer }
    }

    /// Watches over an invocation from when its event comes. A deadline that has passed by then, as old tools send any,
    /// is none.
    pub(super) fn watch(&self, slot: usize, context: &Context) -> Watch {
        let due = if context.deadline_ms > now() { context.deadline_ms } else { NEVER };
        self.clock.slots[slot].due.store(due, SeqCst);
        if due < self.clock.wakes_at.load(SeqCst) {
            self.clock.sooner.notify_one();
        }
        Watch { clock: self.clock.clone(), slot }
    }
}

impl Drop for Overdue {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

impl Clock {
    async fn run(self: Arc<Clock>) {
        loop {
            // Who comes while it looks has it look again.
            self.wakes_at.store(NEVER, SeqCst);
            let now = now();
            let mut next = NEVER;
            for slot in &self.slots {
                match slot.due.load(SeqCst) {
                    OVER => {}
                    due if due <= now => {
                        // Unless another invocation is in the slot by now.
                        if slot.due.compare_exchange(due, OVER, SeqCst, SeqCst).is_ok() {
                            slot.over.notify_one();
                        }
                    }
                    due => next = next.min(due),
                }
            }
            let wakes_at = if next == NEVER { NEVER } else { next.min(now + LOOK_EVERY.as_millis() as u64) };
            self.wakes_at.store(wakes_at, SeqCst);
            tokio::select! {
                () = self.sooner.notified() => {}
                () = tokio::time::sleep(Duration::from_millis(wakes_at - now)), if wakes_at != NEVER => {}
            }
        }
    }
}

/// An invocation in flight.
#[derive(Debug)]
pub(super) struct Watch {
    clock: Arc<Clock>,
    slot: usize,
}

impl Watch {
    fn slot(&self) -> &Slot {
        &self.clock.slots[self.slot]
    }

    /// What comes of it, if it does while somebody waits for an answer.
    pub(super) async fn within<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = future => Some(done),
            () = self.over() => None,
        }
    }

    /// Ends when nobody waits for an answer any more.
    pub(super) async fn over(&self) {
        // It may have been told of the invocation before.
        while self.slot().due.load(SeqCst) != OVER {
            self.slot().over.notified().await;
        }
        // From when it was seen: after a thaw, the answer may be news at the same time.
        tokio::time::sleep(GRACE).await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.slot().due.store(NEVER, SeqCst);
    }
}

/// What is told of an invocation that was given up, should anybody still want to know.
pub(super) fn still_at_it(context: &Context) -> FunctionError {
    let grace = GRACE.as_millis();
    told(context, &format!("the handler was still at it {grace} ms after the deadline. A new one is started"))
}

/// The same of one that never came to a handler.
pub(super) fn never_begun(context: &Context) -> FunctionError {
    told(context, "until its deadline, all handlers were at work on others")
}

/// The same of one that had not come in full.
pub(super) fn never_came(context: &Context) -> FunctionError {
    told(context, "until its deadline, its event had not come in full")
}

/// The same of one for which a handler was still being started.
pub(super) fn never_ready(context: &Context) -> FunctionError {
    told(context, "until its deadline, no handler was ready for it")
}

fn told(context: &Context, text: &str) -> FunctionError {
    FunctionError::new("Runtime.Go1xTimedOut", format!("RequestId: {} Error: {text}", context.request_id))
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_millis()).unwrap_or(NEVER);
    #[cfg(test)]
    let now = now + tests::AHEAD.load(SeqCst);
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How far the clock has jumped.
    pub(super) static AHEAD: AtomicU64 = AtomicU64::new(0);
    /// Who looks at it has it for himself.
    static CLOCK: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

    fn ending_in(milliseconds: u64) -> Context {
        Context { deadline_ms: now() + milliseconds, ..Context::default() }
    }

    async fn is_over(watch: &Watch, within: u64) -> bool {
        tokio::time::timeout(Duration::from_millis(within), watch.over()).await.is_ok()
    }

    #[tokio::test]
    async fn each_is_told_of_its_own_deadline() {
        let _clock = CLOCK.lock().await;
        let overdue = Overdue::new(3);
        let late = overdue.watch(0, &ending_in(60_000));
        tokio::task::yield_now().await;
        let soon = overdue.watch(1, &ending_in(50));
        let old = overdue.watch(2, &Context { deadline_ms: 300_000, ..Context::default() });
        assert!(is_over(&soon, 60_000).await);
        assert!(!is_over(&late, 10).await && !is_over(&old, 10).await);
        // One that nobody waited for is not taken for the next in its slot.
        drop(soon);
        let passed = overdue.watch(1, &ending_in(1));
        tokio::time::sleep(GRACE + Duration::from_millis(100)).await;
        drop(passed);
        let next = overdue.watch(1, &ending_in(60_000));
        assert!(!is_over(&next, 10).await);
    }

    /// A sandbox that is frozen for hours, in the middle of an invocation and between two.
    #[tokio::test]
    async fn a_clock_that_jumps_ends_what_is_over_after_a_grace_and_nothing_else() {
        let _clock = CLOCK.lock().await;
        let overdue = Overdue::new(2);
        let frozen = overdue.watch(0, &ending_in(3_000));
        let long = overdue.watch(1, &ending_in(12 * 3_600_000));
        tokio::task::yield_now().await;
        AHEAD.fetch_add(9 * 3_600_000, SeqCst);
        // The timer looks within a second; what has come meanwhile has the grace to be read.
        assert!(is_over(&frozen, 60_000).await);
        assert!(!is_over(&long, 10).await);
        drop((frozen, long));
        // Nothing was in flight, and the next one has its own time.
        AHEAD.fetch_add(9 * 3_600_000, SeqCst);
        let next = overdue.watch(0, &ending_in(60_000));
        assert!(!is_over(&next, 1_500).await);
        let soon = overdue.watch(1, &ending_in(50));
        assert!(is_over(&soon, 60_000).await);
        AHEAD.store(0, SeqCst);
    }
}
