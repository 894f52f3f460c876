//! The world held against itself and against Drift's shapes.

mod change;
mod computed;
mod dialogues;
mod life;
mod list;
mod report;
mod wire;
mod write;

use model::Millis;
use serde_json::Value;

use super::{Shape, World};

const ENDS_AT: Millis = Millis(1_780_000_000_000);
const LATER: Millis = Millis(1_780_000_100_000);

fn small() -> World {
    World::generated(7, 500, ENDS_AT, Shape::lifelike())
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

fn array(bytes: &[u8]) -> Vec<Value> {
    parse(bytes).as_array().unwrap().clone()
}

fn ids(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

fn messages(world: &World, id: i64) -> Vec<Value> {
    array(&world.expected_messages(id).unwrap())
}

/// Every row of the list, page by page.
fn walk(world: &World, limit: usize, statuses: &[u8]) -> Vec<Value> {
    let mut rows = Vec::new();
    loop {
        let slice = world.list(rows.len() as u64, limit, statuses);
        let page = array(&slice.array);
        assert_eq!(page.len(), slice.count);
        rows.extend(page);
        if !slice.more {
            return rows;
        }
        assert_eq!(slice.count, limit);
    }
}
