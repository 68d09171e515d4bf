//! The knowledge base: documents of an organisation, cut into passages that are found by their meaning.

pub(crate) mod search;
