//! A network that has nothing but its own loopback.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::marker::PhantomData;
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network namespace; it lasts as long as this, or as a process or socket in it.
pub struct Network(File);

impl Network {
    /// A fresh one. The error is the system's or the tools' word for why there is none.
    pub fn new() -> Result<Network, String> {
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", "ip link set lo up && echo up && read -r done"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare cannot be run: {error}"))?;
        let mut up = [0; 2];
        let is_up = holder.stdout.take().unwrap().read_exact(&mut up).is_ok();
        let namespace = File::open(format!("/proc/{}/ns/net", holder.id()));
        _ = holder.stdin.take().unwrap().write_all(b"done\n");
        let said = holder.wait_with_output().unwrap().stderr;
        if !is_up {
            return Err(String::from_utf8_lossy(&said).trim().to_owned());
        }
        namespace.map(Network).map_err(|error| error.to_string())
    }

    /// Takes the calling thread there until the guard is dropped: the sockets that it opens and the processes that
    /// it starts meanwhile stay.
    pub fn enter(&self) -> Inside {
        let home = File::open("/proc/thread-self/ns/net").unwrap();
        move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        Inside { home, here: PhantomData }
    }
}

/// While it lives, this thread is in another network.
pub struct Inside {
    home: File,
    /// The way back is this thread's.
    here: PhantomData<*const ()>,
}

impl Drop for Inside {
    fn drop(&mut self) {
        move_into_link_name_space(self.home.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    }
}
