//! [`IntervalIndex`]: which tokens does a written key touch?
//!
//! A token is what a query leaves behind: the key intervals it read, per index. When a commit writes a key,
//! every token with an interval around that key is touched. This index answers that without looking at the
//! other tokens: an interval that holds exactly one key is found by hashing, ranges in a balanced tree per
//! index ([`super::range_tree`]). Equal intervals of many tokens are stored once, with a set of the tokens.
//!
//! It knows neither snapshots nor timestamps; whoever owns it decides when a touched token is dropped.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::range_tree::{Members, NodeId, RangeTree};

/// A number its owner gives to a token.
pub type TokenId = u32;

/// Keys that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval<'a> {
    /// One key, present or not.
    Point(&'a [u8]),
    /// All keys from `start` (included) to `end` (excluded; `None`: no bound).
    Range {
        /// The first key.
        start: &'a [u8],
        /// The key after the last one.
        end: Option<&'a [u8]>,
    },
}

impl<'a> Interval<'a> {
    /// The range `[start, end)`, recognized as a point where it holds one key only.
    pub fn range(start: &'a [u8], end: Option<&'a [u8]>) -> Self {
        match end {
            Some([head @ .., 0]) if head == start => Self::Point(start),
            end => Self::Range { start, end },
        }
    }
}

/// Tokens by the intervals they read; `I` names an index of a table.
#[derive(Debug)]
pub struct IntervalIndex<I> {
    indexes: HashMap<I, Intervals>,
    tokens: HashMap<TokenId, Box<[(I, Place)]>>,
}

#[derive(Debug, Default)]
struct Intervals {
    points: HashMap<Arc<[u8]>, Members>,
    ranges: RangeTree,
}

/// Where a token stands, so that it can be removed without searching.
#[derive(Debug)]
enum Place {
    Point(Arc<[u8]>),
    Range(NodeId),
}

impl<I> Default for IntervalIndex<I> {
    fn default() -> Self {
        Self { indexes: HashMap::new(), tokens: HashMap::new() }
    }
}

impl<I: Copy + Eq + Hash> IntervalIndex<I> {
    /// Adds a token with the intervals it read, in place of what it had before. Empty and repeated intervals
    /// are ignored.
    pub fn insert<'a>(&mut self, token: TokenId, intervals: impl IntoIterator<Item = (I, Interval<'a>)>) {
        self.remove(token);
        let mut places = Vec::new();
        for (index, interval) in intervals {
            let entry = match interval {
                Interval::Range { start, end: Some(end) } if start >= end => continue,
                _ => self.indexes.entry(index).or_default(),
            };
            places.extend(entry.insert(interval, token).map(|place| (index, place)));
        }
        if !places.is_empty() {
            self.tokens.insert(token, places.into());
        }
    }

    /// Removes a token; nothing happens if it is not there.
    pub fn remove(&mut self, token: TokenId) {
        for (index, place) in self.tokens.remove(&token).unwrap_or_default() {
            if let Some(intervals) = self.indexes.get_mut(&index) {
                intervals.remove(&place, token);
                if intervals.is_empty() {
                    self.indexes.remove(&index);
                }
            }
        }
    }

    /// Calls `found` with every token that read `key`; more than once if several of its intervals hold it.
    pub fn stab(&self, index: I, key: &[u8], mut found: impl FnMut(TokenId)) {
        if let Some(Intervals { points, ranges }) = self.indexes.get(&index) {
            if let Some(members) = points.get(key) {
                members.for_each(&mut found);
            }
            ranges.stab(key, &mut found);
        }
    }

    /// Whether any token read anything of this index.
    pub fn covers(&self, index: I) -> bool {
        self.indexes.contains_key(&index)
    }

    /// How many tokens with at least one interval there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }
}

impl Intervals {
    fn insert(&mut self, interval: Interval<'_>, token: TokenId) -> Option<Place> {
        let key = match interval {
            Interval::Range { start, end } => {
                return self.ranges.insert(start, end, token).map(Place::Range);
            }
            Interval::Point(key) => key,
        };
        if let Some((key, _)) = self.points.get_key_value(key) {
            let key = key.clone();
            let members = self.points.get_mut(&key)?;
            return members.insert(token).then_some(Place::Point(key));
        }
        let key: Arc<[u8]> = key.into();
        self.points.insert(key.clone(), Members::One(token));
        Some(Place::Point(key))
    }

    fn remove(&mut self, place: &Place, token: TokenId) {
        match place {
            Place::Range(id) => self.ranges.remove(*id, token),
            Place::Point(key) => {
                if self.points.get_mut(key).is_some_and(|members| members.remove(token)) {
                    self.points.remove(key);
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.points.is_empty() && self.ranges.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    type Read = (u8, Vec<u8>, Option<Vec<u8>>);

    fn reads(list: &[Read]) -> impl Iterator<Item = (u8, Interval<'_>)> {
        list.iter().map(|(index, start, end)| (*index, Interval::range(start, end.as_deref())))
    }

    fn stab(index: &IntervalIndex<u8>, id: u8, key: &[u8]) -> BTreeSet<TokenId> {
        let mut found = BTreeSet::new();
        index.stab(id, key, |token| {
            found.insert(token);
        });
        found
    }

    fn naive(model: &BTreeMap<TokenId, Vec<Read>>, id: u8, key: &[u8]) -> BTreeSet<TokenId> {
        let holds = |(index, start, end): &Read| {
            *index == id && &**start <= key && end.as_deref().is_none_or(|end| key < end)
        };
        model.iter().filter(|(_, list)| list.iter().any(holds)).map(|(token, _)| *token).collect()
    }

    /// Short keys of few letters, so that intervals are equal, nested and adjacent often.
    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(7), Just(255)], 0..4)
    }

    fn read() -> impl Strategy<Value = Read> {
        let end = prop_oneof![1 => Just(None), 4 => key().prop_map(Some)];
        let range = (0_u8..3, key(), end);
        let point = (0_u8..3, key()).prop_map(|(index, start)| {
            let end = [&*start, &[0]].concat();
            (index, start, Some(end))
        });
        prop_oneof![2 => range, 1 => point]
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(TokenId, Vec<Read>),
        Remove(TokenId),
        Stab(u8, Vec<u8>),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_u32..40, prop::collection::vec(read(), 0..5)).prop_map(|(t, list)| Step::Insert(t, list)),
            2 => (0_u32..40).prop_map(Step::Remove),
            3 => (0_u8..3, key()).prop_map(|(index, key)| Step::Stab(index, key)),
        ]
    }

    proptest! {
        #[test]
        fn finds_what_a_list_finds(steps in prop::collection::vec(step(), 0..300)) {
            let mut index = IntervalIndex::default();
            let mut model = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Insert(token, list) => {
                        index.insert(token, reads(&list));
                        model.insert(token, list);
                    }
                    Step::Remove(token) => {
                        index.remove(token);
                        model.remove(&token);
                    }
                    Step::Stab(id, key) => prop_assert_eq!(stab(&index, id, &key), naive(&model, id, &key)),
                }
                index.indexes.values().for_each(|intervals| intervals.ranges.check());
            }
            for id in 0..3 {
                for key in [&[][..], &[0], &[1], &[7, 7], &[255, 255, 255]] {
                    prop_assert_eq!(stab(&index, id, key), naive(&model, id, key));
                }
            }
            model.keys().for_each(|token| index.remove(*token));
            prop_assert!(index.is_empty() && index.indexes.is_empty(), "something stayed behind");
        }
    }

    #[test]
    fn equal_ranges_share_one_node() {
        let mut index = IntervalIndex::default();
        for token in 0..1_000 {
            index.insert(token, [(1_u8, Interval::range(b"a", Some(b"b")))]);
        }
        assert_eq!(stab(&index, 1, b"ab").len(), 1_000);
        (0..999).for_each(|token| index.remove(token));
        assert_eq!(stab(&index, 1, b"ab"), BTreeSet::from([999]));
        assert_eq!(stab(&index, 1, b"b"), BTreeSet::new());
    }

    #[test]
    fn visits_only_its_own_neighbourhood() {
        let mut index = IntervalIndex::default();
        for token in 0..100_000_u32 {
            let (start, end) = (token.to_be_bytes(), (token + 1).to_be_bytes());
            index.insert(token, [(1_u8, Interval::range(&start, Some(&end)))]);
        }
        for token in [0_u32, 1, 77_777, 99_999] {
            let key = [&token.to_be_bytes()[..], b"x"].concat();
            assert_eq!(stab(&index, 1, &key), BTreeSet::from([token]));
        }
        assert_eq!(stab(&index, 1, &100_000_u32.to_be_bytes()), BTreeSet::new());
    }
}
