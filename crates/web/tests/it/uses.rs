//! Who reads what is counted at the doors: by caller, client and endpoint, and of nobody who is not known.

use axum::body::Body;
use http::{Request, header};
use model::{Millis, OrgId, Permission, Role};
use store::uses::inward::{self, Step};
use web::Peer;

use crate::house::{House, NOW, OURS, THEIRS, on_both};

const WHOLE: (Millis, Millis) = (Millis(0), Millis(i64::MAX));

async fn get(house: &House, path: &str, key: Option<&str>, (address, program): (&str, &str)) -> u16 {
    let mut request = Request::get(path).header(header::USER_AGENT, program);
    if let Some(key) = key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer(format!("{address}:4711").parse().unwrap()));
    house.ask(request).await.status().as_u16()
}

#[tokio::test]
async fn requests_are_counted_for_whoever_made_them() {
    on_both(async |house| {
        let key = house.key(Some(OURS), Role::Service, &[Permission::StatusRead]).await;
        let (key, curl) = (Some(key.expose()), ("198.51.100.9", "curl/8.5.0 (at-canary)"));
        assert_eq!(get(house, "/api/v1/status", key, curl).await, 200);
        assert_eq!(get(house, "/api/v1/status", key, ("198.51.100.9", "curl/8.11.0 (at-canary)")).await, 200);
        assert_eq!(get(house, "/api/v1/consumers", key, curl).await, 200);
        assert_eq!(get(house, "/api/v1/openapi.json", key, curl).await, 200);
        assert_eq!(get(house, "/api/v1/connections/exposure", key, curl).await, 403);
        assert_eq!(get(house, &format!("/api/v1/status?org={THEIRS}"), key, curl).await, 404);
        assert_eq!(get(house, "/api/v1/status", Some("lsk_wrong"), curl).await, 401);
        assert_eq!(get(house, "/livez", key, curl).await, 200);
        assert_eq!(house.state.access.uses().flush(&house.db).await.unwrap(), 0);

        let all = inward::requests(&house.db, None, WHOLE).await.unwrap();
        let told: Vec<_> = all
            .iter()
            .map(|one| (one.reader.org.0, one.endpoint.as_str(), one.requests, one.refused, one.rows))
            .collect();
        assert_eq!(
            told,
            [
                (0, "get /api/v1/connections/exposure", 1, 1, 0),
                (0, "get /api/v1/openapi.json", 1, 0, 1),
                (0, "get /api/v1/status", 1, 1, 0),
                (OURS.0, "get /api/v1/consumers", 1, 0, 0),
                (OURS.0, "get /api/v1/status", 2, 0, 2),
            ]
        );
        for one in &all {
            assert!(one.reader.id.starts_with("key-") && one.address == "198.51.100.9", "{one:?}");
            assert!(one.client.starts_with("curl-") && !one.client.contains("canary"), "{one:?}");
        }
        let steps = inward::steps(&house.db, NOW.plus(-60_000)).await.unwrap();
        let steps: Vec<_> = steps.iter().map(|one| (one.reader.org, one.step)).collect();
        assert_eq!(steps, [(OrgId(0), Step::Describe), (OURS, Step::Describe), (OURS, Step::Count)]);

        // Counted is written once.
        assert_eq!(house.state.access.uses().flush(&house.db).await.unwrap(), 0);
        assert_eq!(inward::requests(&house.db, None, WHOLE).await.unwrap(), all);
    })
    .await;
}
