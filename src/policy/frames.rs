//! Whether the frames that a client sends over HTTP/2 are sound, and whether there are more of those that carry nothing than
//! any use of the protocol needs.
//!
//! What takes decompression or the state of a stream to judge is the library's to judge. Here is what it lets pass, or tells
//! with the wrong code: each breach has the code of RFC 9113 that belongs to it.

use std::time::Duration;

/// The preface that comes before the frames (RFC 9113 §3.4).
const PREFACE: usize = 24;

/// The header of a frame (RFC 9113 §4.1).
const HEADER: usize = 9;

/// One setting (RFC 9113 §6.5.1).
const SETTING: usize = 6;

/// The largest window (RFC 9113 §6.9.1).
const WINDOW_LIMIT: u32 = (1 << 31) - 1;

/// `SETTINGS_INITIAL_WINDOW_SIZE` (RFC 9113 §6.5.2).
const INITIAL_WINDOW_SIZE: u16 = 4;

/// How many frames that carry nothing a client may send beyond what it may send in time.
const IDLE_FRAMES: f64 = 1000.0;

/// How many of them it may send a second, and for each KiB that it takes.
const IDLE_FRAMES_A_SECOND: f64 = 100.0;
const IDLE_FRAMES_A_KIB: f64 = 1.0;

/// Why a connection is ended, as its code says (RFC 9113 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// What no client may send.
    Protocol = 0x1,
    /// A window beyond the largest.
    FlowControl = 0x3,
    /// A length that its kind of frame cannot have.
    FrameSize = 0x6,
    /// Too many frames that carry nothing.
    Flood = 0xb,
}

/// What became of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// How many of them may be read.
    pub passed: usize,
    /// Why the rest may not.
    pub breach: Option<Breach>,
    /// What of them is half here.
    pub half: Half,
}

/// What has begun to come and not ended. Data may come as slowly as its sender has it; what is about the connection, or a
/// head, which may come in several frames, is never slow but on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// Nothing, or only data.
    Nothing,
    /// What was half here before, and nothing else has ended since.
    Same,
    /// Something that has begun just now.
    New,
}

/// The frames of one connection, as far as they have come.
#[derive(Clone, Debug)]
pub struct Frames {
    at: At,
    /// What has come of a header, or of a setting.
    part: [u8; HEADER],
    part_len: usize,
    last_stream: u32,
    /// Whether the payload is data.
    is_data: bool,
    /// Whether a head goes on in the next frame.
    is_in_head: bool,
    credit: f64,
    credited: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In the preface, of which so much is to come.
    Preface(usize),
    Header,
    /// In a payload, of which so much is to come.
    Payload(usize),
    /// In a list of settings, of which so much is to come.
    Settings(usize),
}

/// The header of a frame.
#[derive(Clone, Copy, Debug)]
struct Header {
    length: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            at: At::Preface(PREFACE),
            part: [0; HEADER],
            part_len: 0,
            last_stream: 0,
            is_data: false,
            is_in_head: false,
            credit: IDLE_FRAMES,
            credited: Duration::ZERO,
        }
    }
}

impl Frames {
    /// The last stream that was begun.
    pub const fn last_stream(&self) -> u32 {
        self.last_stream
    }

    /// The client has taken so many bytes: it may answer them.
    pub fn taken(&mut self, bytes: usize) {
        self.give(bytes as f64 / 1024.0 * IDLE_FRAMES_A_KIB);
    }

    /// Follows the frames through `bytes`, which have come at `now`, on a clock that began with the connection.
    pub fn follow(&mut self, bytes: &[u8], now: Duration) -> Followed {
        let elapsed = now.saturating_sub(self.credited);
        self.credited = now;
        self.give(elapsed.as_secs_f64() * IDLE_FRAMES_A_SECOND);
        let mut rest = bytes;
        // Where the frame begins that is being read: what came of it before cannot be taken back.
        let mut sound = 0;
        let mut half = if self.is_half() {
            Half::Same
        } else {
            Half::New
        };
        while !rest.is_empty() {
            match self.step(rest) {
                Ok(count) => rest = &rest[count..],
                Err(breach) => {
                    return Followed {
                        passed: sound,
                        breach: Some(breach),
                        half,
                    };
                }
            }
            if self.at == At::Header && self.part_len == 0 {
                sound = bytes.len() - rest.len();
            }
            if !self.is_half() {
                half = Half::New;
            }
        }
        Followed {
            passed: bytes.len(),
            breach: None,
            half: if self.is_half() { half } else { Half::Nothing },
        }
    }

    fn is_half(&self) -> bool {
        let is_between = match self.at {
            At::Header => self.part_len == 0,
            At::Payload(_) => self.is_data,
            At::Preface(_) | At::Settings(_) => false,
        };
        self.is_in_head || !is_between
    }

    /// Takes the next of `bytes`, and says how many.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Breach> {
        match self.at {
            At::Preface(left) => Ok(self.pass(bytes, left, At::Preface)),
            At::Payload(left) => Ok(self.pass(bytes, left, At::Payload)),
            At::Header => {
                let (count, is_whole) = self.gather(bytes, HEADER);
                if is_whole {
                    self.at = self.judge(Header::of(&self.part))?;
                }
                Ok(count)
            }
            At::Settings(left) => {
                let (count, is_whole) = self.gather(bytes, SETTING);
                if is_whole {
                    judge_setting(&self.part)?;
                }
                self.at = next(left - count, At::Settings);
                Ok(count)
            }
        }
    }

    fn pass(&mut self, bytes: &[u8], left: usize, at: fn(usize) -> At) -> usize {
        let count = left.min(bytes.len());
        self.at = next(left - count, at);
        count
    }

    /// Gathers a part of `size` bytes: how many were taken for it, and whether it is whole.
    fn gather(&mut self, bytes: &[u8], size: usize) -> (usize, bool) {
        let count = (size - self.part_len).min(bytes.len());
        self.part[self.part_len..self.part_len + count].copy_from_slice(&bytes[..count]);
        self.part_len += count;
        let is_whole = self.part_len == size;
        if is_whole {
            self.part_len = 0;
        }
        (count, is_whole)
    }

    /// Judges a frame by its header, and says what follows it.
    fn judge(&mut self, header: Header) -> Result<At, Breach> {
        const END_OR_ACK: u8 = 0x1;
        let Header {
            length,
            kind,
            flags,
            stream,
        } = header;
        const HEAD: [u8; 2] = [0x1, 0x9];
        const END_HEADERS: u8 = 0x4;
        self.is_data = kind == 0x0;
        if HEAD.contains(&kind) {
            self.is_in_head = flags & END_HEADERS == 0;
        }
        let has = |size: usize| (length == size).then_some(()).ok_or(Breach::FrameSize);
        let mut at: fn(usize) -> At = At::Payload;
        match kind {
            // DATA: one that is empty and does not end its stream carries nothing.
            0x0 if length == 0 && flags & END_OR_ACK == 0 => self.spend()?,
            0x0 => {}
            // HEADERS
            0x1 => self.last_stream = self.last_stream.max(stream),
            // PRIORITY
            0x2 => has(5).and_then(|()| self.spend())?,
            // RST_STREAM
            0x3 => has(4).and_then(|()| self.spend())?,
            // SETTINGS, and its acknowledgement
            0x4 if flags & END_OR_ACK != 0 => has(0)?,
            0x4 if length % SETTING != 0 => return Err(Breach::FrameSize),
            0x4 => {
                self.spend()?;
                at = At::Settings;
            }
            // PUSH_PROMISE
            0x5 => return Err(Breach::Protocol),
            // PING
            0x6 => has(8).and_then(|()| self.spend())?,
            // WINDOW_UPDATE: as many as there are parts of what it takes.
            0x8 => has(4)?,
            // CONTINUATION, and what is unknown.
            _ => self.spend()?,
        }
        Ok(next(length, at))
    }

    fn give(&mut self, frames: f64) {
        self.credit = (self.credit + frames).min(IDLE_FRAMES);
    }

    fn spend(&mut self) -> Result<(), Breach> {
        self.credit -= 1.0;
        if self.credit < 0.0 {
            return Err(Breach::Flood);
        }
        Ok(())
    }
}

impl Header {
    const fn of(part: &[u8; HEADER]) -> Self {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = *part;
        Self {
            length: u32::from_be_bytes([0, l0, l1, l2]) as usize,
            kind,
            flags,
            stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]),
        }
    }
}

const fn judge_setting(part: &[u8; HEADER]) -> Result<(), Breach> {
    let [n0, n1, v0, v1, v2, v3, ..] = *part;
    let (name, value) = (
        u16::from_be_bytes([n0, n1]),
        u32::from_be_bytes([v0, v1, v2, v3]),
    );
    if name == INITIAL_WINDOW_SIZE && value > WINDOW_LIMIT {
        return Err(Breach::FlowControl);
    }
    Ok(())
}

fn next(left: usize, at: fn(usize) -> At) -> At {
    if left == 0 { At::Header } else { at(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("a short payload");
        let mut frame = length.to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    fn begun() -> Frames {
        let mut frames = Frames::default();
        let settings = frame(4, 0, 0, &[0, 4, 0, 1, 0, 0]);
        let bytes = [&[b'P'; PREFACE][..], &settings].concat();
        assert_eq!(followed(&mut frames, &bytes), None);
        frames
    }

    fn followed(frames: &mut Frames, bytes: &[u8]) -> Option<Breach> {
        frames.follow(bytes, Duration::ZERO).breach
    }

    #[test]
    fn sound_frames_pass_in_whatever_parts_they_come() {
        let bytes: Vec<u8> = [
            vec![b'P'; PREFACE],
            frame(4, 0, 0, &[0, 4, 0, 1, 0, 0, 0, 3, 0, 0, 0, 9]),
            frame(1, 4, 1, b"block"),
            frame(0, 1, 1, b"data"),
            frame(6, 0, 0, &[0; 8]),
            frame(8, 0, 0, &[0, 0, 1, 0]),
            frame(4, 1, 0, &[]),
            frame(1, 5, 3, b"block"),
        ]
        .concat();
        for size in 1..bytes.len() {
            let mut frames = Frames::default();
            for part in bytes.chunks(size) {
                let followed = frames.follow(part, Duration::ZERO);
                assert_eq!((followed.passed, followed.breach), (part.len(), None));
            }
            assert_eq!((frames.at, frames.last_stream()), (At::Header, 3));
        }
    }

    #[test]
    fn a_frame_that_is_half_here_is_seen_and_data_is_not() {
        let mut frames = begun();
        let mut half = |bytes: &[u8]| frames.follow(bytes, Duration::ZERO).half;
        let ping = frame(6, 0, 0, &[0; 8]);
        assert_eq!(half(&ping[..3]), Half::New);
        assert_eq!(half(&ping[3..12]), Half::Same);
        assert_eq!(half(&ping[12..]), Half::Nothing);
        let data = frame(0, 0, 1, &[0; 100]);
        assert_eq!(half(&data[..50]), Half::Nothing);
        assert_eq!(half(&[&data[50..], &ping[..1]].concat()), Half::New);
        assert_eq!(half(&ping[1..]), Half::Nothing);
        assert_eq!(half(&frame(4, 0, 0, &[])), Half::Nothing);
    }

    #[test]
    fn a_head_in_several_frames_is_half_here_until_the_last() {
        let mut frames = begun();
        let mut half = |bytes: &[u8]| frames.follow(bytes, Duration::ZERO).half;
        assert_eq!(half(&frame(1, 0, 1, &[0; 5])), Half::New);
        assert_eq!(half(&frame(9, 0, 1, &[0; 5])), Half::Same);
        let last = frame(9, 4, 1, &[0; 5]);
        assert_eq!(half(&last[..4]), Half::Same);
        assert_eq!(half(&last[4..]), Half::Nothing);
        let two = [frame(1, 4, 3, &[0; 5]), frame(1, 0, 5, &[0; 5])].concat();
        assert_eq!(half(&two[..6]), Half::New);
        assert_eq!(half(&two[6..]), Half::New, "the first has ended");
    }

    #[test]
    fn a_frame_of_the_wrong_size_is_a_breach_of_that_name() {
        for (kind, flags, size) in [
            (2, 0, 4),
            (3, 0, 3),
            (4, 1, 6),
            (4, 0, 5),
            (6, 0, 7),
            (8, 0, 3),
        ] {
            let bytes = frame(kind, flags, 0, &vec![0; size]);
            assert_eq!(
                followed(&mut begun(), &bytes),
                Some(Breach::FrameSize),
                "{kind}"
            );
        }
    }

    #[test]
    fn a_window_beyond_the_largest_and_a_promise_are_breaches() {
        let setting = frame(4, 0, 0, &[0, 4, 0x80, 0, 0, 0]);
        assert_eq!(followed(&mut begun(), &setting), Some(Breach::FlowControl));
        let promise = frame(5, 4, 1, &[0, 0, 0, 2]);
        assert_eq!(followed(&mut begun(), &promise), Some(Breach::Protocol));
    }

    #[test]
    fn what_came_whole_before_a_breach_passes() {
        let sound = frame(1, 5, 1, b"block");
        let bytes = [&sound[..], &frame(6, 0, 0, &[0; 7])].concat();
        let mut frames = begun();
        let followed = frames.follow(&bytes, Duration::ZERO);
        assert_eq!(followed.passed, sound.len());
        assert_eq!(
            (followed.breach, frames.last_stream()),
            (Some(Breach::FrameSize), 1)
        );
    }

    #[test]
    fn floods_of_what_carries_nothing_are_breaches_and_ordinary_use_is_none() {
        let nothing = [
            frame(0, 0, 1, &[]),
            frame(2, 0, 1, &[0; 5]),
            frame(3, 0, 1, &[0; 4]),
            frame(4, 0, 0, &[]),
            frame(6, 0, 0, &[0; 8]),
            frame(9, 0, 1, &[]),
            frame(0xfa, 0, 0, b"grease"),
        ];
        for flood in nothing {
            let mut frames = begun();
            let count = (0..2000).find(|_| followed(&mut frames, &flood).is_some());
            assert_eq!(count, Some(999), "{flood:?}");
            // As many as time allows.
            let mut frames = begun();
            for tenth in 0..3000 {
                let now = Duration::from_millis(100 * tenth);
                for _ in 0..10 {
                    assert_eq!(frames.follow(&flood, now).breach, None);
                }
            }
        }
        let mut frames = begun();
        let ping = frame(6, 0, 0, &[0; 8]);
        for _ in 0..100_000 {
            frames.taken(16 * 1024);
            assert_eq!(
                followed(&mut frames, &ping),
                None,
                "each answers what it has taken"
            );
        }
        for _ in 0..100_000 {
            assert_eq!(followed(&mut frames, &frame(8, 0, 0, &[0, 0, 1, 0])), None);
            assert_eq!(followed(&mut frames, &frame(0, 0, 1, b"x")), None);
        }
    }
}
