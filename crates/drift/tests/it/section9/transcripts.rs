//! Transcripts, of which no page shows the shape.

use drift::Error;
use model::ConversationId;

use crate::script::{Reply, Script};

const TEXT: &str =
    "Mar 9, 04:00:01 PM PST site visitor: Hello\nthere\nMar 9, 04:00:09 PM PST Bot (Agent): Hi \"you\"";

async fn transcript(reply: Reply) -> Result<String, Error> {
    let script = Script::new().on("GET /conversations/5/transcript", reply);
    let client = script.client();
    let transcript = client.transcript(ConversationId(5)).await?;
    Ok(transcript.into_exposed())
}

#[tokio::test]
async fn row_10_a_text_transcript_comes_as_text_or_wrapped_in_json() {
    let literal = serde_json::to_string(TEXT).unwrap();
    for reply in [
        Reply::of(200, TEXT).header("content-type", "text/plain; charset=utf-8"),
        Reply::of(200, TEXT),
        Reply::json(TEXT),
        Reply::json(&format!(r#"{{"data":{literal}}}"#)),
        Reply::of(200, &literal),
    ] {
        assert_eq!(transcript(reply).await.unwrap(), TEXT);
    }
    assert_eq!(transcript(Reply::of(200, "")).await.unwrap(), "");
}

#[tokio::test]
async fn row_10_half_of_a_json_answer_is_not_taken_for_a_transcript() {
    assert!(transcript(Reply::json(r#"{"data":"Mar 9, 04:0"#)).await.is_err());
}

#[tokio::test]
async fn row_11_a_json_transcript_is_a_list_wherever_it_lies() {
    let lines = r#"[{"id":1,"body":"Hello","type":"chat","author":{"type":"contact","id":11},"createdAt":1},
        {"body":"Hi","author":"Grace"}]"#;
    for body in [
        lines.to_owned(),
        format!(r#"{{"data":{lines}}}"#),
        format!(r#"{{"data":{{"messages":{lines}}}}}"#),
        format!(r#"{{"messages":{lines}}}"#),
    ] {
        let script = Script::of("GET /conversations/5/json_transcript", &body);
        let transcript = script.client().json_transcript(ConversationId(5)).await.unwrap();
        assert_eq!(transcript.lines.len(), 2, "{body}");
        assert_eq!(transcript.lines[1].body.as_ref().unwrap().expose(), "Hi");
    }
}
