//! The page as a browser shows it: nothing overlaps, nothing is cut, nothing runs, at the width of a telephone and of a
//! large screen.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::io::{self, Write as _};
use std::process::Command;
use std::{env, fs, process, thread};

use minijinja::HtmlEscape;

use super::{fixture, html};
use crate::bench::results::Results;

const WIDTHS: [u32; 3] = [400, 768, 1400];

#[test]
fn pages_look_right() {
    let mut alone = fixture::small();
    alone.contestants.truncate(1);
    alone.latency.retain(|latency| latency.contestant == "bridge" && latency.event_bytes == 200);
    let results = [fixture::full(), fixture::small(), fixture::empty(), fixture::hostile(), alone]
        .map(|results| page(&results));
    let names = ["full", "small", "empty", "hostile", "alone"];
    let pages: Vec<_> = names.into_iter().zip(&results).map(|(name, page)| (name, &**page)).collect();
    let Some(found) = inspect(&pages) else { return };
    assert_eq!(found, "nothing", "\n{found}");
}

/// Or else the test above could not fail.
#[test]
fn pages_that_look_wrong_are_found() {
    let page = page(&fixture::small());
    let text = page.find("<text class=\"name\"").unwrap();
    let end = text + page[text..].find("</text>").unwrap() + "</text>".len();
    let twice = format!("{}{}{}", &page[..end], &page[text..end], &page[end..]);
    let cut = page.replacen("<text class=\"name\" x=\"18.0\"", "<text class=\"name\" x=\"360.0\"", 1);
    let wide = page.replacen("<main>", &format!("<main><pre>{}</pre>", "wide".repeat(100)), 1);
    let foreign = page.replacen("<main>", "<main><img src=x onerror=\"\">", 1);
    let broken = page.replacen("<td class=\"number\">", "<td class=\"number\">a<br>b", 1);
    let nameless = page.replacen("<title id=", "<title data-id=", 1);
    let pages: [(&str, &str); 6] = [
        ("twice", &twice),
        ("cut", &cut),
        ("wide", &wide),
        ("foreign", &foreign),
        ("broken", &broken),
        ("nameless", &nameless),
    ];
    let Some(found) = inspect(&pages) else { return };
    for (name, words) in [
        ("twice", "overlap"),
        ("cut", "is cut"),
        ("wide", "the page is wider"),
        ("foreign", "img has onerror"),
        ("broken", "has several lines"),
        ("nameless", "no name"),
    ] {
        for width in WIDTHS {
            let line = format!("{name}, {width} px: ");
            let of_it = |told: &str| told.starts_with(&line) && told.contains(words);
            assert!(found.lines().any(of_it), "{line}{words}\n{found}");
        }
    }
}

fn page(results: &Results) -> String {
    html::page(results, None).unwrap()
}

/// What is wrong with pages, line by line, or `nothing`. None if there is no browser.
fn inspect(pages: &[(&str, &str)]) -> Option<String> {
    let browser = browser()?;
    let folder = env::temp_dir().join(format!("go1x-look-{}-{}", process::id(), pages[0].0));
    fs::create_dir_all(&folder).unwrap();
    // Without its encoding said, a browser guesses it from as many bytes as it happens to have read.
    let mut outer = String::from("<!DOCTYPE html><meta charset=utf-8><pre id=found>no result</pre>");
    for (name, page) in pages {
        for width in WIDTHS {
            let page = HtmlEscape(page);
            outer += &format!(
                "<iframe title={name} style=\"border:0;width:{width}px;height:900px\" srcdoc=\"{page}\"></iframe>"
            );
        }
    }
    outer += &format!("<script>{}</script>", include_str!("look.js"));
    let path = folder.join("outer.html");
    fs::write(&path, outer).unwrap();
    // A browser that hangs is a failed test.
    let output = Command::new("timeout")
        .args(["300", browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(["--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let dump = String::from_utf8_lossy(&output.stdout);
    let found = dump.split_once("<pre id=\"found\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    let (found, _) = found.unwrap_or_else(|| panic!("{browser} shows nothing: {stderr}"));
    fs::remove_dir_all(&folder).unwrap();
    Some(found.to_owned())
}

/// Chromium, by one of its names. None, after a line `NOT RUN: …`, where it is missing.
fn browser() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let starts =
        |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|said| said.status.success());
    if let Some(name) = names.iter().find(starts) {
        return Some(name);
    }
    let thread = thread::current();
    let said = format!("{} needs Chromium to look at a page", thread.name().unwrap_or("a test"));
    assert!(env::var_os("GO1X_REQUIRE_GO").is_none_or(|value| value != "1"), "{said}, and GO1X_REQUIRE_GO=1");
    _ = io::stderr().write_all(format!("NOT RUN: {said}\n").as_bytes());
    None
}
