//! All that was found, as JSON has it; `text.rs` and `sarif.rs` say the same.

use std::path::Path;

use executable::{Form, Program, System};
use serde::Serialize;

use super::finding::{Finding, Level};
use super::{Asked, program};

/// The result of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Of this shape. Fields may be added to it; another number says that some have changed.
    version: u32,
    /// Where the programs are to run.
    pub(crate) on: &'static str,
    pub(crate) inputs: Vec<Input>,
}

/// One path of the command line, or one zip in such a folder.
#[derive(Debug, Serialize)]
pub(crate) struct Input {
    pub(crate) path: String,
    pub(crate) kind: InputKind,
    /// In bytes; 0 for a folder.
    size: u64,
    /// Of a package, its files in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unpacked_size: Option<u64>,
    /// Why it was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    pub(crate) programs: Vec<ProgramReport>,
    pub(crate) findings: Vec<Finding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum InputKind {
    File,
    Zip,
    Folder,
    /// It was not looked at.
    Refused,
}

/// One program.
#[derive(Debug, Serialize)]
pub(crate) struct ProgramReport {
    /// Its name in the package, or the file's.
    pub(crate) name: String,
    pub(crate) verdict: VerdictReport,
    /// aws-lambda-go's version, or what is known of it.
    pub(crate) aws_lambda_go: Option<String>,
    pub(crate) go: Option<GoReport>,
    /// Lambda's name of its architecture; of others, what they are.
    pub(crate) architecture: String,
    pub(crate) linkage: &'static str,
    pub(crate) stripped: bool,
    pub(crate) loader: Option<String>,
    pub(crate) libraries: Vec<String>,
    /// The versions of glibc's symbols that it needs; the last is the newest.
    pub(crate) glibc: Vec<String>,
    pub(crate) runs_on: Vec<RunsOn>,
    /// Functions that look at variables of go1.x, but for aws-lambda-go's own.
    uses: Vec<UseReport>,
    /// What to do next: the first way is the one to take.
    pub(crate) next: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct VerdictReport {
    /// `rpc`, `both`, `runtime-api`, `bridge`, `none`.
    pub(crate) doors: &'static str,
    pub(crate) text: &'static str,
    /// `high`, `medium`, `low`.
    pub(crate) confidence: String,
    pub(crate) reason: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct GoReport {
    /// `go1.21.5`, or which ones it can be.
    pub(crate) version: Option<String>,
    /// `inline`, `pointers`, `marks`; none if there is no build information.
    pub(crate) build_info: Option<&'static str>,
    path: Option<String>,
    /// The build tags; none if they were not written down, before Go 1.18.
    pub(crate) tags: Option<Vec<String>>,
    /// `CGO_ENABLED`, `-trimpath` and the like.
    settings: serde_json::Map<String, serde_json::Value>,
    functions: usize,
}

#[derive(Debug, Serialize)]
pub(crate) struct RunsOn {
    pub(crate) runtime: &'static str,
    pub(crate) runs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) obstacle: Option<String>,
}

#[derive(Debug, Serialize)]
struct UseReport {
    variable: &'static str,
    function: String,
}

impl Report {
    pub(crate) fn new(asked: &Asked, inputs: Vec<Input>) -> Report {
        Report { version: 1, on: asked.on.name(), inputs }
    }

    pub(crate) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.inputs.iter().flat_map(|input| &input.findings)
    }

    /// How many findings are errors.
    pub(crate) fn errors(&self) -> usize {
        self.findings().filter(|finding| finding.level == Level::Error).count()
    }

    /// Those that were not looked at.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (&str, &str)> {
        self.inputs.iter().filter_map(|input| Some((&*input.path, input.error.as_deref()?)))
    }
}

impl Input {
    pub(crate) fn new(path: &Path, kind: InputKind, size: u64) -> Input {
        Input {
            path: path.display().to_string(),
            kind,
            size,
            unpacked_size: None,
            error: None,
            programs: Vec::new(),
            findings: Vec::new(),
        }
    }

    pub(crate) fn refused(path: &Path, why: String) -> Input {
        Input { error: Some(why), ..Input::new(path, InputKind::Refused, 0) }
    }
}

impl ProgramReport {
    pub(crate) fn new(name: &str, program: &Program, next: Vec<String>) -> ProgramReport {
        let needs = &program.needs;
        let machine = program.elf.machine;
        let runs_on = |system: System| {
            let obstacle = system.obstacle(&program.elf, needs).map(|obstacle| obstacle.to_string());
            let refusal = (system == System::Go1x && program.verdict.refuses_port)
                .then(|| "it refuses to start, as it was built with lambda.norpc".to_owned());
            let obstacle = obstacle.or(refusal);
            RunsOn { runtime: system.name(), runs: obstacle.is_none(), obstacle }
        };
        let usage = |usage: &executable::Use| UseReport {
            variable: usage.variable,
            function: usage.function.clone(),
        };
        ProgramReport {
            name: name.to_owned(),
            verdict: VerdictReport {
                doors: program.verdict.doors.name(),
                text: program::verdict(program.verdict.doors),
                confidence: program.verdict.confidence.to_string(),
                reason: program.verdict.reason.clone(),
            },
            aws_lambda_go: program.verdict.library.clone(),
            go: program.is_go().then(|| GoReport::new(program)),
            architecture: machine.lambda_name().map_or_else(|| machine.to_string(), str::to_owned),
            linkage: if needs.is_dynamic() { "dynamic" } else { "static" },
            stripped: program.is_stripped,
            loader: needs.loader.clone(),
            libraries: needs.libraries.clone(),
            glibc: needs.glibc.iter().map(ToString::to_string).collect(),
            runs_on: System::ALL.into_iter().map(runs_on).collect(),
            uses: program.uses.iter().map(usage).collect(),
            next,
        }
    }
}

impl GoReport {
    fn new(program: &Program) -> GoReport {
        let info = program.build_info.as_ref();
        let form = |form: Form| match form {
            Form::Inline => "inline",
            Form::Pointers => "pointers",
            Form::Marks => "marks",
        };
        let tags = info.and_then(|info| info.tags());
        GoReport {
            version: program.go_version().map(str::to_owned),
            build_info: info.map(|info| form(info.form)),
            path: info.map(|info| info.path.clone()).filter(|path| !path.is_empty()),
            tags: tags.map(|tags| tags.into_iter().map(str::to_owned).collect()),
            settings: info
                .map(|info| {
                    info.settings.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect()
                })
                .unwrap_or_default(),
            functions: program.functions,
        }
    }
}
