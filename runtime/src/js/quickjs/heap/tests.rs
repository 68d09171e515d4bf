//! Blocks at random, and images put back.

use super::*;
use crate::function::randomness::Randomness;

/// Blocks of a heap with what was written to them.
struct Blocks {
    allocator: HeapAllocator,
    random: Randomness,
    held: Vec<(*mut u8, usize, u8)>,
}

impl Blocks {
    fn number(&mut self, max: usize) -> usize {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        usize::from_le_bytes(bytes) % max
    }

    fn size(&mut self) -> usize {
        let bits = self.number(20);
        self.number(1 << bits)
    }

    /// Does something at random.
    fn step(&mut self) {
        let size = self.size();
        match self.number(8) {
            0..4 => {
                let mark = self.number(255) as u8 + 1;
                let block = self.allocator.alloc(size);
                assert!(!block.is_null() && block.addr().is_multiple_of(ALIGN));
                // SAFETY: as large as asked for.
                unsafe { block.write_bytes(mark, size) };
                self.held.push((block, size, mark));
            }
            4 => {
                let block = self.allocator.calloc(1, size);
                // SAFETY: as large as asked for.
                assert!(unsafe { std::slice::from_raw_parts(block, size) }.iter().all(|byte| *byte == 0));
                self.held.push((block, size, 0));
            }
            5 if !self.held.is_empty() => {
                let index = self.number(self.held.len());
                let (block, old, mark) = self.held[index];
                // SAFETY: a block of this heap.
                let new = unsafe { self.allocator.realloc(block, size) };
                self.held[index] = (new, old.min(size), mark);
            }
            _ if !self.held.is_empty() => {
                let index = self.number(self.held.len());
                let (block, ..) = self.held.swap_remove(index);
                // SAFETY: a block of this heap, which nobody uses any more.
                unsafe { self.allocator.dealloc(block) };
            }
            _ => {}
        }
    }

    fn check(&self) {
        for (block, size, mark) in &self.held {
            // SAFETY: a block that is held, at least of that size.
            let bytes = unsafe { std::slice::from_raw_parts(*block, *size) };
            assert!(bytes.iter().all(|byte| byte == mark), "a block of {size} bytes was overwritten");
            // SAFETY: as above.
            assert!(unsafe { HeapAllocator::usable_size(*block) } >= *size);
        }
    }
}

fn blocks(seed: u8) -> Blocks {
    let allocator = HeapAllocator(Heap::new().unwrap());
    Blocks { allocator, random: Randomness::from_seed([seed; 32]), held: Vec::new() }
}

#[test]
fn blocks_do_not_overlap_and_keep_what_is_in_them() {
    for seed in 0..4 {
        let mut blocks = blocks(seed);
        for step in 0..2_000 {
            blocks.step();
            if step % 500 == 0 {
                blocks.check();
            }
        }
        blocks.check();
    }
}

#[test]
fn what_happened_since_an_image_is_undone() {
    for seed in 0..4 {
        let mut blocks = blocks(seed);
        (0..1_000).for_each(|_| blocks.step());
        let held = blocks.held.clone();
        let image = blocks.allocator.0.image();
        for round in 0..4 {
            (0..1_000).for_each(|_| blocks.step());
            // SAFETY: what was held since is forgotten at once.
            unsafe {
                if round == 2 {
                    blocks.allocator.0.give_back_all();
                }
                blocks.allocator.0.restore(&image);
            }
            blocks.held.clone_from(&held);
            blocks.check();
        }
    }
}

#[test]
fn a_size_has_the_smallest_class_that_holds_it() {
    for size in 0..=SMALL_MAX {
        let class = usize::from(CLASS_OF[size.div_ceil(ALIGN)]);
        assert!(SIZES[class] >= size && (class == 0 || SIZES[class - 1] < size), "{size}");
    }
}

#[test]
fn a_heap_that_is_full_says_so() {
    let mut blocks = blocks(0);
    assert!(blocks.allocator.alloc(RESERVED).is_null());
    assert!(blocks.allocator.calloc(usize::MAX, 2).is_null());
    let block = blocks.allocator.alloc(100);
    // SAFETY: a block of this heap, which stays as it is when there is no room.
    assert!(unsafe { blocks.allocator.realloc(block, RESERVED) }.is_null());
    let large = blocks.allocator.alloc(5_000);
    // SAFETY: as above.
    assert!(unsafe { blocks.allocator.realloc(large, RESERVED) }.is_null());
}
