//! Go's `time.Time`, which encodes itself (`time/time.go`, MarshalBinary).

use std::time::{Duration, SystemTime};

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use crate::opaque::{bytes_or_zero, serialize_marked};
use crate::{Codec, Gob, Kind, SchemaBuilder, TypeRef};

/// A `time.Time`: an instant to the nanosecond, and how far from UTC the clock was that showed it.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// let then = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
/// let time = gob::Time::from(then);
/// assert_eq!((time.unix_seconds(), time.nanoseconds()), (1_700_000_000, 123_000_000));
/// assert_eq!(SystemTime::try_from(time).ok(), Some(then));
///
/// let received: gob::Time = gob::from_slice(&gob::to_vec(&time)?)?;
/// assert_eq!(received, time);
/// # Ok::<(), gob::Error>(())
/// ```
///
/// Default is Go's zero: the start of the year 1, UTC. Go leaves it out of structs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Time {
    /// Since the start of the year 1.
    seconds: i64,
    nanoseconds: u32,
    /// Seconds east of UTC; `None` for UTC itself.
    offset: Option<i32>,
}

/// From the start of the year 1 to 1970.
const UNIX_EPOCH: i64 = 62_135_596_800;

/// On the wire, minutes that stand for UTC.
const UTC: i16 = -1;

impl Time {
    /// So long after the start of 1970, UTC. Nanoseconds beyond a second are added to the seconds.
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Time {
        let whole = i64::from(nanoseconds / 1_000_000_000);
        let seconds = seconds.saturating_add(whole).saturating_add(UNIX_EPOCH);
        Time { seconds, nanoseconds: nanoseconds % 1_000_000_000, offset: None }
    }

    /// The same instant, shown by a clock that is so many seconds ahead of UTC. Go has whole minutes up to ±22
    /// days and cannot send some others; the nearest that it can send is taken.
    pub fn with_offset(self, seconds: i32) -> Time {
        let seconds = seconds.clamp(i32::from(i16::MIN) * 60, i32::from(i16::MAX) * 60);
        // Minus one minute stands for UTC.
        let seconds = if seconds / 60 == i32::from(UTC) { 0 } else { seconds };
        Time { offset: Some(seconds), ..self }
    }

    /// Seconds since the start of 1970.
    pub fn unix_seconds(self) -> i64 {
        self.seconds.wrapping_sub(UNIX_EPOCH)
    }

    /// Nanoseconds within the second.
    pub fn nanoseconds(self) -> u32 {
        self.nanoseconds
    }

    /// Seconds east of UTC; `None` if the time is in UTC as such.
    pub fn offset(self) -> Option<i32> {
        self.offset
    }

    fn encode(self) -> ([u8; 16], usize) {
        let offset = self.offset.unwrap_or(i32::from(UTC) * 60);
        let (minutes, seconds) = (offset / 60, offset % 60);
        let mut bytes = [0; 16];
        bytes[0] = if seconds == 0 { 1 } else { 2 };
        bytes[1..9].copy_from_slice(&self.seconds.to_be_bytes());
        bytes[9..13].copy_from_slice(&self.nanoseconds.to_be_bytes());
        bytes[13..15].copy_from_slice(&(minutes as i16).to_be_bytes());
        bytes[15] = seconds as u8;
        (bytes, if seconds == 0 { 15 } else { 16 })
    }

    fn decode(bytes: &[u8]) -> Result<Time, &'static str> {
        let (version, rest) = bytes.split_first().ok_or("Time.UnmarshalBinary: no data")?;
        let length = match version {
            1 => 14,
            2 => 15,
            _ => return Err("Time.UnmarshalBinary: unsupported version"),
        };
        if rest.len() != length {
            return Err("Time.UnmarshalBinary: invalid length");
        }
        let number =
            |from: usize, to: usize| rest[from..to].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let minutes = number(12, 14) as i16;
        let mut offset = i32::from(minutes) * 60;
        // Go writes a signed byte here, and reads it as an unsigned one.
        if let Some(seconds) = rest.get(14) {
            offset += i32::from(*seconds as i8);
        }
        Ok(Time {
            seconds: number(0, 8) as i64,
            nanoseconds: number(8, 12) as u32,
            offset: (offset != i32::from(UTC) * 60).then_some(offset),
        })
    }
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Time {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => {
                Time::from_unix(after.as_secs().try_into().unwrap_or(i64::MAX), after.subsec_nanos())
            }
            Err(before) => {
                let before = before.duration();
                let seconds = i64::try_from(before.as_secs()).map_or(i64::MIN, |seconds| -seconds);
                match before.subsec_nanos() {
                    0 => Time::from_unix(seconds, 0),
                    nanoseconds => Time::from_unix(seconds.saturating_sub(1), 1_000_000_000 - nanoseconds),
                }
            }
        }
    }
}

/// The instant lies outside of what the system's clock can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOutOfRange;

impl std::fmt::Display for TimeOutOfRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the time lies outside of the system clock's range")
    }
}

impl std::error::Error for TimeOutOfRange {}

impl TryFrom<Time> for SystemTime {
    type Error = TimeOutOfRange;

    fn try_from(time: Time) -> Result<SystemTime, TimeOutOfRange> {
        let seconds = time.seconds.checked_sub(UNIX_EPOCH).ok_or(TimeOutOfRange)?;
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let second = match seconds {
            0.. => SystemTime::UNIX_EPOCH.checked_add(whole),
            _ => SystemTime::UNIX_EPOCH.checked_sub(whole),
        };
        let nanoseconds = Duration::from_nanos(u64::from(time.nanoseconds));
        second.and_then(|second| second.checked_add(nanoseconds)).ok_or(TimeOutOfRange)
    }
}

impl Gob for Time {
    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        types.global("time.Time", "time.Time", |_, _| Kind::Opaque(Codec::Gob))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (bytes, length) = self.encode();
        serialize_marked(&bytes[..length], *self == Time::default(), serializer)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        match bytes_or_zero(deserializer)? {
            None => Ok(Time::default()),
            Some(bytes) => Time::decode(&bytes).map_err(D::Error::custom),
        }
    }
}
