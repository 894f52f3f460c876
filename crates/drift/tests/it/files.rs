//! Files on messages.

use drift::Error;
use model::AttachmentId;

use crate::script::{Reply, Script};

#[tokio::test]
async fn a_file_comes_with_its_kind_and_its_name() {
    let reply = Reply::of(200, "%PDF-").header("content-type", "application/pdf");
    let reply = reply.header("content-disposition", "attachment; filename=\"offer.pdf\"");
    let script = Script::new().on("GET /attachments/77/data", reply);
    let file = script.client().attachment(AttachmentId(77), 1 << 20).await.unwrap();
    assert_eq!(&file.bytes[..], b"%PDF-");
    assert_eq!(file.content_type.as_deref(), Some("application/pdf"));
    assert_eq!(file.file_name.unwrap().expose(), "offer.pdf");
}

#[tokio::test]
async fn a_file_without_kind_or_name_is_still_a_file() {
    let script = Script::new().on("GET /attachments/77/data", Reply::of(200, ""));
    let file = script.client().attachment(AttachmentId(77), 1 << 20).await.unwrap();
    assert_eq!((file.bytes.len(), file.content_type, file.file_name), (0, None, None));
}

#[tokio::test]
async fn a_file_that_is_gone_says_so() {
    let error = Script::new().client().attachment(AttachmentId(77), 1 << 20).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }));
}
