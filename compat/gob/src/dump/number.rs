//! Numbers and byte strings, out of the current message.

use super::Error;
use super::reader::Reader;

impl<'s> Reader<'s> {
    pub(super) fn uint(&mut self) -> Result<u64, Error> {
        let at = self.at;
        let rest = self.stream.get(at..self.end).unwrap_or_default();
        let Some((&first, rest)) = rest.split_first() else { return Err(self.short(String::new())) };
        let length = width(first);
        if length == 0 {
            self.at += 1;
            return Ok(u64::from(first));
        }
        if length > 8 {
            return Err(self.error(at, format!("encoded unsigned integer out of range: {length} bytes")));
        }
        let Some(digits) = rest.get(..length) else {
            return Err(self.short(format!("in an integer of {length} bytes")));
        };
        self.at += 1 + length;
        Ok(digits.iter().fold(0, |number, digit| number << 8 | u64::from(*digit)))
    }

    pub(super) fn int(&mut self) -> Result<i64, Error> {
        let bits = self.uint()?;
        let half = (bits >> 1) as i64;
        Ok(if bits & 1 == 0 { half } else { !half })
    }

    pub(super) fn narrow_int(&mut self) -> Result<i32, Error> {
        let at = self.at;
        let int = self.int()?;
        i32::try_from(int).map_err(|_| self.error(at, format!("type id {int} is out of range")))
    }

    /// An id of a message or an interface, which Go cuts to its 32 bits.
    pub(super) fn id(&mut self) -> Result<i32, Error> {
        Ok(self.int()? as i32)
    }

    pub(super) fn float(&mut self) -> Result<f64, Error> {
        Ok(f64::from_bits(self.uint()?.swap_bytes()))
    }

    pub(super) fn bytes(&mut self) -> Result<&'s [u8], Error> {
        let at = self.at;
        let length = self.uint()?;
        let rest = self.stream.get(self.at..self.end).unwrap_or_default();
        match usize::try_from(length).ok().and_then(|length| rest.get(..length)) {
            Some(bytes) => {
                self.at += bytes.len();
                Ok(bytes)
            }
            None => {
                let left = rest.len();
                self.at = at;
                Err(self.short(format!("{length} bytes are wanted, {left} are left")))
            }
        }
    }

    /// The message has fewer bytes than the value: because it says so, or because the stream ends.
    pub(super) fn short(&self, how: String) -> Error {
        if let Err(cut) = self.whole() {
            return cut;
        }
        let how = if how.is_empty() { how } else { format!(": {how}") };
        self.error(self.at, format!("the message ends within a value{how}"))
    }

    pub(super) fn error(&self, offset: usize, text: impl Into<String>) -> Error {
        Error { offset, text: text.into(), is_cut: false }
    }

    /// An error that more bytes might have spared.
    pub(super) fn cut_off(&self, offset: usize, text: impl Into<String>) -> Error {
        Error { is_cut: true, ..self.error(offset, text) }
    }
}

/// How many bytes follow the first one of an integer.
pub(super) fn width(first: u8) -> usize {
    if first < 0x80 { 0 } else { usize::from(first.wrapping_neg()) }
}
