//! `go1x inspect`: what handlers are, where they run, and what they need.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use executable::{Machine, System};

use crate::error::Error;
use crate::inspect::report::Report;
use crate::inspect::{Asked, Way, input, sarif, text};

/// Tells what Go handlers are, where they run, and what they need
///
/// Looks at programs, zips and folders, without starting or unpacking anything. For each handler: whether it
/// serves go1.x's RPC, the Runtime API or both, told by the functions in it, stripped or not; its versions of Go
/// and aws-lambda-go; which of Lambda's systems can start it; what to do next, with the exact settings. For a
/// package: permissions, links, bootstrap, sizes, names.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Inspect {
    /// Programs, zips, folders (with the zips in them)
    #[arg(required = true, value_name = "FILE|ZIP|DIR")]
    paths: Vec<PathBuf>,
    /// Where they are to run
    #[arg(long, value_enum, default_value_t = On::ProvidedAl2023)]
    on: On,
    /// The function's architecture: programs for another are errors
    #[arg(long, value_enum)]
    arch: Option<Architecture>,
    /// How they are to be started: what does not work that way is an error
    #[arg(long, value_enum)]
    way: Option<Way>,
    /// The function's handler setting: has to lead to a handler of each package
    #[arg(long, value_name = "PATH")]
    handler: Option<String>,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = InspectFormat::Text)]
    format: InspectFormat,
}

const EXAMPLES: &str = "\
Examples:
  go1x inspect main
  go1x inspect orders.zip --handler main --arch x86_64
  go1x inspect --on provided.al2 --way direct build/*.zip
  go1x inspect --format json . | jq '.inputs[].programs[].verdict.doors'
  go1x inspect --format sarif dist/ > inspect.sarif

Verdicts, with .verdict.doors in JSON:
  RPC only → bridge (rpc)               aws-lambda-go before v1.18.0
  both → bridge or direct (both)        v1.18.0 and newer
  norpc → direct (runtime-api)          built with the tag lambda.norpc
  go1x's bootstrap: the bridge (bridge)
  not a Lambda handler (none)

JSON: {version, on, inputs: [{path, kind, size, unpacked_size?, error?,
  programs: [{name, verdict: {doors, text, confidence, reason}, aws_lambda_go,
    go: {version, build_info, path, tags, settings, functions}, architecture,
    linkage, stripped, loader, libraries, glibc, runs_on: [{runtime, runs,
    obstacle?}], uses: [{variable, function}], next}],
  findings: [{level, rule, member?, message, help?}]}]}

Environment:
  NO_COLOR     no colours, if set

Exit codes: 0 all would run as asked; 1 something would not (a finding is an
error); 2 wrong usage, or an input that cannot be read.";

/// The systems, as their runtimes are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum On {
    /// Amazon Linux 2023, glibc 2.34
    #[value(name = "provided.al2023")]
    ProvidedAl2023,
    /// Amazon Linux 2, glibc 2.26; its own last date is that of go1.x
    #[value(name = "provided.al2")]
    ProvidedAl2,
    /// Amazon Linux 1, glibc 2.17
    #[value(name = "go1.x")]
    Go1x,
}

/// The architectures, as functions have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Architecture {
    #[value(name = "x86_64", alias = "amd64")]
    X86_64,
    #[value(name = "arm64", alias = "aarch64")]
    Arm64,
}

/// How the result of an inspection is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum InspectFormat {
    /// For people, 80 columns wide
    Text,
    /// For programs: one JSON object
    Json,
    /// For code scanning: SARIF 2.1.0
    Sarif,
}

impl Inspect {
    pub(super) fn run(self) -> Result<(), Error> {
        let asked = Asked {
            on: self.on.into(),
            machine: self.arch.map(Machine::from),
            way: self.way,
            handler: self.handler.clone(),
        };
        let inputs = self.paths.iter().flat_map(|path| input::inspect(path, &asked)).collect();
        let report = Report::new(&asked, inputs);
        // Whoever reads may have seen enough before the end; what was found is the same.
        match self.write(&report) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => outcome(&report),
        }
    }

    fn write(&self, report: &Report) -> io::Result<()> {
        match self.format {
            InspectFormat::Text => {
                let mut out = io::BufWriter::new(anstream::stdout().lock());
                text::write(report, &mut out)?;
                out.flush()
            }
            InspectFormat::Json => {
                writeln!(io::stdout(), "{}", serde_json::to_string_pretty(report)?)
            }
            InspectFormat::Sarif => {
                writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&sarif::log(report))?)
            }
        }
    }
}

impl From<On> for System {
    fn from(on: On) -> System {
        match on {
            On::ProvidedAl2023 => System::ProvidedAl2023,
            On::ProvidedAl2 => System::ProvidedAl2,
            On::Go1x => System::Go1x,
        }
    }
}

impl From<Architecture> for Machine {
    fn from(architecture: Architecture) -> Machine {
        match architecture {
            Architecture::X86_64 => Machine::X86_64,
            Architecture::Arm64 => Machine::AARCH64,
        }
    }
}

fn outcome(report: &Report) -> Result<(), Error> {
    let refused = report.refused().map(|(path, why)| text::visible(&format!("{path}: {why}")));
    let refused: Vec<String> = refused.collect();
    if !refused.is_empty() {
        return Err(Error::input(refused.join("\n       ")).with_help(
            "name programs, zips, or folders with such in them; zips are not unpacked beyond Lambda's limits",
        ));
    }
    let text = match report.errors() {
        0 => return Ok(()),
        1 => format!("one thing would not work on {}; it is marked as an error", report.on),
        count => format!("{count} things would not work on {}; they are marked as errors", report.on),
    };
    Err(Error::failed(text)
        .with_help("the findings tell why; --on, --way, --arch and --handler say how it is to run"))
}
