//! A package as a whole: what Lambda would find in `/var/task`, and where that goes wrong.

use executable::{Doors, Program, System};

use super::entry::{Content, Entry};
use super::finding::{Finding, Level};
use super::program::{self, is_handler, is_of_interest, listed};
use super::tree::{Lost, Tree, plain};
use super::{Asked, Way};

/// "Deployment package (.zip file archive) size" of AWS's page "Lambda quotas": unpacked, with layers and runtimes.
pub(crate) const UNPACKED_LIMIT: u64 = 250 << 20;
/// The same, for a zip in a request.
pub(crate) const UPLOAD_LIMIT: u64 = 50 << 20;

/// Interpreters that Amazon Linux has without more.
const INTERPRETERS: [&str; 6] =
    ["/bin/sh", "/bin/bash", "/usr/bin/sh", "/usr/bin/bash", "/usr/bin/env", "/bin/env"];
const FOLDERS_LIMIT: usize = 32;
const NAME_LIMIT: usize = 255;

/// The files of a package, and what is asked of them.
pub(crate) struct Package<'a> {
    entries: &'a [Entry],
    tree: Tree<'a>,
    asked: &'a Asked,
}

impl<'a> Package<'a> {
    pub(crate) fn new(entries: &'a [Entry], asked: &'a Asked) -> Package<'a> {
        Package { entries, tree: Tree::new(entries), asked }
    }

    /// The programs that are worth a look: handlers, the bridge, and whatever cannot be read.
    pub(crate) fn programs(&self) -> impl Iterator<Item = (&'a Entry, &'a Program)> {
        self.entries.iter().filter_map(|entry| Some((entry, entry.program()?)))
    }

    fn handlers(&self) -> impl Iterator<Item = (&'a Entry, &'a Program)> {
        self.programs().filter(|(_, program)| is_handler(program))
    }

    /// What is wrong, or may be. `packed` is the zip's own size.
    pub(crate) fn findings(&self, packed: Option<u64>) -> Vec<Finding> {
        let mut found = self.sizes(packed);
        found.extend(self.entries.iter().flat_map(|entry| self.of_entry(entry)));
        found.extend(self.bootstrap());
        found.extend(self.handler_setting());
        found.extend(self.layout());
        found
    }

    fn sizes(&self, packed: Option<u64>) -> Vec<Finding> {
        let mut found = Vec::new();
        let size = self.entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
        if size > UNPACKED_LIMIT {
            let text = format!("unpacked it has {size} bytes; Lambda takes {UNPACKED_LIMIT}, with layers");
            found.push(Finding::error("size", text).with_help("leave out what is not needed at run time"));
        }
        if let Some(packed) = packed.filter(|packed| *packed > UPLOAD_LIMIT) {
            let text = format!("it has {packed} bytes; a request takes {UPLOAD_LIMIT}");
            found.push(Finding::warning("size", text).with_help("upload it through S3"));
        }
        found
    }

    fn of_entry(&self, entry: &'a Entry) -> Vec<Finding> {
        let mut found = Vec::new();
        found.extend(name(&entry.name));
        let is_bootstrap = plain(&entry.name) == "bootstrap";
        match &entry.content {
            Content::Program(Ok(program)) if is_of_interest(program) => {
                found.extend(mode(entry));
                found.extend(program::findings(program, self.asked));
                found.extend(program::libraries(program, |library| self.tree.has_file_called(library)));
            }
            Content::Program(Err(error)) => {
                let text = format!("it cannot be read as a program: {error}");
                found.push(if is_bootstrap || self.is_asked_for(entry) {
                    Finding::error("unreadable-program", text)
                } else {
                    Finding::warning("unreadable-program", text)
                });
            }
            Content::Script { interpreter } => {
                if is_bootstrap {
                    found.extend(mode(entry));
                }
                found.extend(script(interpreter, is_bootstrap || self.is_asked_for(entry)));
            }
            Content::Link(_) => found.extend(self.link(entry, is_bootstrap)),
            Content::Unseen(why) => found.push(Finding::warning("not-looked-at", why)),
            Content::Other { foreign } if is_bootstrap || self.is_asked_for(entry) => {
                let what = foreign.unwrap_or("neither a program for Linux nor a script");
                found.push(Finding::error("cannot-start", format!("it is {what}")));
            }
            Content::Program(Ok(_)) | Content::Folder | Content::Other { .. } => {}
        }
        if self.is_idle(entry) {
            for finding in found.iter_mut().filter(|finding| finding.rule != "name") {
                finding.level = finding.level.min(Level::Warning);
            }
        }
        found.into_iter().map(|finding| finding.of(&entry.name)).collect()
    }

    /// Whether it is known that this function does not start the entry: the handler setting names another, or
    /// `bootstrap` does without it.
    fn is_idle(&self, entry: &Entry) -> bool {
        let bootstrap = self.resolved("bootstrap");
        let started = match (&self.asked.handler, self.asked.way) {
            (_, Some(Way::Direct)) if bootstrap.is_some() => vec![bootstrap],
            (Some(setting), _) => vec![bootstrap, self.resolved(setting)],
            _ => return false,
        };
        !started.into_iter().flatten().any(|started| started.name == entry.name)
    }

    fn is_asked_for(&self, entry: &Entry) -> bool {
        self.asked.handler.as_deref().is_some_and(|handler| plain(handler) == plain(&entry.name))
    }

    fn link(&self, entry: &'a Entry, is_bootstrap: bool) -> Option<Finding> {
        let text = match self.tree.follow(entry).err()? {
            Lost::Outside(target) => format!("the link leads to {target}, out of the package"),
            Lost::Missing(target) => format!("the link leads to {target}, which is not in the package"),
            Lost::Circle => "the links lead in a circle".to_owned(),
        };
        let finding =
            if is_bootstrap { Finding::error("link", text) } else { Finding::warning("link", text) };
        Some(finding.with_help("pack the file itself in place of the link"))
    }

    /// The entry of that name, through links.
    fn resolved(&self, name: &str) -> Option<&'a Entry> {
        self.tree.follow(self.tree.get(name)?).ok().flatten()
    }

    /// What Lambda starts on `provided.*`: `bootstrap` at the root of the package, else a layer's.
    fn bootstrap(&self) -> Vec<Finding> {
        if self.asked.on == System::Go1x {
            return Vec::new();
        }
        let mut found = Vec::new();
        let deeper = self.entries.iter().filter(|entry| {
            entry.file_name() == "bootstrap"
                && plain(&entry.name) != "bootstrap"
                && !matches!(entry.content, Content::Folder)
        });
        let deeper: Vec<&str> = deeper.map(|entry| &*entry.name).collect();
        let Some(bootstrap) = self.tree.get("bootstrap") else {
            let text =
                "it has no bootstrap at its root: Lambda starts that of a layer, or says that there is none";
            if self.asked.way == Some(Way::Direct) {
                let finding = Finding::error("bootstrap", text);
                found.push(finding.with_help("name the handler bootstrap, and put it at the root"));
            } else if self.handlers().next().is_some() {
                found.push(
                    Finding::note("bootstrap", text)
                        .with_help("add go1x's layer, or its bootstrap to the zip"),
                );
            }
            if let Some(first) = deeper.first() {
                let text = "Lambda looks for bootstrap at the root of the package alone, not here";
                found.push(Finding::warning("bootstrap", text).of(*first).with_help("move it to the root"));
            }
            return found;
        };
        let resolved = self.resolved("bootstrap").and_then(|entry| Some((entry, entry.program()?)));
        let (what, doors) = match resolved {
            Some((entry, program)) if entry.name != bootstrap.name => {
                (format!("a link to {}", entry.name), Some(program.verdict.doors))
            }
            Some((_, program)) => ("a program".to_owned(), Some(program.verdict.doors)),
            None if matches!(bootstrap.content, Content::Script { .. }) => ("a script".to_owned(), None),
            None => return found,
        };
        let text = format!("Lambda starts this bootstrap, {what}, and not that of a layer");
        let help =
            "for go1x, put its bootstrap in the place of this one, and keep the program under its own name";
        found.extend(
            match doors {
                Some(Doors::Bridge) => None,
                Some(Doors::Rpc) => Some(Finding::error(
                    "bootstrap",
                    format!("{text}: it serves go1.x's RPC alone, and nobody would call it"),
                )),
                _ if self.asked.way == Some(Way::Bridge) => Some(Finding::error("bootstrap", text)),
                _ if self.handlers().any(|(_, program)| program.verdict.doors == Doors::Rpc) => {
                    Some(Finding::warning("bootstrap", text))
                }
                _ => Some(Finding::note("bootstrap", text)),
            }
            .map(|finding| finding.of(&bootstrap.name).with_help(help)),
        );
        found
    }

    fn handler_setting(&self) -> Vec<Finding> {
        let Some(setting) = self.asked.handler.as_deref() else { return Vec::new() };
        let names: Vec<&str> = self.handlers().map(|(entry, _)| plain(&entry.name)).collect();
        let help = if names.is_empty() {
            "there is no handler in the package".to_owned()
        } else {
            format!("it can be {}", listed(&names))
        };
        let error = |text: String| vec![Finding::error("handler-setting", text).with_help(&*help)];
        match self.resolved(setting) {
            None => error(format!("the handler setting {setting} is no file of the package")),
            Some(entry) if matches!(entry.content, Content::Folder) => {
                error(format!("the handler setting {setting} is a folder"))
            }
            Some(entry)
                if entry
                    .program()
                    .is_some_and(|program| program.verdict.doors == Doors::None && !program.is_packed) =>
            {
                error(format!("the handler setting {setting} leads to a program that is no Lambda handler"))
            }
            Some(entry) if matches!(entry.content, Content::Script { .. }) => {
                mode(entry).into_iter().collect()
            }
            Some(_) => Vec::new(),
        }
    }

    fn layout(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let names: Vec<&str> = self.handlers().map(|(entry, _)| plain(&entry.name)).collect();
        // The bridge alone makes a layer, and what was packed may be a handler.
        let is_of_interest = self.programs().any(|(_, program)| is_of_interest(program));
        let is_settled = self.asked.handler.is_some();
        match names.len() {
            0 if is_of_interest || is_settled => {}
            0 => {
                let text = "there is no Lambda handler in it";
                let help = "a program is told by its first bytes, whatever its name: was it left out?";
                found.push(Finding::error("not-a-handler", text).with_help(help));
            }
            1 => {}
            count if !is_settled => {
                let text = format!("it has {count} handlers: {}", listed(&names));
                let help =
                    "behind go1x the handler setting tells which one; by itself provided.* starts bootstrap";
                let finding = if self.asked.way == Some(Way::Direct) {
                    Finding::warning("several-handlers", text)
                } else {
                    Finding::note("several-handlers", text)
                };
                found.push(finding.with_help(help));
            }
            _ => {}
        }
        if let Some(top) = self.tree.only_folder().filter(|_| !names.is_empty()) {
            let text = format!("all of it lies in the folder {top}, which becomes a folder of /var/task");
            let help = format!(
                "zip what is in the folder (cd {top} && zip -r ../package.zip .), or set the handler to {}",
                names[0]
            );
            found.push(Finding::warning("in-a-folder", text).with_help(help));
        }
        found
    }
}

fn name(name: &str) -> Option<Finding> {
    let parts = || name.split('/');
    if name.starts_with('/') || parts().any(|part| part == "..") {
        let text = "its name leads out of the package";
        return Some(
            Finding::error("name", text).with_help("pack it anew, with names relative to the package"),
        );
    }
    if name.contains('\\') {
        let text = "its name has a backslash: on Lambda that is a part of the name, not a folder";
        return Some(
            Finding::warning("name", text).with_help("pack it with a tool that writes / between folders"),
        );
    }
    if name.contains(|c: char| c.is_control()) || name.is_empty() {
        return Some(Finding::warning("name", "its name has characters that cannot be seen"));
    }
    if parts().count() > FOLDERS_LIMIT || parts().any(|part| part.len() > NAME_LIMIT) {
        return Some(Finding::warning("name", "its name is too long, or lies too many folders deep"));
    }
    None
}

fn mode(entry: &Entry) -> Option<Finding> {
    let text = match entry.mode {
        Some(_) if entry.is_executable() => return None,
        Some(mode) => format!("it is not executable (mode {mode:04o})"),
        None => "no permissions are stored, as in zips made on Windows: it is not executable".to_owned(),
    };
    Some(
        Finding::error("not-executable", text)
            .with_help("pack it with mode 0755, from a Unix or with build-lambda-zip"),
    )
}

fn script(line: &str, is_started: bool) -> Option<Finding> {
    let finding = |text: String| {
        if is_started { Finding::error("script", text) } else { Finding::warning("script", text) }
    };
    if line.ends_with('\r') {
        let text =
            "its first line ends as lines on Windows do, so that its interpreter is not found".to_owned();
        return Some(finding(text).with_help("save it with Unix line ends (LF)"));
    }
    let interpreter = line.split_whitespace().next().unwrap_or_default();
    if is_started && !INTERPRETERS.contains(&interpreter) {
        let text = format!("its interpreter {interpreter} may not be there");
        return Some(
            Finding::warning("script", text)
                .with_help("use /bin/sh, or put the interpreter into the package"),
        );
    }
    None
}
