use serde_json::json;

use super::super::Change;
use super::*;

fn ask(world: &World, request: Value) -> Value {
    parse(&world.report(&serde_json::from_value(request).unwrap()).unwrap())
}

#[test]
fn a_window_of_time_gives_what_the_list_gives() {
    let world = small();
    world.change(&Change::Vanish { conversation: world.expected().nth(9).unwrap() }, LATER).unwrap();
    world
        .change(&Change::Tags { conversation: world.expected().nth(20).unwrap(), tags: Vec::new() }, LATER)
        .unwrap();
    let rows = walk(&world, 100, &[]);
    for property in ["createdAt", "updatedAt"] {
        for (from, to) in
            [(0, i64::MAX), (rows[40][property].as_i64().unwrap(), rows[7][property].as_i64().unwrap())]
        {
            let answer = ask(
                &world,
                json!({"filters": [{"property": property, "operation": "BETWEEN", "values": [from, to]}], "metrics": [property]}),
            );
            let mut expected: Vec<(i64, i64)> = rows
                .iter()
                .map(|row| (row["id"].as_i64().unwrap(), row[property].as_i64().unwrap()))
                .filter(|(_, at)| (from..=to).contains(at))
                .collect();
            let mut given: Vec<(i64, i64)> = answer["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| (row["conversationId"].as_i64().unwrap(), row["metrics"][0].as_i64().unwrap()))
                .collect();
            expected.sort_unstable();
            given.sort_unstable();
            assert_eq!(
                (given.len(), &given),
                (usize::try_from(answer["count"].as_u64().unwrap()).unwrap(), &expected)
            );
        }
    }
}

#[test]
fn metrics_say_what_the_messages_say() {
    let world = small();
    let metrics = [
        "numAgentMessages",
        "numBotMessages",
        "numEndUserMessages",
        "firstAgentMessageAt",
        "lastAgentId",
        "endUserId",
        "timeToCloseMillis",
        "relatedPlaybookId",
    ];
    let answer = ask(&world, json!({"filters": [], "metrics": metrics}));
    assert_eq!(answer["count"], 500);
    for row in answer["data"].as_array().unwrap() {
        let id = row["conversationId"].as_i64().unwrap();
        let chat: Vec<Value> =
            messages(&world, id).into_iter().filter(|message| message["type"] == "chat").collect();
        let by = |kind: &str, bot: bool| {
            chat.iter()
                .filter(|message| message["author"]["type"] == kind && message["author"]["bot"] == bot)
                .collect::<Vec<_>>()
        };
        let agents = by("user", false);
        let or_nan = |value: Option<&Value>| value.cloned().unwrap_or(json!("NaN"));
        let conversation = parse(&world.conversation(id).unwrap());
        assert_eq!(row["metrics"][0], agents.len());
        assert_eq!(row["metrics"][1], by("user", true).len());
        assert_eq!(row["metrics"][2], by("contact", false).len());
        assert_eq!(row["metrics"][3], or_nan(agents.first().map(|message| &message["createdAt"])));
        assert_eq!(row["metrics"][4], or_nan(agents.last().map(|message| &message["author"]["id"])));
        assert_eq!(row["metrics"][5], conversation["contactId"]);
        assert!(row["metrics"][6] == "NaN" || row["metrics"][6].as_i64().unwrap() > 0);
        assert_eq!(row["metrics"][7] == "NaN", conversation.get("relatedPlaybookId").is_none());
    }
}

#[test]
fn filters_are_anded_and_unknown_ones_refused() {
    let world = small();
    let closed = ask(
        &world,
        json!({"filters": [{"property": "status", "operation": "IN", "values": ["closed"]}], "metrics": []}),
    );
    assert_eq!(closed["count"], world.stats().closed);
    let both = ask(
        &world,
        json!({
            "filters": [
                {"property": "status", "operation": "IN", "values": ["closed"]},
                {"property": "lastAgentId", "operation": "HAS_PROPERTY"},
                {"property": "updatedAt", "operation": "BETWEEN", "values": ["2020-01-01", "2030-01-01"]},
            ],
            "metrics": ["lastAgentId"],
        }),
    );
    assert!(both["count"].as_u64() < closed["count"].as_u64());
    assert!(both["data"].as_array().unwrap().iter().all(|row| row["metrics"][0].is_i64()));
    for broken in [
        json!({"metrics": ["status"]}),
        json!({"metrics": ["nope"]}),
        json!({"filters": [{"property": "createdAt", "operation": "BETWEEN", "values": ["2020-13-01", 1]}]}),
        json!({"filters": [{"property": "createdAt", "operation": "LIKE", "values": [1]}]}),
    ] {
        let request = serde_json::from_value(broken).unwrap();
        assert_eq!(world.report(&request).unwrap_err().kind, "validation_error");
    }
}
