//! What was packed, for people, and what to do with it.

use std::io::{self, Write};

use anstyle::Style;

use super::manifest::{Kind, Manifest};
use crate::inspect::package::UPLOAD_LIMIT;
use crate::inspect::text::{finding, labelled, megabytes, visible};

const BOLD: Style = Style::new().bold();
/// More files than that are not named one by one.
const NAMED_LIMIT: usize = 20;

/// All of it.
pub(crate) fn write(manifest: &Manifest, on: &str, out: &mut dyn Write) -> io::Result<()> {
    let output = &manifest.output;
    let kind = match manifest.kind {
        Kind::Layer => "layer",
        Kind::Zip | Kind::Handler => "deployment package",
        Kind::Image => "container image (OCI layout)",
    };
    writeln!(out, "{BOLD}{}{BOLD:#}: {kind}, {}", visible(&output.path), manifest.architecture)?;
    let unpacked = manifest.entries.iter().map(|entry| entry.size).sum();
    let size = format!("{} bytes, {} unpacked", output.size, megabytes(unpacked));
    labelled("size", &size, out)?;
    labelled("SHA-256", &output.sha256, out)?;
    if let Some(code_sha256) = &output.code_sha256 {
        labelled("CodeSha256", code_sha256, out)?;
    }
    let named = manifest.entries.len().min(NAMED_LIMIT);
    for (index, entry) in manifest.entries[..named].iter().enumerate() {
        let mode = entry.mode.as_deref().unwrap_or("no mode");
        let what = match &entry.link {
            Some(target) => format!("→ {target}"),
            None => format!("{mode}, {} bytes", entry.size),
        };
        labelled(if index == 0 { "files" } else { "" }, &format!("{} {what}", entry.name), out)?;
    }
    if named < manifest.entries.len() {
        labelled("", &format!("and {} more", manifest.entries.len() - named), out)?;
    }
    for program in &manifest.inspect.programs {
        labelled("inspect", &format!("{}: {}", program.name, program.verdict.text), out)?;
    }
    for found in &manifest.inspect.findings {
        finding(found, out)?;
    }
    writeln!(out, "\nNext:")?;
    for line in next(manifest, on) {
        writeln!(out, "  {}", visible(&line))?;
    }
    Ok(())
}

/// Commands of the AWS CLI.
fn next(manifest: &Manifest, on: &str) -> Vec<String> {
    let (path, architecture) = (quoted(&manifest.output.path), manifest.architecture);
    if manifest.kind == Kind::Layer {
        return vec![
            format!("aws lambda publish-layer-version --layer-name go1x --zip-file fileb://{path} \\"),
            format!("    --compatible-runtimes {on} --compatible-architectures {architecture}"),
        ];
    }
    if manifest.kind == Kind::Image {
        let transport = if super::layout::is_tar(&manifest.output.path) { "oci-archive" } else { "oci" };
        return vec![
            format!("skopeo copy {transport}:{path}:latest docker://REGISTRY/NAME:TAG"),
            "aws lambda create-function --function-name NAME --package-type Image --role ROLE \\".to_owned(),
            format!("    --architectures {architecture} --code ImageUri=REGISTRY/NAME:TAG"),
        ];
    }
    let source = if manifest.output.size > UPLOAD_LIMIT {
        format!("--s3-bucket BUCKET --s3-key {path}")
    } else {
        format!("--zip-file fileb://{path}")
    };
    let mut lines = vec![
        "aws lambda update-function-code --function-name NAME --publish \\".to_owned(),
        format!("    --architectures {architecture} {source}"),
        "aws lambda wait function-updated --function-name NAME".to_owned(),
    ];
    let mut handlers = manifest.handlers();
    let setting = match (handlers.next(), handlers.next()) {
        (Some(only), None) => format!(" --handler {}", quoted(only)),
        _ => String::new(),
    };
    lines.push("aws lambda update-function-configuration --function-name NAME \\".to_owned());
    lines.push(format!("    --runtime {on}{setting}"));
    lines
}

/// As a shell takes for one word.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
