//! Go's encoding/gob: the program in `peers/go/gob`, built here and run as a child, which times one batch per
//! request. Its `main.go` has the protocol.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;

use crate::contestant::{Batch, Contestant, Mode, Operation, Streams};

/// Builds the program, with `go` from `PATH` or else from where its own installation puts it.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/go/gob");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gob-peer");
    let usual = Path::new("/usr/local/go/bin/go");
    let on_path = Command::new("go").arg("version").output().is_ok();
    let go = if on_path || !usual.exists() { Path::new("go") } else { usual };
    let built = Command::new(go)
        .args(["build", "-trimpath", "-mod=readonly", "-buildvcs=false", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(source)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{} cannot be run", go.display()))?;
    ensure!(built.status.success(), "go build: {}", String::from_utf8_lossy(&built.stderr).trim());
    Ok(program)
}

/// The running program.
pub(crate) struct GoPeer {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl GoPeer {
    pub(crate) fn start(program: &Path) -> anyhow::Result<GoPeer> {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| program.display().to_string())?;
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("stdout is piped")?);
        Ok(GoPeer { child, requests, answers })
    }

    pub(crate) fn version(&mut self) -> anyhow::Result<String> {
        self.ask("version\n", &[])
    }

    /// Sends a request; what the answer says after "ok".
    fn ask(&mut self, request: &str, bytes: &[u8]) -> anyhow::Result<String> {
        let stdin = self.requests.as_mut().context("stdin is piped")?;
        stdin.write_all(request.as_bytes())?;
        stdin.write_all(bytes)?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        match answer.trim_end().strip_prefix("ok") {
            Some(rest) => Ok(rest.trim_start().to_owned()),
            None => bail!("the Go peer says {:?} to {:?}", answer.trim_end(), request.trim_end()),
        }
    }

    /// Sends a request that is answered by two numbers.
    fn ask_numbers(&mut self, request: &str) -> anyhow::Result<(u64, u64)> {
        let answer = self.ask(request, &[])?;
        let (one, other) = answer.split_once(' ').context("two numbers")?;
        Ok((one.parse()?, other.parse()?))
    }

    fn read(&mut self, length: u64) -> anyhow::Result<Bytes> {
        let mut bytes = vec![0; usize::try_from(length)?];
        self.answers.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl Drop for GoPeer {
    fn drop(&mut self) {
        self.requests = None; // the program ends with its input
        if self.child.wait().is_err() {
            _ = self.child.kill();
        }
    }
}

/// The program as a contestant. It decodes what it encoded itself.
pub(crate) struct Go {
    pub(crate) peer: Rc<RefCell<GoPeer>>,
    pub(crate) workload: &'static str,
}

impl Contestant for Go {
    fn name(&self) -> &'static str {
        "Go"
    }

    fn streams(&mut self) -> anyhow::Result<Streams> {
        let mut peer = self.peer.borrow_mut();
        let (first, second) = peer.ask_numbers(&format!("stream {}\n", self.workload))?;
        Ok(Streams { first: peer.read(first)?, second: peer.read(second)? })
    }

    fn check(&mut self, streams: &Streams) -> anyhow::Result<()> {
        let bytes = [&streams.first[..], &streams.second[..]].concat();
        let request = format!("check {} {}\n", self.workload, bytes.len());
        self.peer.borrow_mut().ask(&request, &bytes).map(drop)
    }

    fn prepare(&mut self, _: &Streams) -> anyhow::Result<()> {
        Ok(())
    }

    fn time(&mut self, operation: Operation, mode: Mode, iterations: u64) -> anyhow::Result<Batch> {
        let request = format!("time {} {} {} {iterations}\n", self.workload, operation.name(), mode.name());
        let (elapsed, answer) = self.peer.borrow_mut().ask_numbers(&request)?;
        Ok(Batch { elapsed: Duration::from_nanos(elapsed), answer })
    }
}
