//! [`Pool`]: the threads that run queries and mutations.
//!
//! Functions in Rust cannot be suspended, so they have threads of their own and never hold up the tasks that
//! serve sockets. The queue is bounded; what does not fit is refused, and what waited too long is refused too.
//!
//! A function that waits for another thread (JavaScript runs on threads of its own) says so with
//! [`while_waiting`]: meanwhile another thread takes its place, up to the most calls that may be under way.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::clock::Moment;
use crate::limits::{FUNCTION_QUEUE_LENGTH_MAX, FUNCTION_QUEUE_WAIT_MAX};
use crate::{Error, Result, memory};

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
    /// Threads that are there.
    threads: usize,
    /// Threads that do work and do not wait for others.
    running: usize,
    /// Threads that wait for work.
    idle: usize,
}

struct Shared {
    state: Mutex<State>,
    available: Condvar,
    /// What the threads do, as error texts spell it: `queries`.
    what: &'static str,
    /// How many may run at once.
    running_max: usize,
    /// How many calls may be under way, those included that wait for other threads.
    calls_max: usize,
}

/// How long a thread waits for work before it gives memory back, or ends if it is beyond the usual number.
const REST_AFTER: Duration = Duration::from_secs(10);

thread_local! {
    /// The pool whose thread this is.
    static POOL: RefCell<Option<Arc<Shared>>> = const { RefCell::new(None) };
}

/// Waits for something that another thread does, which frees the place of the calling thread in its pool, if it
/// belongs to one, for other calls.
pub(crate) fn while_waiting<T>(wait: impl FnOnce() -> T) -> T {
    let Some(shared) = POOL.with_borrow(Clone::clone) else { return wait() };
    {
        let mut state = shared.state.lock();
        state.running -= 1;
        shared.start_if_needed(&mut state);
        // Mostly nothing waits: no thread is to wake for that.
        if !state.queue.is_empty() {
            shared.available.notify_one();
        }
    }
    let result = wait();
    // The place may be taken: for a moment one more runs than usual.
    shared.state.lock().running += 1;
    result
}

impl Shared {
    /// Starts another thread if there is work, room to run, and no thread to take it.
    fn start_if_needed(self: &Arc<Self>, state: &mut State) {
        let is_needed = !state.queue.is_empty() && state.running < self.running_max;
        if is_needed && state.idle == 0 && state.threads < self.calls_max {
            // Without another thread the work waits for one of those that are there.
            if let Err(error) = self.start(state) {
                tracing::warn!(%error, "no thread to run functions while others wait");
            }
        }
    }

    fn start(self: &Arc<Self>, state: &mut State) -> Result<()> {
        let shared = self.clone();
        std::thread::Builder::new()
            .name(format!("{} {}", self.what, state.threads))
            .spawn(move || work(&shared))
            .map_err(|error| {
                Error::internal("a thread to run functions cannot be started").with_source(error)
            })?;
        state.threads += 1;
        Ok(())
    }
}

/// See the module's documentation.
pub struct Pool {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("what", &self.shared.what)
            .field("running_max", &self.shared.running_max)
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts as many threads as may run at once; more come while some of them wait for others, up to
    /// `calls_max`.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn new(what: &'static str, threads: usize, calls_max: usize) -> Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::default()),
            available: Condvar::new(),
            what,
            running_max: threads,
            calls_max: calls_max.max(threads),
        });
        for _ in 0..threads {
            let mut state = shared.state.lock();
            shared.start(&mut state)?;
        }
        Ok(Self { shared })
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
        self.shared.start_if_needed(&mut state);
        drop(state);
        self.shared.available.notify_one();
        Ok(())
    }

    pub(super) fn overloaded(&self) -> Error {
        let Shared { what, calls_max: threads, .. } = &*self.shared;
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

fn work(shared: &Arc<Shared>) {
    POOL.set(Some(shared.clone()));
    let mut state = shared.state.lock();
    let mut has_worked = false;
    loop {
        let job = match next_job(shared, &mut state) {
            Next::Job(job) => job,
            Next::End => break,
            Next::Rest => {
                if std::mem::take(&mut has_worked) {
                    MutexGuard::unlocked(&mut state, memory::give_back);
                }
                continue;
            }
        };
        has_worked = true;
        drop(state);
        let waited = job.queued.elapsed();
        // Functions are guarded one by one; this guards the thread against defects around them.
        if catch_unwind(AssertUnwindSafe(|| (job.work)(waited))).is_err() {
            tracing::error!("a defect outside of any function was caught in a function thread");
        }
        state = shared.state.lock();
        state.running -= 1;
    }
    state.threads -= 1;
}

/// What a thread of a pool is to do next.
enum Next {
    Job(Job),
    /// There has been no work for a while.
    Rest,
    /// The thread is to end.
    End,
}

/// Waits for work and for a place to run.
fn next_job(shared: &Shared, state: &mut MutexGuard<'_, State>) -> Next {
    loop {
        if state.running < shared.running_max
            && let Some(job) = state.queue.pop_front()
        {
            state.running += 1;
            return Next::Job(job);
        }
        if state.stopping {
            return Next::End;
        }
        state.idle += 1;
        let timeout = shared.available.wait_for(state, REST_AFTER);
        state.idle -= 1;
        if timeout.timed_out() && state.queue.is_empty() {
            return if state.threads > shared.running_max { Next::End } else { Next::Rest };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_full_queue_refuses_and_a_panic_leaves_the_thread_alive() {
        let pool = Pool::new("tests", 1, 1).unwrap();
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
    fn while_one_waits_another_takes_its_place() {
        let pool = Pool::new("tests", 1, 2).unwrap();
        let (release, gate) = channel::<()>();
        let (done, finished) = channel();
        let waiting = done.clone();
        pool.submit(move |_| {
            while_waiting(|| gate.recv().unwrap());
            waiting.send("waited").unwrap();
        })
        .unwrap();
        pool.submit(move |_| done.send("ran").unwrap()).unwrap();
        let patience = Duration::from_secs(10);
        assert_eq!(finished.recv_timeout(patience), Ok("ran"));
        release.send(()).unwrap();
        assert_eq!(finished.recv_timeout(patience), Ok("waited"));
    }

    #[test]
    fn what_waited_too_long_is_refused() {
        assert!(check_waited(FUNCTION_QUEUE_WAIT_MAX).is_ok());
        assert_eq!(check_waited(FUNCTION_QUEUE_WAIT_MAX * 2).unwrap_err().code(), "ExpiredInQueue");
    }
}
