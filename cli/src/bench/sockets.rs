//! The TCP sockets of a process: which descriptor leads where.

use std::collections::HashMap;
use std::fs;

/// One connection, or a listener, by its ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) fd: u32,
    pub(super) local: u16,
    pub(super) remote: u16,
}

/// Those that a process has open.
pub(super) fn of(pid: u32) -> Vec<Socket> {
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")));
    let ports: HashMap<&str, (u16, u16)> =
        tables.iter().flatten().flat_map(|table| table.lines().skip(1)).filter_map(connection).collect();
    let links = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let socket = |entry: fs::DirEntry| {
        let link = fs::read_link(entry.path()).ok()?;
        let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        let (local, remote) = *ports.get(inode)?;
        Some(Socket { fd: entry.file_name().to_str()?.parse().ok()?, local, remote })
    };
    links.filter_map(socket).collect()
}

/// A line of `/proc/net/tcp`: inode, local and remote port.
fn connection(line: &str) -> Option<(&str, (u16, u16))> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let port = |at: usize| u16::from_str_radix(words.get(at)?.rsplit_once(':')?.1, 16).ok();
    Some((words.get(9)?, (port(1)?, port(2)?)))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn both_ends_of_a_connection_are_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let sockets = of(std::process::id());
        for socket in [&client, &server] {
            let expected = Socket {
                fd: socket.as_raw_fd().try_into().unwrap(),
                local: socket.local_addr().unwrap().port(),
                remote: socket.peer_addr().unwrap().port(),
            };
            assert!(sockets.contains(&expected), "{expected:?} is not in {sockets:?}");
        }
    }
}
