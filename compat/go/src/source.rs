//! The Go sources, as they are in this repository.

use std::path::Path;
use std::{fs, io};

/// A Go module: where its files go, and what is in them.
pub(crate) struct Module {
    pub(crate) name: &'static str,
    /// The version of aws-lambda-go in its go.mod.
    pub(crate) aws_lambda_go: Option<&'static str>,
    pub(crate) files: &'static [(&'static str, &'static str)],
}

macro_rules! files {
    ($module:literal: $($file:literal)*) => {
        &[$(($file, include_str!(concat!("../", $module, "/", $file)))),*]
    };
}

pub(crate) static LEGACY: Module = Module {
    name: "legacy",
    aws_lambda_go: None,
    files: files!("legacy": "go.mod" "messages/messages.go" "legacyhandler/main.go" "arith/main.go" "postreader/main.go" "rpcclient/main.go" "stranger/main.go" "wrapper/main.go"),
};

pub(crate) static HANDLER_OLD: Module = Module {
    name: "handler-v1.13.3",
    aws_lambda_go: Some("v1.13.3"),
    files: files!("handler-v1.13.3": "go.mod" "go.sum" "main.go" "cmd/echo/main.go"),
};

pub(crate) static HANDLER_CURRENT: Module = Module {
    name: "handler-current",
    aws_lambda_go: Some("v1.54.0"),
    files: files!("handler-current": "go.mod" "go.sum" "main.go" "cmd/echo/main.go" "cmd/sigterm/main.go" "cmd/stream/main.go"),
};

/// What the benchmark compares with lies with it.
pub(crate) static SHIM: Module = Module {
    name: "shim",
    aws_lambda_go: None,
    files: files!("../../benches/peers/go/shim": "go.mod" "main.go" "messages.go"),
};

pub(crate) static VERSIONS: Module = Module {
    name: "versions",
    aws_lambda_go: Some("v1.54.0"),
    files: files!("versions": "go.mod" "go.sum" "main.go"),
};

impl Module {
    /// Makes `folder` hold this module's files.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        for (name, text) in self.files {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, text)?;
        }
        Ok(())
    }

    /// Names and contents, for a cache key.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        self.files.iter().flat_map(|(name, text)| [*name, *text])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Library;

    #[test]
    fn both_handlers_are_the_same_program() {
        for file in ["main.go", "cmd/echo/main.go"] {
            let text = |m: &Module| m.files.iter().find(|(name, _)| *name == file).unwrap().1;
            assert_eq!(text(&HANDLER_OLD), text(&HANDLER_CURRENT), "{file}");
        }
    }

    #[test]
    fn versions_are_those_of_go_mod() {
        for module in [&LEGACY, &HANDLER_OLD, &HANDLER_CURRENT, &VERSIONS] {
            let go_mod = module.files.iter().find(|(name, _)| *name == "go.mod").unwrap().1;
            let required =
                go_mod.lines().find_map(|l| l.strip_prefix("require github.com/aws/aws-lambda-go "));
            assert_eq!(required, module.aws_lambda_go, "{}", module.name);
        }
    }

    #[test]
    fn the_hashes_of_all_versions_are_here() {
        let go_sum = VERSIONS.files.iter().find(|(name, _)| *name == "go.sum").unwrap().1;
        for library in Library::ALL {
            let line = format!("github.com/aws/aws-lambda-go {} h1:", library.version());
            assert!(go_sum.contains(&line), "{library}");
        }
    }
}
