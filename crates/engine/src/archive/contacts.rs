//! The contacts that conversations name, once each.
//!
//! There is no call that lists all contacts (Drift documents none): whoever never had a conversation is not found.

use std::sync::{Arc, Mutex, PoisonError};

use model::ContactId;
use model::record::Contact;
use store::{directory, mirror};

use super::judge::{Failure, Health, judge};
use super::ledger::Account;
use super::plan::Plan;
use crate::context::Context;
use crate::convert;
use crate::error::{Doing, EngineError};
use crate::pipeline::{self, Bounds, Step};
use crate::progress::Stage;

/// The kind under which this stage is accounted for.
pub(crate) const KIND: &str = "contacts";
/// Contacts read from the store at once.
const PAGE: u32 = 200;

/// Fetch all contacts that conversations name and the mirror lacks.
pub(crate) async fn fetch_missing(ctx: &Context, plan: &Plan) -> Result<(), EngineError> {
    let total = mirror::missing(&ctx.db, ctx.org).await.doing("count what is missing")?.contacts;
    if total == 0 {
        return Ok(());
    }
    ctx.progress.stage(Stage::Contacts, Some(total), &*ctx.clock);
    let account = Account::open(ctx, &plan.run_id, KIND).await?;
    let step = Contacts {
        ctx: ctx.clone(),
        plan: plan.clone(),
        health: Health::default(),
        account,
        after: Mutex::new(None),
    };
    pipeline::run(Arc::new(step), Bounds::of(ctx), &ctx.stop).await
}

struct Contacts {
    ctx: Context,
    plan: Plan,
    health: Health,
    account: Account,
    after: Mutex<Option<ContactId>>,
}

impl Step for Contacts {
    type Item = ContactId;
    type Fetched = (ContactId, Result<Contact, Failure>);

    async fn more(&self) -> Result<Option<Vec<ContactId>>, EngineError> {
        if self.account.is_refused() {
            return Ok(None);
        }
        let after = *self.after.lock().unwrap_or_else(PoisonError::into_inner);
        let page = mirror::contacts_missing(&self.ctx.db, self.ctx.org, after, PAGE)
            .await
            .doing("look for missing contacts")?;
        let Some(last) = page.last() else { return Ok(None) };
        *self.after.lock().unwrap_or_else(PoisonError::into_inner) = Some(*last);
        Ok(Some(page))
    }

    async fn fetch(&self, id: ContactId) -> Result<Self::Fetched, EngineError> {
        match self.ctx.drift.contact(id).await {
            Ok(found) => {
                self.health.reached();
                Ok((id, Ok(convert::contact(found))))
            }
            Err(error) => Ok((id, Err(judge(&self.ctx, &self.health, "read a contact", error)?))),
        }
    }

    async fn commit(&self, group: Vec<Self::Fetched>) -> Result<(), EngineError> {
        let (now, count) = (self.ctx.clock.now(), group.len());
        let mut tx = self.ctx.db.begin().await.doing("store contacts")?;
        let mut contacts = Vec::with_capacity(count);
        for (id, outcome) in group {
            let key = id.to_string();
            match outcome {
                Ok(contact) => {
                    contacts.push(contact);
                    self.account.fetched(&self.ctx, &mut tx, &key).await?;
                }
                Err(failure) => {
                    if failure == Failure::Gone {
                        directory::mark_contacts_gone(&mut tx, self.ctx.org, &[id], now)
                            .await
                            .doing("store contacts")?;
                    }
                    self.account.failed(&self.ctx, &mut tx, &key, &failure).await?;
                }
            }
        }
        directory::apply_contacts(&mut tx, self.ctx.org, &contacts, now).await.doing("store contacts")?;
        self.account.save(&mut tx, &self.plan.run_id).await?;
        self.plan.save_calls(&self.ctx, &mut tx).await?;
        tx.commit().await.doing("store contacts")?;
        self.ctx.progress.add(count, 0, &*self.ctx.clock);
        Ok(())
    }
}
