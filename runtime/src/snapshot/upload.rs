//! [`UploadReader`]: the parts of an uploaded file as one file to read and seek in.

use std::io::{self, Read, Seek, SeekFrom};

use bytes::{Buf, Bytes};
use tokio::runtime::Handle;

use crate::system::blobs::Blobs;
use crate::system::imports::UploadedFile;

/// Bytes fetched at once.
const WINDOW: u64 = 1 << 20;

/// See the module's documentation. It waits for the blob store, so it is for threads that may wait.
pub(super) struct UploadReader {
    blobs: Blobs,
    runtime: Handle,
    file: UploadedFile,
    size: u64,
    position: u64,
    /// What was fetched and begins at `position`.
    fetched: Bytes,
}

/// The name of a part in the blob store.
pub(super) fn part_name(upload: &str, number: usize) -> String {
    format!("{upload}/{number}")
}

impl UploadReader {
    pub(super) fn new(blobs: Blobs, runtime: Handle, file: UploadedFile) -> Self {
        let size = file.parts.iter().sum();
        Self { blobs, runtime, file, size, position: 0, fetched: Bytes::new() }
    }

    fn fetch(&mut self) -> io::Result<()> {
        let mut begin = 0;
        for (number, length) in self.file.parts.iter().enumerate() {
            let end = begin + length;
            if self.position < end {
                let start = self.position - begin;
                let name = part_name(&self.file.name, number + 1);
                let piece = self.blobs.read_piece(&name, start..(start + WINDOW).min(*length));
                self.fetched = self.runtime.block_on(piece).map_err(io::Error::other)?;
                if self.fetched.is_empty() {
                    return Err(io::Error::other("a part of the uploaded file is shorter than it was"));
                }
                return Ok(());
            }
            begin = end;
        }
        Ok(())
    }
}

impl Read for UploadReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.fetched.is_empty() {
            self.fetch()?;
        }
        let count = buffer.len().min(self.fetched.len());
        self.fetched.copy_to_slice(&mut buffer[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for UploadReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        let position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        match position.checked_sub(self.position).and_then(|ahead| usize::try_from(ahead).ok()) {
            Some(ahead) if ahead <= self.fetched.len() => self.fetched.advance(ahead),
            _ => self.fetched = Bytes::new(),
        }
        self.position = position;
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::Error;

    #[tokio::test(flavor = "multi_thread")]
    async fn parts_are_one_file() {
        let blobs = Blobs::in_memory();
        let content: Vec<u8> = (0..100_u8).collect();
        let parts = [0..40, 40..40, 40..99, 99..100];
        for (number, range) in parts.iter().enumerate() {
            let piece = Bytes::copy_from_slice(&content[range.clone()]);
            let piece = stream::iter([Ok::<_, Error>(piece)]);
            blobs.write(&part_name("u", number + 1), piece).await.unwrap();
        }
        let parts = parts.iter().map(|range| range.len() as u64).collect();
        let file = UploadedFile { name: "u".to_owned(), parts };
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || {
            let mut reader = UploadReader::new(blobs, runtime, file);
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            assert_eq!(all, content);
            for (to, expected) in [
                (SeekFrom::Start(38), 38),
                (SeekFrom::Current(3), 42),
                (SeekFrom::End(-1), 99),
                (SeekFrom::Start(5), 5),
            ] {
                reader.seek(to).unwrap();
                let mut byte = [0];
                reader.read_exact(&mut byte).unwrap();
                assert_eq!(byte[0], expected);
            }
            assert!(reader.seek(SeekFrom::End(-101)).is_err());
        })
        .await
        .unwrap();
    }
}
