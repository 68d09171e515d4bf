//! [`Threads`]: where JavaScript runs, and the isolates that are made ready ahead of time.
//!
//! A job has a thread for itself: queries and mutations are bounded by the threads that wait for them, actions by
//! their own limit, so there are never many. After a call its thread puts the isolate back to how it was before, or
//! makes another one where that is not possible, so that what is called often is found ready and start-up stays off the
//! critical path. A thread that hangs in code of the engine is simply not there any more: nobody waits for it, and the
//! next job gets another one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::isolate::Isolate;
use super::package::{Package, UdfConfig};
use super::syscalls::import::Reads;
use crate::{Error, Result};

/// Native stack of a thread: what QuickJS may use and room for what it calls.
pub(super) const STACK_SIZE: usize = 8 << 20;
/// How long a thread rests after a call, unless the next one waits for it: what comes after the call on other threads
/// (the commit, the answer on its way to the client) is to have the processors before the next isolate is made.
const REST: Duration = Duration::from_millis(1);
/// How long a thread waits for work before it looks whether it is still needed.
const IDLE: Duration = Duration::from_secs(5);
/// Looks in vain after which a thread ends.
const IDLE_LOOKS_MAX: u32 = 6;
/// Threads that wait with isolates of other modules before one of them gives up its isolate for a call.
const READY_MAX: usize = 8;
/// Threads that stay although nothing is to be done.
const IDLE_THREADS_MIN: usize = 2;

/// Work for a thread.
type Work = Box<dyn FnOnce(&mut Worker) + Send>;

/// Which isolate is wanted, or ready.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) package: Arc<Package>,
    pub(super) path: String,
}

/// An isolate in which a module is loaded and nothing has run.
pub(super) struct Ready {
    pub(super) wanted: Wanted,
    /// What the module saw while it was loaded.
    pub(super) config: Arc<UdfConfig>,
    pub(super) isolate: Box<dyn Isolate>,
    pub(super) reads: Reads,
}

impl Ready {
    /// Makes it as it was before it was called; gives whether that was possible.
    fn rewind(&mut self) -> bool {
        Arc::ptr_eq(&self.config, &self.wanted.package.udf_config()) && self.isolate.rewind()
    }
}

impl Wanted {
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.package, &other.package) && self.path == other.path
    }
}

/// What a thread has at hand.
#[derive(Default)]
pub(super) struct Worker {
    /// The isolate that is ready.
    pub(super) ready: Option<Ready>,
    /// What to make ready once the job is answered.
    pub(super) next: Option<Wanted>,
    /// The isolate of the job, whose end can wait.
    pub(super) used: Option<Ready>,
    /// Whether the thread is to end.
    pub(super) is_over: bool,
}

/// Makes isolates ready.
pub(super) trait Prepare: Send + Sync {
    /// Makes one, unless that is of no use (any more).
    fn prepare(&self, wanted: &Wanted) -> Option<Ready>;
    /// Whether calls will still want it.
    fn is_current(&self, wanted: &Wanted) -> bool;
}

/// A thread that waits for work.
struct Seat {
    work: Mutex<Option<Work>>,
    arrived: Condvar,
    /// What it has ready; the isolate itself never leaves its thread.
    ready: Mutex<Option<Wanted>>,
}

impl Seat {
    /// Waits until there is work, at most so long, and leaves it there.
    fn wait(&self, duration: Duration) {
        let mut work = self.work.lock();
        if work.is_none() {
            self.arrived.wait_for(&mut work, duration);
        }
    }
}

/// Threads that can be given work.
#[derive(Default)]
struct Seats {
    /// Those that wait for it.
    idle: Vec<Arc<Seat>>,
    /// Those that make an isolate ready: nearer to answering a call for that module than a thread which would begin
    /// to make one now. They take one call each.
    preparing: Vec<Arc<Seat>>,
}

struct Shared {
    seats: Mutex<Seats>,
    started: AtomicUsize,
    prepare: Weak<dyn Prepare>,
}

/// See the module's documentation.
pub(super) struct Threads {
    shared: Arc<Shared>,
}

impl Threads {
    pub(super) fn new(prepare: Weak<dyn Prepare>) -> Self {
        Self { shared: Arc::new(Shared { seats: Mutex::default(), started: AtomicUsize::new(0), prepare }) }
    }

    /// Gives work to a thread, preferably one that has what is wanted.
    ///
    /// # Errors
    /// If the system refuses another thread.
    pub(super) fn run(
        &self,
        wanted: Option<&Wanted>,
        work: impl FnOnce(&mut Worker) + Send + 'static,
    ) -> Result<()> {
        let work: Work = Box::new(work);
        let seat = {
            let mut seats = self.shared.seats.lock();
            let has = |seat: &Arc<Seat>| match (&*seat.ready.lock(), wanted) {
                (Some(ready), Some(wanted)) => ready.is(wanted),
                _ => false,
            };
            let is_empty = |seat: &Arc<Seat>| seat.ready.lock().is_none();
            let Seats { idle, preparing } = &mut *seats;
            // The last to come is the first to go: its caches are warm, and the others can end.
            if let Some(place) = idle.iter().rposition(has) {
                Some(idle.remove(place))
            } else if let Some(place) = preparing.iter().position(has) {
                Some(preparing.remove(place))
            } else if let Some(place) = idle.iter().rposition(is_empty) {
                Some(idle.remove(place))
            } else if idle.len() >= READY_MAX {
                // What was called longest ago makes room.
                Some(idle.remove(0))
            } else {
                None
            }
        };
        match seat {
            Some(seat) => {
                *seat.work.lock() = Some(work);
                seat.arrived.notify_one();
                Ok(())
            }
            None => self.start(work),
        }
    }

    fn start(&self, work: Work) -> Result<()> {
        let shared = self.shared.clone();
        let number = shared.started.fetch_add(1, Ordering::Relaxed);
        std::thread::Builder::new()
            .name(format!("javascript {number}"))
            .stack_size(STACK_SIZE)
            .spawn(move || work_on(&shared, work))
            .map_err(|error| {
                Error::internal("a thread for JavaScript cannot be started").with_source(error)
            })?;
        Ok(())
    }

    /// Threads that wait for work.
    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        self.shared.seats.lock().idle.len()
    }
}

/// A thread's life.
fn work_on(shared: &Arc<Shared>, first: Work) {
    let seat =
        Arc::new(Seat { work: Mutex::new(Some(first)), arrived: Condvar::new(), ready: Mutex::new(None) });
    let mut worker = Worker::default();
    while let Some(work) = wait_for_work(shared, &seat, &mut worker) {
        // Whatever it does not use is of no use: it wanted something else.
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&mut worker)));
        if ended.is_err() {
            tracing::error!("a defect was caught in a thread for JavaScript");
            worker = Worker::default();
        }
        if worker.is_over {
            return;
        }
        let Some(prepare) = shared.prepare.upgrade() else { return };
        let mut is_waited_for = false;
        if let Some(wanted) = worker.next.take()
            && worker.ready.is_none()
            && prepare.is_current(&wanted)
        {
            if worker.used.as_mut().is_some_and(|used| used.wanted.is(&wanted) && used.rewind()) {
                worker.ready = worker.used.take();
            } else {
                is_waited_for = make_ready(shared, &seat, &mut worker, &*prepare, &wanted);
            }
        }
        worker.used = None;
        drop(prepare);
        if !is_waited_for {
            *seat.ready.lock() = worker.ready.as_ref().map(|ready| ready.wanted.clone());
            shared.seats.lock().idle.push(seat.clone());
        }
    }
}

/// Makes another isolate ready. Gives whether a call waits for it already.
fn make_ready(
    shared: &Shared,
    seat: &Arc<Seat>,
    worker: &mut Worker,
    prepare: &dyn Prepare,
    wanted: &Wanted,
) -> bool {
    *seat.ready.lock() = Some(wanted.clone());
    let is_alone = {
        let preparing = &mut shared.seats.lock().preparing;
        preparing.push(seat.clone());
        preparing.len() == 1
    };
    // Where many calls end, the processors are busy anyway.
    if is_alone {
        seat.wait(REST);
    }
    worker.used = None;
    worker.ready = prepare.prepare(wanted);
    let preparing = &mut shared.seats.lock().preparing;
    match preparing.iter().position(|other| Arc::ptr_eq(other, seat)) {
        Some(place) => {
            preparing.remove(place);
            false
        }
        None => true,
    }
}

/// Waits for work; `None` if the thread is not needed any more.
fn wait_for_work(shared: &Arc<Shared>, seat: &Arc<Seat>, worker: &mut Worker) -> Option<Work> {
    let mut looks = 0;
    loop {
        seat.wait(IDLE);
        if let Some(work) = seat.work.lock().take() {
            return Some(work);
        }
        looks += 1;
        let prepare = shared.prepare.upgrade();
        let mut seats = shared.seats.lock();
        let is_needed = prepare.is_some() && (looks < IDLE_LOOKS_MAX || seats.idle.len() <= IDLE_THREADS_MIN);
        // Who is not among the idle has just been chosen: the work is about to come.
        if !is_needed && let Some(place) = seats.idle.iter().position(|other| Arc::ptr_eq(other, seat)) {
            seats.idle.remove(place);
            return None;
        }
        drop(seats);
        match (prepare, &mut worker.ready) {
            (Some(prepare), Some(ready)) if prepare.is_current(&ready.wanted) => ready.isolate.rest(),
            (Some(_), Some(_)) => {
                *seat.ready.lock() = None;
                worker.ready = None;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::js::isolate::{ScriptError, StopSignal};
    use crate::js::op::OpValue;
    use crate::js::state::OpState;

    /// An isolate that counts how often it was rewound, as far as it can be.
    struct Counted {
        rewound: Arc<AtomicUsize>,
        can_rewind: bool,
    }

    impl Isolate for Counted {
        fn call(
            &mut self,
            _function: &str,
            _args: Vec<OpValue>,
        ) -> std::result::Result<OpValue, ScriptError> {
            Ok(OpValue::Null)
        }
        fn with_state(&mut self, _change: &mut dyn FnMut(&mut OpState)) {}
        fn set_limits(&mut self, _time: Duration, _stop: Arc<StopSignal>) {}
        fn take_unhandled(&mut self) -> Vec<ScriptError> {
            Vec::new()
        }
        fn pending_ops(&self) -> Vec<String> {
            Vec::new()
        }
        fn memory_used(&self) -> usize {
            0
        }
        fn mark(&mut self) {}
        fn rewind(&mut self) -> bool {
            self.rewound.fetch_add(1, Ordering::SeqCst);
            self.can_rewind
        }
        fn rest(&mut self) {}
    }

    struct Counting {
        made: AtomicUsize,
        rewound: Arc<AtomicUsize>,
        can_rewind: bool,
    }

    impl Counting {
        fn ready(&self, wanted: &Wanted) -> Ready {
            self.made.fetch_add(1, Ordering::SeqCst);
            let isolate = Box::new(Counted { rewound: self.rewound.clone(), can_rewind: self.can_rewind });
            let config = wanted.package.udf_config();
            Ready { wanted: wanted.clone(), config, isolate, reads: Reads::default() }
        }
    }

    impl Prepare for Counting {
        fn prepare(&self, wanted: &Wanted) -> Option<Ready> {
            Some(self.ready(wanted))
        }
        fn is_current(&self, _wanted: &Wanted) -> bool {
            true
        }
    }

    /// Runs calls of modules, one after the other; gives how many isolates were made and how often one was rewound.
    fn after_calls(modules: &[&str], can_rewind: bool) -> (usize, usize) {
        let package = Package::new(&crate::js::quickjs::QuickJs, Vec::new()).unwrap();
        let counting = Arc::new(Counting { made: AtomicUsize::new(0), rewound: Arc::default(), can_rewind });
        let prepare: Arc<dyn Prepare> = counting.clone();
        let threads = Threads::new(Arc::downgrade(&prepare));
        for module in modules {
            let wanted = Wanted { package: package.clone(), path: (*module).to_owned() };
            let (sender, receiver) = mpsc::channel();
            let (counting, next) = (counting.clone(), wanted.clone());
            threads
                .run(Some(&wanted), move |worker| {
                    let ready = worker.ready.take().filter(|ready| ready.wanted.is(&next));
                    worker.used = Some(ready.unwrap_or_else(|| counting.ready(&next)));
                    worker.next = Some(next);
                    sender.send(()).unwrap();
                })
                .unwrap();
            receiver.recv().unwrap();
            let started = crate::clock::Moment::now();
            while threads.idle() < threads.shared.started.load(Ordering::SeqCst) {
                assert!(started.elapsed() < Duration::from_secs(30), "the thread does not come back");
                std::thread::yield_now();
            }
        }
        (counting.made.load(Ordering::SeqCst), counting.rewound.load(Ordering::SeqCst))
    }

    #[test]
    fn an_isolate_serves_many_calls() {
        assert_eq!(after_calls(&["a.js"; 5], true), (1, 5));
        assert_eq!(after_calls(&["a.js", "b.js", "b.js"], true), (2, 3));
        assert_eq!(after_calls(&["a.js", "b.js", "a.js", "b.js", "a.js"], true), (2, 5));
        assert_eq!(after_calls(&["a.js"; 3], false), (4, 3));
    }

    #[test]
    fn the_module_that_was_called_longest_ago_makes_room() {
        let modules: Vec<String> = (0..=READY_MAX).map(|number| format!("{number}.js")).collect();
        let mut calls: Vec<&str> = modules.iter().map(String::as_str).collect();
        let last = calls.len();
        // All but the first are still there.
        calls.extend_from_within(1..);
        assert_eq!(after_calls(&calls, true), (last, calls.len()));
        calls.push(&modules[0]);
        assert_eq!(after_calls(&calls, true), (last + 1, calls.len()));
    }
}
