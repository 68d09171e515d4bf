//! One index against a naive model: every vector compared exactly.

use std::collections::BTreeMap;

use fusion_schema::id::InternalId;
use proptest::prelude::*;

use super::coding;
use super::extract::{Extracted, Tag};
use super::folder::Folder;
use super::index::VectorIndex;
use super::scan::Filter;
use super::segment::{Shape, Version};

const SHAPE: Shape = Shape { dimensions: 5, tags: 2 };

#[derive(Clone, Debug)]
enum Step {
    Insert {
        id: u8,
        vector: Vec<f64>,
        tags: Vec<Tag>,
    },
    Remove {
        id: u8,
    },
    Seal,
    /// Take apart segments of which little lives.
    Tidy,
    /// As after a crash: only sealed segments are left, and all documents are looked at again.
    Reopen,
    Search {
        vector: Vec<f64>,
        limit: usize,
        filter: Filter,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let vector = || prop::collection::vec(prop_oneof![4 => -1.0..1.0_f64, 1 => Just(0.0)], SHAPE.dimensions);
    let tag = || 0..3_u128;
    let filter = prop::option::of(prop::collection::vec((0..SHAPE.tags, tag()), 1..4));
    prop_oneof![
        12 => (0..40_u8, vector(), prop::collection::vec(tag(), SHAPE.tags))
            .prop_map(|(id, vector, tags)| Step::Insert { id, vector, tags }),
        3 => (0..40_u8).prop_map(|id| Step::Remove { id }),
        1 => Just(Step::Seal),
        1 => Just(Step::Tidy),
        1 => Just(Step::Reopen),
        4 => (vector(), 1..12_usize, filter)
            .prop_map(|(vector, limit, filter)| Step::Search { vector, limit, filter }),
    ]
}

type Model = BTreeMap<InternalId, (u64, Extracted)>;

fn exact(model: &Model, query: &[f32], limit: usize, filter: &Filter) -> Vec<(InternalId, f64)> {
    let passes = |tags: &[Tag]| {
        filter.as_ref().is_none_or(|filter| filter.iter().any(|(field, tag)| tags[*field] == *tag))
    };
    let mut all: Vec<_> = model
        .iter()
        .filter(|(_, (_, extracted))| passes(&extracted.tags))
        .map(|(id, (_, extracted))| (*id, coding::cosine(query, &extracted.vector)))
        .collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.truncate(limit);
    all
}

fn seal(index: &mut VectorIndex, folder: &Folder) {
    let (number, rows) = index.open_segment();
    if rows > 0 {
        let path = folder.segment(number).unwrap().unwrap();
        let file = index.write_open(&path).unwrap();
        index.seal(Some(file));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn an_index_finds_what_comparing_every_vector_finds(steps in prop::collection::vec(step(), 1..120)) {
        let data = tempfile::tempdir().unwrap();
        let folder = Folder::new(Some(data.path().join("v")));
        let mut index = VectorIndex::new(SHAPE, Vec::new());
        let mut model = Model::new();
        for (ts, step) in (1..).zip(steps) {
            match step {
                Step::Insert { id, vector, tags } => {
                    let extracted = Extracted { vector: coding::unit(&vector).unwrap(), tags };
                    index.insert(Version { id: [id; 16], ts }, &extracted);
                    model.insert([id; 16], (ts, extracted));
                    if index.is_full() {
                        seal(&mut index, &folder);
                    }
                }
                Step::Remove { id } => {
                    index.remove(&[id; 16]);
                    model.remove(&[id; 16]);
                }
                Step::Seal => seal(&mut index, &folder),
                Step::Tidy => {
                    while let Some(number) = index.wasteful() {
                        for (version, extracted) in index.living(number).unwrap() {
                            index.insert(version, &extracted);
                        }
                        index.take(number).unwrap().discard();
                    }
                }
                Step::Reopen => {
                    index = VectorIndex::new(SHAPE, folder.open(SHAPE));
                    let old: Vec<_> = index
                        .versions()
                        .filter(|version| model.get(&version.id).is_none_or(|(ts, _)| *ts != version.ts))
                        .collect();
                    old.iter().for_each(|version| index.remove(&version.id));
                    for (id, (ts, extracted)) in &model {
                        if index.version_of(id) != Some(*ts) {
                            index.insert(Version { id: *id, ts: *ts }, extracted);
                        }
                    }
                }
                Step::Search { vector, limit, filter } => {
                    let query = coding::unit(&vector).unwrap();
                    let found = index.search(&query, limit, &filter).unwrap();
                    let found: Vec<_> = found.iter().map(|found| (found.version.id, found.score)).collect();
                    prop_assert_eq!(found, exact(&model, &query, limit, &filter));
                }
            }
            prop_assert_eq!(index.versions().count(), model.len());
        }
    }
}

/// A number from 0 to 1 that looks random.
fn noise(seed: &mut u64) -> f64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    (*seed >> 11) as f64 / (1_u64 << 53) as f64
}

#[test]
fn many_random_vectors_are_found_as_exactly_as_few() {
    // The hardest case: no vector is much closer than others, and some numbers outweigh the rest.
    let (dimensions, mut seed) = (64, 0x5EED);
    let mut vector = || -> Vec<f64> {
        let number = |n: usize| (noise(&mut seed) - 0.5) * if n < 2 { 20.0 } else { 1.0 };
        (0..dimensions).map(number).collect()
    };
    let shape = Shape { dimensions, tags: 0 };
    let mut index = VectorIndex::new(shape, Vec::new());
    let mut model = Model::new();
    for n in 0..20_000_u32 {
        let extracted = Extracted { vector: coding::unit(&vector()).unwrap(), tags: Vec::new() };
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        index.insert(Version { id, ts: 1 }, &extracted);
        model.insert(id, (1, extracted));
        if n % 5_000 == 0 {
            index.seal(None);
        }
    }
    let (mut right, mut all) = (0, 0);
    for _ in 0..20 {
        let query = coding::unit(&vector()).unwrap();
        let wanted = exact(&model, &query, 16, &None);
        let found = index.search(&query, 16, &None).unwrap();
        right += found.iter().filter(|found| wanted.iter().any(|(id, _)| *id == found.version.id)).count();
        all += wanted.len();
    }
    assert!(right * 1000 >= all * 995, "found {right} of {all}");
}

#[test]
fn a_damaged_file_is_not_opened_and_a_damaged_vector_not_used() {
    let data = tempfile::tempdir().unwrap();
    let folder = Folder::new(Some(data.path().to_owned()));
    let extracted = |number: f64| Extracted { vector: coding::unit(&[number; 5]).unwrap(), tags: vec![1, 2] };
    let mut index = VectorIndex::new(SHAPE, Vec::new());
    for id in 0..3 {
        index.insert(Version { id: [id; 16], ts: 7 }, &extracted(f64::from(id) - 1.5));
    }
    seal(&mut index, &folder);
    let path = folder.segment(0).unwrap().unwrap();
    let good = std::fs::read(&path).unwrap();
    let query = coding::unit(&[1.0; 5]).unwrap();
    let opened = VectorIndex::new(SHAPE, folder.open(SHAPE));
    assert_eq!(opened.search(&query, 3, &None).unwrap(), index.search(&query, 3, &None).unwrap());

    for damaged in 0..good.len() {
        let mut bytes = good.clone();
        bytes[damaged] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let opened = VectorIndex::new(SHAPE, folder.open(SHAPE));
        assert!(opened.versions().count() == 0 || opened.search(&query, 3, &None).is_err(), "byte {damaged}");
    }
    for length in [0, 10, good.len() - 1] {
        std::fs::write(&path, &good[..length]).unwrap();
        assert!(folder.open(SHAPE).is_empty());
    }
    std::fs::write(&path, &good).unwrap();
    assert!(folder.open(Shape { dimensions: 4, tags: 2 }).is_empty());
}
