//! The transcript of one conversation, read on demand.

use model::ConversationId;
use sinks::SinkError;
use sinks::format::Format;
use sinks::transcript::{NoFiles, html, markdown, one, text};

use crate::fixture::{Fixture, ORG, on_both};

#[tokio::test]
async fn it_is_the_exported_one_but_for_the_links_to_files() {
    on_both(async |fixture: Fixture| {
        fixture.fill(2).await;
        fixture.export(&fixture.options(Format::Ndjson)).await.unwrap();
        let read = |id| one::read(&fixture.db, ORG, ConversationId(id), &NoFiles);
        let second = read(2).await.unwrap();
        assert_eq!(text::render(&second), fixture.read("transcripts/2026-01/conversation-2.txt"));
        assert_eq!(markdown::render(&second), fixture.read("transcripts/2026-01/conversation-2.md"));
        let page = html::render(&second, Some("../index.html"));
        assert_eq!(page, fixture.read("transcripts/2026-01/conversation-2.html"));

        let first = text::render(&read(1).await.unwrap());
        assert!(first.contains("a b.pdf (not exported)"), "{first}");
        assert!(matches!(read(9).await, Err(SinkError::NoConversation { .. })));
    })
    .await;
}
