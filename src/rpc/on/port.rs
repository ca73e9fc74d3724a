//! A free port for a handler.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

/// How many ports below the kernel's own range are tried.
const COUNT: u16 = 8_192;
/// The kernel's range begins here unless it is set otherwise (ip-sysctl, `ip_local_port_range`).
const KERNELS_FIRST: u16 = 32_768;

/// A port that is free now. The listener that held it never had a connection, so nothing of it lingers.
///
/// It is one that the kernel gives to no outgoing connection, so that none can take it before the handler does,
/// and not the one that was chosen just before, whose handler may not listen yet.
pub(super) fn free() -> io::Result<u16> {
    static FIRST: LazyLock<Option<u16>> =
        LazyLock::new(|| kernels_first().checked_sub(COUNT).filter(|first| *first >= 1_024));
    // Several runtimes on one machine begin at different places.
    static NEXT: LazyLock<AtomicU16> =
        LazyLock::new(|| AtomicU16::new(RandomState::new().hash_one(0) as u16));
    if let Some(first) = *FIRST {
        for _ in 0..COUNT {
            let port = first + NEXT.fetch_add(1, Relaxed) % COUNT;
            if is_free(port)? {
                return Ok(port);
            }
        }
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn is_free(port: u16) -> io::Result<bool> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(false),
        Err(error) => Err(error),
    }
}

fn kernels_first() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    range.split_ascii_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(KERNELS_FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_and_not_the_one_before() {
        let (first, second) = (free().unwrap(), free().unwrap());
        assert_ne!(first, second);
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, second)).unwrap();
        assert!(!is_free(second).unwrap());
        for _ in 0..100 {
            assert_ne!(free().unwrap(), second);
        }
        drop(held);
    }
}
