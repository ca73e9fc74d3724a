//! Which process listens on a port, and who talks to the Runtime API, from `/proc`: proc_pid_fd(5),
//! proc_net(5). Nothing here needs privileges.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr};

/// A TCP socket's line in `/proc/net/tcp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    state: u8,
    inode: u64,
}

const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
/// The length of a line for IPv4. To a read of this size, the kernel gives one line.
const LINE: usize = 150;

const ESTABLISHED: u8 = 0x01;
const LISTEN: u8 = 0x0a;

/// Processes looked at when a handler's descendants are searched.
const PROCESS_LIMIT: usize = 4_096;

/// Whether the process, or a descendant of it, listens on the port. `None`: it cannot be told.
pub(super) fn listens(pid: u32, port: u16) -> Option<bool> {
    let mut is_ours = None;
    let look = each_listener(TABLES, port, |socket| {
        is_ours = Some(owns_any(pid, &[socket.inode]));
        is_ours == Some(Some(false))
    });
    look.ok()?;
    is_ours.unwrap_or_else(|| {
        // Not all kernels keep the order, and what changes between two reads may be missed.
        let listeners =
            all()?.into_iter().filter(|socket| socket.state == LISTEN && socket.local.port() == port);
        owns_any(pid, &listeners.map(|socket| socket.inode).collect::<Vec<_>>())
    })
}

/// Whether anybody listens on the port, as far as can be told.
pub(super) fn is_listened_on(port: u16) -> bool {
    let mut is_listened_on = false;
    let look = each_listener(TABLES, port, |_| {
        is_listened_on = true;
        false
    });
    look.is_ok() && is_listened_on
}

/// The sockets that listen on the port, as long as more are wanted.
///
/// The kernel lists those that listen before all others, and to list those it searches a table that is large where
/// there is much memory, for milliseconds. So it is asked for one line at a time, and no further than needed.
fn each_listener(tables: [&str; 2], port: u16, mut wants_more: impl FnMut(Socket) -> bool) -> io::Result<()> {
    for table in tables {
        let table = match File::open(table) {
            Err(_) if table != tables[0] => continue, // the kernel has no IPv6
            opened => opened?,
        };
        for line in BufReader::with_capacity(LINE, table).lines().skip(1) {
            let Some(socket) = parse_line(&line?) else { continue };
            if socket.state != LISTEN {
                break;
            }
            if socket.local.port() == port && !wants_more(socket) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The ports on which the process or a descendant listens. `None`: it cannot be told.
pub(super) fn listening_ports(pid: u32) -> Option<Vec<u16>> {
    let sockets = all()?;
    let below = descendants(pid).into_iter().filter_map(held).flatten();
    let ours: HashSet<u64> = held(pid)?.chain(below).collect();
    let mut ports: Vec<u16> = sockets
        .iter()
        .filter(|socket| socket.state == LISTEN && ours.contains(&socket.inode))
        .map(|socket| socket.local.port())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    Some(ports)
}

/// Whether the process or a descendant has a connection to `port` of `host`, or of any host.
pub(super) fn is_connected_to(pid: u32, host: Option<IpAddr>, port: u16) -> bool {
    let Some(sockets) = all() else { return false };
    let connections: Vec<u64> = sockets
        .iter()
        .filter(|socket| socket.state == ESTABLISHED && socket.remote.port() == port)
        .filter(|socket| host.is_none_or(|host| socket.remote.ip().to_canonical() == host))
        .map(|socket| socket.inode)
        .collect();
    owns_any(pid, &connections) == Some(true)
}

fn all() -> Option<Vec<Socket>> {
    let mut sockets = parse(&fs::read_to_string(TABLES[0]).ok()?);
    // Absent where the kernel has no IPv6.
    if let Ok(table) = fs::read_to_string(TABLES[1]) {
        sockets.extend(parse(&table));
    }
    Some(sockets)
}

fn parse(table: &str) -> Vec<Socket> {
    table.lines().skip(1).filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Socket> {
    let mut columns = line.split_ascii_whitespace();
    let local = parse_address(columns.nth(1)?)?;
    let remote = parse_address(columns.next()?)?;
    let state = u8::from_str_radix(columns.next()?, 16).ok()?;
    let inode = columns.nth(5)?.parse().ok()?;
    Some(Socket { local, remote, state, inode })
}

/// `0100007F:1F90`: 32-bit words in the machine's byte order, then the port.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| Some(u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    let address = match address.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let mut bytes = [0; 16];
            bytes.copy_from_slice(words.as_flattened());
            IpAddr::from(bytes)
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

fn owns_any(pid: u32, inodes: &[u64]) -> Option<bool> {
    if inodes.is_empty() {
        return Some(false);
    }
    // Nearly always it is the child itself; its descendants are looked up only if it is not.
    if holds(pid, inodes)? {
        return Some(true);
    }
    Some(descendants(pid).into_iter().any(|pid| holds(pid, inodes).unwrap_or(false)))
}

/// Whether the process has one of the sockets open. `None`: its descriptors cannot be read.
fn holds(pid: u32, inodes: &[u64]) -> Option<bool> {
    Some(held(pid)?.any(|inode| inodes.contains(&inode)))
}

/// The sockets that the process has open.
fn held(pid: u32) -> Option<impl Iterator<Item = u64>> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    Some(descriptors.flatten().filter_map(|entry| {
        let target = fs::read_link(entry.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    }))
}

/// Every living process that descends from `pid`.
fn descendants(pid: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let processes = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parents: Vec<(u32, u32)> =
        processes.take(PROCESS_LIMIT).filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(&ancestor) = found.get(next) {
        found.extend(parents.iter().filter(|(_, parent)| *parent == ancestor).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_kernel_table_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 \
                     0000000000000000 100 0 0 10 0\n   1: broken\n";
        let [socket] = parse(table)[..] else { panic!("one line is a socket") };
        assert_eq!(socket.local, "127.0.0.1:8080".parse().unwrap());
        assert_eq!((socket.state, socket.inode), (LISTEN, 12345));
        assert_eq!(parse_address("00000000000000000000000001000000:0050"), Some("[::1]:80".parse().unwrap()));
        assert_eq!(parse_address("zz:1"), None);
    }

    /// That nobody listens, and that it cannot be told, are two things.
    #[test]
    fn what_cannot_be_read_is_not_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = |tables| {
            let mut found = 0;
            each_listener(tables, port, |_| {
                found += 1;
                true
            })
            .map(|()| found)
            .ok()
        };
        assert_eq!(found(TABLES), Some(1));
        assert_eq!(found([TABLES[0], "/nowhere"]), Some(1), "a kernel without IPv6");
        assert_eq!(found(["/nowhere", TABLES[1]]), None, "a system without /proc");
        // No process has this number: its descriptors cannot be read either.
        let nobody = u32::MAX;
        assert_eq!(listens(nobody, port), None);
        assert_eq!(owns_any(nobody, &[1]), None);
        assert_eq!(owns_any(nobody, &[]), Some(false));
        assert!(!is_connected_to(nobody, None, port));
        assert_eq!(listening_ports(nobody), None);
        assert_eq!((descendants(nobody).len(), parent(nobody)), (0, None));
    }

    #[test]
    fn our_own_listener_is_ours_and_nobody_elses() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let me = std::process::id();
        assert_eq!(listens(me, port), Some(true));
        assert!(is_listened_on(port));
        assert!(listening_ports(me).unwrap().contains(&port));
        let mut sleeper = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert_eq!(listens(sleeper.id(), port), Some(false));
        let connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert!(is_connected_to(me, None, port));
        assert!(is_connected_to(me, Some(Ipv4Addr::LOCALHOST.into()), port));
        assert!(!is_connected_to(me, Some(Ipv4Addr::BROADCAST.into()), port));
        assert!(!is_connected_to(sleeper.id(), None, port));
        assert!(descendants(me).contains(&sleeper.id()));
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        drop((connection, listener));
        assert_eq!(listens(me, port), Some(false));
        assert!(!is_listened_on(port));
    }
}
