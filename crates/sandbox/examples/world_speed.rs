//! How fast the world writes: the ceiling of everything the sandbox can answer.
//!
//! `cargo run --release -p longshore-sandbox --example world_speed`

use std::process::ExitCode;

use model::Millis;
use sandbox::world::{Shape, World};

const ENDS_AT: Millis = Millis(1_780_000_000_000);

fn main() -> ExitCode {
    measure("start of a world of 1,000,000", || {
        (1, World::generated(7, 1_000_000, ENDS_AT, Shape::lifelike()).org_id())
    });
    let world = World::generated(7, 1_000_000, ENDS_AT, Shape::lifelike());
    measure("list rows, pages of 50, anywhere", || {
        let rows = (0..2_000).map(|page| world.list(page * 499, 50, &[]).count as u64).sum();
        (rows, 0)
    });
    measure("list rows of open conversations", || {
        let rows = (0..2_000).map(|page| world.list(page * 50, 50, &[1]).count as u64).sum();
        (rows, 0)
    });
    let ids: Vec<i64> = world.expected().take(20_000).collect();
    measure("conversation objects", || (20_000, bytes(ids.iter().filter_map(|&id| world.conversation(id)))));
    measure("counting 1,000,000 conversations", || (1, world.counts().messages.cast_signed()));
    messages("messages, lifelike", &world);
    messages("messages, 12 to 120", &World::generated(7, 20_000, ENDS_AT, Shape::uniform(12, 120)));
    ExitCode::SUCCESS
}

fn messages(name: &str, world: &World) {
    let ids: Vec<i64> = world.expected().take(20_000).collect();
    measure(name, || {
        let (mut count, mut size) = (0, 0);
        for &id in &ids {
            let mut start = 0;
            while let Some(page) = world.messages(id, start, 50).filter(|page| page.count > 0) {
                count += page.count as u64;
                size += page.array.len();
                start += page.count;
            }
        }
        (count, i64::try_from(size).unwrap_or(i64::MAX))
    });
}

fn bytes(values: impl Iterator<Item = Vec<u8>>) -> i64 {
    values.map(|value| i64::try_from(value.len()).unwrap_or(0)).sum()
}

#[expect(clippy::disallowed_methods, reason = "a measurement of this machine, not of the program's time")]
fn measure(name: &str, work: impl FnOnce() -> (u64, i64)) {
    let start = std::time::Instant::now();
    let (count, size) = work();
    let seconds = start.elapsed().as_secs_f64();
    let (rate, megabytes) = (count as f64 / seconds, size as f64 / 1e6);
    println!("{name:36} {seconds:8.3} s  {rate:12.0} /s  {megabytes:10.1} MB or million");
}
