//! What the fuzz target does, without a fuzzer: golden streams, damaged at random, through every way of reading, for
//! a bounded time. `fuzz/` does the same with one.
//!
//! | variable | |
//! | --- | --- |
//! | `GOB_FUZZ_SECONDS` | for how long, 5 by default |
//! | `GOB_FUZZ_SEED` | the seed of an earlier run, which prints it; its first streams are the same again |

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support {
    #[path = "every_way.rs"]
    pub(super) mod every_way;
}

use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs, io};

use support::every_way;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// What takes longer than this for one small stream never ends, or might as well not.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn damaged_streams_are_read_in_every_way() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seed = number("GOB_FUZZ_SEED")
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
    let limit = Duration::from_secs(number("GOB_FUZZ_SECONDS").unwrap_or(5));
    let say = |text: String| _ = io::stderr().write_all(text.as_bytes()); // past libtest, which would keep it back

    let corpus: Vec<Vec<u8>> = fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "gob"))
        .map(|path| fs::read(path).unwrap())
        .filter(|stream| stream.len() < 4_000)
        .collect();
    assert!(corpus.len() > 400);
    // So that a failure tells how to repeat it.
    say(format!("damaged streams: GOB_FUZZ_SEED={seed}\n"));
    let (mut random, mut executions, mut bytes) = (Random(seed | 1), 0_u64, 0_u64);
    let begun = Instant::now();
    while begun.elapsed() < limit {
        let stream = damaged(&corpus, &mut random);
        let one = Instant::now();
        every_way::read(&stream);
        assert!(one.elapsed() < PATIENCE, "{:?} for {}", one.elapsed(), stream.escape_ascii());
        executions += 1;
        bytes += stream.len() as u64;
    }
    say(format!("damaged streams: {executions} executions, {bytes} bytes, {limit:?}, seed {seed}\n"));
    assert!(executions > 10);
}

/// A few messages of golden streams, with a few bytes that are not theirs.
fn damaged(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut stream = corpus[random.below(corpus.len())].clone();
    if random.below(4) == 0 {
        stream.extend_from_slice(&corpus[random.below(corpus.len())]);
    }
    for _ in 0..random.below(6) {
        if stream.is_empty() {
            break;
        }
        let place = random.below(stream.len());
        match random.below(7) {
            0 => stream[place] = random.next() as u8,
            1 => stream[place] ^= 1 << random.below(8),
            2 => stream[place] = random.below(6) as u8,
            3 => stream.insert(place, random.below(130) as u8),
            4 => _ = stream.remove(place),
            5 => stream.truncate(place),
            _ => {
                let end = (place + 1 + random.below(20)).min(stream.len());
                stream.extend_from_within(place..end);
            }
        }
    }
    stream
}

/// Xorshift: random enough, and the same for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
