//! `go1x pack`: a layer, or a deployment zip with `bootstrap` in it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use executable::{Kind as Executable, Machine, System};

use super::Format;
use super::inspect::{Architecture, On};
use crate::error::Error;
use crate::inspect::finding::Finding;
use crate::inspect::report::Input;
use crate::inspect::text::visible;
use crate::inspect::tree::plain;
use crate::inspect::{Asked, Way, input};
use crate::output;
use crate::pack::image::Image;
use crate::pack::layout::{self, Base, Blob};
use crate::pack::manifest::{Kind, Manifest};
use crate::pack::member::{self, Content, Member};
use crate::pack::shim::Shim;
use crate::pack::splice::Directory;
use crate::pack::{text, zip};

/// Packs go1x's bootstrap as a layer, into a deployment zip, or into a container image
///
/// A layer with bootstrap; or a zip that is there with bootstrap added at its root, every other file byte for byte
/// as it was; or a new zip, or an image, from programs. The same input gives the same bytes, on any machine: no times, no users,
/// modes 0755 and 0644. What `go1x inspect` says could not run is not written. Nothing is written in part.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = USAGE)]
pub(super) struct Pack {
    #[command(flatten)]
    what: What,
    /// Where the package is written; - is the standard output, where nothing else is told then
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// go1x's bootstrap, static [default: GO1X_BOOTSTRAP, then one beside this program, then this clone's build]
    #[arg(long, value_name = "PATH")]
    bootstrap: Option<PathBuf>,
    /// With --handler: leave bootstrap to a layer
    #[arg(long, conflicts_with_all = ["layer", "old", "bootstrap"])]
    no_bootstrap: bool,
    /// With --handler: a container image, as a folder in OCI's layout, or a tar of it (FILE.tar)
    #[arg(long, conflicts_with_all = ["layer", "old", "no_bootstrap"])]
    image: bool,
    /// With --image: what it is built on, a folder in OCI's layout [default: nothing]
    #[arg(long, requires = "image", value_name = "DIR")]
    base: Option<PathBuf>,
    /// With --zip: put bootstrap in the place of another program's that is there
    #[arg(long, conflicts_with_all = ["layer", "handlers"])]
    replace: bool,
    /// The function's architecture [default: that of its programs, else x86_64]
    #[arg(long, value_enum)]
    arch: Option<Architecture>,
    /// Where it is to run
    #[arg(long, value_enum, default_value_t = On::ProvidedAl2023)]
    on: On,
    /// The function's handler setting: has to lead to a handler of the package
    #[arg(long, value_name = "PATH", conflicts_with = "layer")]
    setting: Option<String>,
    /// Also write what was packed, with hashes, as JSON
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Write over files that are there
    #[arg(long)]
    force: bool,
    /// How the result is told
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// One of the packages.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A layer: /opt/bootstrap
    #[arg(long)]
    layer: bool,
    /// A deployment zip, to which bootstrap is added
    #[arg(long = "zip", value_name = "OLD.zip")]
    old: Option<PathBuf>,
    /// Programs, and folders of which all is packed, for a new zip with bootstrap
    #[arg(long = "handler", value_name = "PATH", num_args = 1..)]
    handlers: Vec<PathBuf>,
}

const USAGE: &str = "\
go1x pack [OPTIONS] --layer -o <FILE>
       go1x pack [OPTIONS] --zip <OLD.zip> -o <FILE>
       go1x pack [OPTIONS] --handler <PATH>... -o <FILE>";

const EXAMPLES: &str = "\
Examples:
  go1x pack --layer -o go1x-layer.zip
  go1x pack --zip orders.zip -o orders-go1x.zip
  go1x pack --handler main -o main.zip --manifest main.json
  go1x pack --handler build/ --no-bootstrap --setting bin/main -o main.zip
  go1x pack --layer --arch arm64 --bootstrap ./bootstrap -o arm.zip
  go1x pack --image --handler main -o image.tar
  go1x pack --image --base al2023/ --handler main -o image/
  go1x pack --zip old.zip -o new.zip --format json | jq -r .output.code_sha256

With --handler, a link among the packed files stays a link; of one that leads
elsewhere, the file is packed.

In an image, bootstrap is in /var/runtime and all else in /var/task. A base's
entry point stays and gets the handler setting, as that of AWS's base images
wants it; without one, bootstrap is the entry point, and GO1X_HANDLER is set.

JSON: {version, go1x, kind, architecture, output: {path, size, sha256,
  code_sha256?}, entries: [{name, mode, size, sha256, link?}], inspect: what
  go1x inspect --format json has of an input}

Environment:
  GO1X_BOOTSTRAP   go1x's bootstrap, if --bootstrap does not name it
  NO_COLOR         no colours, if set

Exit codes: 0 written; 1 refused, since it could not run; 2 wrong usage, or an
input that cannot be read.";

/// A package, not written yet.
struct Package {
    kind: Kind,
    machine: Machine,
    zip: Vec<u8>,
    /// What an image is made of.
    members: Vec<Member>,
    /// Whether `bootstrap` is there, and drives no handler over RPC.
    lacks_rpc: bool,
}

impl Pack {
    pub(super) fn run(self) -> Result<(), Error> {
        let is_stdout = self.output.as_os_str() == "-";
        if !self.force {
            let files = [Some(&self.output).filter(|_| !is_stdout), self.manifest.as_ref()];
            files.into_iter().flatten().try_for_each(|path| output::refuse_to_overwrite(path))?;
        }
        if self.on == On::Go1x {
            return Err(Error::input("go1.x starts no bootstrap, and needs none")
                .with_help("say --on provided.al2023, or --on provided.al2"));
        }
        let package = self.package()?;
        let on = System::from(self.on);
        let asked = Asked {
            on,
            machine: Some(package.machine),
            way: Some(Way::Bridge).filter(|_| package.kind != Kind::Layer),
            handler: self.setting.clone(),
        };
        let architecture = package.machine.lambda_name().unwrap_or_default();
        let mut manifest = Manifest::of(&self.output, &package.zip, package.kind, architecture, &asked)
            .map_err(|why| {
                let name = self.what.old.as_ref().map_or("the package".into(), |old| old.to_string_lossy());
                Error::input(visible(&format!("{name}: {why}"))).with_help("pack it anew")
            })?;
        refuse(&manifest, package.lacks_rpc, &asked)?;
        if package.lacks_rpc {
            let text =
                "it was built without RPC (feature norpc): for handlers that poll for themselves alone";
            manifest.inspect.findings.push(Finding::note("bootstrap", text).of("bootstrap"));
        }
        let image = match package.kind {
            Kind::Image => Some(self.image(&package, &mut manifest)?),
            _ => None,
        };
        let json = serde_json::to_string_pretty(&manifest).map_err(Error::failed)? + "\n";
        match image {
            Some(image) if is_stdout => layout::write_tar(&image, io::stdout())?,
            Some(image) if layout::is_tar(&manifest.output.path) => {
                output::write(&self.output, |file| layout::write_tar(&image, file))?;
            }
            Some(image) => {
                output::write_folder(&self.output, |folder| layout::write_folder(&image, folder))?;
            }
            None if is_stdout => io::stdout().write_all(&package.zip)?,
            None => output::write(&self.output, |file| file.write_all(&package.zip))?,
        }
        if let Some(path) = &self.manifest {
            output::write(path, |file| file.write_all(json.as_bytes()))?;
        }
        match self.format {
            // The package itself has gone there.
            _ if is_stdout => {}
            Format::Json => io::stdout().write_all(json.as_bytes())?,
            Format::Text => {
                let mut out = io::BufWriter::new(anstream::stdout().lock());
                text::write(&manifest, on.name(), &mut out)?;
                out.flush()?;
            }
        }
        Ok(())
    }

    fn package(&self) -> Result<Package, Error> {
        if let Some(old) = &self.what.old {
            self.added(old)
        } else if self.what.layer {
            let machine = self.arch.map_or(Machine::X86_64, Machine::from);
            let shim = Shim::find(self.bootstrap.as_deref(), machine)?;
            let lacks_rpc = !shim.has_rpc;
            Ok(Package {
                kind: Kind::Layer,
                machine,
                zip: zipped(&[bootstrap(shim)])?,
                members: Vec::new(),
                lacks_rpc,
            })
        } else {
            self.new_zip()
        }
    }

    /// The zip that is there, with `bootstrap`.
    fn added(&self, path: &Path) -> Result<Package, Error> {
        let refused = |why: String| {
            Error::input(visible(&format!("{}: {why}", path.display())))
                .with_help("name a zip as Lambda takes it; --handler packs programs and folders")
        };
        let old = input::read_zip(path).map_err(refused)?;
        let asked = Asked { on: self.on.into(), machine: None, way: None, handler: None };
        let before = input::inspect_zip(path, &old, &asked).map_err(refused)?;
        let architectures = before.programs.iter().map(|program| &*program.architecture);
        let machine = self.machine(architectures)?;
        let anew = |why: &str| refused(why.to_owned()).with_help("pack it anew");
        let directory = Directory::read(&old).map_err(anew)?;
        if directory.has(is_bootstrap) && !self.replace && !has_bridge(&before) {
            let text = format!(
                "{} has a bootstrap already, which is not go1x's: Lambda starts it, and no layer's",
                path.display()
            );
            let help = "if the function's handler setting names another program, --replace puts go1x's in its place; \
                        if that bootstrap is the handler, pack it under another name, by --handler";
            return Err(Error::failed(visible(&text)).with_help(help));
        }
        let shim = Shim::find(self.bootstrap.as_deref(), machine)?;
        let lacks_rpc = !shim.has_rpc;
        let new = zipped(&[bootstrap(shim)])?;
        let new = Directory::read(&new).map_err(Error::failed)?;
        let zip = directory.with(&new, is_bootstrap).map_err(anew)?;
        Ok(Package { kind: Kind::Zip, machine, zip, members: Vec::new(), lacks_rpc })
    }

    fn new_zip(&self) -> Result<Package, Error> {
        let mut members = member::read(&self.what.handlers)?;
        let architectures = members.iter().filter_map(|member| match &member.content {
            Content::File { bytes, .. } => match Executable::of(bytes) {
                Executable::Elf { machine } => machine.lambda_name(),
                _ => None,
            },
            Content::Link(_) => None,
        });
        let machine = self.machine(architectures)?;
        let mut lacks_rpc = false;
        if !self.no_bootstrap {
            if members.iter().any(|member| member.name == "bootstrap") {
                return Err(Error::failed("the handler and go1x's bootstrap would have the same name")
                    .with_help(
                        "give the handler another name, and the function that as its handler setting",
                    ));
            }
            let shim = Shim::find(self.bootstrap.as_deref(), machine)?;
            lacks_rpc = !shim.has_rpc;
            members.push(bootstrap(shim));
            members.sort_by(|one, other| one.name.cmp(&other.name));
        }
        let kind = if self.image { Kind::Image } else { Kind::Handler };
        Ok(Package { kind, machine, zip: zipped(&members)?, members, lacks_rpc })
    }

    /// An image of the package, which is then what the manifest has.
    fn image(&self, package: &Package, manifest: &mut Manifest) -> Result<Image, Error> {
        let handlers: Vec<&str> = manifest.handlers().collect();
        let setting = match (&self.setting, &handlers[..]) {
            (Some(setting), _) => setting.clone(),
            (None, [only]) => (*only).to_owned(),
            _ => {
                return Err(Error::input("an image starts one handler, and it is not clear which")
                    .with_help("name it by --setting"));
            }
        };
        let read = |folder: &PathBuf| {
            Base::read(folder, package.machine).map_err(|why| {
                Error::input(visible(&format!("{}: {why}", folder.display())))
                    .with_help("skopeo copy --format oci SOURCE oci:DIR makes a folder that can be a base")
            })
        };
        let base = self.base.as_ref().map(read).transpose()?;
        let image = Image::new(&package.members, &setting, package.machine, base)?;
        manifest.output.size = image.blobs.iter().map(Blob::size).sum();
        let digest = image.descriptor["digest"].as_str().unwrap_or_default();
        manifest.output.sha256 = digest.trim_start_matches("sha256:").to_owned();
        manifest.output.code_sha256 = None;
        Ok(image)
    }

    /// The architecture that was asked for, else that of all programs.
    fn machine<'a>(&self, architectures: impl Iterator<Item = &'a str>) -> Result<Machine, Error> {
        if let Some(asked) = self.arch {
            return Ok(asked.into());
        }
        let mut known: Vec<&str> = architectures.filter(|name| ["x86_64", "arm64"].contains(name)).collect();
        known.sort();
        known.dedup();
        match known[..] {
            [] | ["x86_64"] => Ok(Machine::X86_64),
            ["arm64"] => Ok(Machine::AARCH64),
            _ => {
                Err(Error::failed("it has programs for x86_64 and for arm64, and a function has one of them")
                    .with_help("say which by --arch"))
            }
        }
    }
}

fn bootstrap(shim: Shim) -> Member {
    Member { name: "bootstrap".to_owned(), content: Content::File { bytes: shim.bytes, is_executable: true } }
}

fn zipped(members: &[Member]) -> Result<Vec<u8>, Error> {
    zip::write(members).map_err(|error| {
        Error::input(format_args!("it cannot be packed: {error}"))
            .with_help("leave out what Lambda would not take")
    })
}

fn is_bootstrap(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| plain(name) == "bootstrap")
}

/// Whether the package's `bootstrap` is go1x's, perhaps an older one.
fn has_bridge(input: &Input) -> bool {
    input
        .programs
        .iter()
        .any(|program| is_bootstrap(program.name.as_bytes()) && program.verdict.doors == "bridge")
}

/// What inspection says cannot run is not written.
fn refuse(manifest: &Manifest, lacks_rpc: bool, asked: &Asked) -> Result<(), Error> {
    let mut help = Vec::new();
    let mut texts = Vec::new();
    for finding in manifest.errors() {
        let member = finding.member.as_deref().map(|member| format!("{member}: ")).unwrap_or_default();
        texts.push(visible(&format!("{member}{}", finding.message)));
        help.extend(finding.help.as_deref().map(visible).filter(|text| !help.contains(text)));
    }
    // With bootstrap alone there is nothing for it to start. What UPX packed may be a handler.
    let is_hidden = || manifest.inspect.findings.iter().any(|finding| finding.rule == "packed");
    let is_settled = manifest.kind == Kind::Layer || asked.handler.is_some();
    if texts.is_empty() && !is_settled && manifest.handlers().next().is_none() && !is_hidden() {
        texts.push("there is no Lambda handler in it".to_owned());
        help.push("a script, or what else bootstrap is to start, has to be named by --setting".to_owned());
    }
    // A file and a folder of one name: nobody can unpack that.
    if manifest.entries.iter().any(|entry| entry.name.trim_start_matches("./").starts_with("bootstrap/")) {
        texts.push("it has a folder bootstrap, where Lambda looks for a program of that name".to_owned());
        help.push("give the folder another name".to_owned());
    }
    let unserved =
        manifest.inspect.programs.iter().find(|program| lacks_rpc && program.verdict.doors == "rpc");
    if let Some(program) = unserved {
        texts.push(visible(&format!(
            "{}: it serves RPC alone, and this bootstrap was built without (feature norpc)",
            program.name
        )));
        help.push("build bootstrap with its default features".to_owned());
    }
    if texts.is_empty() {
        return Ok(());
    }
    let text =
        format!("it would not run on {}, and is not written: {}", asked.on.name(), texts.join("\n       "));
    if help.is_empty() {
        help.push("`go1x inspect` tells more of each program".to_owned());
    }
    Err(Error::failed(text).with_help(help.join("\n      ")))
}
