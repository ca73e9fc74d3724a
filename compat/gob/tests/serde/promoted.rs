//! Fields that are sent under their own name and belong to a struct that the receiver embeds.

use std::collections::BTreeMap;

use gob::{ErrorKind, Gob};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Structs that have all that the tests need.
macro_rules! structs {
    ($($name:ident { $($(#[$of_field:meta])* $field:ident: $ty:ty,)* })*) => {$(
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Gob)]
        #[serde(rename_all = "PascalCase")]
        struct $name { $($(#[$of_field])* $field: $ty,)* }
    )*};
}

structs! {
    Flat { a: i64, z: i64, }
    Base { a: i64, b: i64, }
    Outer { #[gob(embedded)] base: Base, z: i64, }
    ByPointer { z: i64, #[gob(embedded)] base: Option<Box<Base>>, }
    Deep { #[gob(embedded)] outer: Outer, #[gob(embedded)] by_pointer: Option<ByPointer>, y: i64, }
}

fn flat(a: i64) -> Flat {
    Flat { a, z: 6 }
}

fn outer(a: i64) -> Outer {
    Outer { base: Base { a, b: 0 }, z: 6 }
}

#[track_caller]
fn arrives<T: Serialize + Gob + ?Sized, U: DeserializeOwned + Gob>(sent: &T) -> U {
    gob::from_slice(&gob::to_vec(sent).unwrap()).unwrap()
}

#[test]
fn they_find_their_struct() {
    assert_eq!(arrives::<_, Outer>(&flat(5)), outer(5));
    assert_eq!(arrives::<_, Outer>(&flat(0)), outer(0));
    assert_eq!(arrives::<_, Outer>(&outer(5)), outer(5));
    let base = Some(Box::new(Base { a: 5, b: 0 }));
    assert_eq!(arrives::<_, ByPointer>(&flat(5)), ByPointer { base, z: 6 });
    assert_eq!(arrives::<_, ByPointer>(&flat(0)), ByPointer { base: None, z: 6 });
}

#[test]
fn the_least_deep_one_is_meant_if_there_is_just_one() {
    // Z is in both of the next level, and A and B below that too: as in Go, nothing matches at all.
    let error = gob::from_slice::<Deep>(&gob::to_vec(&flat(5)).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "gob: type mismatch: no fields matched compiling decoder for Deep");
    structs! {
        One { #[gob(embedded)] outer: Outer, y: i64, }
        Own { #[gob(embedded)] base: Base, a: i64, }
        Left { #[gob(embedded)] base: Base, l: i64, }
        Right { #[gob(embedded)] base: Base, a: i64, }
        Both { #[gob(embedded)] left: Left, #[gob(embedded)] right: Right, }
        Plain { base: Base, z: i64, }
        Sent { b: i64, a: i64, l: i64, }
    }
    assert_eq!(arrives::<_, One>(&flat(5)), One { outer: outer(5), y: 0 });
    assert_eq!(arrives::<_, Own>(&flat(5)), Own { a: 5, base: Base::default() });
    assert_eq!(arrives::<_, Plain>(&flat(5)), Plain { base: Base::default(), z: 6 });
    // There are two ways to B.
    let sent = Sent { b: 1, a: 2, l: 3 };
    let both = Both { left: Left { l: 3, ..Left::default() }, right: Right { a: 2, ..Right::default() } };
    assert_eq!(arrives::<_, Both>(&sent), both);
}

#[test]
fn what_comes_later_is_read_over_what_came_before() {
    structs! {
        After { base: Base, z: i64, a: i64, }
        Before { a: i64, z: i64, base: Base, }
    }
    let base = |a, b| Base { a, b };
    let outer = |a, b| Outer { base: base(a, b), z: 6 };
    assert_eq!(arrives::<_, Outer>(&After { base: base(1, 2), z: 6, a: 5 }), outer(5, 2));
    assert_eq!(arrives::<_, Outer>(&After { base: base(1, 2), z: 6, a: 0 }), outer(1, 2));
    assert_eq!(arrives::<_, Outer>(&Before { a: 5, z: 6, base: base(1, 2) }), outer(1, 2));
    assert_eq!(arrives::<_, Outer>(&Before { a: 5, z: 6, base: base(0, 2) }), outer(5, 2));
}

#[test]
fn they_are_found_within_other_values() {
    let list = arrives::<_, Vec<Outer>>(&[flat(1), flat(2)][..]);
    assert_eq!(list, [outer(1), outer(2)]);
    assert_eq!(arrives::<_, [Outer; 2]>(&[flat(1), flat(2)]), [outer(1), outer(2)]);
    fn map<T>(value: T) -> BTreeMap<String, Option<T>> {
        BTreeMap::from([("k".to_owned(), Some(value))])
    }
    assert_eq!(arrives::<_, BTreeMap<String, Option<Outer>>>(&map(flat(1))), map(outer(1)));
    assert_eq!(arrives::<_, BTreeMap<String, Option<Flat>>>(&map(outer(1))), map(flat(0)));

    #[derive(Debug, PartialEq, Serialize, Deserialize, Gob)]
    struct Wrapped<T>(T);
    assert_eq!(arrives::<_, Wrapped<Vec<Outer>>>(&Wrapped(vec![flat(1)])).0, [outer(1)]);
}

#[test]
fn lists_and_structs_are_promoted_whole() {
    structs! {
        Inner { list: Vec<Outer>, one: Outer, text: String, }
        Holder { before: i64, #[gob(embedded)] inner: Inner, after: Option<Outer>, }
        Sent { text: String, one: Flat, list: Vec<Flat>, after: Flat, before: i64, }
    }
    let sent =
        Sent { text: "t".into(), one: flat(1), list: vec![flat(2), flat(3)], after: flat(4), before: 5 };
    let inner = Inner { list: vec![outer(2), outer(3)], one: outer(1), text: "t".into() };
    let holder = Holder { before: 5, inner, after: Some(outer(4)) };
    assert_eq!(arrives::<_, Holder>(&sent), holder);
    // And the next value is where it should be.
    assert_eq!(arrives::<_, Vec<Holder>>(&[sent.clone(), sent][..]), [holder.clone(), holder]);
}

#[test]
fn values_of_interfaces_have_them_too() {
    #[derive(Debug, PartialEq, Serialize, Gob)]
    #[gob(interface)]
    enum Sent {
        #[serde(rename = "it")]
        Flat(Flat),
    }
    #[derive(Debug, PartialEq, Deserialize, Gob)]
    #[gob(interface)]
    enum Arrived {
        #[serde(rename = "it")]
        Outer(Outer),
    }
    let arrived = arrives::<_, Vec<Option<Arrived>>>(&[Some(Sent::Flat(flat(5))), None][..]);
    assert_eq!(arrived, [Some(Arrived::Outer(outer(5))), None]);
    structs! {
        Promoting { #[gob(embedded)] base: Base, }
    }
    #[derive(Serialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct From {
        a: i64,
        value: Sent,
    }
    #[derive(Debug, PartialEq, Deserialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct To {
        #[gob(embedded)]
        promoting: Promoting,
        value: Arrived,
    }
    let to: To = arrives(&From { a: 1, value: Sent::Flat(flat(5)) });
    let promoting = Promoting { base: Base { a: 1, b: 0 } };
    assert_eq!(to, To { promoting, value: Arrived::Outer(outer(5)) });
}

#[test]
fn what_borrows_does_so_from_the_message() {
    #[derive(Serialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct Sent {
        name: &'static str,
        z: i64,
    }
    #[derive(Debug, PartialEq, Deserialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct Name<'m> {
        name: &'m str,
    }
    #[derive(Debug, PartialEq, Deserialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct Named<'m> {
        #[gob(embedded)]
        #[serde(borrow, rename = "Base")]
        base: Name<'m>,
        z: i64,
    }
    let stream = gob::to_vec(&Sent { name: "n", z: 6 }).unwrap();
    let mut decoder = gob::Decoder::new();
    let mut rest = &stream[..];
    loop {
        let frame = gob::frame(rest).unwrap().unwrap();
        if let Some(value) = decoder.message(frame.message(rest)).unwrap() {
            let named: Named<'_> = value.deserialize().unwrap();
            assert_eq!(named, Named { base: Name { name: "n" }, z: 6 });
            assert!(stream.as_ptr_range().contains(&named.base.name.as_ptr()));
            break;
        }
        rest = frame.after(rest);
    }
}

#[test]
fn they_have_to_fit() {
    structs! {
        Small { a: i8, }
        Texts { a: String, }
        HasSmall { #[gob(embedded)] small: Small, z: i64, }
        HasTexts { #[gob(embedded)] texts: Texts, z: i64, }
    }
    let stream = gob::to_vec(&flat(300)).unwrap();
    let error = gob::from_slice::<HasSmall>(&stream).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Overflow, "value for \"A\" out of range")
    );
    let error = gob::from_slice::<HasTexts>(&stream).unwrap_err();
    let text = "gob: wrong type (string) for received field Flat.A";
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::TypeMismatch, text));
}

#[test]
fn a_type_may_embed_itself() {
    structs! {
        Loop { #[gob(embedded)] r#loop: Option<Box<Loop>>, #[gob(embedded)] base: Base, }
    }
    let expected = Loop { r#loop: None, base: Base { a: 5, b: 0 } };
    assert_eq!(arrives::<_, Loop>(&flat(5)), expected);
    let nested = Loop { r#loop: Some(Box::new(expected.clone())), base: Base::default() };
    assert_eq!(arrives::<_, Loop>(&nested), nested);
}

#[test]
fn damaged_streams_are_values_or_errors() {
    let stream = gob::to_vec(&[flat(1), flat(-300)][..]).unwrap();
    for at in 0..stream.len() {
        _ = gob::from_slice::<Vec<Outer>>(&stream[..at]);
        for byte in 0..=u8::MAX {
            let mut damaged = stream.clone();
            damaged[at] = byte;
            _ = gob::from_slice::<Vec<Outer>>(&damaged);
            _ = gob::from_slice::<Vec<ByPointer>>(&damaged);
        }
    }
}
