//! Which field of a struct a name means, where structs may be embedded in structs.

use std::collections::HashSet;

use crate::schema::{Kind, Schema, TypeRef};

/// A field, of the struct itself or of one that is embedded in it.
pub(crate) struct Found<'s> {
    pub(crate) ty: TypeRef,
    /// The names on the way to it, its own at last.
    pub(crate) route: Vec<&'s str>,
}

/// A struct whose fields are looked at.
struct Scan<'s> {
    ty: TypeRef,
    route: Vec<&'s str>,
    /// Whether there is more than one way to it, so that none of its fields is meant.
    ambiguous: bool,
}

/// Go's rule: the field that is embedded least deeply, if there is just one (`reflect`, FieldByName).
pub(crate) fn find<'s>(schema: &'s Schema, ty: TypeRef, name: &str) -> Option<Found<'s>> {
    let mut level = vec![Scan { ty, route: Vec::new(), ambiguous: false }];
    let mut met = HashSet::new();
    while !level.is_empty() {
        let mut found = None;
        let mut next: Vec<Scan<'s>> = Vec::new();
        for Scan { ty, route, ambiguous } in level {
            let Kind::Struct(fields) = schema.kind(ty) else { continue };
            if !met.insert(ty) {
                continue;
            }
            for field in &fields.sent {
                let route = || route.iter().copied().chain([&*field.name]).collect();
                if *field.name == *name {
                    if ambiguous || found.is_some() {
                        return None;
                    }
                    found = Some(Found { ty: field.ty, route: route() });
                } else if field.embedded && found.is_none() {
                    let ty = schema.base(field.ty).unwrap_or(field.ty);
                    match next.iter_mut().find(|scan| scan.ty == ty) {
                        Some(scan) => scan.ambiguous = true,
                        None => next.push(Scan { ty, route: route(), ambiguous }),
                    }
                }
            }
        }
        if found.is_some() {
            return found;
        }
        level = next;
    }
    None
}
