//! The least that a function can be: one thread, blocking sockets, nothing looked at that need not be, and no answer to
//! anything that goes wrong. Answers with its event.

mod stream;

use std::net::TcpStream;

use stream::{Outcome, Stream};

fn main() -> Outcome<()> {
    let mut api = Stream::new(TcpStream::connect(std::env::var("AWS_LAMBDA_RUNTIME_API")?)?)?;
    loop {
        let head = api.next()?;
        api.respond(&head.request_id, &api.read()[..head.length])?;
        api.take(head.length);
        api.responded()?;
    }
}
