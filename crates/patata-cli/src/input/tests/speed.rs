//! How many rows a second are read: run with `--release -- --ignored --nocapture speed`.

use std::time::Instant;

#[cfg(target_os = "linux")]
use super::super::{Input, Source};
use super::super::{InputOptions, Template, TemplateParts};
use super::Files;

const ROWS: usize = 5_000_000;

/// Reads a file in several ways, and prints what a row takes.
fn measure(name: &str, content: &[u8], url: &str) {
    let files = Files::new(&[(name, content)]);
    let template = Template::new(&TemplateParts { url: Some(url.into()), ..Default::default() }).unwrap();
    for way in ["skipped", "read", "made a request"] {
        let mut input = files.open(InputOptions::default()).unwrap();
        let begun = Instant::now();
        let mut count = 0_u64;
        match way {
            "skipped" => while input.skip_row().unwrap() {},
            "read" => {
                while let Some(row) = input.next_row().unwrap() {
                    count += u64::from(row.fault().is_none());
                }
            }
            _ => {
                while let Some(row) = input.next_row().unwrap() {
                    count += template.request(row, row.index()).tag;
                }
            }
        }
        let took = begun.elapsed();
        assert_eq!(input.index(), ROWS as u64);
        std::hint::black_box(count);
        println!("{name}: {:.3} µs a row {way}", took.as_secs_f64() * 1e6 / ROWS as f64);
    }
}

#[test]
#[ignore = "it measures, and needs a release build and a quiet machine"]
fn speed() {
    let joined = |row: &dyn Fn(usize) -> String| (0..ROWS).map(row).collect::<String>().into_bytes();
    let urls = joined(&|at| format!("https://api.example.com/users/{at:08}/orders?since=2024\n"));
    measure("urls.txt", &urls, "{url}");
    measure("urls.txt.gz", &super::archives::gzip(&urls), "{url}");
    measure("urls.txt.zst", &super::archives::zstd(&urls), "{url}");
    drop(urls);
    let table = joined(&|at| format!("{at},\"Ann Lee, {at}\",ann{at}@example.com,Berlin,2024-01-01\n"));
    measure(
        "users.csv",
        &[b"id,name,mail,city,since\n", &*table].concat(),
        "https://api.example.com/users/{id}?since={since}",
    );
    drop(table);
    let json = joined(&|at| {
        format!("{{\"id\":{at},\"url\":\"https://api.example.com/{at}\",\"json\":{{\"name\":\"Ann\"}}}}\n")
    });
    measure("requests.jsonl", &json, "{url}");
}

/// The most memory this process has had, in KiB.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A hundred million rows out of a pipe; alone, as others' memory counts too.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "it takes a minute, and needs a release build"]
fn memory_stays_flat() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let command = format!("yes http://host/path | head -n 100000000 > {}", path.display());
    let mut writer = std::process::Command::new("sh").arg("-c").arg(command).spawn().unwrap();
    let mut input = Input::open(vec![Source::new(&path)], InputOptions::default()).unwrap();
    let (begun, before) = (Instant::now(), peak());
    let mut blocks = 0;
    while input.next_row().unwrap().is_some() {
        blocks += input.take_blocks().len();
    }
    assert!(writer.wait().unwrap().success());
    let (took, grown) = (begun.elapsed(), peak() - before);
    println!("{} rows in {took:.1?}, {blocks} blocks, {grown} KiB more than before", input.index());
    assert_eq!(input.index(), 100_000_000);
    assert!(grown < 10 << 10, "{grown} KiB");
}
