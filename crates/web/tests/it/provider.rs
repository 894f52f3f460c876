//! Drift, as far as connecting goes: codes and tokens that it takes, whose they are, and how it fails. What it grants is stored as
//! the engine stores it: beside the old grant, which is given up in the same transaction.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use model::{ConnectionId, OrgId};
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::connections::{self, Connection, ConnectionKind, ConnectionState, Tokens};
use store::vault::Vault;
use store::{Db, StoreError};
use web::install::{Grant, Install, NotConnected, Proof};

use crate::house::NOW;

/// Where its consent page is.
pub(crate) const AUTHORIZE: &str = "https://drift.test/authorize";

#[derive(Clone)]
pub(crate) struct Provider {
    db: Db,
    pub(crate) vault: Vault,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Codes and tokens that are taken, with whose they are; a code once.
    good: BTreeMap<String, OrgId>,
    is_down: bool,
    scopes: Vec<String>,
    /// What was asked to be connected.
    grants: Vec<Grant>,
}

impl Provider {
    pub(crate) fn new(db: &Db, vault: &Vault) -> Self {
        Self { db: db.clone(), vault: vault.clone(), state: Arc::default() }
    }

    pub(crate) fn install(&self) -> Install {
        let provider = self.clone();
        let mut drift = drift::Config::default();
        drift.authorize = AUTHORIZE.parse().unwrap();
        Install {
            drift,
            client_id: Some("app".into()),
            base: "https://longshore.test".into(),
            connect: Arc::new(move |grant| {
                let provider = provider.clone();
                Box::pin(async move { provider.connect(grant).await })
            }),
        }
    }

    /// From now on a code or a token is good, for a grant of this organization.
    pub(crate) fn takes(&self, text: &str, org: OrgId) {
        self.state.lock().unwrap().good.insert(text.to_owned(), org);
    }

    pub(crate) fn grants_scopes(&self, scopes: &[&str]) {
        self.state.lock().unwrap().scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    }

    pub(crate) fn is_down(&self, is_down: bool) {
        self.state.lock().unwrap().is_down = is_down;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap().grants.len()
    }

    async fn connect(&self, grant: Grant) -> Result<Connection, NotConnected> {
        let (org, kind, scopes) = self.judge(&grant)?;
        let made = self.store((org, kind, scopes), &grant).await;
        made.map_err(|_| NotConnected::Inside)
    }

    fn judge(&self, grant: &Grant) -> Result<(OrgId, ConnectionKind, Vec<String>), NotConnected> {
        let mut state = self.state.lock().unwrap();
        state.grants.push(grant.clone());
        if state.is_down {
            return Err(NotConnected::Unreachable);
        }
        let (found, kind) = match &grant.proof {
            Proof::Code(code) => (state.good.remove(code.expose()), ConnectionKind::OAuth),
            Proof::Token(token) => (state.good.get(token.expose()).copied(), ConnectionKind::Private),
        };
        let org = found.ok_or(NotConnected::Refused)?;
        if grant.admits.as_ref().is_some_and(|orgs| !orgs.contains(&org)) {
            return Err(NotConnected::NotAdmitted);
        }
        Ok((org, kind, state.scopes.clone()))
    }

    async fn store(
        &self,
        (org, kind, scopes): (OrgId, ConnectionKind, Vec<String>),
        grant: &Grant,
    ) -> Result<Connection, StoreError> {
        let connection = Connection {
            connection_id: ConnectionId(format!("new-{}-{org}", self.asked())),
            org_id: org,
            kind,
            state: ConnectionState::Active,
            scopes,
            api_url: "https://driftapi.com".into(),
            created_at: NOW.plus(1),
            last_used_at: None,
            expires_at: None,
        };
        let tokens = Tokens { access: model::Secret::new("at-canary"), refresh: None, expires_at: None };
        let old = connections::get(&self.db, org).await?;
        let mut tx = self.db.begin().await?;
        connections::insert(&mut tx, &connection, &tokens, &self.vault).await?;
        if let Some(old) = old {
            connections::set_state(&mut tx, &old.connection_id, ConnectionState::Disconnected).await?;
        }
        let object = Object::new(ObjectKind::Connection, connection.connection_id.0.as_str());
        let entry = NewEntry::done(NOW, &grant.who, Action::ConnectionConnect, object).org(org);
        audit::append(&mut tx, &entry)?;
        tx.commit().await?;
        Ok(connection)
    }
}
