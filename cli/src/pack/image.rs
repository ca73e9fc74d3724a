//! A container image in OCI's layout (image-spec v1.1: `image-layout.md`, `manifest.md`, `config.md`): one layer on a
//! local base, or on nothing.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use executable::Machine;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};

use super::layout::{Base, Blob};
use super::manifest::digest;
use super::member::{Content, Member};
use super::tar::{self, Kind};

/// An image: its blobs, and the descriptor of its manifest.
pub(crate) struct Image {
    pub(crate) blobs: Vec<Blob>,
    pub(crate) descriptor: Value,
}

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Where AWS's base images have their entry point look.
const BOOTSTRAP: &str = "var/runtime/bootstrap";

impl Image {
    /// `bootstrap` of the members goes to `/var/runtime`, the others to `/var/task`. `setting` is the handler's path
    /// there.
    pub(crate) fn new(
        members: &[Member],
        setting: &str,
        machine: Machine,
        base: Option<Base>,
    ) -> io::Result<Image> {
        let is_scratch = base.is_none();
        let Base { mut config, mut layers, mut blobs } = base.unwrap_or_else(|| Base {
            config: json!({
                "created": "1980-01-01T00:00:00Z",
                "architecture": machine.goarch(),
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": []},
            }),
            layers: Vec::new(),
            blobs: Vec::new(),
        });
        let archive = archive(members, is_scratch)?;
        let layer = compressed(&archive)?;
        set(&mut config, setting, &digest(&archive));
        layers.push(json!({"mediaType": LAYER, "digest": digest(&layer), "size": layer.len()}));
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest(&config), "size": config.len()},
            "layers": layers,
        });
        let manifest = manifest.to_string().into_bytes();
        let descriptor = json!({
            "mediaType": MANIFEST,
            "digest": digest(&manifest),
            "size": manifest.len(),
            "platform": {"architecture": machine.goarch(), "os": "linux"},
            "annotations": {"org.opencontainers.image.ref.name": "latest"},
        });
        blobs.extend([layer, config, manifest].map(Blob::Bytes));
        Ok(Image { blobs, descriptor })
    }
}

/// What the container starts, and with what.
fn set(config: &mut Value, setting: &str, diff_id: &str) {
    let settings = &mut config["config"];
    let own = json!([format!("/{BOOTSTRAP}")]);
    let mut variables = settings["Env"].as_array().cloned().unwrap_or_default();
    // It would win over the setting.
    variables.retain(|value| value.as_str().is_some_and(|text| !text.starts_with("GO1X_HANDLER=")));
    // An entry point of the base, as AWS's, takes the handler as its argument and starts /var/runtime/bootstrap.
    let is_empty = settings["Entrypoint"].as_array().is_none_or(Vec::is_empty);
    if is_empty || settings["Entrypoint"] == own {
        settings["Entrypoint"] = own;
        settings["Cmd"] = Value::Null;
        variables.push(json!(format!("GO1X_HANDLER={setting}")));
    } else {
        settings["Cmd"] = json!([setting]);
    }
    settings["Env"] = if variables.is_empty() { Value::Null } else { Value::Array(variables) };
    settings["WorkingDir"] = json!("/var/task");
    if let Some(settings) = settings.as_object_mut() {
        settings.retain(|_, value| !value.is_null());
    }
    // A base without a history stays so: with one, there has to be an entry for each layer.
    let has_history =
        config.get("history").is_some_and(Value::is_array) || config["rootfs"]["diff_ids"] == json!([]);
    push(&mut config["rootfs"]["diff_ids"], json!(diff_id));
    if has_history {
        push(&mut config["history"], json!({"created": "1980-01-01T00:00:00Z", "created_by": "go1x pack"}));
    }
}

fn push(list: &mut Value, value: Value) {
    match list.as_array_mut() {
        Some(list) => list.push(value),
        None => *list = json!([value]),
    }
}

/// The layer: folders before what is in them, sorted.
fn archive(members: &[Member], is_scratch: bool) -> io::Result<Vec<u8>> {
    let mut placed: Vec<(String, &Member)> = members
        .iter()
        .map(|member| match &*member.name {
            "bootstrap" => (BOOTSTRAP.to_owned(), member),
            name => (format!("var/task/{name}"), member),
        })
        .collect();
    placed.sort_by(|one, other| one.0.cmp(&other.0));
    let parents =
        |path: &str| path.match_indices('/').map(|(at, _)| path[..=at].to_owned()).collect::<Vec<_>>();
    let folders: BTreeSet<String> = placed.iter().flat_map(|(path, _)| parents(path)).collect();

    let mut tar = Vec::new();
    if is_scratch {
        // The one file of a system that Go's own resolver needs to know `localhost`.
        tar::add(&mut tar, "etc/", 0o755, Kind::Folder, 0, io::empty())?;
        let hosts = b"127.0.0.1 localhost\n";
        tar::add(&mut tar, "etc/hosts", 0o644, Kind::File, hosts.len() as u64, &hosts[..])?;
        tar::add(&mut tar, "tmp/", 0o1777, Kind::Folder, 0, io::empty())?;
    }
    for folder in &folders {
        tar::add(&mut tar, folder, 0o755, Kind::Folder, 0, io::empty())?;
    }
    for (path, member) in &placed {
        match &member.content {
            Content::File { bytes, is_executable } => {
                let mode = if *is_executable { 0o755 } else { 0o644 };
                tar::add(&mut tar, path, mode, Kind::File, bytes.len() as u64, &bytes[..])?;
            }
            Content::Link(target) => tar::add(&mut tar, path, 0o777, Kind::Link(target), 0, io::empty())?,
        }
    }
    tar::finish(&mut tar)?;
    Ok(tar)
}

/// Without the time, and without the system's name.
fn compressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let gzip = GzBuilder::new().mtime(0).operating_system(255);
    let mut gzip: GzEncoder<Vec<u8>> = gzip.write(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    gzip.finish()
}
