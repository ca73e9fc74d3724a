//! A TCP connection whose reader may wait in the read itself.
//!
//! tokio's reader asks the kernel twice for what has not come yet: it waits in `epoll_wait` until there is something, and
//! reads it then. In between, the runtime has put its task away and found it again. A program that has nothing else to do
//! until the bytes are here can spare itself all of that, and wait in the read: [`Receiver::wait_in_read`]. It does so for
//! [`MOMENT`] at most, and then as everybody does. Writes never wait in the kernel.
//!
//! Source: socket(7), `SO_RCVTIMEO`; signal(7), of system calls that a signal interrupts although their handlers restart
//! others.
//!
//! ```
//! use tcp::{IfEmpty, split};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::{TcpListener, TcpStream};
//!
//! # fn main() -> std::io::Result<()> { tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addr()?;
//! std::thread::spawn(move || {
//!     use std::io::{Read, Write};
//!     let mut echo = std::net::TcpStream::connect(address).unwrap();
//!     let mut bytes = [0; 5];
//!     echo.read_exact(&mut bytes).unwrap();
//!     echo.write_all(&bytes).unwrap();
//! });
//!
//! let (mut receiver, mut sender) = split(listener.accept().await?.0);
//! receiver.wait_in_read()?;
//! sender.write_all(b"hello").await?;
//! receiver.if_empty(IfEmpty::Wait); // there is nothing to do before the echo is here
//! let mut echo = [0; 5];
//! receiver.read_exact(&mut echo).await?;
//! assert_eq!(&echo, b"hello");
//! # Ok(()) }) }
//! ```

mod receiver;
mod sender;

use std::time::Duration;

use tokio::net::TcpStream;

pub use receiver::Receiver;
pub use sender::Sender;

/// As long as this, a read waits for something to come. The kernel rounds it up to its own tick and waits for one or two
/// of these, which is up to 8 ms where a tick is 4 ms.
pub const MOMENT: Duration = Duration::from_millis(1);

/// What a read does where nothing has come, if the connection is one that waits in the read. Any other has the task woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfEmpty {
    /// It is pending, and nobody is woken: it was only a look.
    Leave,
    /// It is pending, and its task is woken when something comes.
    #[default]
    Wake,
    /// It waits, and only after that is pending: its task has nothing else to do.
    Wait,
}

/// The two directions of a connection.
pub fn split(stream: TcpStream) -> (Receiver, Sender) {
    let (read, write) = stream.into_split();
    (Receiver::new(read), Sender::new(write))
}
