//! What well-known types mean by the bytes they encode themselves to.

/// The value in words, if the type's name is known and the bytes fit it.
pub(super) fn hint(type_name: &[u8], bytes: &[u8]) -> Option<String> {
    match type_name {
        b"Time" => time(bytes),
        b"Int" => big_int(bytes),
        _ => None,
    }
}

/// `time.Time` (`time/time.go`, MarshalBinary): version, seconds since year 1, nanoseconds, minutes of zone, and in
/// version 2 seconds of zone.
fn time(bytes: &[u8]) -> Option<String> {
    let (version, rest) = bytes.split_first()?;
    let (seconds, rest) = rest.split_first_chunk()?;
    let (nanoseconds, rest) = rest.split_first_chunk()?;
    let (minutes, rest) = rest.split_first_chunk()?;
    let nanoseconds = u32::from_be_bytes(*nanoseconds);
    let minutes = i64::from(i16::from_be_bytes(*minutes));
    let zone_seconds = match (version, rest) {
        (1, []) => 0,
        (2, [seconds]) => i64::from(*seconds as i8),
        _ => return None,
    };
    let zone = if minutes == -1 { 0 } else { minutes * 60 + zone_seconds };
    let local = i64::from_be_bytes(*seconds).checked_add(zone)?;
    let (year, month, day) = date(local.div_euclid(86_400))?;
    let second = local.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let mut text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
    match nanoseconds {
        0 => {}
        1..1_000_000_000 => {
            let digits = format!("{nanoseconds:09}");
            text = text + "." + digits.trim_end_matches('0');
        }
        _ => return None,
    }
    if minutes == -1 {
        return Some(text + " UTC");
    }
    let (sign, zone) = (if zone < 0 { '-' } else { '+' }, zone.abs());
    text += &format!(" {sign}{:02}:{:02}", zone / 3600, zone / 60 % 60);
    if zone % 60 != 0 {
        text += &format!(":{:02}", zone % 60);
    }
    Some(text)
}

/// Year, month and day, so many days after 1 January of year 1; for years of four digits.
fn date(days: i64) -> Option<(i64, i64, i64)> {
    if !(-366..=3_652_058).contains(&days) {
        return None;
    }
    // Years that begin on 1 March, from 1 March of year 0 on: then the odd day is a year's last.
    let days = days + 306;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    Some((era * 400 + year + next, month, day))
}

/// `big.Int` (`math/big/intmarsh.go`, GobEncode): version and sign, then the digits, big-endian.
fn big_int(bytes: &[u8]) -> Option<String> {
    let (first, digits) = bytes.split_first()?;
    let (sign, negative) = match first {
        2 => ("", ""),
        3 => ("-", "negative, "),
        _ => return None,
    };
    if digits.len() > size_of::<u128>() {
        return Some(format!("{negative}{} bits", digits.len() * 8));
    }
    let number = digits.iter().fold(0_u128, |number, digit| number << 8 | u128::from(*digit));
    Some(format!("{sign}{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_go_tells_them() {
        let time = |seconds: i64, nanoseconds: u32, zone: &[u8]| {
            let version = if zone.len() == 3 { 2 } else { 1 };
            let mut bytes = vec![version];
            bytes.extend(seconds.to_be_bytes());
            bytes.extend(nanoseconds.to_be_bytes());
            bytes.extend(zone);
            hint(b"Time", &bytes)
        };
        const UTC: &[u8] = &[0xff, 0xff];
        // Seconds from year 1 to 1970.
        const UNIX: i64 = 62_135_596_800;
        for (seconds, nanoseconds, zone, expected) in [
            (0, 0, UTC, "0001-01-01 00:00:00 UTC"),
            (-1, 0, UTC, "0000-12-31 23:59:59 UTC"),
            (UNIX, 0, UTC, "1970-01-01 00:00:00 UTC"),
            (UNIX + 951_782_400, 5, UTC, "2000-02-29 00:00:00.000000005 UTC"),
            (UNIX + 1_700_000_000, 120_000_000, &[1, 0x4a], "2023-11-15 03:43:20.12 +05:30"),
            (UNIX + 1_700_000_000, 0, &[0xff, 0x10, 0xff], "2023-11-14 18:13:19 -04:00:01"),
        ] {
            assert_eq!(time(seconds, nanoseconds, zone).as_deref(), Some(expected));
        }
        assert_eq!(time(i64::MAX, 0, UTC), None);
        assert_eq!(time(0, 1_000_000_000, UTC), None);
        assert_eq!(time(0, 0, &[0]), None);
        assert_eq!(hint(b"Time", b""), None);
        assert_eq!(hint(b"Clock", &[1; 15]), None);
    }

    #[test]
    fn big_integers_are_told_in_decimal_digits() {
        for (bytes, expected) in [
            (&[2][..], "0"),
            (&[2, 0x30, 0x39], "12345"),
            (&[3, 0x30, 0x39], "-12345"),
            (&[2; 18], "136 bits"),
            (&[3; 18], "negative, 136 bits"),
        ] {
            assert_eq!(hint(b"Int", bytes).as_deref(), Some(expected));
        }
        assert_eq!(hint(b"Int", &[4, 1]), None);
    }
}
