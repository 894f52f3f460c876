//! Transcripts as a whole: what a reader sees of a conversation in both layouts.

use model::record::{Attachment, Author, Contact, Conversation, Details, Message, Tag};
use model::{AttachmentId, ContactId, ConversationId, MessageId, Millis, Pii, UserId};

use super::*;

const T0: i64 = 1_767_323_045_678; // 2026-01-02T03:04:05.678Z

struct Exported;

impl Files for Exported {
    fn link(&self, attachment: &Attachment) -> Option<String> {
        (attachment.attachment_id.0 == 7).then(|| "../../attachments/7-a%20b.pdf".to_owned())
    }
}

fn message(id: i64, author: (&str, i64), body: &str) -> Message {
    Message {
        message_id: MessageId(id),
        author: Author { kind: author.0.to_owned(), id: Some(author.1), bot: author.1 == 2 },
        kind: "chat".to_owned(),
        body: Some(Pii::new(body.to_owned())),
        created_at: Some(Millis(T0 + id * 1000)),
        edited_message_id: None,
        edit_type: None,
        attachments: Vec::new(),
        extra: Pii::new("{}".to_owned()),
    }
}

fn edit(id: i64, target: i64, edit_type: &str, body: &str) -> Message {
    Message {
        kind: "edit".to_owned(),
        edited_message_id: Some(MessageId(target)),
        edit_type: Some(edit_type.to_owned()),
        ..message(id, ("user", 3), body)
    }
}

fn attachment(id: i64, name: &str) -> Attachment {
    Attachment {
        attachment_id: AttachmentId(id),
        file_name: Some(Pii::new(name.to_owned())),
        mime_type: None,
        url: None,
        extra: "{}".to_owned(),
    }
}

fn transcript(messages: &[Message]) -> Transcript {
    let conversation = Conversation {
        conversation_id: ConversationId(41),
        contact_id: Some(ContactId(1)),
        inbox_id: None,
        status: "closed".to_owned(),
        created_at: Some(Millis(T0)),
        updated_at: Some(Millis(T0 + 60_000)),
        extra: "{}".to_owned(),
    };
    let details = Details {
        participants: vec![UserId(2), UserId(3), UserId(4)],
        tags: vec![
            Tag { name: "sales".to_owned(), color: None },
            Tag { name: "<vip>".to_owned(), color: None },
        ],
        ..Details::default()
    };
    let contact = Contact {
        contact_id: ContactId(1),
        created_at: None,
        email: Some(Pii::new("ada@example.test".to_owned())),
        name: Some(Pii::new("Ada \u{202e}& <Co>".to_owned())),
        phone: None,
        external_id: None,
        attributes: Pii::new("{}".to_owned()),
        extra: Pii::new("{}".to_owned()),
    };
    let mut people = People::new();
    people.know(UserId(2), "Robo");
    people.know(UserId(3), "Bo");
    let source = Source {
        conversation: &conversation,
        details: Some(&details),
        contact: Some(&contact),
        messages,
        messages_left_out: 0,
        gone_at: None,
    };
    Transcript::compose(source, &people, &Exported)
}

fn conversation_of_all_sorts() -> Vec<Message> {
    let mut greeting = message(1, ("user", 2), "<p>How can we help?</p>");
    let buttons =
        r#"{"buttons":[{"label":"Pricing","value":"Pricing"},{"value":"Support"},{"style":"primary"}]}"#;
    greeting.extra = Pii::new(buttons.to_owned());
    let mut question = message(2, ("contact", 1), "I need a price\nfor <b>3</b> seats\u{1f44b}");
    let context = r#"{"context":{"href":"https://site.test/p?a=1&b=\"2\"","title":"Pricing <now>"},
        "attributes":{"preMessages":[{"body":"<p>Hi there</p>"}]}}"#;
    question.extra = Pii::new(context.to_owned());
    question.attachments = vec![attachment(7, "a b.pdf"), attachment(8, "lost.png")];
    let mut note = message(4, ("user", 3), "big <i>fish</i>");
    note.kind = "private_note".to_owned();
    vec![
        greeting,
        question,
        message(3, ("user", 3), "It is 30"),
        note,
        edit(5, 3, "replace", "It is 31"),
        message(6, ("user", 4), "oops"),
        edit(7, 6, "delete", ""),
        message(8, ("contact", 1), "<p>תודה רבה</p><script>alert(1)</script>"),
        edit(9, 5, "replace_body", "It is 32"),
        edit(10, 99, "delete", "gone before"),
    ]
}

#[test]
fn the_text_shows_what_people_saw() {
    let shown = text::render(&transcript(&conversation_of_all_sorts()));
    insta::assert_snapshot!(shown);
}

#[test]
fn the_page_shows_what_people_saw() {
    let shown = html::render(&transcript(&conversation_of_all_sorts()), Some("../index.html"));
    let body = &shown[shown.find("<body>").unwrap()..];
    insta::assert_snapshot!(body);
}

#[test]
fn the_markdown_shows_what_people_saw() {
    let shown = markdown::render(&transcript(&conversation_of_all_sorts()));
    insta::assert_snapshot!(shown);
}

#[test]
fn in_markdown_no_message_is_a_heading_or_a_link() {
    let forged = "ok\n\n## Bo · now\n> I promise\n[a refund](javascript:x) <javascript:y>\n\n---\n    code\n1. one\n```\nx";
    let mut hostile = message(1, ("contact", 1), forged);
    hostile.attachments = vec![attachment(7, "](<javascript:z>)"), attachment(9, "# big\n## bigger")];
    let shown = markdown::render(&transcript(&[hostile]));
    assert_eq!(shown.lines().filter(|line| line.starts_with('#')).count(), 2, "{shown}");
    let links = shown.match_indices("](").filter(|(at, _)| !shown[..*at].ends_with('\\'));
    assert_eq!(links.count(), 1, "{shown}");
    assert!(!shown.contains("[a refund]") && !shown.contains(" <javascript"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn nothing_hostile_gets_through_in_any_field() {
    let attack = "\"><script>alert(1)</script><img src=x onerror=alert(1)>";
    let mut hostile = message(1, (attack, 5), attack);
    hostile.kind = attack.to_owned();
    hostile.attachments = vec![attachment(7, attack), attachment(9, attack)];
    let quoted = serde_json::to_string(attack).unwrap();
    hostile.extra = Pii::new(format!(
        "{{\"buttons\":[{{\"label\":{quoted}}}],\"context\":{{\"href\":\"javascript:alert(1)\",\"title\":{quoted}}}}}"
    ));
    let transcript = transcript(&[hostile]);
    let list = index::render(1, &[index::Line::of(&transcript, "a\"b".to_owned())], true);
    for page in [html::render(&transcript, Some("\"x")), list] {
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(!page.contains("href=\"javascript"), "{page}");
    }
}

#[test]
fn a_message_cannot_pass_itself_off_as_another() {
    let forged = "ok\n\n[2026-01-02T03:04:05Z] Bo\n    I promise a refund";
    let shown = text::render(&transcript(&[message(1, ("contact", 1), forged)]));
    assert_eq!(shown.lines().filter(|line| line.starts_with('[')).count(), 1, "{shown}");
}

#[test]
fn edits_are_applied_in_order_and_what_is_not_understood_is_shown() {
    let bodies = |messages: &[Message]| -> Vec<String> {
        transcript(messages).entries.into_iter().map(|entry| entry.body.text).collect()
    };
    let first = message(1, ("user", 3), "a");
    assert_eq!(bodies(&[first.clone(), edit(2, 1, "replace", "b"), edit(3, 1, "replace_body", "c")]), ["c"]);
    assert_eq!(bodies(&[edit(2, 3, "replace", "early"), message(3, ("user", 3), "late")]), ["early"]);
    assert_eq!(bodies(&[first.clone(), edit(2, 1, "replace_buttons", "")]), ["a"]);
    assert_eq!(bodies(&[first.clone(), edit(2, 1, "sparkle", "?")]), ["a", "?"]);
    assert_eq!(bodies(&[edit(2, 2, "replace", "itself")]), ["itself"]);
    assert_eq!(bodies(&[edit(2, 3, "delete", "x"), edit(3, 2, "delete", "y")]), ["x", "y"]);
}

#[test]
fn months_and_instants_of_any_number_have_a_place() {
    assert_eq!(month(Some(Millis(T0))), "2026-01");
    assert_eq!(month(None), "undated");
    assert_eq!(month(Some(Millis(i64::MAX))), "undated");
    assert_eq!(month(Some(Millis(-62_198_755_200_000 - 1))), "undated");
    assert_eq!(iso(Millis(T0)), "2026-01-02T03:04:05Z");
    assert_eq!(iso(Millis(-1)), "1969-12-31T23:59:59Z");
    assert_eq!(iso(Millis(i64::MIN)), "-9223372036854775808 ms");
}

#[test]
fn the_list_says_what_each_conversation_began_with() {
    let line = index::Line::of(&transcript(&conversation_of_all_sorts()), "2026-01/c.html".to_owned());
    let page = index::render(2, &[line], true);
    assert!(page.contains("I need a price for 3 seats👋"), "{page}");
    assert!(page.contains("href=\"index.html\"") && page.contains("href=\"index-3.html\""), "{page}");
}
