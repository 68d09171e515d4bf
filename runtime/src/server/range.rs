//! The `Range` header of a download: one range of bytes.

use std::ops::Range;

/// What a request for a part of a file means for a file of a known size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The whole file: nothing (valid) was asked for, or the file is empty.
    Whole,
    /// These bytes.
    Bytes(Range<u64>),
    /// Nothing: more than one range, or one outside of the file.
    Unsatisfiable,
}

/// Reads the value of a `Range` header for a file of `size` bytes.
pub fn parse(header: Option<&str>, size: u64) -> Part {
    let Some(header) = header else { return Part::Whole };
    if size == 0 {
        return Part::Whole;
    }
    // A unit or a form nobody knows is to be ignored, says the standard.
    let Some(ranges) = header.trim().strip_prefix("bytes=") else { return Part::Whole };
    let mut ranges = ranges.split(',').map(str::trim).filter(|range| !range.is_empty());
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Part::Unsatisfiable };
    let Some((first, last)) = range.split_once('-') else { return Part::Whole };
    let range = match (first.trim(), last.trim()) {
        ("", "") => return Part::Whole,
        // The last bytes.
        ("", count) => match count.parse::<u64>() {
            Ok(0) => return Part::Unsatisfiable,
            Ok(count) => size.saturating_sub(count)..size,
            Err(_) => return Part::Whole,
        },
        (first, "") => match first.parse() {
            Ok(first) => first..size,
            Err(_) => return Part::Whole,
        },
        (first, last) => match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
            _ => return Part::Whole,
        },
    };
    if range.start < range.end { Part::Bytes(range) } else { Part::Unsatisfiable }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_as_the_standard_reads_them() {
        for (header, part) in [
            ("bytes=0-4", Part::Bytes(0..5)),
            ("bytes=2-", Part::Bytes(2..10)),
            ("bytes=-3", Part::Bytes(7..10)),
            ("bytes=-30", Part::Bytes(0..10)),
            ("bytes=9-99", Part::Bytes(9..10)),
            ("bytes=0-18446744073709551615", Part::Bytes(0..10)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=10-11", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=0-1,3-4", Part::Unsatisfiable),
            ("bytes=", Part::Unsatisfiable),
            ("bytes=4-2", Part::Whole),
            ("bytes=x", Part::Whole),
            ("lines=0-1", Part::Whole),
        ] {
            assert_eq!(parse(Some(header), 10), part, "{header}");
        }
        assert_eq!(parse(None, 10), Part::Whole);
        assert_eq!(parse(Some("bytes=0-4"), 0), Part::Whole);
    }

    proptest! {
        #[test]
        fn bytes_are_always_inside_the_file(header in "bytes=[0-9,x -]{0,12}", size in 0_u64..20) {
            if let Part::Bytes(range) = parse(Some(&header), size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }
    }
}
