//! What is linked into `bootstrap`: with RPC the crates of the legacy door, without it not a symbol of them.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

/// How the names of the two crates stand in mangled symbols.
const CRATES: [&str; 2] = ["3gob", "6netrpc"];

#[test]
fn the_legacy_doors_crates_are_linked_only_with_rpc() {
    // As the tests build it: with symbols.
    let program = std::fs::read(env!("CARGO_BIN_EXE_bootstrap")).unwrap();
    let has = |name: &str| program.windows(name.len()).any(|window| window == name.as_bytes());
    assert!(has("11runtime_api"), "names of crates are to be found in it");
    for name in CRATES {
        assert_eq!(has(name), cfg!(not(feature = "norpc")), "{name}");
    }
    println!("bootstrap of this build: {} bytes, with symbols", program.len());
}
