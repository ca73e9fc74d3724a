//! The same small handler, built in other ways: on any aws-lambda-go, stripped, with cgo, without modules.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cache::{Cache, at, cache_dir, key};
use crate::go::Go;
use crate::{Progress, Unavailable};

/// How to build it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The version of aws-lambda-go.
    pub aws_lambda_go: &'static str,
    /// The source of the main package: one file.
    pub source: &'static str,
    /// Arguments of `go build`.
    pub arguments: &'static [&'static str],
    /// Variables of its environment: `GOARCH`, `CGO_ENABLED`.
    pub environment: &'static [(&'static str, &'static str)],
    /// Built in a GOPATH, as before Go had modules: then there is nothing of them in the program.
    pub in_gopath: bool,
}

impl Variant {
    /// A handler that answers with its event, and calls nothing but `lambda.Start`.
    pub const ECHO: Variant = Variant {
        aws_lambda_go: "v1.54.0",
        source: "package main

import \"github.com/aws/aws-lambda-go/lambda\"

func handle(event map[string]interface{}) (map[string]interface{}, error) { return event, nil }

func main() { lambda.Start(handle) }
",
        arguments: &[],
        environment: &[],
        in_gopath: false,
    };
}

/// The path of its executable, built unless it is in the cache.
pub fn variant(variant: &Variant) -> Result<PathBuf, Unavailable> {
    let go = Go::find();
    let cache = Cache::open(cache_dir())?;
    let failed = |output| Unavailable::Variant { variant: Box::new(*variant), output };
    let version = go.run(cache.root(), ["version"]).map_err(failed)?;
    let described = format!("{variant:?}");
    let key = key([&*described, &*version]);
    cache.executable(key, "main", &mut |_: Progress| (), |output, _| {
        let root = cache.root().join(format!("variant-{key:016x}"));
        let built = build(&go, variant, &root, output);
        let _ = fs::remove_dir_all(&root);
        built
    })
}

fn build(go: &Go, variant: &Variant, root: &Path, output: &Path) -> Result<(), Unavailable> {
    let failed = |output| Unavailable::Variant { variant: Box::new(*variant), output };
    let folder = root.join("src/example.com/orders");
    fs::create_dir_all(&folder).map_err(at(&folder))?;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(at(&path))
    };
    let module = "github.com/aws/aws-lambda-go";
    let version = variant.aws_lambda_go;
    write("main.go", variant.source)?;
    write("go.mod", &format!("module example.com/orders\n\ngo 1.18\n\nrequire {module} {version}\n"))?;
    go.run(&folder, ["mod", "tidy"]).map_err(failed)?;
    let mut arguments = vec!["build", "-buildvcs=false"];
    arguments.extend(variant.arguments);
    let output = output.to_string_lossy();
    arguments.extend(["-o", &output, "."]);
    let mut environment = variant.environment.to_vec();
    let gopath = root.to_string_lossy();
    if variant.in_gopath {
        let library = go.run(&folder, ["list", "-m", "-f", "{{.Dir}}", module]).map_err(failed)?;
        // What dep and `go get` did: the sources, in a folder by their import path.
        copy(Path::new(library.trim()), &root.join("src").join(module))?;
        environment.extend([("GO111MODULE", "off"), ("GOPATH", &gopath)]);
    }
    go.run_in(&folder, arguments, &environment).map(drop).map_err(failed)
}

/// Copies Go sources, folder by folder.
fn copy(from: &Path, to: &Path) -> Result<(), Unavailable> {
    fs::create_dir_all(to).map_err(at(to))?;
    for entry in fs::read_dir(from).map_err(at(from))?.flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target)?;
        } else if path.extension().is_some_and(|extension| extension == "go") {
            fs::read(&path).and_then(|bytes| fs::write(&target, bytes)).map_err(at(&path))?;
        }
    }
    Ok(())
}
