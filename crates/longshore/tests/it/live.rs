//! The whole system as it runs in life, in small: `longshore bench conservation` measures the same at full size.

mod conservation;
mod nodes;

use serde_json::Value;

use crate::support::Place;

/// Run the rehearsal; its report, once it says that nothing was lost.
fn rehearse(place: &Place, words: &[&str]) -> Value {
    let ran =
        place.run(&[&["bench", "conservation", "--json", "--seed", "11", "--spacing", "1"], words].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let report = ran.json();
    assert_eq!(report["conserved"], true, "{report}");
    report
}
