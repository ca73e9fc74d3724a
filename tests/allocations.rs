//! What an invocation through the bridge allocates, counted by the allocator: nothing, of whatever size the event and its
//! answer are that are passed on whole.

#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::alloc::System;
use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use cap::Cap;
use go1x::bootstrap::{self, Settings};
use peers::Peer;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const WARM_UP: usize = 200;
const COUNTED: usize = 500;
const ARN: &str = "arn:aws:lambda:us-east-1:012345678912:function:test_function";
const TRACE_ID: &str = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1";
const REQUEST_ID: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
const INVOCATION_ID: &str = "4d1c1f0e-0d6b-4c56-9d0c-3f7f0ef2f6a1";

// One test, because the allocator is everybody's.
#[test]
fn an_invocation_allocates_nothing() {
    let Some(handler) = peers::require(Peer::EchoCurrent) else { return };
    let sizes = [2, 200, 5_000, 10 * 1024, 40_000];
    for (size, alone) in sizes.into_iter().flat_map(|size| [(size, false), (size, true)]) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let variables = [
            ("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string().into()),
            ("LAMBDA_TASK_ROOT", handler.parent().unwrap().as_os_str().to_owned()),
            ("_HANDLER", handler.file_name().unwrap().to_owned()),
        ];
        let environment = variables.map(|(name, value): (&str, OsString)| (name.into(), value));
        let settings = Settings { alone, ..Settings::read(environment.into_iter().collect()).unwrap() };
        let platform = thread::spawn(move || platform(&listener, size));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // It ends with the platform.
        runtime.block_on(bootstrap::run(&settings, std::future::pending())).unwrap_err();
        assert_eq!(platform.join().unwrap(), 0, "{size} bytes, alone: {alone}");
    }
}

/// A platform that allocates nothing: how much was allocated while it counted.
fn platform(listener: &TcpListener, size: usize) -> usize {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_nodelay(true).unwrap();
    let event = "1".repeat(size);
    let next = format!(
        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {REQUEST_ID}\r\n\
         Lambda-Runtime-Deadline-Ms: 4102444800000\r\nLambda-Runtime-Invoked-Function-Arn: {ARN}\r\n\
         Lambda-Runtime-Invocation-Id: {INVOCATION_ID}\r\nLambda-Runtime-Trace-Id: {TRACE_ID}\r\n\
         Content-Length: {size}\r\n\r\n{event}"
    );
    let accepted = "HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";
    let mut buffer = vec![0; size + 4096];
    let mut before = 0;
    for round in 0..WARM_UP + COUNTED {
        if round == WARM_UP {
            before = ALLOCATOR.total_allocated();
        }
        request(&mut stream, &mut buffer, 0);
        stream.write_all(next.as_bytes()).unwrap();
        let answer = request(&mut stream, &mut buffer, size);
        assert!(buffer[..answer].ends_with(event.as_bytes()));
        stream.write_all(accepted.as_bytes()).unwrap();
    }
    ALLOCATOR.total_allocated() - before
}

/// Reads a request that has a body of that size.
fn request(stream: &mut TcpStream, buffer: &mut [u8], size: usize) -> usize {
    let mut length = 0;
    loop {
        let count = stream.read(&mut buffer[length..]).unwrap();
        assert_ne!(count, 0, "bootstrap has closed its connection");
        length += count;
        let head = buffer[..length].windows(4).position(|end| end == b"\r\n\r\n");
        if head.is_some_and(|head| length == head + 4 + size) {
            return length;
        }
    }
}
