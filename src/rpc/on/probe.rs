//! Whether somebody listens on a port of this machine yet, asked again and again.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

/// A listener's kernel accepts at once; one that does not is full, and no fresh handler's.
const LIMIT: Duration = Duration::from_millis(5);

/// A socket that has yet to find a listener.
///
/// On one CPU each question takes its time from the handler that is to be found, so it is one system call: a call that
/// waits, for what this machine itself answers at once; with the same socket, which Linux lets connect again where it
/// was refused. connect(2) does not promise that, so after any other error there is a new one.
#[derive(Debug)]
pub(super) struct Probe {
    address: SocketAddr,
    socket: Option<OwnedFd>,
}

impl Probe {
    pub(super) fn new(address: SocketAddr) -> Probe {
        Probe { address, socket: None }
    }

    /// A connection, if somebody listens. Takes microseconds, or the limit at most.
    pub(super) fn connect(&mut self) -> io::Result<TcpStream> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => self.open()?,
        };
        match connect(&socket, &self.address) {
            Ok(()) => {}
            Err(error) => {
                self.socket = (error == rustix::io::Errno::CONNREFUSED).then_some(socket);
                return Err(error.into());
            }
        }
        let stream = TcpStream::from(socket);
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
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_is_found_as_soon_as_it_is_there_and_again_when_it_is_back() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(host) else {
                eprintln!("NOT RUN: this machine has no {host}");
                continue;
            };
            let address = listener.local_addr().unwrap();
            drop(listener);
            let mut probe = Probe::new(address);
            for _ in 0..3 {
                for _ in 0..20 {
                    assert_eq!(probe.connect().unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
                    assert!(probe.socket.is_some(), "the same socket serves again");
                }
                let listener = TcpListener::bind(address).unwrap();
                let stream = probe.connect().unwrap();
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
        let mut probe = Probe::new(address);
        let held: Vec<TcpStream> = (0..8).map_while(|_| probe.connect().ok()).collect();
        assert!(held.len() < 8, "its queue is of one");
        assert!(probe.socket.is_none(), "that socket still tries");
        assert!(probe.connect().is_err());
        drop(TcpListener::from(listener));
    }
}
