//! What the assistant keeps: its turns on the threads, and the knowledge base it searches.

pub(crate) mod knowledge;
pub(crate) mod turns;
