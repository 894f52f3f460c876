//! Who writes under a prefix now, and what it has replaced lately: one object of our own, swapped by conditional puts.
//!
//! Whoever holds the claim knows that nothing of another's can become visible any more, and may clear away what no
//! manifest names. A claim is renewed while its run lives; one that is not is taken over after a quarter of an hour. No request
//! that was made under it is still on its way then: the client gives up before, and S3 refuses signatures of that age.

use model::{Millis, OrgId, RunId};
use object_store::UpdateVersion;
use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;
use crate::objects::bucket::Bucket;
use crate::objects::current::{self, OWN_BYTES_MAX, named};
use crate::objects::error::ObjectError;
use crate::objects::place;

/// A claim that was not renewed for this long, in milliseconds, is a dead run's.
const LEASE_MS: i64 = 15 * 60 * 1_000;
/// A claim is renewed when it is older than this, in milliseconds.
const RENEW_MS: i64 = 60 * 1_000;
/// Objects that a manifest named stay at least this long after, in milliseconds: for readers who have read it.
const GRACE_MS: i64 = 60 * 60 * 1_000;

/// How often a claim is tried when others are quicker.
const CLAIM_TRIES_MAX: u32 = 3;

/// What the object holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// Whose exports go here.
    pub(super) org_id: OrgId,
    /// The run that is under way.
    pub(super) claim: Option<Claim>,
    /// Runs, and trees, whose objects a manifest has named and the present one does not, not all of them.
    pub(super) retired: Vec<Retired>,
    /// The run whose manifest Delta logs tell, where there are some and they tell all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) logs_of: Option<RunId>,
}

/// A run that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    pub(super) run_id: RunId,
    /// When it last said that it lives, Unix milliseconds.
    pub(super) at: Millis,
}

/// A run some of whose objects are named no more, or a tree whose list is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Retired {
    /// As in the objects' names.
    pub(super) run: String,
    /// Since when, Unix milliseconds.
    pub(super) at: Millis,
}

impl State {
    /// Note which runs lose objects when one manifest takes the place of another.
    pub(super) fn retire(&mut self, before: &Manifest, after: &Manifest, now: Millis) {
        let kept: Vec<&str> = named(after).map(|part| part.file.as_str()).collect();
        let gone = named(before).map(|part| part.file.as_str()).filter(|name| !kept.contains(name));
        let mut runs: Vec<String> = gone.filter_map(place::run_of).map(str::to_owned).collect();
        runs.sort_unstable();
        runs.dedup();
        self.retired.retain(|retired| !runs.contains(&retired.run));
        self.retired.extend(runs.into_iter().map(|run| Retired { run, at: now }));
    }
}

/// The claim, held.
#[derive(Debug)]
pub(super) struct Held {
    bucket: Bucket,
    state: State,
    version: UpdateVersion,
}

impl Held {
    /// Claim the prefix for a run of this organization; one's own claim, and one that has run out, is taken over.
    ///
    /// # Errors
    /// `Busy` while another run is under way, `OtherOrg`, and those of the store.
    pub(super) async fn claim(bucket: &Bucket, org: OrgId, run: &RunId) -> Result<Self, ObjectError> {
        let now = bucket.clock.now();
        let mut tries = 0;
        loop {
            let found = read(bucket).await?;
            check(bucket, found.as_ref().map(|(state, _)| state), org, run)?;
            let (mut state, version) = match found {
                Some((state, version)) => (state, Some(version)),
                None => (State { org_id: org, claim: None, retired: Vec::new(), logs_of: None }, None),
            };
            state.claim = Some(Claim { run_id: run.clone(), at: now });
            state.retired.retain(|retired| now.since(retired.at) < GRACE_MS);
            tries += 1;
            match current::swap(bucket, &name(), text(&state), version.as_ref()).await {
                Ok(version) => return Ok(Self { bucket: bucket.clone(), state, version }),
                // Somebody was quicker by a moment: perhaps to claim it, perhaps to give it back.
                Err(ObjectError::Overtaken { .. }) if tries < CLAIM_TRIES_MAX => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Whether Delta logs tell all of a manifest.
    pub(super) fn has_logs_of(&self, manifest: &Manifest) -> bool {
        self.state.logs_of.as_ref() == Some(&manifest.run_id)
    }

    /// Note that they do; it is written down with what is noted next.
    pub(super) fn note_logs_of(&mut self, manifest: &Manifest) {
        self.state.logs_of = Some(manifest.run_id.clone());
    }

    /// Say that the run lives, when it was last said some time ago.
    ///
    /// # Errors
    /// `Overtaken`, and those of the store.
    pub(super) async fn renew(&mut self) -> Result<(), ObjectError> {
        let now = self.bucket.clock.now();
        let is_due = self.state.claim.as_ref().is_some_and(|claim| now.since(claim.at) >= RENEW_MS);
        if is_due { self.change(|_| {}).await } else { Ok(()) }
    }

    /// Do work that takes long, and say meanwhile that the run lives.
    ///
    /// # Errors
    /// Those of the work; `Overtaken`, and those of the store: the work is given up then.
    pub(super) async fn keeping<T, E: From<ObjectError>>(
        &mut self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let clock = self.bucket.clock.clone();
        let mut work = Box::pin(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = clock.sleep(RENEW_MS.unsigned_abs()) => self.renew().await?,
            }
        }
    }

    /// Change what else is noted, and say that the run lives.
    ///
    /// # Errors
    /// `Overtaken`, and those of the store.
    pub(super) async fn change(&mut self, change: impl FnOnce(&mut State)) -> Result<(), ObjectError> {
        let mut next = self.state.clone();
        if let Some(claim) = &mut next.claim {
            claim.at = self.bucket.clock.now();
        }
        change(&mut next);
        self.version = current::swap(&self.bucket, &name(), text(&next), Some(&self.version)).await?;
        self.state = next;
        Ok(())
    }

    /// Give the claim back, so that the next run need not wait for its end. A failure costs just that.
    pub(super) async fn release(mut self) {
        let _ = self.change(|state| state.claim = None).await;
    }
}

/// See that a run may be let in, without changing anything.
///
/// # Errors
/// `Busy`, `OtherOrg`.
fn check(bucket: &Bucket, found: Option<&State>, org: OrgId, run: &RunId) -> Result<(), ObjectError> {
    let Some(state) = found else { return Ok(()) };
    if state.org_id != org {
        return Err(ObjectError::OtherOrg { place: bucket.place().to_owned(), found: state.org_id.0 });
    }
    let now = bucket.clock.now();
    match &state.claim {
        Some(claim) if claim.run_id != *run && now.since(claim.at) < LEASE_MS => {
            Err(ObjectError::Busy { place: bucket.place().to_owned(), run: claim.run_id.0.clone() })
        }
        _ => Ok(()),
    }
}

/// What is noted, and in which version; `None` where no export has been.
pub(super) async fn read(bucket: &Bucket) -> Result<Option<(State, UpdateVersion)>, ObjectError> {
    let Some((bytes, version)) = bucket.get(&name(), OWN_BYTES_MAX).await? else { return Ok(None) };
    let read = serde_json::from_slice::<State>(&bytes).map_err(|_| ObjectError::Damaged {
        place: bucket.place().to_owned(),
        file: name(),
        reason: "it is not what an export writes".to_owned(),
    });
    Ok(Some((read?, version)))
}

/// Whether a run may be let in as far as is noted.
///
/// # Errors
/// `Busy`, `OtherOrg`, and those of the store.
pub(super) async fn look(bucket: &Bucket, org: OrgId, run: &RunId) -> Result<bool, ObjectError> {
    let found = read(bucket).await?.map(|(state, _)| state);
    check(bucket, found.as_ref(), org, run)?;
    Ok(found.is_some())
}

/// The object's name.
pub(super) fn name() -> String {
    format!("{}/state.json", place::OWN)
}

fn text(state: &State) -> String {
    serde_json::to_string_pretty(state).expect("a state is JSON") + "\n"
}
