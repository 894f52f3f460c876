//! Reports, whose answers are not always JSON.

use drift::endpoint::ReportQuery;
use drift::wire::Filter;
use model::Millis;

use crate::script::Script;

#[tokio::test]
async fn a_metric_without_a_value_is_none_in_all_its_spellings() {
    let body = r#"{"count":2,"data":[{"conversationId":5001,"metrics":[1709280000000,"NaN",null]},
        {"conversationId":5002,"metrics":[NaN,"4",true]}]}"#;
    let script = Script::of("POST /reports/conversations", body);
    let report =
        script.client().conversation_report(&ReportQuery::of(&["createdAt", "a", "b"])).await.unwrap();
    assert_eq!(report.count, Some(2));
    assert_eq!(report.rows[0].metrics.0, [Some(1_709_280_000_000.0), None, None]);
    assert_eq!(report.rows[1].metrics.0, [None, Some(4.0), Some(1.0)]);
}

#[tokio::test]
async fn a_report_is_asked_for_as_drift_shows_it() {
    let script = Script::of("POST /reports/conversations", r#"{"count":0,"data":[]}"#);
    let query = ReportQuery::of(&["numAgentMessages"])
        .filter(Filter::between_days("updatedAt", "2024-03-01", "2024-03-08"))
        .filter(Filter::between("createdAt", Millis(1), Millis(2)))
        .filter(Filter::is_in("status", vec!["closed".into()]))
        .filter(Filter::has("lastAgentId"));
    script.client().conversation_report(&query).await.unwrap();
    let sent: serde_json::Value = serde_json::from_str(&script.last_body()).unwrap();
    insta::assert_json_snapshot!(sent, @r#"
    {
      "filters": [
        {
          "operation": "BETWEEN",
          "property": "updatedAt",
          "values": [
            "2024-03-01",
            "2024-03-08"
          ]
        },
        {
          "operation": "BETWEEN",
          "property": "createdAt",
          "values": [
            1,
            2
          ]
        },
        {
          "operation": "IN",
          "property": "status",
          "values": [
            "closed"
          ]
        },
        {
          "operation": "HAS_PROPERTY",
          "property": "lastAgentId"
        }
      ],
      "metrics": [
        "numAgentMessages"
      ]
    }
    "#);
}
