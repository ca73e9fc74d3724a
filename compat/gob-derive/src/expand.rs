//! Writes the implementation of `gob::Gob`.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Data, DeriveInput, Error, Field, Fields, Member, Path, Result, Type, parse_quote, spanned::Spanned,
};

use crate::attributes::{self, Container, Part};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let container = attributes::container(&input.attrs)?;
    let gob: Path = container.krate.clone().unwrap_or_else(|| parse_quote!(::gob));
    let Body { describe, interface, write } = body(input, &container, &gob)?;
    let write = write.map(|write| {
        quote! {
            #[doc(hidden)]
            const DIRECT: bool = true;

            #[inline]
            fn write(
                value: &Self,
                delta: #gob::__private::Delta,
                out: &mut #gob::__private::Direct,
            ) -> #gob::__private::Delta {
                #write
            }
        }
    });

    let mut generics = input.generics.clone();
    let parameters: Vec<_> = generics
        .type_params()
        .map(|it| it.ident.clone())
        .filter(|it| !is_only_marked(it, &input.data, &container))
        .collect();
    match container.bound {
        Some(bound) => generics.make_where_clause().predicates.extend(bound),
        None => {
            for parameter in parameters {
                generics.make_where_clause().predicates.push(parse_quote!(#parameter: #gob::Gob));
            }
        }
    }
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #gob::Gob for #name #type_generics #where_clause {
            #[doc(hidden)]
            const INTERFACE: bool = #interface;

            fn describe(types: &mut #gob::SchemaBuilder) -> #gob::TypeRef {
                #describe
            }

            #write
        }
    })
}

struct Body {
    describe: TokenStream,
    /// Whether a nil stands in the place of the type, rather than of a pointer to it.
    interface: TokenStream,
    /// Writes a value, where that is sure to be what serde's derive writes.
    write: Option<TokenStream>,
}

fn body(input: &DeriveInput, container: &Container, gob: &Path) -> Result<Body> {
    let other = match (&container.from, &container.into) {
        (Some(from), Some(into))
            if from.to_token_stream().to_string() != into.to_token_stream().to_string() =>
        {
            return Err(Error::new(into.span(), "to Go a type looks the same in both directions"));
        }
        (from, into) => from.as_ref().or(into.as_ref()),
    };
    if let Some(other) = other {
        return Ok(same_as(other, gob));
    }
    match &input.data {
        Data::Struct(data) if container.transparent => {
            let mut parts = parts(&data.fields)?.into_iter().filter(|part| !is_phantom(&part.of.ty));
            match (parts.next(), parts.next()) {
                (Some(only), None) => {
                    let write =
                        (!container.by_serde && !only.part.by_serde).then(|| only.write(gob, quote!(delta)));
                    Ok(Body { write, ..same_as(&only.ty, gob) })
                }
                _ => Err(Error::new(
                    input.ident.span(),
                    "a transparent type has one field that is not skipped and is no PhantomData",
                )),
            }
        }
        Data::Struct(data) => match &data.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                let part = attributes::part(&fields.unnamed[0].attrs)?;
                let inner = of_part(&fields.unnamed[0], &part);
                let plain = !container.by_serde && !part.by_serde && !part.skip_serializing;
                Ok(Body {
                    write: plain.then(|| quote!(#gob::Gob::write(&value.0, delta, out))),
                    describe: named(
                        input,
                        container,
                        gob,
                        quote! {
                            #gob::__private::kind_of::<#inner>(types)
                        },
                    ),
                    interface: quote!(<#inner as #gob::Gob>::INTERFACE),
                })
            }
            Fields::Unnamed(_) => Err(Error::new(
                input.ident.span(),
                "gob has no tuples: give the fields names, or make it one field",
            )),
            fields => structure(input, container, gob, fields),
        },
        Data::Enum(data) if container.interface => interface(input, container, gob, data),
        Data::Enum(_) => Err(Error::new(
            input.ident.span(),
            "Go has no enums. If this stands for an interface whose values are of one of the variants' types, say \
             #[gob(interface)] and name the variants as Go registers them: #[serde(rename = \"main.Circle\")]. If it \
             is a number or a string in Go, say #[serde(from = \"u8\", into = \"u8\")]",
        )),
        Data::Union(_) => Err(Error::new(input.ident.span(), "gob has no unions")),
    }
}

/// A type that looks like another one.
fn same_as(other: &Type, gob: &Path) -> Body {
    Body {
        describe: quote!(#gob::__private::part::<#other>(types)),
        interface: quote!(<#other as #gob::Gob>::INTERFACE),
        write: None,
    }
}

/// A type with a name, of the kind that `kind` evaluates to.
fn named(input: &DeriveInput, container: &Container, gob: &Path, kind: TokenStream) -> TokenStream {
    let name = container.name.clone().unwrap_or_else(|| unraw(&input.ident));
    let package = container.package.as_deref().unwrap_or("main");
    let spelled = if name.is_empty() { name } else { format!("{package}.{name}") };
    let place = place(gob);
    quote! {
        #place
        #gob::__private::named::<Self>(types, &PLACE, #spelled, |types| #kind)
    }
}

/// Where the type is written: what has the same name elsewhere is another type.
fn place(gob: &Path) -> TokenStream {
    quote!(static PLACE: #gob::__private::Place = #gob::__private::Place::new();)
}

fn structure(input: &DeriveInput, container: &Container, gob: &Path, fields: &Fields) -> Result<Body> {
    let mut adds = Vec::new();
    let mut writes = Vec::new();
    let mut by_serde = container.by_serde;
    for field in parts(fields)? {
        writes.push(field.write(gob, quote!(next)));
        by_serde |= field.part.by_serde;
        let of = field.of;
        let own = of.ident.as_ref().map(unraw).unwrap_or_default();
        let name = field.part.rename.clone().unwrap_or_else(|| match container.rename_all {
            Some(case) => case.field(&own),
            None => own,
        });
        if !name.chars().next().is_some_and(char::is_uppercase) {
            let text = format!(
                "Go sends exported fields only, and `{name}` is none: say #[serde(rename_all = \"PascalCase\")] on \
                 the struct, or #[serde(rename = \"…\")] or #[serde(skip)] on the field"
            );
            return Err(Error::new(of.span(), text));
        }
        let (ty, embedded) = (&field.ty, field.part.embedded);
        adds.push(quote! {
            #gob::__private::field::<#ty>(types, &mut fields, #name, #embedded);
        });
    }
    let kind = quote! {{
        let mut fields = #gob::Fields::default();
        #(#adds)*
        #gob::Kind::Struct(fields)
    }};
    let write = quote! {
        out.structure(delta, |out| {
            let next = 1;
            #(let next = #writes;)*
            let _ = (next, out);
        })
    };
    Ok(Body {
        describe: named(input, container, gob, kind),
        interface: quote!(false),
        write: (!by_serde).then_some(write),
    })
}

fn interface(input: &DeriveInput, container: &Container, gob: &Path, data: &syn::DataEnum) -> Result<Body> {
    let mut registers = Vec::new();
    for variant in &data.variants {
        let part = attributes::part(&variant.attrs)?;
        if part.skipped() {
            continue;
        }
        let inner = match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => &fields.unnamed[0],
            _ => {
                let text = "a Go interface holds a value of a type: the variant needs just that, as in Circle(Circle)";
                return Err(Error::new(variant.span(), text));
            }
        };
        let own = unraw(&variant.ident);
        let name = part.rename.clone().unwrap_or_else(|| match container.rename_all {
            Some(case) => case.variant(&own),
            None => own,
        });
        let ty = of_part(inner, &attributes::part(&inner.attrs)?);
        registers.push(quote! {
            #gob::__private::register::<#ty>(types, #name);
        });
    }
    let kind = quote! {{
        #(#registers)*
        #gob::Kind::Interface
    }};
    let describe = match container.name.as_deref() {
        Some("") => {
            let place = place(gob);
            quote! {
                #place
                #gob::__private::any::<Self>(types, &PLACE, |types| #kind)
            }
        }
        _ => named(input, container, gob, kind),
    };
    Ok(Body { describe, interface: quote!(true), write: None })
}

/// A field that Go can see.
struct Seen<'f> {
    of: &'f Field,
    member: Member,
    part: Part,
    ty: Type,
}

impl Seen<'_> {
    fn write(&self, gob: &Path, delta: TokenStream) -> TokenStream {
        let member = &self.member;
        quote!(#gob::Gob::write(&value.#member, #delta, out))
    }
}

fn parts(fields: &Fields) -> Result<Vec<Seen<'_>>> {
    let mut seen = Vec::new();
    for (of, member) in fields.iter().zip(fields.members()) {
        let part = attributes::part(&of.attrs)?;
        if !part.skipped() {
            let ty = of_part(of, &part);
            seen.push(Seen { of, member, part, ty });
        }
    }
    Ok(seen)
}

/// As serde sees it: by the name.
fn is_phantom(ty: &Type) -> bool {
    match ty {
        Type::Group(group) => is_phantom(&group.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "PhantomData"),
        _ => false,
    }
}

/// Whether a type parameter is no part of any value, and so need not be known to Go.
fn is_only_marked(parameter: &syn::Ident, data: &Data, container: &Container) -> bool {
    let fields: Vec<_> = match data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    let (phantoms, others): (Vec<_>, Vec<_>) = fields.into_iter().partition(|field| is_phantom(&field.ty));
    let named = |ty: &Type| mentions(ty.to_token_stream(), parameter);
    let elsewhere = others.iter().any(|field| named(&field.ty))
        || phantoms.iter().chain(&others).any(|field| {
            attributes::part(&field.attrs).is_ok_and(|part| part.described_as.is_some_and(|ty| named(&ty)))
        })
        || container.from.iter().chain(&container.into).any(named);
    !elsewhere && phantoms.iter().any(|field| named(&field.ty))
}

fn mentions(tokens: TokenStream, name: &syn::Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}

fn of_part(field: &Field, part: &Part) -> Type {
    part.described_as.clone().unwrap_or_else(|| field.ty.clone())
}

/// An identifier without the `r#` that lets a keyword be one.
fn unraw(name: &syn::Ident) -> String {
    let name = name.to_string();
    name.strip_prefix("r#").map_or(name.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(input: DeriveInput, text: &str) {
        let error = expand(&input).expect_err("it is taken").to_string();
        assert!(error.contains(text), "{error}");
    }

    #[test]
    fn what_gob_cannot_do_is_refused_with_what_can_be_done() {
        refuses(
            parse_quote!(
                struct P {
                    x: i64,
                }
            ),
            "#[serde(rename_all = \"PascalCase\")]",
        );
        refuses(
            parse_quote!(
                #[serde(rename_all = "camelCase")]
                struct P {
                    x: i64,
                }
            ),
            "`x` is none",
        );
        refuses(
            parse_quote!(
                struct P {
                    #[serde(flatten)]
                    X: Q,
                }
            ),
            "#[gob(embedded)]",
        );
        refuses(
            parse_quote!(
                struct P {
                    #[serde(alias = "Y")]
                    X: i64,
                }
            ),
            "no aliases",
        );
        refuses(
            parse_quote!(
                struct P(i64, i64);
            ),
            "no tuples",
        );
        refuses(
            parse_quote!(
                enum E {
                    A,
                    B,
                }
            ),
            "#[gob(interface)]",
        );
        refuses(
            parse_quote!(
                #[gob(interface)]
                enum E {
                    A,
                }
            ),
            "Circle(Circle)",
        );
        refuses(
            parse_quote!(
                #[gob(interface)]
                #[serde(tag = "t")]
                enum E {
                    A(B),
                }
            ),
            "in one place",
        );
        refuses(parse_quote!(union U { x: i64 }), "no unions");
        refuses(
            parse_quote!(
                #[serde(transparent)]
                struct P {
                    x: i64,
                    y: i64,
                }
            ),
            "one field",
        );
        refuses(
            parse_quote!(
                #[serde(transparent)]
                struct P(PhantomData<i64>);
            ),
            "is no PhantomData",
        );
        refuses(
            parse_quote!(
                #[serde(from = "A", into = "B")]
                struct P {
                    x: i64,
                }
            ),
            "both directions",
        );
        refuses(
            parse_quote!(
                struct P {
                    #[serde(rename(serialize = "X"))]
                    x: i64,
                }
            ),
            "one name",
        );
        refuses(
            parse_quote!(
                #[gob(nam = "P")]
                struct P {
                    X: i64,
                }
            ),
            "name, package",
        );
        refuses(
            parse_quote!(
                struct P {
                    #[gob(nam = "P")]
                    X: i64,
                }
            ),
            "embedded, as",
        );
        refuses(
            parse_quote!(
                #[serde(rename_all = "Pascal")]
                struct P {
                    x: i64,
                }
            ),
            "unknown rename rule",
        );
    }

    #[test]
    fn fields_that_are_skipped_need_no_name_that_go_exports() {
        assert!(
            expand(&parse_quote!(
                struct P {
                    #[serde(skip)]
                    x: i64,
                }
            ))
            .is_ok()
        );
        assert!(
            expand(&parse_quote!(
                #[serde(deny_unknown_fields, bound(serialize = ""))]
                struct P;
            ))
            .is_ok()
        );
    }
}
