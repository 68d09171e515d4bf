//! The one test program of this crate; each file is a chapter.

mod tidy;
