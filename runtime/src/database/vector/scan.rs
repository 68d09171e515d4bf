//! Searching segments: codes find candidates, exact vectors rank them.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::coding::{self, Coding};
use super::extract::Tag;
use super::segment::{Segment, Version};

/// Rows that a thread takes at a time.
const BLOCK_ROWS: usize = 512;
/// Bytes of codes below which one thread is faster than starting more.
const PARALLEL_BYTES_MIN: usize = 2 << 20;
/// Candidates whose exact cosine may be computed, at least.
const CANDIDATES_MIN: usize = 1024;
/// Candidates whose exact cosine may be computed, per result wanted.
const CANDIDATES_PER_RESULT: usize = 8;

/// Which rows may be found: those with one of these tags in one of the filter fields. `None` is all rows.
pub(super) type Filter = Option<Vec<(usize, Tag)>>;

/// A row that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) version: Version,
    /// The cosine, from -1 to 1.
    pub(super) score: f64,
}

/// A filter made ready: for each field that is asked for its sorted tags.
struct Sieve(Vec<(usize, Vec<Tag>)>);

impl Sieve {
    fn new(filter: &[(usize, Tag)]) -> Self {
        let mut sorted = filter.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut fields: Vec<(usize, Vec<Tag>)> = Vec::new();
        for (field, tag) in sorted {
            match fields.last_mut().filter(|(last, _)| *last == field) {
                Some((_, tags)) => tags.push(tag),
                None => fields.push((field, vec![tag])),
            }
        }
        Self(fields)
    }

    fn lets_pass(&self, segment: &Segment, row: usize) -> bool {
        self.0.iter().any(|(field, wanted)| {
            let tag = segment.tags(*field)[row];
            match wanted.as_slice() {
                [only] => *only == tag,
                several => several.binary_search(&tag).is_ok(),
            }
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// The cosine according to the codes.
    score: f32,
    segment: usize,
    row: usize,
}

/// The best candidates so far.
struct Best {
    capacity: usize,
    candidates: Vec<Candidate>,
    /// Lower scores cannot be among the best any more.
    floor: f32,
}

impl Best {
    fn new(capacity: usize) -> Self {
        Self { capacity, candidates: Vec::with_capacity(2 * capacity), floor: f32::NEG_INFINITY }
    }

    fn offer(&mut self, candidate: Candidate) {
        if candidate.score < self.floor {
            return;
        }
        self.candidates.push(candidate);
        if self.candidates.len() >= 2 * self.capacity {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.candidates.len() <= self.capacity {
            return;
        }
        let by_score = |a: &Candidate, b: &Candidate| b.score.total_cmp(&a.score);
        let (_, last, _) = self.candidates.select_nth_unstable_by(self.capacity - 1, by_score);
        self.floor = last.score;
        self.candidates.truncate(self.capacity);
    }
}

/// The `limit` rows most similar to a unit vector, best first; equal ones in order of their ids.
///
/// # Errors
/// If exact vectors cannot be read.
pub(super) fn search(
    segments: &[&Segment],
    query: &[f32],
    limit: usize,
    filter: &Filter,
) -> io::Result<Vec<Found>> {
    let mut codes = Vec::with_capacity(query.len());
    let coding = coding::encode(query, &mut codes);
    let rows = rows(segments, filter);
    let capacity = (limit * CANDIDATES_PER_RESULT).max(CANDIDATES_MIN);
    let scan = Scan { segments, rows, codes: &codes, coding, capacity, next: AtomicUsize::new(0) };
    rank(segments, query, coding, limit, scan.run())
}

/// The rows that are alive and that the filter lets pass, each with its segment.
fn rows(segments: &[&Segment], filter: &Filter) -> Vec<(u32, u32)> {
    let sieve = filter.as_deref().map(Sieve::new);
    let mut rows = Vec::new();
    for (number, segment) in segments.iter().enumerate() {
        let is_wanted = |row: &usize| {
            segment.is_alive(*row) && sieve.as_ref().is_none_or(|sieve| sieve.lets_pass(segment, *row))
        };
        rows.extend((0..segment.len()).filter(is_wanted).map(|row| (number as u32, row as u32)));
    }
    rows
}

/// A search for candidates, shared by its threads.
struct Scan<'a> {
    segments: &'a [&'a Segment],
    rows: Vec<(u32, u32)>,
    codes: &'a [i8],
    coding: Coding,
    capacity: usize,
    /// The first row that nobody has taken.
    next: AtomicUsize,
}

impl Scan<'_> {
    /// The best candidates of all rows, in no order.
    fn run(&self) -> Vec<Candidate> {
        let threads = match self.rows.len() * self.codes.len() {
            0..PARALLEL_BYTES_MIN => 1,
            _ => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let mut best = Best::new(self.capacity);
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads)
                .filter_map(|_| std::thread::Builder::new().spawn_scoped(scope, || self.take_rows()).ok())
                .collect();
            best.candidates = self.take_rows();
            for other in others {
                // A thread that failed would have failed here, too.
                best.candidates.extend(other.join().unwrap_or_default());
            }
        });
        best.cut();
        best.candidates
    }

    fn take_rows(&self) -> Vec<Candidate> {
        let mut best = Best::new(self.capacity);
        while let Some(rows) = self.rows.get(self.next.fetch_add(BLOCK_ROWS, Ordering::Relaxed)..) {
            if rows.is_empty() {
                break;
            }
            for (segment, row) in rows.iter().take(BLOCK_ROWS) {
                let (number, row) = (*segment as usize, *row as usize);
                let segment = self.segments[number];
                let product = coding::code_product(self.codes, segment.codes(row));
                let score = product * self.coding.scale * segment.coding(row).scale;
                best.offer(Candidate { score, segment: number, row });
            }
        }
        best.cut();
        best.candidates
    }
}

/// The best of the candidates by their exact cosine. They are looked at in the order of their codes, until none that
/// follows can be among the best, however wrong its codes are.
fn rank(
    segments: &[&Segment],
    query: &[f32],
    coding: Coding,
    limit: usize,
    mut candidates: Vec<Candidate>,
) -> io::Result<Vec<Found>> {
    candidates.sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
    let worst = |candidate: &Candidate| segments[candidate.segment].coding(candidate.row).error;
    let error = candidates.iter().map(worst).fold(0.0, f32::max);
    let margin = f64::from(coding::margin(query.len(), coding.error, error));
    let mut found: Vec<Found> = Vec::with_capacity(limit + 1);
    for candidate in candidates {
        if found.len() == limit && f64::from(candidate.score) + margin < found[limit - 1].score {
            break;
        }
        let segment = segments[candidate.segment];
        let score = coding::cosine(query, &segment.vector(candidate.row)?);
        let new = Found { version: segment.version(candidate.row), score };
        let is_before = |old: &Found| {
            old.score > new.score || (old.score == new.score && old.version.id < new.version.id)
        };
        let place = found.partition_point(is_before);
        if place < limit {
            found.insert(place, new);
            found.truncate(limit);
        }
    }
    Ok(found)
}
