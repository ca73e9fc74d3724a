//! Ticks that are finer than those of tokio's timer, which counts milliseconds and rounds up.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tokio::io::unix::AsyncFd;

/// Ticks at a steady pace.
#[derive(Debug)]
pub(super) struct Ticks {
    timer: AsyncFd<OwnedFd>,
}

impl Ticks {
    /// The first one comes after the interval.
    pub(super) fn every(interval: Duration) -> io::Result<Ticks> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let interval = Timespec::try_from(interval).map_err(io::Error::other)?;
        let pace = Itimerspec { it_interval: interval, it_value: interval };
        rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::empty(), &pace)?;
        // What can go wrong with it is that a descriptor changes behind its back, and this one is owned. Its successor is
        // `unsafe`, which this project does without.
        #[allow(deprecated, reason = "an owned descriptor stays the same")]
        let timer = AsyncFd::new(timer)?;
        Ok(Ticks { timer })
    }

    /// Waits for the next one. Those that nobody waited for are one.
    pub(super) async fn next(&self) -> io::Result<()> {
        loop {
            let mut ready = self.timer.readable().await?;
            let read = rustix::io::read(self.timer.get_ref(), &mut [0; 8]);
            // A read takes all there is, so there is no need of another to know that. A tick that comes now is an event of
            // its own, which clears nothing.
            ready.clear_ready();
            match read {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
