//! What became of each message: Drift keeps edits as messages of their own, of type `edit`.
//!
//! Drift's `editType` is `delete`, `replace`, `replace_body` or `replace_buttons` (message model, v1.3). An edit whose
//! target is not among the messages, or of a type that is not known, is shown as a message itself: nothing is hidden
//! that was not understood.

use std::collections::HashMap;

use model::record::Message;

/// A message with the edits that hold for it.
#[derive(Debug, Clone)]
pub(crate) struct Shown<'a> {
    pub(crate) message: &'a Message,
    /// The message whose body is the present one.
    pub(crate) body: &'a Message,
    /// The message whose buttons are the present ones.
    pub(crate) buttons: &'a Message,
    /// The last edit that changed something.
    pub(crate) edit: Option<&'a Message>,
    /// All edits that were applied to it, in their order.
    pub(crate) edits: Vec<&'a Message>,
    /// The edit that deleted it.
    pub(crate) deletion: Option<&'a Message>,
}

#[derive(Clone, Copy)]
enum Edit {
    Delete,
    Replace,
    Body,
    Buttons,
}

/// The messages that are left after all edits were applied in their order.
pub(crate) fn apply(messages: &[Message]) -> Vec<Shown<'_>> {
    let mut shown: Vec<Option<Shown<'_>>> = messages.iter().map(|message| Some(as_sent(message))).collect();
    let mut places: HashMap<i64, usize> = messages
        .iter()
        .enumerate()
        .filter(|(_, message)| edit_of(message).is_none())
        .map(|(place, message)| (message.message_id.0, place))
        .collect();
    for (own_place, message) in messages.iter().enumerate() {
        let Some((edit, target)) = edit_of(message) else { continue };
        let Some(place) = places.get(&target).copied() else { continue };
        // An edit of this edit is an edit of what it changed.
        places.insert(message.message_id.0, place);
        shown[own_place] = None;
        let changed = shown[place].as_mut().expect("only edits are taken out, and no place is an edit's");
        change(changed, edit, message);
    }
    shown.into_iter().flatten().collect()
}

fn as_sent(message: &Message) -> Shown<'_> {
    Shown { message, body: message, buttons: message, edit: None, edits: Vec::new(), deletion: None }
}

fn edit_of(message: &Message) -> Option<(Edit, i64)> {
    let edit = match message.edit_type.as_deref() {
        Some("delete") => Edit::Delete,
        Some("replace") => Edit::Replace,
        Some("replace_body") => Edit::Body,
        Some("replace_buttons") => Edit::Buttons,
        _ => return None,
    };
    Some((edit, message.edited_message_id.filter(|_| message.kind == "edit")?.0))
}

fn change<'a>(shown: &mut Shown<'a>, edit: Edit, by: &'a Message) {
    shown.edits.push(by);
    match edit {
        Edit::Delete => shown.deletion = Some(by),
        Edit::Replace => (shown.body, shown.buttons, shown.edit) = (by, by, Some(by)),
        Edit::Body => (shown.body, shown.edit) = (by, Some(by)),
        Edit::Buttons => (shown.buttons, shown.edit) = (by, Some(by)),
    }
}
