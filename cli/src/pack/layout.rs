//! OCI image layouts on disk (image-spec v1.1, `image-layout.md`): a base is read from one, an image is written as one,
//! as a folder or as a tar of it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use executable::Machine;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::image::{Image, MANIFEST};
use super::manifest::{HashWriter, digest, hexadecimal};
use super::tar::{self, Kind};

/// A blob of an image.
pub(crate) enum Blob {
    Bytes(Vec<u8>),
    /// One of the base's, which is copied: it may be large.
    File {
        path: PathBuf,
        digest: String,
        size: u64,
    },
}

/// What an image is built on.
pub(crate) struct Base {
    pub(crate) config: Value,
    /// Their descriptors.
    pub(crate) layers: Vec<Value>,
    pub(crate) blobs: Vec<Blob>,
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// JSON of an image: registries take 4 MB of a manifest.
const JSON_LIMIT: u64 = 4 << 20;
/// An index in an index, and no deeper.
const INDEX_LIMIT: usize = 4;
const VERSION: &[u8] = b"{\"imageLayoutVersion\":\"1.0.0\"}";

impl Base {
    /// Reads the image for a processor from a layout's folder. All blobs of it are checked against their digests.
    pub(crate) fn read(folder: &Path, machine: Machine) -> Result<Base, String> {
        let at =
            |error: io::Error| format!("{} cannot be read: {error}", folder.join("index.json").display());
        let mut text = Vec::new();
        let index = File::open(folder.join("index.json")).map_err(at)?;
        index.take(JSON_LIMIT).read_to_end(&mut text).map_err(at)?;
        let mut index: Value =
            serde_json::from_slice(&text).map_err(|error| format!("index.json is malformed: {error}"))?;
        for _ in 0..INDEX_LIMIT {
            let descriptor = chosen(&index, machine)?;
            let document = document(folder, &descriptor)?;
            match descriptor["mediaType"].as_str() {
                Some(INDEX) => index = document,
                Some(MANIFEST) => return Base::of(folder, &document, machine),
                other => {
                    return Err(format!(
                        "it has {}, and no OCI image",
                        other.unwrap_or("something without a type")
                    ));
                }
            }
        }
        Err("its indexes lead too deep".to_owned())
    }

    fn of(folder: &Path, manifest: &Value, machine: Machine) -> Result<Base, String> {
        let config = document(folder, &manifest["config"])?;
        if config["architecture"].as_str() != machine.goarch() || !config["rootfs"].is_object() {
            return Err(format!(
                "it is for {}, and the function for {}",
                config["architecture"],
                machine.goarch().unwrap_or_default()
            ));
        }
        if !(config["config"].is_object() || config["config"].is_null()) {
            return Err("its configuration is malformed".to_owned());
        }
        let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
        let blobs = layers.iter().map(|layer| checked(folder, layer)).collect::<Result<_, _>>()?;
        Ok(Base { config, layers, blobs })
    }
}

/// The one of an index that is for the processor, or does not say for which it is.
fn chosen(index: &Value, machine: Machine) -> Result<Value, String> {
    let manifests = index["manifests"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fits = |descriptor: &&Value| {
        let platform = &descriptor["platform"];
        platform.is_null()
            || (platform["architecture"].as_str() == machine.goarch() && platform["os"] == "linux")
    };
    match manifests.iter().filter(fits).collect::<Vec<_>>()[..] {
        [only] => Ok(only.clone()),
        [] => Err(format!("it has no image for {}", machine.goarch().unwrap_or_default())),
        _ => Err("it has several images for that processor: copy one to a layout of its own".to_owned()),
    }
}

/// The path of a blob; a digest is anybody's text.
fn path(folder: &Path, descriptor: &Value) -> Result<(PathBuf, String, u64), String> {
    let digest = descriptor["digest"].as_str().unwrap_or_default();
    let hash = digest.strip_prefix("sha256:").unwrap_or_default();
    if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("{digest:?} is no digest of SHA-256"));
    }
    let size = descriptor["size"].as_u64().ok_or_else(|| format!("{digest} has no size"))?;
    Ok((folder.join("blobs/sha256").join(hash), digest.to_owned(), size))
}

fn document(folder: &Path, descriptor: &Value) -> Result<Value, String> {
    let (path, wanted, size) = path(folder, descriptor)?;
    let unreadable = |error: io::Error| format!("{} cannot be read: {error}", path.display());
    if size > JSON_LIMIT {
        return Err(format!("{wanted} has {size} bytes, which no description of an image has"));
    }
    let mut bytes = Vec::new();
    File::open(&path).map_err(unreadable)?.take(size + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if digest(&bytes) != wanted {
        return Err(format!("{} is not what its name says: it is damaged", path.display()));
    }
    serde_json::from_slice(&bytes).map_err(|error| format!("{wanted} is malformed: {error}"))
}

fn checked(folder: &Path, descriptor: &Value) -> Result<Blob, String> {
    let (path, digest, size) = path(folder, descriptor)?;
    let mut hash = HashWriter(Sha256::new());
    let read = File::open(&path).and_then(|mut file| io::copy(&mut file, &mut hash));
    let read = read.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    if read != size || format!("sha256:{}", hexadecimal(&hash.0.finalize())) != digest {
        return Err(format!("{} is not what its name says: it is damaged", path.display()));
    }
    Ok(Blob::File { path, digest, size })
}

impl Blob {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Blob::Bytes(bytes) => bytes.len() as u64,
            Blob::File { size, .. } => *size,
        }
    }

    fn name(&self) -> String {
        let digest = match self {
            Blob::Bytes(bytes) => digest(bytes),
            Blob::File { digest, .. } => digest.clone(),
        };
        digest.replace(':', "/")
    }
}

/// The files of a layout but for its larger blobs.
fn index(image: &Image) -> Vec<u8> {
    let text = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [image.descriptor]});
    text.to_string().into_bytes()
}

/// Whether a name asks for a tar; a folder has any other.
pub(crate) fn is_tar(name: &str) -> bool {
    name == "-" || name.ends_with(".tar")
}

/// Writes a layout as a folder, which must not be there.
pub(crate) fn write_folder(image: &Image, folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)?;
    fs::create_dir_all(folder.join("blobs/sha256"))?;
    fs::write(folder.join("oci-layout"), VERSION)?;
    for blob in &image.blobs {
        let path = folder.join("blobs").join(blob.name());
        match blob {
            Blob::Bytes(bytes) => fs::write(path, bytes)?,
            Blob::File { path: from, .. } => fs::copy(from, path).map(drop)?,
        }
    }
    fs::write(folder.join("index.json"), index(image))
}

/// Writes a layout as a tar.
pub(crate) fn write_tar(image: &Image, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    for folder in ["blobs/", "blobs/sha256/"] {
        tar::add(&mut out, folder, 0o755, Kind::Folder, 0, io::empty())?;
    }
    let mut file =
        |name: &str, bytes: &[u8]| tar::add(&mut out, name, 0o644, Kind::File, bytes.len() as u64, bytes);
    file("oci-layout", VERSION)?;
    file("index.json", &index(image))?;
    let mut blobs: Vec<(String, &Blob)> = image.blobs.iter().map(|blob| (blob.name(), blob)).collect();
    blobs.sort_by(|one, other| one.0.cmp(&other.0));
    blobs.dedup_by(|one, other| one.0 == other.0);
    for (name, blob) in blobs {
        let name = format!("blobs/{name}");
        match blob {
            Blob::Bytes(bytes) => {
                tar::add(&mut out, &name, 0o644, Kind::File, bytes.len() as u64, &bytes[..])?;
            }
            Blob::File { path, size, .. } => {
                tar::add(&mut out, &name, 0o644, Kind::File, *size, File::open(path)?)?;
            }
        }
    }
    tar::finish(&mut out)?;
    out.flush()
}
