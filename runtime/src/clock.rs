//! The only place that reads clocks and makes randomness: everything else is handed them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where the engine's time comes from. Tests and simulations bring their own.
pub trait Clock: Send + Sync + 'static {
    /// Nanoseconds since the Unix epoch. May jump; nobody relies on it being monotonic.
    fn unix_ns(&self) -> u64;

    /// Milliseconds since the Unix epoch.
    fn unix_ms(&self) -> f64 {
        (self.unix_ns() / 1_000) as f64 / 1_000.0
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the clock's home")]
    fn unix_ns(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_nanos() as u64)
    }
}

/// The machine's clock, set forward by hand: days pass at once in tests of what is scheduled.
#[derive(Debug, Default)]
pub struct TestClock {
    ahead_ns: AtomicU64,
}

impl TestClock {
    /// Sets the clock forward; never back, which nothing that is stored would survive.
    pub fn advance(&self, by: Duration) {
        let by_ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let add = |ahead: u64| Some(ahead.saturating_add(by_ns));
        // The closure always gives a value.
        let _ = self.ahead_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

impl Clock for TestClock {
    fn unix_ns(&self) -> u64 {
        SystemClock.unix_ns().saturating_add(self.ahead_ns.load(Ordering::Relaxed))
    }
}

/// A point on the monotonic clock, for measuring durations and deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Instant);

impl Moment {
    /// Now.
    #[expect(clippy::disallowed_methods, reason = "the clock's home")]
    pub fn now() -> Self {
        Self(Instant::now())
    }

    /// The time since then.
    pub fn elapsed(self) -> Duration {
        Self::now().0.saturating_duration_since(self.0)
    }

    /// The point `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0 + duration)
    }

    /// As the standard library's type, for waiting.
    pub const fn instant(self) -> Instant {
        self.0
    }
}

/// Processor time that the calling thread has used: goes on only while the thread runs.
pub fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// A thread as the operating system knows it.
#[derive(Clone, Copy, Debug)]
pub struct ThreadNumber(#[cfg(target_os = "linux")] rustix::thread::Pid);

/// The calling thread; `None` where the system has no priorities of single threads.
pub fn current_thread() -> Option<ThreadNumber> {
    #[cfg(target_os = "linux")]
    return Some(ThreadNumber(rustix::thread::gettid()));
    #[cfg(not(target_os = "linux"))]
    None
}

impl ThreadNumber {
    /// Lets all other threads go first from now on, which cannot be taken back. The thread must still be there.
    pub fn lower_priority(self) {
        #[cfg(target_os = "linux")]
        // A system that does not allow it runs the thread as before.
        let _ = rustix::process::setpriority_process(Some(self.0), 19);
    }
}

/// Fills `bytes` from the operating system's random source.
///
/// # Panics
/// If the operating system has no random source, which leaves nothing safe to do.
#[expect(clippy::expect_used, reason = "without randomness neither ids nor keys are safe")]
#[expect(clippy::disallowed_methods, reason = "randomness's home")]
pub fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system's random source failed");
}

/// Random bytes from the operating system.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill_random(&mut bytes);
    bytes
}
