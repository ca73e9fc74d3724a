//! What a value looks like to Go. gob sends a type before its first value, and a Rust value does not
//! announce its own, so the description stands beside it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{FieldType, TypeId, WireType};

/// The Go type of a value: a graph of types, since Go's may refer to themselves.
#[derive(Debug)]
pub struct Schema {
    nodes: Vec<Kind>,
    root: usize,
    /// Tells schemas apart without comparing them.
    pub(crate) key: u64,
}

/// A Go type. Indices refer to other types of the same schema.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// `bool`.
    Bool,
    /// `int` and its widths.
    Int,
    /// `uint` and its widths.
    Uint,
    /// `float32`, `float64`.
    Float,
    /// `[]byte`.
    Bytes,
    /// `string`.
    String,
    /// `[]elem`.
    Slice {
        /// The name that Go would send.
        name: &'static str,
        /// Index of the elements' type.
        elem: usize,
    },
    /// `struct { … }`.
    Struct {
        /// The name that Go would send.
        name: &'static str,
        /// Exported name and index of the type, in order.
        fields: Vec<(&'static str, usize)>,
    },
}

/// Gathers the types of one [`Schema`].
#[derive(Debug, Default)]
pub struct SchemaBuilder {
    nodes: Vec<Kind>,
}

impl SchemaBuilder {
    /// Adds a type and returns its index.
    pub fn add(&mut self, kind: Kind) -> usize {
        self.nodes.push(kind);
        self.nodes.len() - 1
    }

    /// Adds a struct.
    pub fn structure<const N: usize>(
        &mut self,
        name: &'static str,
        fields: [(&'static str, usize); N],
    ) -> usize {
        self.add(Kind::Struct { name, fields: fields.into() })
    }
}

impl Schema {
    /// Builds a schema; the closure returns the index of the value's own type.
    pub fn build(types: impl FnOnce(&mut SchemaBuilder) -> usize) -> Schema {
        static NEXT_KEY: AtomicU64 = AtomicU64::new(0);
        let mut builder = SchemaBuilder::default();
        let root = types(&mut builder);
        Schema { nodes: builder.nodes, root, key: NEXT_KEY.fetch_add(1, Ordering::Relaxed) }
    }

    /// Gives ids to all types, in Go's order: a struct before its fields, a slice after its elements.
    /// The result is indexed as the types are.
    pub(crate) fn assign(&self, next_id: &mut i32) -> Vec<TypeId> {
        let mut ids = vec![TypeId(0); self.nodes.len()];
        self.assign_one(self.root, next_id, &mut ids);
        ids
    }

    fn assign_one(&self, index: usize, next_id: &mut i32, ids: &mut [TypeId]) {
        if ids[index] != TypeId(0) {
            return;
        }
        let mut fresh = || {
            *next_id += 1;
            TypeId(*next_id - 1)
        };
        match &self.nodes[index] {
            Kind::Bool => ids[index] = TypeId::BOOL,
            Kind::Int => ids[index] = TypeId::INT,
            Kind::Uint => ids[index] = TypeId::UINT,
            Kind::Float => ids[index] = TypeId::FLOAT,
            Kind::Bytes => ids[index] = TypeId::BYTES,
            Kind::String => ids[index] = TypeId::STRING,
            Kind::Struct { fields, .. } => {
                ids[index] = fresh();
                for (_, field) in fields {
                    self.assign_one(*field, next_id, ids);
                }
            }
            Kind::Slice { elem, .. } => {
                self.assign_one(*elem, next_id, ids);
                *next_id += 1;
                ids[index] = TypeId(*next_id - 1);
            }
        }
    }

    /// The definitions to send, in Go's order: outer first, then parts in order, depth first.
    pub(crate) fn definitions(&self, ids: &[TypeId]) -> Vec<(TypeId, WireType)> {
        let mut found = Vec::new();
        self.collect(self.root, ids, &mut found);
        found
    }

    fn collect(&self, index: usize, ids: &[TypeId], found: &mut Vec<(TypeId, WireType)>) {
        let id = ids[index];
        if found.iter().any(|(known, _)| *known == id) {
            return;
        }
        match &self.nodes[index] {
            Kind::Struct { name, fields } => {
                let wire_fields = fields
                    .iter()
                    .map(|(name, field)| FieldType { name: (*name).to_owned(), id: ids[*field] });
                found
                    .push((id, WireType::Struct { name: (*name).to_owned(), fields: wire_fields.collect() }));
                for (_, field) in fields {
                    self.collect(*field, ids, found);
                }
            }
            Kind::Slice { name, elem } => {
                found.push((id, WireType::Slice { name: (*name).to_owned(), elem: ids[*elem] }));
                self.collect(*elem, ids, found);
            }
            _ => {}
        }
    }
}
