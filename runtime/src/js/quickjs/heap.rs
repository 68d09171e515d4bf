//! [`Heap`]: the memory of one isolate, all of which can be put back to how it was.
//!
//! The engine takes its memory from here and from nowhere else, and the allocator keeps its own lists in that memory,
//! too. So a copy of the part in use ([`Image`]) is a copy of a script's whole world, and copying it back ends whatever
//! has happened since, down to the last bit: for the 0.7 MB of a small application in 20 µs, where ending one world and
//! making another takes the better part of a millisecond. Pointers in the copy are good for the very same addresses
//! only, so each isolate has an image of its own.
//!
//! Blocks of up to [`SMALL_MAX`] bytes have no headers: a span of memory holds blocks of one size. Larger ones come
//! from `rlsf`'s TLSF allocator in the other half of the reserved addresses. Absent: threads (an isolate has one), and
//! spans that change their size (they are gone with the isolate, or when it is put back).
#![expect(unsafe_code, reason = "an allocator hands out raw memory; the engine's interface to it is unsafe")]

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::fmt;
use std::ptr::{self, NonNull};
use std::rc::Rc;

use memmap2::{Advice, MmapMut, MmapOptions, UncheckedAdvice};
use rlsf::Tlsf;
use rquickjs::allocator::Allocator;

/// Addresses that a heap takes; memory only where it is in use. A heap begins at a multiple of this, so that a block's
/// address tells where its heap begins.
const RESERVED: usize = 512 << 20;
/// Where large blocks are.
const LARGE: usize = RESERVED / 2;
/// What isolates that live in heaps may use at most: the rest is room for what lies idle between blocks.
pub(super) const MEMORY_MAX: usize = LARGE / 4 * 3;
/// Bytes that are given to one size of small blocks at once.
const SPAN: usize = 8 << 10;
/// Largest small block.
const SMALL_MAX: usize = 1 << 10;
/// The sizes of small blocks: what is lost to rounding is an eighth on average, and little lies idle in spans.
const SIZES: [usize; 20] =
    [16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024];
/// All that C asks of an allocator.
const ALIGN: usize = 16;
/// For every sixteenth of a small size, the class that holds it.
const CLASS_OF: [u8; SMALL_MAX / ALIGN + 1] = classes();
/// Where the table begins that has the class of every span.
const CLASSES: usize = size_of::<Head>().next_multiple_of(64);
/// Where spans begin.
const SPANS: usize = (CLASSES + LARGE / SPAN).next_multiple_of(SPAN);
/// What `rlsf` writes behind the last block and at the end of its memory.
const MARGIN: usize = 64;
/// What a script may have used beyond its image before that is given back to the system.
const KEPT: usize = 4 << 20;

const fn classes() -> [u8; SMALL_MAX / ALIGN + 1] {
    let mut classes = [0; SMALL_MAX / ALIGN + 1];
    let (mut sixteenth, mut class) = (0, 0);
    while sixteenth < classes.len() {
        if sixteenth * ALIGN > SIZES[class] {
            class += 1;
        }
        classes[sixteenth] = class as u8;
        sixteenth += 1;
    }
    classes
}

/// Blocks of up to `RESERVED` bytes, in lists of 24 sizes with 16 parts each.
type LargeBlocks = Tlsf<'static, u32, u16, 24, 16>;

/// What the allocator knows; it lies at the beginning of the heap's memory.
struct Head {
    /// Where the next span begins, from the heap's beginning.
    next_span: usize,
    /// Behind the last byte that a large block ever had.
    large_end: usize,
    small: [Small; SIZES.len()],
    large: LargeBlocks,
}

/// Blocks of one size.
#[derive(Clone, Copy)]
struct Small {
    /// Those that were given back, as a list.
    free: *mut Free,
    /// Those that were never used: from here...
    fresh: *mut u8,
    /// ... to here.
    end: *mut u8,
}

/// A block that was given back.
struct Free {
    next: *mut Self,
}

/// See the module's documentation.
pub(super) struct Heap {
    memory: UnsafeCell<MmapMut>,
    base: NonNull<u8>,
}

/// What a heap held at one moment.
pub(super) struct Image {
    /// Where the parts belong, from the heap's beginning, and what they held.
    parts: Vec<(usize, Box<[u8]>)>,
    next_span: usize,
    large_end: usize,
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Heap {
    /// An empty heap; `None` if the system has no addresses left.
    pub(super) fn new() -> Option<Rc<Self>> {
        let mut memory = MmapOptions::new().len(2 * RESERVED).no_reserve_swap().map_anon().ok()?;
        // What a heap of 0.7 MB touches is to take no page of 2 MB. Where there are none, the advice is refused.
        #[cfg(target_os = "linux")]
        let _refused = memory.advise(Advice::NoHugePage);
        let start = memory.as_mut_ptr();
        let base = start.map_addr(|address| address.next_multiple_of(RESERVED));
        let small = Small { free: ptr::null_mut(), fresh: ptr::null_mut(), end: ptr::null_mut() };
        let head = Head {
            next_span: SPANS,
            large_end: LARGE,
            small: [small; SIZES.len()],
            large: LargeBlocks::new(),
        };
        // SAFETY: `RESERVED` bytes from `base` on are within the mapping, aligned for anything, and nobody else's.
        // They outlive the allocator in them, which nobody reaches but through the heap.
        unsafe {
            base.cast::<Head>().write(head);
            let large = ptr::slice_from_raw_parts_mut(base.add(LARGE), RESERVED - LARGE);
            (*base.cast::<Head>()).large.insert_free_block_ptr(NonNull::new(large)?)?;
        }
        Some(Rc::new(Self { memory: UnsafeCell::new(memory), base: NonNull::new(base)? }))
    }

    /// Copies what is in use.
    pub(super) fn image(&self) -> Image {
        // SAFETY: the head was written when the heap was made, and nobody holds a reference to it between two calls of
        // the allocator.
        let Head { next_span, large_end, .. } = unsafe { self.base.cast::<Head>().as_ref() };
        let (next_span, large_end) = (*next_span, *large_end);
        let spans = (next_span - SPANS) / SPAN;
        let part = |from: usize, to: usize| {
            // SAFETY: within the heap, whose memory is mapped, and readable as bytes: what was never written is zero.
            // Nobody writes to it meanwhile: an isolate has one thread, and it is here.
            let bytes = unsafe { std::slice::from_raw_parts(self.base.add(from).as_ptr(), to - from) };
            (from, Box::from(bytes))
        };
        let parts = vec![
            part(0, CLASSES + spans),
            part(SPANS, next_span),
            part(LARGE, (large_end + MARGIN).min(RESERVED)),
            part(RESERVED - MARGIN, RESERVED),
        ];
        Image { parts, next_span, large_end }
    }

    /// Puts everything back to how it was when the image was made.
    ///
    /// # Safety
    /// The image is of this heap. Whoever holds a pointer to something in it must have got it before the image was made
    /// and not have given it back since, or must not use it again.
    pub(super) unsafe fn restore(&self, image: &Image) {
        self.give_back_beyond(image);
        for (from, bytes) in &image.parts {
            // SAFETY: the part was copied from there, so it is within the heap; the rest is the caller's promise.
            unsafe {
                self.base.add(*from).copy_from_nonoverlapping(NonNull::from_ref(&**bytes).cast(), bytes.len())
            };
        }
    }

    /// Gives the system what a script used far beyond the image.
    fn give_back_beyond(&self, image: &Image) {
        // SAFETY: as in `image`.
        let Head { next_span, large_end, .. } = unsafe { self.base.cast::<Head>().as_ref() };
        for (kept, used) in [(image.next_span, *next_span), (image.large_end + MARGIN, *large_end)] {
            if used > kept + KEPT {
                self.give_back(kept, used);
            }
        }
    }

    /// Gives the system all memory, until the image is put back.
    ///
    /// # Safety
    /// Nobody may use anything in the heap before [`Heap::restore`].
    pub(super) unsafe fn give_back_all(&self) {
        // The head stays, by which `restore` knows what was in use.
        self.give_back(SPANS, RESERVED - MARGIN);
    }

    /// Gives the system the whole pages between two places.
    fn give_back(&self, from: usize, to: usize) {
        const PAGE: usize = 64 << 10;
        let (from, to) = (from.next_multiple_of(PAGE), to / PAGE * PAGE);
        if from >= to {
            return;
        }
        // SAFETY: nobody else has a reference to the mapping.
        let memory = unsafe { &*self.memory.get() };
        let start = self.base.as_ptr().addr() - memory.as_ptr().addr();
        // SAFETY: the bytes are within the mapping, and the callers see to it that nobody needs what is in them. The
        // system may refuse: then the memory stays, and all else holds.
        let _refused =
            unsafe { memory.unchecked_advise_range(UncheckedAdvice::DontNeed, start + from, to - from) };
    }

    #[expect(clippy::mut_from_ref, reason = "the head lies in memory that is shared by address")]
    /// # Safety
    /// The reference must be gone before the next call of any of the heap's functions.
    unsafe fn head(&self) -> &mut Head {
        // SAFETY: the head was written when the heap was made; that there is one reference is the caller's promise.
        unsafe { self.base.cast::<Head>().as_mut() }
    }

    fn alloc(&self, size: usize) -> *mut u8 {
        // SAFETY: the only reference there is.
        let head = unsafe { self.head() };
        if size <= SMALL_MAX
            && let Some(block) = head.small_block(self.base, CLASS_OF[size.div_ceil(ALIGN)])
        {
            return block.as_ptr();
        }
        head.large_block(self.base, size).map_or(ptr::null_mut(), NonNull::as_ptr)
    }
}

impl Head {
    /// A block of a class; `None` if all spans are in use.
    fn small_block(&mut self, base: NonNull<u8>, class: u8) -> Option<NonNull<u8>> {
        let index = usize::from(class);
        let small = &mut self.small[index];
        if let Some(free) = NonNull::new(small.free) {
            // SAFETY: what is in the list is free memory of the heap that was written as `Free` when it got there.
            small.free = unsafe { free.as_ref() }.next;
            return Some(free.cast());
        }
        let size = SIZES[index];
        if small.end.addr() - small.fresh.addr() < size {
            if self.next_span + SPAN > LARGE {
                return None;
            }
            let span = self.next_span;
            self.next_span += SPAN;
            // SAFETY: the table has an entry for every span, and the span is within the heap.
            unsafe {
                base.add(CLASSES + (span - SPANS) / SPAN).write(class);
                small.fresh = base.add(span).as_ptr();
                small.end = small.fresh.add(SPAN);
            }
        }
        let block = NonNull::new(small.fresh)?;
        // SAFETY: there is at least one block between the two.
        small.fresh = unsafe { small.fresh.add(size) };
        Some(block)
    }

    fn large_block(&mut self, base: NonNull<u8>, size: usize) -> Option<NonNull<u8>> {
        let layout = Layout::from_size_align(size.max(1), ALIGN).ok()?;
        let block = self.large.allocate(layout)?;
        self.note_end(base, block);
        Some(block)
    }

    fn note_end(&mut self, base: NonNull<u8>, block: NonNull<u8>) {
        // SAFETY: a block that was just given by this allocator.
        let size = unsafe { LargeBlocks::allocation_usable_size(block) };
        self.large_end = self.large_end.max(block.addr().get() - base.addr().get() + size);
    }
}

/// Where in its heap a block lies.
fn place(block: *mut u8) -> usize {
    block.addr() % RESERVED
}

/// The class of a small block.
///
/// # Safety
/// It is a small block of a heap.
unsafe fn class_of(block: *mut u8) -> usize {
    let place = place(block);
    // SAFETY: the table is in the same heap, `place` bytes before the block begins, and has an entry for the span.
    usize::from(unsafe { *block.sub(place).add(CLASSES + (place - SPANS) / SPAN) })
}

/// The engine's way to a heap.
pub(super) struct HeapAllocator(pub(super) Rc<Heap>);

// SAFETY: blocks are aligned to 16 bytes and as large as was asked for or larger, nobody else has them until they are
// given back, and their usable size is that of their class or what `rlsf` tells.
unsafe impl Allocator for HeapAllocator {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        self.0.alloc(size)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let Some(size) = count.checked_mul(size) else { return ptr::null_mut() };
        let block = self.0.alloc(size);
        if !block.is_null() {
            // SAFETY: a block of at least that size, just given.
            unsafe { block.write_bytes(0, size) };
        }
        block
    }

    unsafe fn dealloc(&mut self, block: *mut u8) {
        let Some(block) = NonNull::new(block) else { return };
        // SAFETY: the only reference there is; the block is of this heap, which the caller promises, and nobody uses it
        // any more.
        unsafe {
            let head = self.0.head();
            if place(block.as_ptr()) >= LARGE {
                return head.large.deallocate(block, ALIGN);
            }
            let small = &mut head.small[class_of(block.as_ptr())];
            let free = block.cast::<Free>();
            free.write(Free { next: small.free });
            small.free = free.as_ptr();
        }
    }

    unsafe fn realloc(&mut self, block: *mut u8, new_size: usize) -> *mut u8 {
        let Some(old) = NonNull::new(block) else { return self.0.alloc(new_size) };
        // SAFETY: the block is of this heap, which the caller promises, as in all that follows.
        let size = unsafe { Self::usable_size(block) };
        if place(block) >= LARGE && new_size > SMALL_MAX {
            let Ok(layout) = Layout::from_size_align(new_size, ALIGN) else { return ptr::null_mut() };
            // SAFETY: a large block, and the only reference to the head.
            unsafe {
                let head = self.0.head();
                let Some(moved) = head.large.reallocate(old, layout) else { return ptr::null_mut() };
                head.note_end(self.0.base, moved);
                return moved.as_ptr();
            }
        }
        // A small block that is to be a little smaller stays where it is.
        if new_size <= size && new_size > size / 2 {
            return block;
        }
        let new = self.0.alloc(new_size);
        if !new.is_null() {
            // SAFETY: both blocks are at least that large and not the same.
            unsafe {
                new.copy_from_nonoverlapping(block, size.min(new_size));
                self.dealloc(block);
            }
        }
        new
    }

    unsafe fn usable_size(block: *mut u8) -> usize {
        match NonNull::new(block) {
            None => 0,
            // SAFETY: a block of a heap, which the caller promises; the two halves have one kind each.
            Some(large) if place(block) >= LARGE => unsafe { LargeBlocks::allocation_usable_size(large) },
            // SAFETY: as above.
            Some(_) => SIZES[unsafe { class_of(block) }],
        }
    }
}

#[cfg(test)]
mod tests;
