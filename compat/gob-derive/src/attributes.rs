//! What the attributes say: serde's, as far as they change what a type looks like, and gob's own.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Expr, ExprLit, Lit, LitStr, Meta, Path, Result, Token, Type, WherePredicate};
use syn::{parenthesized, punctuated::Punctuated, token};

use crate::case::Case;

/// Of a struct or an enum.
#[derive(Default)]
pub(crate) struct Container {
    pub(crate) rename_all: Option<Case>,
    pub(crate) transparent: bool,
    /// The types that serde puts in the place of this one: `from` or `try_from`, and `into`.
    pub(crate) from: Option<Type>,
    pub(crate) into: Option<Type>,
    pub(crate) name: Option<String>,
    pub(crate) package: Option<String>,
    pub(crate) interface: bool,
    pub(crate) krate: Option<Path>,
    pub(crate) bound: Option<Vec<WherePredicate>>,
    /// Whether serde may write something else than the fields as they are.
    pub(crate) by_serde: bool,
}

/// Of a field or a variant.
#[derive(Default)]
pub(crate) struct Part {
    pub(crate) rename: Option<String>,
    pub(crate) skip_serializing: bool,
    pub(crate) skip_deserializing: bool,
    pub(crate) embedded: bool,
    pub(crate) described_as: Option<Type>,
    /// Whether serde may write something else than the field's value as it is.
    pub(crate) by_serde: bool,
}

impl Part {
    /// Neither sent nor received.
    pub(crate) fn skipped(&self) -> bool {
        self.skip_serializing && self.skip_deserializing
    }
}

pub(crate) fn container(attributes: &[Attribute]) -> Result<Container> {
    let mut found = Container::default();
    each(attributes, "serde", |meta| {
        match key(&meta).as_str() {
            "rename_all" => {
                if let Some(rule) = both_ways(&meta)? {
                    let case = Case::named(&rule.value());
                    found.rename_all =
                        Some(case.ok_or_else(|| Error::new(rule.span(), "unknown rename rule"))?);
                }
            }
            "transparent" => found.transparent = true,
            "from" | "try_from" => found.from = Some(text(&meta)?.parse()?),
            "into" => found.into = Some(text(&meta)?.parse()?),
            "tag" | "content" | "untagged" => {
                return Err(
                    meta.error("Go's interface values have their name in one place: before the value")
                );
            }
            "remote" => return Err(meta.error("gob cannot describe a type for another one: wrap it instead")),
            key => {
                found.by_serde |= !SENT_AS_IT_IS.contains(&key);
                pass(&meta)?;
            }
        }
        Ok(())
    })?;
    // No field of a packed struct can be referred to.
    let packed = |attribute: &Attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("repr") && list.tokens.to_string().contains("packed"),
        _ => false,
    };
    found.by_serde |= attributes.iter().any(packed);
    each(attributes, "gob", |meta| {
        match key(&meta).as_str() {
            "name" => found.name = Some(text(&meta)?.value()),
            "package" => found.package = Some(text(&meta)?.value()),
            "interface" => found.interface = true,
            "crate" => found.krate = Some(text(&meta)?.parse()?),
            "by_serde" => found.by_serde = true,
            "bound" => {
                let predicates =
                    text(&meta)?.parse_with(Punctuated::<WherePredicate, Token![,]>::parse_terminated)?;
                found.bound = Some(predicates.into_iter().collect());
            }
            _ => {
                return Err(
                    meta.error("for a type there are: name, package, interface, by_serde, crate, bound")
                );
            }
        }
        Ok(())
    })?;
    Ok(found)
}

pub(crate) fn part(attributes: &[Attribute]) -> Result<Part> {
    let mut found = Part::default();
    each(attributes, "serde", |meta| {
        match key(&meta).as_str() {
            "rename" => found.rename = both_ways(&meta)?.map(|name| name.value()).or(found.rename.take()),
            "skip" => (found.skip_serializing, found.skip_deserializing) = (true, true),
            "skip_serializing" => found.skip_serializing = true,
            "skip_deserializing" => found.skip_deserializing = true,
            "flatten" => {
                return Err(meta.error(
                    "gob cannot flatten: Go sends an embedded struct as a field that has its type's name; \
                     say #[gob(embedded)] instead, and name the field as Go names the type",
                ));
            }
            "alias" => return Err(meta.error("gob matches field names exactly, so they have no aliases")),
            "other" | "untagged" => {
                return Err(meta.error("a Go interface takes in what is registered, and nothing else"));
            }
            key => {
                found.by_serde |= !FIELD_SENT_AS_IT_IS.contains(&key);
                pass(&meta)?;
            }
        }
        Ok(())
    })?;
    found.by_serde |= found.skip_serializing && !found.skip_deserializing;
    each(attributes, "gob", |meta| {
        match key(&meta).as_str() {
            "embedded" => found.embedded = true,
            "as" => (found.described_as, found.by_serde) = (Some(text(&meta)?.parse()?), true),
            _ => return Err(meta.error("for a field there are: embedded, as")),
        }
        Ok(())
    })?;
    Ok(found)
}

/// Serde's attributes of a type that make no difference to what is sent, beside those that are looked into.
const SENT_AS_IT_IS: [&str; 6] = ["rename", "default", "deny_unknown_fields", "bound", "crate", "expecting"];

/// The same for a field.
const FIELD_SENT_AS_IT_IS: [&str; 4] = ["default", "deserialize_with", "borrow", "bound"];

fn each(
    attributes: &[Attribute],
    whose: &str,
    mut read: impl FnMut(ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    let ours = attributes.iter().filter(|attribute| attribute.path().is_ident(whose));
    ours.into_iter().try_for_each(|attribute| attribute.parse_nested_meta(&mut read))
}

fn key(meta: &ParseNestedMeta<'_>) -> String {
    meta.path.get_ident().map_or_else(String::new, ToString::to_string)
}

/// `key = "text"`.
fn text(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let value: Expr = meta.value()?.parse()?;
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text),
        other => Err(Error::new_spanned(other, "expected a string")),
    }
}

/// `key = "text"` or `key(serialize = "text", deserialize = "text")`.
fn both_ways(meta: &ParseNestedMeta<'_>) -> Result<Option<LitStr>> {
    if !meta.input.peek(token::Paren) {
        return text(meta).map(Some);
    }
    let (mut there, mut back) = (None, None);
    meta.parse_nested_meta(|way| {
        match key(&way).as_str() {
            "serialize" => there = Some(text(&way)?),
            "deserialize" => back = Some(text(&way)?),
            _ => return Err(way.error("expected serialize or deserialize")),
        }
        Ok(())
    })?;
    match (there, back) {
        (Some(there), Some(back)) if there.value() == back.value() => Ok(Some(there)),
        _ => Err(meta.error("to Go a field has one name, in both directions")),
    }
}

/// Passes over what makes no difference here.
fn pass(meta: &ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(token::Paren) {
        let inner;
        parenthesized!(inner in meta.input);
        inner.parse::<proc_macro2::TokenStream>()?;
    }
    Ok(())
}
