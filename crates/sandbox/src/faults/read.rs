//! Reading a rule from JSON, strictly: a filter with a slip of the pen would be no filter, and the fault would fall on
//! everything. The fault's own fields stand beside the rule's, which serde cannot be strict about by itself.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{Fault, FaultRule};

/// The rule's own keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filters {
    #[serde(default = "always")]
    percent: f64,
    path: Option<String>,
    page_offset: Option<u64>,
    #[serde(default)]
    after: u64,
    count_max: Option<u64>,
}

fn always() -> f64 {
    100.0
}

/// Keys that belong to one fault or another.
const FAULT_KEYS: [&str; 6] = ["fault", "status", "ms", "retry_after_s", "changes", "rows"];

impl<'de> Deserialize<'de> for FaultRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Map::deserialize(deserializer)?;
        let (of_fault, of_rule): (Map<String, Value>, Map<String, Value>) =
            fields.into_iter().partition(|(key, _)| FAULT_KEYS.contains(&key.as_str()));
        let fault: Fault = serde_json::from_value(Value::Object(of_fault)).map_err(D::Error::custom)?;
        let filters: Filters = serde_json::from_value(Value::Object(of_rule)).map_err(D::Error::custom)?;
        let Filters { percent, path, page_offset, after, count_max } = filters;
        Ok(Self { fault, percent, path, page_offset, after, count_max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        let rule =
            FaultRule::percent(Fault::ServerError { status: 503 }, 5.0).on("/users/*").after(2).times(3);
        let text = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<FaultRule>(&text).unwrap(), rule);
        assert_eq!(
            serde_json::from_str::<FaultRule>(r#"{"fault":"cut"}"#).unwrap(),
            FaultRule::always(Fault::Cut)
        );
    }

    #[test]
    fn a_slip_of_the_pen_is_told() {
        for (text, told) in [
            (r#"{"fault":"cut","pth":"/users/*"}"#, "unknown field `pth`"),
            (r#"{"fault":"cutt"}"#, "unknown variant `cutt`"),
            (r#"{"fault":"server_error"}"#, "missing field `status`"),
        ] {
            let error = serde_json::from_str::<FaultRule>(text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
