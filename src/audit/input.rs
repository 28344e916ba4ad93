//! The bytes of logs, a line at a time: files, gzipped or not, pipes, and standard input.
//!
//! Memory is bounded whatever stands in a file: a line longer than [`LINE_LIMIT`] is passed over, and told of. Whether a
//! file is gzipped is seen from its first bytes, not from its name.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;

/// The longest line that is read, in bytes.
pub(crate) const LINE_LIMIT: usize = 8 << 20;

/// Room for the bytes that are read at once.
const ROOM: usize = 256 << 10;

/// How much of a file is looked at to find its format.
const SAMPLE: usize = 64 << 10;

/// The lines of one file, from the first that has not been taken.
pub(crate) struct Lines {
    from: Box<dyn Read>,
    room: Vec<u8>,
    start: usize,
    end: usize,
    is_over: bool,
}

/// What comes next of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A line, without its end.
    Line(&'a [u8]),
    /// A line that is longer than [`LINE_LIMIT`], of which the begin stands here.
    TooLong(&'a [u8]),
    /// Nothing more.
    End,
}

impl Lines {
    /// The lines of a file, or of standard input where `path` is `-`. What is read of it is told to `progress`.
    pub(crate) fn open(path: &Path, progress: &ProgressBar) -> io::Result<Self> {
        if path == Path::new("-") {
            return Self::of(progress.wrap_read(io::stdin()));
        }
        Self::of(progress.wrap_read(File::open(path)?))
    }

    pub(crate) fn of(mut from: impl Read + 'static) -> io::Result<Self> {
        let mut begin = Vec::new();
        from.by_ref().take(2).read_to_end(&mut begin)?;
        let is_gzipped = begin == [0x1f, 0x8b];
        let from = Cursor::new(begin).chain(from);
        let from: Box<dyn Read> = if is_gzipped {
            Box::new(MultiGzDecoder::new(BufReader::with_capacity(ROOM, from)))
        } else {
            Box::new(from)
        };
        Ok(Self {
            from,
            room: vec![0; ROOM],
            start: 0,
            end: 0,
            is_over: false,
        })
    }

    /// The first whole lines, as many as a look at a file takes; they stay to be taken.
    pub(crate) fn sample(&mut self) -> io::Result<&[u8]> {
        while self.end - self.start < SAMPLE && self.fill()? {}
        let held = &self.room[self.start..self.end];
        let whole = memchr::memrchr(b'\n', held).unwrap_or(held.len());
        Ok(&held[..whole])
    }

    pub(crate) fn next(&mut self) -> io::Result<Piece<'_>> {
        let mut searched = 0;
        let length = loop {
            let held = &self.room[self.start..self.end];
            if let Some(at) = memchr::memchr(b'\n', &held[searched..])
                && searched + at <= LINE_LIMIT
            {
                break searched + at;
            }
            searched = held.len();
            if searched > LINE_LIMIT {
                return self.pass_over();
            }
            if !self.fill()? {
                if searched == 0 {
                    return Ok(Piece::End);
                }
                break searched;
            }
        };
        let from = self.start;
        self.start = (from + length + 1).min(self.end);
        let line = &self.room[from..from + length];
        Ok(Piece::Line(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    /// Leaves a line behind that is too long.
    fn pass_over(&mut self) -> io::Result<Piece<'_>> {
        const SHOWN: usize = 256;
        let begin = self.room[self.start..self.start + SHOWN].to_vec();
        loop {
            let held = &self.room[self.start..self.end];
            if let Some(at) = memchr::memchr(b'\n', held) {
                self.start += at + 1;
                break;
            }
            self.start = self.end;
            if !self.fill()? {
                break;
            }
        }
        // The begin is put before what follows, where there is room since the long line has gone.
        if self.start < SHOWN {
            self.room.splice(..self.start, begin.iter().copied());
            self.end += SHOWN - self.start;
            self.start = SHOWN;
        }
        let from = self.start - SHOWN;
        self.room[from..self.start].copy_from_slice(&begin);
        Ok(Piece::TooLong(&self.room[from..self.start]))
    }

    /// Reads more. `false` at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        if self.is_over {
            return Ok(false);
        }
        if self.end == self.room.len() {
            if self.start > 0 {
                self.room.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            if self.room.len() - self.end < ROOM / 2 {
                self.room.resize(self.room.len() * 2, 0);
            }
        }
        let read = loop {
            match self.from.read(&mut self.room[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.end += read;
        self.is_over = read == 0;
        Ok(!self.is_over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use std::io::Write;

    /// Gives a few bytes at a time.
    struct Drops(Cursor<Vec<u8>>, usize);

    impl Read for Drops {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let most = room.len().min(self.1);
            self.0.read(&mut room[..most])
        }
    }

    fn lines(bytes: Vec<u8>, at_once: usize) -> Vec<Vec<u8>> {
        let mut lines = Lines::of(Drops(Cursor::new(bytes), at_once)).unwrap();
        let mut all = Vec::new();
        loop {
            match lines.next().unwrap() {
                Piece::Line(line) => all.push(line.to_vec()),
                Piece::TooLong(begin) => all.push([b"too long: ", begin].concat()),
                Piece::End => break,
            }
        }
        all
    }

    #[test]
    fn lines_end_at_line_feeds_and_the_last_need_not() {
        assert_eq!(lines(Vec::new(), 9), [b""; 0]);
        assert_eq!(lines(b"\n".to_vec(), 9), [b""]);
        assert_eq!(lines(b"a\r\n\nb".to_vec(), 1), [&b"a"[..], b"", b"b"]);
    }

    #[test]
    fn a_line_past_the_limit_is_passed_over_and_the_next_is_read() {
        for (at_once, end) in [(usize::MAX, "\nnext\n"), (70_000, "\nnext"), (70_000, "")] {
            let long = "x".repeat(LINE_LIMIT + 3 * ROOM);
            let read = lines(format!("first\n{long}{end}").into_bytes(), at_once);
            assert_eq!(read[0], b"first");
            assert_eq!(read[1], format!("too long: {}", "x".repeat(256)).as_bytes());
            assert_eq!(read.get(2).is_some(), !end.is_empty());
            assert!(read.get(2).is_none_or(|line| line == b"next"));
        }
        let whole = "x".repeat(1 << 20);
        assert_eq!(
            lines(whole.clone().into_bytes(), 70_000),
            [whole.as_bytes()]
        );
    }

    #[test]
    fn gzipped_members_are_read_one_after_the_other() {
        let member = |text: &str| {
            let mut out = GzEncoder::new(Vec::new(), Compression::fast());
            out.write_all(text.as_bytes()).unwrap();
            out.finish().unwrap()
        };
        let bytes = [member("a\nb"), member("c\n")].concat();
        assert_eq!(lines(bytes, 3), [&b"a"[..], b"bc"]);
    }

    #[test]
    fn a_sample_leaves_its_lines_to_be_taken() {
        let mut lines = Lines::of(Cursor::new(b"a\nb\n".to_vec())).unwrap();
        assert_eq!(lines.sample().unwrap(), b"a\nb");
        assert_eq!(lines.next().unwrap(), Piece::Line(b"a"));
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_stands_there(
            texts in prop::collection::vec("[a-z]{0,40}", 0..40),
            at_once in 1_usize..64,
        ) {
            let text: String = texts.iter().map(|text| format!("{text}\n")).collect();
            let read = lines(text.into_bytes(), at_once);
            prop_assert_eq!(read, texts.into_iter().map(String::into_bytes).collect::<Vec<_>>());
        }
    }
}
