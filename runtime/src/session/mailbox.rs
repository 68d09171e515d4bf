//! [`Mailbox`]: where other threads leave news for a socket's task.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use crate::function::Outcome;

/// A function call that ended.
#[derive(Debug)]
pub(super) enum Answer {
    /// A mutation, by its request id.
    Mutation(u32, Outcome),
    /// An action, by its request id.
    Action(u32, Outcome),
}

/// See the module's documentation. A burst of news wakes the task once.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    answers: Mutex<Vec<Answer>>,
    has_live_news: AtomicBool,
    task: AtomicWaker,
}

impl Mailbox {
    /// Leaves an answer.
    pub(super) fn answer(&self, answer: Answer) {
        let mut answers = self.answers.lock();
        answers.push(answer);
        let is_first = answers.len() == 1;
        drop(answers);
        if is_first {
            self.task.wake();
        }
    }

    /// Tells that the live queries have something new.
    pub(super) fn live_news(&self) {
        if !self.has_live_news.swap(true, Ordering::AcqRel) {
            self.task.wake();
        }
    }

    /// Wakes the task.
    pub(super) fn wake(&self) {
        self.task.wake();
    }

    /// Says whom to wake. Must come before the mailbox is emptied, or news in between would be missed.
    pub(super) fn register(&self, task: &Waker) {
        self.task.register(task);
    }

    /// Moves all answers to the end of `into`.
    pub(super) fn take_answers(&self, into: &mut Vec<Answer>) {
        into.append(&mut self.answers.lock());
    }

    /// Whether there was news of the live queries since the last time.
    pub(super) fn take_live_news(&self) -> bool {
        self.has_live_news.load(Ordering::Relaxed) && self.has_live_news.swap(false, Ordering::AcqRel)
    }
}
