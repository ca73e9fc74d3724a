//! `#[derive(Gob)]`: writes down what a Rust type looks like to Go, under the names that serde gives its parts.
//!
//! The derive is re-exported by `go1x-gob`, and what it takes is described there, with `gob::Gob`.

mod attributes;
mod case;
mod expand;

/// Derives `gob::Gob`. See there.
#[proc_macro_derive(Gob, attributes(gob, serde))]
pub fn derive_gob(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    expand::expand(&input).unwrap_or_else(|error| error.into_compile_error()).into()
}
