//! [`Pool`]: the threads that run queries and mutations.
//!
//! Functions in Rust cannot be suspended, so they have threads of their own and never hold up the tasks that
//! serve sockets. The queue is bounded; what does not fit is refused, and what waited too long is refused too.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::clock::Moment;
use crate::limits::{FUNCTION_QUEUE_LENGTH_MAX, FUNCTION_QUEUE_WAIT_MAX};
use crate::{Error, Result};

/// What a thread is to do; it is told how long the work has waited.
type Work = Box<dyn FnOnce(Duration) + Send>;

struct Job {
    work: Work,
    queued: Moment,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    stopping: bool,
}

struct Shared {
    state: Mutex<State>,
    available: Condvar,
}

/// See the module's documentation.
pub struct Pool {
    shared: Arc<Shared>,
    /// What the threads do, as error texts spell it: `queries`.
    what: &'static str,
    threads: usize,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("what", &self.what)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn new(what: &'static str, threads: usize) -> Result<Self> {
        let shared = Arc::new(Shared { state: Mutex::new(State::default()), available: Condvar::new() });
        for number in 0..threads {
            let shared = shared.clone();
            std::thread::Builder::new()
                .name(format!("{what} {number}"))
                .spawn(move || work(&shared))
                .map_err(|error| {
                    Error::internal("a thread to run functions cannot be started").with_source(error)
                })?;
        }
        Ok(Self { shared, what, threads })
    }

    /// Queues work.
    ///
    /// # Errors
    /// `TooManyConcurrentRequests` if the queue is full.
    pub fn submit(&self, work: impl FnOnce(Duration) + Send + 'static) -> Result<()> {
        self.push(Box::new(work), FUNCTION_QUEUE_LENGTH_MAX)
    }

    /// Queues work that is bounded elsewhere.
    pub(super) fn submit_always(&self, work: impl FnOnce(Duration) + Send + 'static) {
        // Cannot fail: there is no bound.
        let _ = self.push(Box::new(work), usize::MAX);
    }

    fn push(&self, work: Work, length_max: usize) -> Result<()> {
        let mut state = self.shared.state.lock();
        if state.queue.len() >= length_max {
            return Err(self.overloaded());
        }
        state.queue.push_back(Job { work, queued: Moment::now() });
        drop(state);
        self.shared.available.notify_one();
        Ok(())
    }

    pub(super) fn overloaded(&self) -> Error {
        let Self { what, threads, .. } = self;
        Error::overloaded(
            "TooManyConcurrentRequests",
            format!(
                "Too many concurrent requests. Your backend is limited to {threads} concurrent {what}. Try again later."
            ),
        )
    }

    /// Work waiting for a thread.
    pub fn waiting(&self) -> usize {
        self.shared.state.lock().queue.len()
    }
}

/// Fails if a call waited so long that its caller has most likely given up.
pub(super) fn check_waited(waited: Duration) -> Result<()> {
    if waited <= FUNCTION_QUEUE_WAIT_MAX {
        return Ok(());
    }
    Err(Error::overloaded(
        "ExpiredInQueue",
        "Too many concurrent requests: this one waited too long. Try again later.",
    ))
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.state.lock().stopping = true;
        self.shared.available.notify_all();
    }
}

fn work(shared: &Shared) {
    loop {
        let mut state = shared.state.lock();
        let job = loop {
            if let Some(job) = state.queue.pop_front() {
                break job;
            }
            if state.stopping {
                return;
            }
            shared.available.wait(&mut state);
        };
        drop(state);
        let waited = job.queued.elapsed();
        // Functions are guarded one by one; this guards the thread against defects around them.
        if catch_unwind(AssertUnwindSafe(|| (job.work)(waited))).is_err() {
            tracing::error!("a defect outside of any function was caught in a function thread");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_full_queue_refuses_and_a_panic_leaves_the_thread_alive() {
        let pool = Pool::new("tests", 1).unwrap();
        let (started, begun) = channel();
        let (release, gate) = channel::<()>();
        pool.submit(move |_| {
            started.send(()).unwrap();
            gate.recv().unwrap();
            panic!("expected by the test");
        })
        .unwrap();
        begun.recv().unwrap();
        for _ in 0..FUNCTION_QUEUE_LENGTH_MAX {
            pool.submit(|_| {}).unwrap();
        }
        assert_eq!(pool.submit(|_| {}).unwrap_err().code(), "TooManyConcurrentRequests");
        release.send(()).unwrap();
        let (done, finished) = channel();
        pool.submit_always(move |_| done.send(()).unwrap());
        finished.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    #[test]
    fn what_waited_too_long_is_refused() {
        assert!(check_waited(FUNCTION_QUEUE_WAIT_MAX).is_ok());
        assert_eq!(check_waited(FUNCTION_QUEUE_WAIT_MAX * 2).unwrap_err().code(), "ExpiredInQueue");
    }
}
