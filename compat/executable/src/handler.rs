//! Which of Lambda's doors a program opens: go1.x's RPC, the Runtime API, both, or none.

use std::fmt;

use crate::bytes::places;
use crate::go::{BuildInfo, LineTable};

/// The doors that a handler opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doors {
    /// go1.x's RPC alone: aws-lambda-go before v1.18.0. On `provided.*` it needs a bridge.
    Rpc,
    /// Either, by the environment: aws-lambda-go v1.18.0 and newer.
    Both,
    /// The Runtime API alone: built with `lambda.norpc`, or with another library.
    RuntimeApi,
    /// `bootstrap` of go1x itself: the bridge.
    Bridge,
    /// None: not a Lambda handler.
    None,
}

impl Doors {
    /// One word, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Doors::Rpc => "rpc",
            Doors::Both => "both",
            Doors::RuntimeApi => "runtime-api",
            Doors::Bridge => "bridge",
            Doors::None => "none",
        }
    }
}

/// How sure a verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// By texts that the program has in it, which others may have too.
    Low,
    /// By a version, or by texts that nothing else has.
    Medium,
    /// By the functions in it.
    High,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        })
    }
}

/// Which doors a program opens, how sure that is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The doors.
    pub doors: Doors,
    /// How sure that is.
    pub confidence: Confidence,
    /// Why, in half a sentence.
    pub reason: String,
    /// aws-lambda-go's version: `v1.13.3`, or what is known of it; `None` where it is not in the program.
    pub library: Option<String>,
    /// Built with `lambda.norpc` on a version that refuses to start where `_LAMBDA_SERVER_PORT` is set: v1.18.0 to
    /// v1.33.0.
    pub refuses_port: bool,
}

/// aws-lambda-go, as it is imported.
pub(crate) const LIBRARY: &str = "github.com/aws/aws-lambda-go";
/// The package with `Start`; below a folder `vendor`, where dep and GOPATH put it, it ends like this too.
const PACKAGE: &str = "github.com/aws/aws-lambda-go/lambda.";

/// What aws-lambda-go v1.18.0 to v1.33.0 says if it was built with `lambda.norpc` and finds the port
/// (`lambda/entry.go`). Without the tag it is in the program too.
const REFUSAL: &str = "was present but the function was compiled without RPC support";

/// Functions that tell.
#[derive(Debug, Default, Clone, Copy)]
struct Functions {
    /// Any of aws-lambda-go's package `lambda`.
    library: bool,
    /// `startRuntimeAPILoop`, in `lambda/invoke_loop.go` since v1.18.0.
    runtime_api: bool,
    /// `startFunctionRPC`, in `lambda/rpc.go` or `rpc_function.go` since v1.18.0.
    rpc: bool,
    /// `(*Function).Invoke`, which is all that older ones can be told by.
    function: bool,
    /// `net/rpc`'s server.
    net_rpc_server: bool,
}

impl Functions {
    fn of(table: &LineTable<'_>) -> Functions {
        let mut found = Functions::default();
        for name in table.names() {
            if name.starts_with("net/rpc.(*Server).") {
                found.net_rpc_server = true;
            }
            let Some((before, name)) = name.rsplit_once(PACKAGE) else { continue };
            if !before.is_empty() && !before.ends_with("/vendor/") {
                continue;
            }
            found.library = true;
            match name {
                "startRuntimeAPILoop" => found.runtime_api = true,
                "startFunctionRPC" => found.rpc = true,
                "(*Function).Invoke" => found.function = true,
                _ => {}
            }
        }
        found
    }
}

impl Verdict {
    /// Weighs what was found in a program. `table` and `info` are there if it is a Go program that has them.
    pub(crate) fn of(bytes: &[u8], info: Option<&BuildInfo>, table: Option<&LineTable<'_>>) -> Verdict {
        let functions = table.map(Functions::of).unwrap_or_default();
        let module = info.and_then(|info| info.dependency(LIBRARY));
        let version = module.map(|module| match &module.replaced {
            Some((path, version)) if path != LIBRARY => {
                format!("{} replaced by {path} {version}", module.version)
            }
            Some((_, version)) => version.clone(),
            None => module.version.clone(),
        });
        if functions.library
            && let Some(verdict) = by_functions(functions, version.clone(), bytes)
        {
            return verdict;
        }
        if table.is_none()
            && let (Some(info), Some(version)) = (info, &version)
        {
            return by_version(info, version, bytes);
        }
        by_texts(bytes, functions, version, table.is_some() || info.is_some())
    }

    fn new(doors: Doors, confidence: Confidence, reason: impl Into<String>) -> Verdict {
        Verdict { doors, confidence, reason: reason.into(), library: None, refuses_port: false }
    }
}

fn by_functions(functions: Functions, version: Option<String>, bytes: &[u8]) -> Option<Verdict> {
    let Functions { runtime_api, rpc, function, net_rpc_server, .. } = functions;
    let refusal = contains(bytes, REFUSAL);
    let (doors, known, reason) = match (rpc || (!runtime_api && function && net_rpc_server), runtime_api) {
        (true, true) => (
            Doors::Both,
            "v1.18.0 or newer",
            "it has aws-lambda-go's startFunctionRPC and startRuntimeAPILoop",
        ),
        (true, false) => (
            Doors::Rpc,
            "v1.0.0 to v1.17.0",
            "it has aws-lambda-go's Function for net/rpc, and no startRuntimeAPILoop, which came with v1.18.0",
        ),
        (false, true) => (
            Doors::RuntimeApi,
            if refusal { "v1.18.0 to v1.33.0" } else { "v1.34.0 or newer" },
            "it has aws-lambda-go's startRuntimeAPILoop, and no startFunctionRPC: built with lambda.norpc",
        ),
        (false, false) => return None,
    };
    let verdict = Verdict::new(doors, Confidence::High, reason);
    Some(Verdict {
        library: Some(version.unwrap_or_else(|| known.to_owned())),
        refuses_port: doors == Doors::RuntimeApi && refusal,
        ..verdict
    })
}

/// Where the functions cannot be read: what aws-lambda-go does in that version.
fn by_version(info: &BuildInfo, version: &str, bytes: &[u8]) -> Verdict {
    let is_old = minor(version).is_some_and(|minor| minor < 18);
    let norpc = info.tags().is_some_and(|tags| tags.contains(&"lambda.norpc"));
    let (doors, reason) = if is_old {
        (Doors::Rpc, format!("aws-lambda-go {version} has no client of the Runtime API"))
    } else if norpc {
        (Doors::RuntimeApi, "it was built with the tag lambda.norpc".to_owned())
    } else {
        (Doors::Both, format!("aws-lambda-go {version} has both, unless it was built with lambda.norpc"))
    };
    let verdict = Verdict::new(doors, Confidence::Medium, reason + "; its table of functions cannot be read");
    let refuses_port = doors == Doors::RuntimeApi && contains(bytes, REFUSAL);
    Verdict { library: Some(version.to_owned()), refuses_port, ..verdict }
}

/// The minor version: 17 of `v1.17.0`.
fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("v1.")?.split('.').next()?.parse().ok()
}

/// Where neither functions nor modules tell: other languages, other libraries, programs made unreadable.
fn by_texts(bytes: &[u8], functions: Functions, version: Option<String>, is_go: bool) -> Verdict {
    let port = contains(bytes, "_LAMBDA_SERVER_PORT");
    let api = contains(bytes, "AWS_LAMBDA_RUNTIME_API") && contains(bytes, "2018-06-01");
    if !is_go && contains(bytes, "GO1X_READY_TIMEOUT_MS") {
        return Verdict::new(
            Doors::Bridge,
            Confidence::Medium,
            "it has the settings of go1x's bootstrap in it",
        );
    }
    // A function of net/rpc needs its method's name; the words of the library are nobody else's.
    let serves =
        port && (contains(bytes, "Function.Invoke") || functions.net_rpc_server || contains(bytes, REFUSAL));
    let linked = |verdict: Verdict| Verdict { library: version.clone(), ..verdict };
    match (is_go, serves, api) {
        (true, true, true) => linked(Verdict::new(
            Doors::Both,
            Confidence::Low,
            "it has the variables of both in it, though none of aws-lambda-go's functions by name",
        )),
        (true, true, false) => linked(Verdict::new(
            Doors::Rpc,
            if functions.net_rpc_server { Confidence::Medium } else { Confidence::Low },
            "it has a net/rpc server and _LAMBDA_SERVER_PORT in it, and nothing of the Runtime API",
        )),
        (true, false, true) => linked(Verdict::new(
            Doors::RuntimeApi,
            Confidence::Low,
            "it has the Runtime API's variable and path in it, and no net/rpc server",
        )),
        (true, false, false) if version.is_some() => linked(Verdict::new(
            Doors::None,
            Confidence::High,
            "aws-lambda-go is among its modules, but lambda.Start is not in the program: it never calls it",
        )),
        (true, false, false) => {
            Verdict::new(Doors::None, Confidence::High, "there is nothing of aws-lambda-go in it")
        }
        (false, _, true) if port => Verdict::new(
            Doors::Both,
            Confidence::Low,
            "it has the variables of both in it; it is no Go program",
        ),
        (false, _, true) => Verdict::new(
            Doors::RuntimeApi,
            Confidence::Medium,
            "it has the Runtime API's variable and path in it; it is no Go program",
        ),
        (false, _, false) if port => Verdict::new(
            Doors::Rpc,
            Confidence::Low,
            "it has _LAMBDA_SERVER_PORT in it, and nothing of the Runtime API; it is no Go program",
        ),
        (false, _, false) => Verdict::new(
            Doors::None,
            Confidence::Medium,
            "neither go1.x's variable nor the Runtime API's is in it",
        ),
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    places(bytes, text.as_bytes()).next().is_some()
}
