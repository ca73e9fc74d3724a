//! One program: what it is, what would keep it from running as asked, and what to do next.

use executable::{Confidence, Doors, Obstacle, Program, System};

use super::finding::Finding;
use super::{Asked, Way};

/// Whose functions look at `AWS_EXECUTION_ENV` for nothing but the user agent that they send.
const SDKS: [&str; 2] = ["github.com/aws/aws-sdk-go/", "github.com/aws/aws-sdk-go-v2/"];

/// The verdict in a few words.
pub(crate) fn verdict(doors: Doors) -> &'static str {
    match doors {
        Doors::Rpc => "RPC only → bridge",
        Doors::Both => "both → bridge or direct",
        Doors::RuntimeApi => "norpc → direct",
        Doors::Bridge => "go1x's bootstrap: the bridge",
        Doors::None => "not a Lambda handler",
    }
}

/// Whether the program is one that Lambda may be asked to start.
pub(crate) fn is_handler(program: &Program) -> bool {
    !matches!(program.verdict.doors, Doors::None | Doors::Bridge)
}

/// Whether it is worth telling of in a package: a handler, the bridge, or what may be one.
pub(crate) fn is_of_interest(program: &Program) -> bool {
    program.verdict.doors != Doors::None || program.is_packed
}

/// What would keep it from running as asked, or may.
pub(crate) fn findings(program: &Program, asked: &Asked) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(start(program, asked));
    found.extend(door(program, asked));
    let verdict = &program.verdict;
    if program.is_packed {
        let text = "it was packed by UPX, so nothing can be known of what is in it";
        found.push(Finding::warning("packed", text).with_help("unpack it with upx -d, and inspect that"));
    } else if verdict.confidence == Confidence::Low {
        let text = format!("what it is was told by little: {}", verdict.reason);
        found.push(
            Finding::warning("unsure", text)
                .with_help("try it: bootstrap tells a handler that does not listen"),
        );
    }
    found.extend(variables(program, asked));
    found
}

fn start(program: &Program, asked: &Asked) -> Option<Finding> {
    let error = |text: String, help: String| Finding::error("cannot-start", text).with_help(help);
    let machine = program.elf.machine;
    if let Some(obstacle) = asked.on.obstacle(&program.elf, &program.needs) {
        let on = asked.on.name();
        let has = format!("{on} has {}", asked.on.glibc());
        let static_build = "build it with CGO_ENABLED=0".to_owned();
        return Some(match &obstacle {
            Obstacle::Glibc(glibc) => {
                let fits =
                    System::ALL.into_iter().find(|system| *system > asked.on && system.glibc() >= *glibc);
                let instead = fits.map(|system| format!(", or use {}", system.name())).unwrap_or_default();
                error(format!("{obstacle}, and {has}"), static_build + &instead)
            }
            Obstacle::Loader(_) => {
                error(format!("{obstacle} on {on}: it was built for another C library"), static_build)
            }
            Obstacle::Machine(_) => {
                let knows = if asked.on == System::Go1x { "x86_64 alone" } else { "x86_64 and arm64" };
                error(
                    format!("{obstacle}, and {on} has {knows}"),
                    "build it with GOOS=linux GOARCH=amd64".into(),
                )
            }
            _ => error(obstacle.to_string(), "build the package main: go build -o main .".into()),
        });
    }
    let wanted = asked.machine.filter(|wanted| *wanted != machine)?;
    let name = |machine: executable::Machine| machine.lambda_name().unwrap_or_default();
    Some(error(
        format!("it is built for {machine}, and the function's architecture is {}", name(wanted)),
        format!(
            "build it with GOARCH={}, or change the function's architecture to {}",
            wanted.goarch().unwrap_or_default(),
            name(machine)
        ),
    ))
}

fn door(program: &Program, asked: &Asked) -> Option<Finding> {
    let verdict = &program.verdict;
    let version = verdict.library.as_deref().unwrap_or("its library");
    match (verdict.doors, asked.way) {
        (Doors::RuntimeApi, _) if asked.on == System::Go1x && verdict.refuses_port => {
            let text =
                format!("on go1.x it refuses to start: aws-lambda-go {version}, built with lambda.norpc");
            Some(
                Finding::error("wrong-door", text)
                    .with_help("build it without the tag, or run it on provided.al2023"),
            )
        }
        (Doors::Rpc, Some(Way::Direct)) if asked.on != System::Go1x => {
            let text = format!(
                "by itself it would wait for calls that nobody makes, and every invocation would time out: {}",
                verdict.reason
            );
            Some(Finding::error("wrong-door", text).with_help("put go1x's bootstrap in front of it"))
        }
        (Doors::RuntimeApi, Some(Way::Bridge)) if verdict.refuses_port => {
            let text = format!(
                "it refuses to start where _LAMBDA_SERVER_PORT is set: aws-lambda-go {version}, built with lambda.norpc"
            );
            Some(Finding::warning("wrong-door", text).with_help("set GO1X_MODE=direct"))
        }
        _ => None,
    }
}

/// The libraries that the system may lack, but for those that `brought` says the package has.
pub(crate) fn libraries(program: &Program, brought: impl Fn(&str) -> bool) -> Option<Finding> {
    let missing: Vec<&str> = program.needs.other_libraries().filter(|library| !brought(library)).collect();
    if missing.is_empty() || !program.needs.is_dynamic() {
        return None;
    }
    let text = format!("it needs {}, which glibc does not bring", missing.join(", "));
    Some(
        Finding::warning("libraries", text)
            .with_help("put them into lib/ of the package or of a layer, or build it with CGO_ENABLED=0"),
    )
}

fn variables(program: &Program, asked: &Asked) -> Vec<Finding> {
    let mut found = Vec::new();
    for variable in executable::VARIABLES {
        let uses = program.uses.iter().filter(|usage| usage.variable == variable);
        let (sdks, others): (Vec<&str>, Vec<&str>) =
            uses.map(|usage| &*usage.function).partition(|name| SDKS.iter().any(|sdk| name.contains(sdk)));
        if !others.is_empty() {
            let text = format!("{variable} is looked at by {}", listed(&others));
            let help = "behind go1x's bootstrap it is set as on go1.x; where the program is bootstrap itself, it is not";
            let finding = if asked.way == Some(Way::Bridge) || asked.on == System::Go1x {
                Finding::note("reads-go1x-variable", text)
            } else {
                Finding::warning("reads-go1x-variable", text)
            };
            found.push(finding.with_help(help));
        }
        if !sdks.is_empty() {
            let text =
                format!("{variable} is looked at by AWS's SDK ({}), for its user agent", listed(&sdks));
            found.push(Finding::note("reads-go1x-variable", text));
        }
    }
    found
}

/// A few of the names.
pub(crate) fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}

/// What to do next, with the exact settings. `setting` is the program's path in its package.
pub(crate) fn next_steps(program: &Program, asked: &Asked, setting: &str) -> Vec<String> {
    let Some(architecture) = program.elf.machine.lambda_name() else { return Vec::new() };
    let on = if asked.on == System::Go1x { System::ProvidedAl2023 } else { asked.on };
    if on.obstacle(&program.elf, &program.needs).is_some() {
        return Vec::new();
    }
    let function = format!("runtime {}, architecture {architecture}", on.name());
    let mode = if program.verdict.refuses_port { ", GO1X_MODE=direct" } else { "" };
    let bridge = format!(
        "bridge: go1x's bootstrap as a layer, or at the root of the zip; {function}, handler setting {setting}{mode}"
    );
    let named = if setting == "bootstrap" {
        "direct: as it is, at the root of the zip".to_owned()
    } else {
        "direct: name it bootstrap, at the root of the zip".to_owned()
    };
    let direct = format!("{named}; {function}{}", shortcomings(program));
    match (program.verdict.doors, asked.way) {
        (Doors::Rpc, _) | (Doors::Both | Doors::RuntimeApi, Some(Way::Bridge)) => vec![bridge],
        (Doors::Both | Doors::RuntimeApi, Some(Way::Direct)) => vec![direct],
        (Doors::Both, None) => vec![bridge, direct],
        (Doors::RuntimeApi, None) => vec![direct, bridge],
        (Doors::Bridge, _) => vec![format!(
            "as a layer: this file alone at the root of a zip, mode 0755; or beside the old program in its own zip; \
             {function}"
        )],
        (Doors::None, _) => Vec::new(),
    }
}

/// What the older clients of the Runtime API lack, by aws-lambda-go's issues #313 and #416.
fn shortcomings(program: &Program) -> &'static str {
    let version = program.verdict.library.as_deref().and_then(version);
    match version {
        Some(version) if version < (1, 19, 1) => {
            ". Its context then has no request id, and errors are not logged"
        }
        Some(version) if version < (1, 27, 1) => ". Errors are then not logged",
        _ => "",
    }
}

/// `v1.19.1` in numbers; of a pseudo-version, what it comes after.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.strip_prefix('v')?.splitn(3, '.');
    let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let patch = parts.next()?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    Some((major, minor, patch))
}
