//! Slices held against a list that is really kept.

use proptest::prelude::*;

use super::super::Change;
use super::*;

#[derive(Debug, Clone)]
enum Step {
    New,
    Touch(usize),
    Vanish(usize),
    Status(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::New),
        (0..200_usize).prop_map(Step::Touch),
        (0..200_usize).prop_map(Step::Vanish),
        (0..200_usize, 0..4_usize).prop_map(|(row, status)| Step::Status(row, status)),
    ];
    proptest::collection::vec(step, 0..40)
}

const STATUSES: [&str; 4] = ["open", "closed", "pending", "bulk_sent"];

/// Apply a step to the world and to a plain list of (id, status), newest first.
fn apply(world: &World, model: &mut Vec<(i64, String)>, step: &Step) {
    let change = |change: Change| world.change(&change, ENDS_AT).unwrap().conversation;
    let row = |row: usize, model: &[(i64, String)]| (!model.is_empty()).then(|| row % model.len());
    match *step {
        Step::New => {
            let id = change(Change::NewConversation { contact: None, text: None });
            model.insert(0, (id, "open".to_owned()));
        }
        Step::Touch(at) => {
            if let Some(at) = row(at, model) {
                let (id, status) = model.remove(at);
                change(Change::Tags { conversation: id, tags: Vec::new() });
                model.insert(0, (id, status));
            }
        }
        Step::Vanish(at) => {
            if let Some(at) = row(at, model) {
                let (id, _) = model.remove(at);
                change(Change::Vanish { conversation: id });
            }
        }
        Step::Status(at, status) => {
            if let Some(at) = row(at, model) {
                let (id, _) = model.remove(at);
                let status = STATUSES[status].to_owned();
                change(Change::Status { conversation: id, status: status.clone() });
                model.insert(0, (id, status));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_slice_is_that_of_the_plain_list(
        len in 0..60_u64,
        steps in steps(),
        offset in 0..80_usize,
        limit in 1..20_usize,
        filter in proptest::collection::vec(1..=4_u8, 0..3),
    ) {
        let world = World::generated(5, len, ENDS_AT, Shape::lifelike());
        let mut model: Vec<(i64, String)> = walk(&world, 7, &[])
            .iter()
            .map(|row| (row["id"].as_i64().unwrap(), row["status"].as_str().unwrap().to_owned()))
            .collect();
        for step in &steps {
            apply(&world, &mut model, step);
        }
        let wanted = |status: &str| {
            filter.is_empty() || filter.iter().any(|&place| STATUSES[usize::from(place) - 1] == status)
        };
        let expected: Vec<i64> = model.iter().filter(|(_, status)| wanted(status)).map(|(id, _)| *id).collect();
        let page: Vec<i64> = expected.iter().skip(offset).take(limit).copied().collect();
        let slice = world.list(offset as u64, limit, &filter);
        prop_assert_eq!(ids(&array(&slice.array)), page);
        prop_assert_eq!(slice.more, expected.len() > offset + limit);
        prop_assert_eq!(ids(&walk(&world, limit, &filter)), expected);
        prop_assert_eq!(world.expected().collect::<Vec<_>>(), model.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        prop_assert_eq!(world.stats().total(), model.len() as u64);
    }
}

#[test]
fn filters_add_up_to_the_whole_in_a_world_of_many_blocks() {
    let world = World::generated(7, 10_000, ENDS_AT, Shape::lifelike());
    for change in walk(&world, 1_000, &[]).iter().step_by(97) {
        world.change(&Change::Vanish { conversation: change["id"].as_i64().unwrap() }, LATER).unwrap();
    }
    let stats = world.stats();
    for (status, count) in [(1, stats.open), (2, stats.closed), (3, stats.pending), (4, stats.bulk_sent)] {
        let mut rows = 0;
        let last = world.list(count - 1, 50, &[status]);
        assert_eq!((last.count, last.more), (1, false), "{status}");
        for offset in (0..count).step_by(1_000) {
            rows += world.list(offset, 1_000, &[status]).count as u64;
        }
        assert_eq!(rows, count);
    }
    assert_eq!(world.list(0, 50, &[9]).count, 0);
}

#[test]
fn a_row_that_moves_to_the_head_pushes_the_others_one_on() {
    let world = small();
    let before = ids(&array(&world.list(0, 10, &[]).array));
    let conversation = world.expected().last().unwrap();
    world.change(&Change::Tags { conversation, tags: Vec::new() }, LATER).unwrap();
    let after = ids(&array(&world.list(0, 10, &[]).array));
    assert_eq!(after[0], conversation);
    assert_eq!(after[1..], before[..9]);
    assert_eq!(ids(&array(&world.list(10, 1, &[]).array)), before[9..]);
}
