//! What `go1x pack` makes: layers and deployment zips, the same bytes from the same input wherever it runs.
//!
//! `shim.rs` finds `bootstrap` and checks it; `member.rs` reads the files for a new zip, `zip.rs` writes them;
//! `splice.rs` adds to a zip that is there and leaves all else of it as it is. `manifest.rs` is what came out, with
//! hashes, for programs; `text.rs` says the same to people. A container image is `image.rs`, of layers by `tar.rs`, in a
//! layout by `layout.rs`.

pub(crate) mod image;
pub(crate) mod layout;
pub(crate) mod manifest;
pub(crate) mod member;
pub(crate) mod shim;
pub(crate) mod splice;
pub(crate) mod tar;
pub(crate) mod text;
pub(crate) mod zip;
