//! Whether somebody listens on a port of this machine yet, asked again and again.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
use tokio::net::TcpStream;

/// A listener's kernel accepts at once; one that does not is full, and no fresh handler's.
const LIMIT: Duration = Duration::from_millis(5);
/// IPv6 is asked so much less often than IPv4, which is what Go's `localhost` is unless the machine has only IPv6.
const IPV6_EVERY: u32 = 8;

/// A port of `localhost` that has yet to find a listener.
#[derive(Debug)]
pub(super) struct Probe {
    ipv4: Host,
    ipv6: Host,
    count: u32,
}

impl Probe {
    pub(super) fn new(port: u16) -> Probe {
        Probe {
            ipv4: Host::new((Ipv4Addr::LOCALHOST, port).into()),
            ipv6: Host::new((Ipv6Addr::LOCALHOST, port).into()),
            count: 0,
        }
    }

    /// A connection, if somebody listens. Takes microseconds, or the limit at most.
    pub(super) fn connect(&mut self) -> Option<TcpStream> {
        self.count = self.count.wrapping_add(1);
        let asks_ipv6 = self.count.is_multiple_of(IPV6_EVERY);
        let found = self.ipv4.connect().ok().or_else(|| asks_ipv6.then(|| self.ipv6.connect().ok())?)?;
        found.set_nonblocking(true).ok()?;
        let stream = TcpStream::from_std(found).ok()?;
        _ = stream.set_nodelay(true);
        Some(stream)
    }
}

/// One address, and a socket that is not connected.
///
/// On one CPU each question takes its time from the handler that is to be found, so it is one system call: a connect
/// that waits, for what this machine itself answers at once, and with the same socket, which Linux lets connect again
/// where it was refused. connect(2) does not promise that, so after any other error there is a new one.
#[derive(Debug)]
struct Host {
    address: SocketAddr,
    socket: Option<OwnedFd>,
}

impl Host {
    fn new(address: SocketAddr) -> Host {
        Host { address, socket: None }
    }

    fn connect(&mut self) -> io::Result<std::net::TcpStream> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => self.open()?,
        };
        if let Err(error) = connect(&socket, &self.address) {
            self.socket = (error == Errno::CONNREFUSED).then_some(socket);
            return Err(error.into());
        }
        let stream = std::net::TcpStream::from(socket);
        // Between two ephemeral ports TCP can connect a socket to itself.
        if stream.local_addr()? == stream.peer_addr()? {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(stream)
    }

    fn open(&self) -> io::Result<OwnedFd> {
        let family = if self.address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        set_socket_timeout(&socket, Timeout::Send, Some(LIMIT))?;
        Ok(socket)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_listener_is_found_as_soon_as_it_is_there_and_again_when_it_is_back() {
        let port = super::super::port::free().unwrap();
        for address in [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), (Ipv6Addr::LOCALHOST, port).into()] {
            if TcpListener::bind(address).is_err() {
                eprintln!("NOT RUN: this machine has no {address}");
                continue;
            }
            let mut host = Host::new(address);
            for _ in 0..3 {
                for _ in 0..20 {
                    assert_eq!(host.connect().unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
                    assert!(host.socket.is_some(), "the same socket serves again");
                }
                let listener = TcpListener::bind(address).unwrap();
                let stream = host.connect().unwrap();
                assert_eq!(stream.local_addr().unwrap(), listener.accept().unwrap().1);
                drop(listener);
                drop(stream);
            }
        }
    }

    #[test]
    fn a_listener_that_accepts_nobody_is_given_up_after_a_moment() {
        let listener =
            socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        rustix::net::bind(&listener, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let address = TcpListener::from(listener.try_clone().unwrap()).local_addr().unwrap();
        let mut host = Host::new(address);
        let held: Vec<TcpStream> = (0..8).map_while(|_| host.connect().ok()).collect();
        assert!(held.len() < 8, "its queue is of one");
        assert!(host.socket.is_none(), "that socket still tries");
        assert!(host.connect().is_err());
        drop(TcpListener::from(listener));
    }
}
