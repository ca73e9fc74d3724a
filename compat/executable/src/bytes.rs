//! Numbers and texts in bytes, where there are any.

pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_le_bytes)
}

pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_le_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    array(bytes, offset).map(u64::from_le_bytes)
}

fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

/// The bytes up to a zero, if there is one within `limit`.
pub(crate) fn terminated(bytes: &[u8], limit: usize) -> Option<&[u8]> {
    let bytes = &bytes[..bytes.len().min(limit)];
    Some(&bytes[..bytes.iter().position(|byte| *byte == 0)?])
}

/// Where `text` is found in `bytes`, each place after the one before.
pub(crate) fn places<'a>(bytes: &'a [u8], text: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let (first, mut from) = (text.first().copied(), 0);
    std::iter::from_fn(move || {
        loop {
            let next = from + bytes.get(from..)?.iter().position(|byte| Some(*byte) == first)?;
            from = next + 1;
            if bytes[next..].starts_with(text) {
                return Some(next);
            }
        }
    })
}
