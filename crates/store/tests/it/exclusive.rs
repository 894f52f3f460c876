//! Only one at a time, and nothing to clean up.

use model::OrgId;
use store::exclusive::hold;

use crate::engines::on_both;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hold_waits_for_the_first_to_end() {
    on_both(async |store| {
        let first = hold(&store.db, OrgId(1), "archive").await.unwrap();
        assert!(first.is_some());
        assert!(hold(&store.db, OrgId(1), "archive").await.unwrap().is_none());
        assert!(hold(&store.db, OrgId(2), "archive").await.unwrap().is_some());
        assert!(hold(&store.db, OrgId(1), "export").await.unwrap().is_some());
        drop(first);
        let mut again = None;
        while again.is_none() {
            again = hold(&store.db, OrgId(1), "archive").await.unwrap();
            tokio::task::yield_now().await;
        }
    })
    .await;
}
