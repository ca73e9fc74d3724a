//! The children behind the bridge, which together are one handler: a child for each invocation in flight, or one
//! for all.

use std::num::NonZeroUsize;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime_api::{FunctionError, Invocation, Payload};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::debug;

use super::overdue::{self, Overdue};
use super::passing;
use super::worker::{Answer, Worker};
use crate::Handler;
use crate::bootstrap::{ChildCommand, Sharing};

/// How long the children may take to end when asked to. The platform's own window is 300 ms.
const TERMINATE_WAIT: Duration = Duration::from_millis(250);

/// A go1.x program in as many processes as are needed.
///
/// A lost one is replaced before the next event is asked for, or else before it is handed on; the others go on.
#[derive(Debug)]
pub struct Workers {
    command: ChildCommand,
    sharing: Sharing,
    pool: Arc<Pool>,
    overdue: Overdue,
}

/// Who is at work, and whose turn it is. An answer that is passed on as it comes has its turn until its end.
#[derive(Debug)]
struct Pool {
    /// One for each invocation in flight, or one for all. They are started as they are needed.
    workers: Vec<Worker>,
    /// As many as there are entries in `free`.
    turns: Semaphore,
    /// Numbers of slots without an invocation; the last one is taken first, so that few processes have the work.
    free: Mutex<Vec<usize>>,
}

impl Workers {
    /// For up to `slots` invocations at a time. Nothing is started yet. Has to be called within a tokio runtime.
    pub fn new(command: ChildCommand, slots: NonZeroUsize, sharing: Sharing) -> Workers {
        let slots = slots.get();
        let workers = match sharing {
            Sharing::Process => slots,
            Sharing::Shared => 1,
        };
        let pool = Arc::new(Pool {
            workers: std::iter::repeat_with(Worker::default).take(workers).collect(),
            turns: Semaphore::new(slots),
            free: Mutex::new((0..slots).rev().collect()),
        });
        Workers { command, sharing, pool, overdue: Overdue::new(slots) }
    }

    /// Starts the program once and waits until it serves `Function`. A failure says what is wrong and what to do.
    /// A program that polls the Runtime API itself never gets there: then this waits for its end, and returns it.
    ///
    /// The kernel ends the program together with the thread that started it: a runtime's own thread, not a
    /// short-lived one.
    pub async fn start(&self) -> Result<Option<ExitStatus>, FunctionError> {
        let turn = self.turn().await;
        turn.worker().start(&self.command).await
    }

    /// Asks the children to end, with all that they started. Those at work have time for it even if their calls are
    /// given up from now on. No other is started.
    pub fn ask_to_end(&self) {
        self.pool.workers.iter().for_each(Worker::ask_to_end);
    }

    /// Asks the children to end, and sees to it that they do.
    pub async fn terminate(&self) {
        self.ask_to_end();
        let processes: Vec<_> = self.pool.workers.iter().filter_map(Worker::process).collect();
        let all_ended = async {
            for process in &processes {
                process.wait().await;
            }
        };
        if tokio::time::timeout(TERMINATE_WAIT, all_ended).await.is_err() {
            debug!("the handler did not end when asked to");
        }
        for process in &processes {
            process.kill().await;
        }
    }

    /// Waits for a slot that is free. Who comes first is served first.
    async fn turn(&self) -> Turn {
        self.take(self.pool.turns.acquire().await.expect("the semaphore is never closed"))
    }

    fn take(&self, permit: SemaphorePermit<'_>) -> Turn {
        let slot = self.pool.free().pop().expect("there are as many slots as permits");
        permit.forget(); // the turn gives it back
        Turn { pool: self.pool.clone(), slot }
    }
}

impl Pool {
    /// Whose turn would be next.
    fn next(&self) -> Option<&Worker> {
        let slot = *self.free().last()?;
        Some(&self.workers[self.place(slot)])
    }

    /// Who works for this slot: with one worker for all, always that one.
    fn place(&self, slot: usize) -> usize {
        slot.min(self.workers.len() - 1)
    }

    fn free(&self) -> MutexGuard<'_, Vec<usize>> {
        // Nothing panics while it is held, and its data would be whole if something did.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handler for Workers {
    /// Replaces the child that is next in turn, should it be lost. Beyond the first, one that was never needed is not
    /// started.
    async fn ready(&self) -> Result<(), FunctionError> {
        if self.pool.next().is_some_and(Worker::is_ready) {
            return Ok(());
        }
        // With all of them at work, by calls on the legacy socket, the next event finds out. To wait for one would keep
        // the last invocation from its end, which is the next `next`.
        let Ok(permit) = self.pool.turns.try_acquire() else { return Ok(()) };
        let turn = self.take(permit);
        if turn.place() == 0 || turn.worker().process().is_some() {
            turn.worker().ready(&self.command).await?;
        }
        Ok(())
    }

    async fn call(&self, invocation: Invocation) -> Result<Payload, FunctionError> {
        let turn = match self.pool.turns.try_acquire() {
            Ok(permit) => self.take(permit),
            Err(_) => {
                let had_time = !invocation.context.remaining().is_zero();
                let turn = self.turn().await;
                if had_time && invocation.context.remaining().is_zero() {
                    return Err(overdue::never_begun(&invocation.context));
                }
                turn
            }
        };
        let watch = self.overdue.watch(turn.slot, &invocation.context);
        match turn.worker().call(&self.command, self.sharing, invocation, &watch).await? {
            Answer::Whole(payload) => Ok(payload.into()),
            Answer::Long(long) => Ok(passing::payload(*long, turn, watch)),
        }
    }
}

/// The right to use a worker, given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    pool: Arc<Pool>,
    slot: usize,
}

impl Turn {
    fn worker(&self) -> &Worker {
        &self.pool.workers[self.place()]
    }

    fn place(&self) -> usize {
        self.pool.place(self.slot)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.pool.free().push(self.slot);
        self.pool.turns.add_permits(1);
    }
}
