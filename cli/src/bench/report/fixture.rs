//! Results that nobody measured: pseudo-random, the same each time, of the shape that real ones have.

use super::super::results::{
    Contestant, Endurance, EndurancePoint, FORMAT, Latency, Machine, Memory, Results, Samples, Stages,
    SystemCalls, Throughput,
};

/// Contestants, with their latency at 200 B as a part of `go-direct`'s.
const CONTESTANTS: [(&str, f64); 6] = [
    ("bridge", 0.9),
    ("go-direct", 1.0),
    ("go-shim", 1.8),
    ("rust-direct", 0.25),
    ("rust-rpc", 0.55),
    ("lambda_runtime", 0.36),
];
const EVENTS: [(&str, u64); 4] =
    [("200 B", 200), ("10 KiB", 10_240), ("1 MiB", 1_048_576), ("6 MiB", 6_291_456)];

/// Numbers that look random: a shift register, seeded.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 to 1.
    pub(super) fn part(&mut self) -> f64 {
        for (left, shift) in [(true, 13), (false, 7), (true, 17)] {
            self.0 ^= if left { self.0 << shift } else { self.0 >> shift };
        }
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Around a value, with a long tail to the right.
    pub(super) fn around(&mut self, value: f64) -> f64 {
        let bell: f64 = (0..6).map(|_| self.part()).sum::<f64>() / 3.0 - 1.0;
        let tail = if self.part() > 0.985 { 1.0 + 3.0 * self.part() } else { 1.0 };
        let exact = value * (1.0 + 0.12 * bell) * tail;
        (exact * 1000.0).round() / 1000.0
    }

    fn many(&mut self, count: usize, value: f64) -> Vec<f64> {
        (0..count).map(|_| self.around(value)).collect()
    }
}

/// Six contestants, all that can be measured.
pub(super) fn full() -> Results {
    of(&CONTESTANTS, 12, 40)
}

/// Two contestants and few values.
pub(super) fn small() -> Results {
    let mut results = of(&CONTESTANTS[..2], 3, 4);
    results.latency.retain(|latency| latency.event_bytes <= 10_240);
    results.cold_start.iter_mut().for_each(|starts| starts.values.truncate(3));
    results.throughput.retain(|throughput| throughput.concurrency <= 2);
    results.memory.retain(|memory| memory.event_bytes <= 10_240);
    results.system_calls.truncate(2);
    results.stages.truncate(1);
    results.endurance.iter_mut().for_each(|endurance| endurance.points.truncate(2));
    results
}

/// Nothing measured.
pub(super) fn empty() -> Results {
    of(&[], 0, 0)
}

/// Twelve contestants whose names are long, or an attack, and times six orders of magnitude apart.
pub(super) fn hostile() -> Results {
    let long = "a-very-long-name-without-any-gap-".repeat(4);
    let wide = "WWWWMMMM@@@@%%%%".repeat(6);
    let names: [&str; 12] = [
        "<script>document.title='owned'</script>",
        "\"><img src=x onerror=\"document.title='owned'\">",
        "</svg></title></style><b>",
        "=HYPERLINK(\"http://example.com\")",
        "a|b`c``d [x](y) @somebody **bold** $1$",
        &long,
        &wide,
        "ein Name mit vielen kurzen Wörtern, der auf keinem Bildschirm in eine Zeile geht, größer als alle",
        "\u{1b}[31mred\u{202e}desrever",
        "名前がとても長い参加者の名前がとても長い参加者の名前がとても長い参加者",
        "{{ started }}{% raw %}",
        "",
    ];
    let contestants: Vec<(&str, f64)> =
        names.iter().enumerate().map(|(at, name)| (*name, 10_f64.powf(at as f64 * 0.55 - 2.0))).collect();
    let mut results = of(&contestants, 6, 10);
    results.complete = false;
    results.baseline = names[3].to_owned();
    results.notes = names.iter().map(|name| format!("{name}\nsecond line")).collect();
    results.command = names.iter().map(|name| (*name).to_owned()).collect();
    results.machine.congestion_control = "bbr".to_owned();
    results.machine.load_before = 9.5;
    for latency in results.latency.iter_mut().filter(|latency| latency.event_bytes == 200) {
        latency.event = names[1].to_owned();
    }
    for stages in &mut results.stages {
        stages.stages[2].0 = names[0].to_owned();
        stages.stages.extend((0..9).map(|at| (format!("{} {at}", names[5]), 3.0)));
    }
    // And numbers that are none.
    results.latency[0].rounds[0][0] = f64::NAN;
    results.latency[0].rounds[1][0] = f64::INFINITY;
    results.latency[1].rounds[0][1] = -5.0;
    results.latency[1].rounds[0][2] = 0.0;
    results.latency[1].cpu = vec![f64::NAN];
    results.latency[2].rounds = vec![vec![], vec![]];
    results.cold_start[1].values = vec![f64::INFINITY];
    results.cold_start[2].values = vec![];
    results.stages[0].stages[1].1 = f64::NAN;
    results.endurance[0].points[0].at = f64::INFINITY;
    results.endurance[0].points[1].median = f64::NAN;
    results
}

fn of(contestants: &[(&str, f64)], rounds: usize, samples: usize) -> Results {
    let mut random = Random::new(7);
    let mut results = Results {
        format: FORMAT,
        started: "2026-11-27T05:00:00Z".to_owned(),
        seconds: 754.3,
        complete: true,
        echo: true,
        optimised: true,
        command: ["go1x", "bench", "--report", "my report"].map(str::to_owned).to_vec(),
        machine: machine(),
        contestants: Vec::new(),
        baseline: contestants
            .get(1)
            .or(contestants.first())
            .map_or_else(String::new, |(name, _)| (*name).to_owned()),
        latency: Vec::new(),
        cold_start: Vec::new(),
        throughput: Vec::new(),
        memory: Vec::new(),
        system_calls: Vec::new(),
        stages: Vec::new(),
        endurance: Vec::new(),
        notes: vec!["These figures are made up: they are for tests.".to_owned()],
    };
    for (at, (name, part)) in contestants.iter().enumerate() {
        let name = (*name).to_owned();
        results.contestants.push(Contestant {
            name: name.clone(),
            description: "an echo of bytes".to_owned(),
            command: vec![format!("./{at}/bootstrap"), "it's".to_owned()],
            program_bytes: 2_000_000 + 1_234_567 * at as u64,
            zip_bytes: 900_000 + 543_210 * at as u64,
        });
        for (event, bytes) in EVENTS {
            // What a round brings is common to all; and 6 MB take some hundred times as long as 200 B.
            let time = 75.0 * part + bytes as f64 * 0.0016 * part.sqrt();
            results.latency.push(Latency {
                contestant: name.clone(),
                event: event.to_owned(),
                event_bytes: bytes,
                concurrency: 1,
                rounds: (0..rounds)
                    .map(|round| random.many(samples, time * (1.0 + 0.02 * (round % 3) as f64)))
                    .collect(),
                cpu: random.many(rounds, 0.8 * time),
            });
            results.memory.push(Memory {
                contestant: name.clone(),
                event: event.to_owned(),
                event_bytes: bytes,
                pss_bytes: 9_000_000 + 400_000 * at as u64 + 3 * bytes,
                own_pss_bytes: 2_100_000 + 400_000 * at as u64 + bytes / 50,
                readings: vec![
                    (
                        9_000_000 + 400_000 * at as u64 + 3 * bytes,
                        2_100_000 + 400_000 * at as u64 + bytes / 50
                    );
                    10
                ],
            });
        }
        results.cold_start.push(Samples {
            contestant: name.clone(),
            event: EVENTS[0].0.to_owned(),
            event_bytes: EVENTS[0].1,
            values: random.many(15, 9000.0 * part.sqrt()),
        });
        for doubled in 0..7_u32 {
            let concurrency = 1 << doubled;
            let rate = 12_000.0 / part * (1.0 - 1.0 / (1.5 + f64::from(doubled)));
            results.throughput.push(Throughput {
                contestant: name.clone(),
                event_bytes: 200,
                concurrency,
                per_second: random.many(rounds, rate),
                cpu: random.many(rounds, 60.0 * part),
                pss_bytes: 8_000_000 + 5_000_000 * concurrency as u64,
            });
        }
        let calls = [("read", 4.0), ("write", 2.0), ("epoll_wait", 3.1), ("futex", 0.02)];
        results.system_calls.push(SystemCalls {
            contestant: name.clone(),
            event: EVENTS[0].0.to_owned(),
            event_bytes: 200,
            calls: calls
                .map(|(call, count)| (call.to_owned(), (count * (100.0 + 100.0 * part)).round() / 100.0))
                .to_vec(),
            tool: "strace".to_owned(),
        });
        let stages = ["HTTP in", "encode", "socket", "handler", "decode", "HTTP out"];
        let times = [14.0, 0.4, 18.0, 9.0, 0.5, 12.0];
        results.stages.push(Stages {
            contestant: name.clone(),
            event: EVENTS[0].0.to_owned(),
            event_bytes: 200,
            stages: stages
                .map(str::to_owned)
                .into_iter()
                .zip(times.map(|time| random.around(time * part)))
                .collect(),
            watched: Some((300, 300 - 7 * at)),
        });
        for (over, ends) in
            [("invocations", [1e3, 1e4, 1e5, 1e6]), ("seconds frozen", [0.0, 1.0, 10.0, 60.0])]
        {
            results.endurance.push(Endurance {
                contestant: name.clone(),
                over: over.to_owned(),
                points: ends
                    .map(|at| EndurancePoint {
                        at,
                        median: random.around(80.0 * part),
                        cpu: random.around(60.0 * part),
                        pss_bytes: 9_000_000 + 100_000 * at as u64 / 1000,
                        values: Vec::new(),
                    })
                    .to_vec(),
            });
        }
    }
    results
}

fn machine() -> Machine {
    Machine {
        cpu: "Imagined CPU @ 2.00GHz".to_owned(),
        cpus: 2,
        cpus_allowed: "0-1".to_owned(),
        memory_bytes: 8_000_000_000,
        kernel: "Linux 6.1.0 x86_64".to_owned(),
        congestion_control: "reno".to_owned(),
        load_before: 0.42,
        load_after: 1.1,
        versions: [("go", "go1.26.8"), ("go1x", "0.1.0 (abc123, rpc)")]
            .map(|(tool, version)| (tool.to_owned(), version.to_owned()))
            .to_vec(),
    }
}
