//! Work on an index that takes longer than a commit may: changed documents become a segment, small segments one.
//!
//! It is done on a value, beside the running database, and the result is put in place of the original together with what
//! was committed meanwhile, which the difference between two versions of the persistent map tells. Segments that are
//! merged are about as large as what comes to them, so that each document is merged a logarithmic number of times and
//! there is a logarithmic number of segments.

use std::sync::Arc;

use fusion_schema::id::InternalId;
use imbl::ordmap::DiffItem;

use super::bits::Bits;
use super::segment::Segment;
use super::{Changed, Part, SearchDocument, SearchIndex};
use crate::error::Result;

/// Changed documents that are worth a segment. Every search looks at each of them.
const CHANGED_MAX: usize = if cfg!(test) { 6 } else { 1_000 };
/// Terms of changed documents that are worth a segment.
const CHANGED_TERMS_MAX: usize = 200_000;
/// Share of dead documents at which a segment is made anew, in percent.
const DEAD_MAX_PERCENT: u64 = 30;

impl SearchIndex {
    /// Whether [`Self::improved`] would be worth it.
    pub(crate) fn needs_work(&self) -> bool {
        self.changed.len() >= CHANGED_MAX
            || self.changed_terms >= CHANGED_TERMS_MAX
            || self.segments.iter().any(Part::is_mostly_dead)
    }

    /// The same index, with fewer changed documents or fewer segments.
    pub(crate) fn improved(&self) -> Result<Self> {
        let dead = self.dead();
        let now = |(id, changed): (&InternalId, &Changed)| Some((*id, changed.now.clone()?));
        let documents: Vec<_> = self.changed.iter().filter_map(now).collect();
        let mut size = documents.len() as u64;
        let fresh = if documents.is_empty() { None } else { Some(Segment::of_documents(documents)?) };

        let parts = self.segments.iter().zip(dead);
        let mut parts: Vec<Part> =
            parts.map(|(part, dead)| Part { segment: part.segment.clone(), dead }).collect();
        parts.retain(|part| part.alive() > 0);
        parts.sort_by_key(Part::alive);
        let (mut merged, mut kept) = (Vec::new(), Vec::new());
        for part in parts {
            if part.alive() <= size || part.is_mostly_dead() {
                size += part.alive();
                merged.push(part);
            } else {
                kept.push(part);
            }
        }
        let none = Bits::default();
        let mut sources: Vec<(&Segment, &Bits)> =
            merged.iter().map(|part| (&*part.segment, &*part.dead)).collect();
        sources.extend(fresh.as_ref().map(|fresh| (fresh, &none)));
        let made = match &*sources {
            [] => None,
            [_] if merged.is_empty() => fresh,
            sources => Some(Segment::merge(sources)?),
        };
        kept.extend(made.map(Part::new));
        Ok(Self { segments: kept.into(), statistics: self.statistics, ..Self::default() })
    }

    /// Puts `improved`, which was made of `before`, in place of this one, which came of `before` by commits; `false` if
    /// it did not.
    pub(crate) fn install(&mut self, before: &Self, mut improved: Self) -> bool {
        if !Arc::ptr_eq(&self.segments, &before.segments) {
            return false;
        }
        for difference in before.changed.diff(&self.changed) {
            let (id, now) = match difference {
                DiffItem::Add(id, changed) | DiffItem::Update { new: (id, changed), .. } => {
                    (id, changed.now.clone())
                }
                DiffItem::Remove(id, _) => (id, None),
            };
            let at = improved.find(id);
            if at.is_some() || now.is_some() {
                improved.changed_terms += now.as_ref().map_or(0, |now| now.terms().len());
                improved.changed.insert(*id, Changed { at, now });
            }
        }
        improved.statistics = self.statistics;
        *self = improved;
        true
    }

    /// Adds documents that are in none of the segments.
    pub(super) fn add_segment(&mut self, documents: Vec<(InternalId, Arc<SearchDocument>)>) {
        for (_, document) in &documents {
            self.statistics.documents += 1;
            self.statistics.length += u64::from(document.length);
        }
        match Segment::of_documents(documents.clone()) {
            Ok(segment) => {
                self.segments = self.segments.iter().cloned().chain([Part::new(segment)]).collect();
            }
            // They can be searched as they are, if slowly.
            Err(error) => {
                tracing::error!(%error, "a segment of a full-text index could not be built");
                self.changed.extend(
                    documents.into_iter().map(|(id, now)| (id, Changed { at: None, now: Some(now) })),
                );
            }
        }
    }

    /// Makes one segment of all, while nothing has changed since they were made.
    pub(super) fn merge_all(&mut self) {
        if self.segments.len() < 2 || !self.changed.is_empty() {
            return;
        }
        let parts: Vec<(&Segment, &Bits)> =
            self.segments.iter().map(|part| (&*part.segment, &*part.dead)).collect();
        match Segment::merge(&parts) {
            Ok(segment) => self.segments = Arc::new([Part::new(segment)]),
            Err(error) => tracing::error!(%error, "the segments of a full-text index could not be merged"),
        }
    }
}

impl Part {
    fn new(segment: Segment) -> Self {
        Self { segment: Arc::new(segment), dead: Arc::default() }
    }

    fn alive(&self) -> u64 {
        u64::from(self.segment.len()) - u64::from(self.dead.len())
    }

    fn is_mostly_dead(&self) -> bool {
        u64::from(self.dead.len()) * 100 >= u64::from(self.segment.len()) * DEAD_MAX_PERCENT
    }
}
