//! [`SourceMap`]: from places in bundled code to places in the files that people wrote.

use super::isolate::Frame;

/// A module's source map.
#[derive(Debug)]
pub struct SourceMap(sourcemap::SourceMap);

impl SourceMap {
    /// Reads its JSON; `None` if it is none, which is as good as having none.
    pub fn parse(json: &str) -> Option<Self> {
        sourcemap::SourceMap::from_slice(json.as_bytes()).ok().map(Self)
    }

    /// The place in the original file; line and column count from 1.
    pub fn original(&self, line: u32, column: u32) -> Option<(String, u32, u32)> {
        let token = self.0.lookup_token(line.checked_sub(1)?, column.saturating_sub(1))?;
        Some((token.get_source()?.to_owned(), token.get_src_line() + 1, token.get_src_col() + 1))
    }

    /// The frame in the original file, or as it was.
    pub fn map(&self, frame: Frame) -> Frame {
        match self.original(frame.line, frame.column) {
            Some((module, line, column)) => Frame { function: frame.function, module, line, column },
            None => frame,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_mapped_to_the_written_file() {
        // Generated line 2 column 3 is line 5 column 7 of a.ts.
        let map = r#"{"version":3,"sources":["../convex/a.ts"],"names":[],"mappings":";EAIM"}"#;
        let map = SourceMap::parse(map).unwrap();
        assert_eq!(map.original(2, 3), Some(("../convex/a.ts".to_owned(), 5, 7)));
        assert_eq!(map.original(2, 30), Some(("../convex/a.ts".to_owned(), 5, 7)));
        let frame = Frame { function: None, module: "a.js".to_owned(), line: 1, column: 1 };
        assert_eq!(map.map(frame.clone()), frame);
        assert!(SourceMap::parse("nonsense").is_none());
    }
}
