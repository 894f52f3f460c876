//! Naming what differs between Drift's messages and the mirror's, without repeating what anybody wrote.

use std::collections::BTreeMap;

use model::MessageId;
use model::record::Message;

/// The differences, a sentence each; empty when the two are equal, order included.
pub(super) fn messages(theirs: &[Message], ours: &[Message]) -> Vec<String> {
    let held: BTreeMap<MessageId, &Message> =
        ours.iter().map(|message| (message.message_id, message)).collect();
    let mut found = Vec::new();
    for message in theirs {
        match held.get(&message.message_id) {
            None => found.push(format!("message {} is missing", message.message_id)),
            Some(mine) if *mine == message => {}
            Some(mine) => {
                found.push(format!("message {} differs in {}", message.message_id, fields(message, mine)))
            }
        }
    }
    let there: BTreeMap<MessageId, ()> = theirs.iter().map(|message| (message.message_id, ())).collect();
    for message in ours.iter().filter(|message| !there.contains_key(&message.message_id)) {
        found.push(format!("message {} is not there any more", message.message_id));
    }
    found
}

fn fields(a: &Message, b: &Message) -> String {
    let pairs = [
        ("author", a.author == b.author),
        ("kind", a.kind == b.kind),
        ("body", a.body == b.body),
        ("created_at", a.created_at == b.created_at),
        ("edit", a.edited_message_id == b.edited_message_id && a.edit_type == b.edit_type),
        ("attachments", a.attachments == b.attachments),
        ("extra", a.extra == b.extra),
    ];
    let names: Vec<&str> = pairs.iter().filter(|(_, equal)| !equal).map(|(name, _)| *name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::record::Author;
    use model::{Millis, Pii};

    fn message(id: i64, body: &str) -> Message {
        Message {
            message_id: MessageId(id),
            author: Author { kind: "contact".into(), id: Some(1), bot: false },
            kind: "chat".into(),
            body: Some(Pii::new(body.into())),
            created_at: Some(Millis(id)),
            edited_message_id: None,
            edit_type: None,
            attachments: vec![],
            extra: Pii::new("{}".into()),
        }
    }

    #[test]
    fn differences_are_named_by_id_and_field_only() {
        let theirs = [message(1, "a"), message(2, "b"), message(3, "c")];
        let ours = [message(1, "a"), message(2, "secret"), message(4, "d")];
        assert_eq!(
            messages(&theirs, &ours),
            ["message 2 differs in body", "message 3 is missing", "message 4 is not there any more"]
        );
        assert!(messages(&theirs, &theirs).is_empty());
    }
}
