//! Reading and turning the faults.

use serde_json::json;

use super::{Control, ok, value};
use crate::answer::{Answer, Answered};
use crate::faults::{FaultProfile, FaultRule, PRESETS, RULES_MAX};
use crate::sandbox::Inner;

pub(super) fn read(sandbox: &Inner) -> Answer {
    let presets: serde_json::Map<String, _> =
        PRESETS.iter().map(|(name, what)| ((*name).to_owned(), json!(what))).collect();
    value(&json!({"rules": sandbox.faults.states(), "presets": presets}))
}

pub(super) fn set(sandbox: &Inner, control: &Control<'_>) -> Answered {
    let profile = match control.query("preset") {
        Some(name) => {
            let seed = control.number("seed")?.unwrap_or(sandbox.options.seed);
            FaultProfile::preset(&name, seed).map_err(Answer::invalid)?
        }
        None => control.json()?,
    };
    sound(&profile)?;
    sandbox.faults.set(profile);
    Ok(ok())
}

pub(super) fn add(sandbox: &Inner, control: &Control<'_>) -> Answered {
    let rule: FaultRule = control.json()?;
    sound(&FaultProfile::new(0).with(rule.clone()))?;
    if !sandbox.faults.add(rule) {
        return Err(Answer::invalid(format_args!("there are {RULES_MAX} rules already")));
    }
    Ok(ok())
}

fn sound(profile: &FaultProfile) -> Result<(), Answer> {
    profile.complaint().map_or(Ok(()), |complaint| Err(Answer::invalid(complaint)))
}
