//! Connections at work: making one from a code or a token, and opening one to make calls.
//!
//! A token is asked whose it is before anything is stored; it is stored sealed, with the app's own secret beside it
//! for public apps; and from then on it is only read to be handed to the client, which keeps it to itself.

mod gate;
mod keeper;

use std::sync::Arc;

use drift::{App, Auth, Client, Config, MemoryKeeper, Pace, Recorder, Seams, TokenPair};
use model::{ConnectionId, Millis, OrgId, Secret};
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use store::connections::{self, Connection, ConnectionKind, ConnectionState, Tokens};
use store::disconnects;
use store::notices;
use store::pauses;
use store::vault::Vault;
use store::{Db, StoreError, Tx};

use crate::budget;
use crate::context::Context;
use crate::error::{Doing, EngineError};
use crate::scheduler::ScheduleError;
use crate::{clients, route, schedules};
use gate::Gate;
pub(crate) use keeper::{Purpose, StoreKeeper};

/// The kinds under which an app's own credentials are sealed beside a connection's tokens.
const CLIENT_ID: &str = "client_id";
const CLIENT_SECRET: &str = "client_secret";

/// Where connections are kept and how the API is reached.
#[derive(Clone)]
pub struct Connections {
    /// The store.
    pub db: Db,
    /// What seals secrets.
    pub vault: Vault,
    /// Where the API is.
    pub config: Config,
    /// How it is reached.
    pub seams: Seams,
}

/// What is to become a connection.
pub enum Proof<'a> {
    /// A private app's token.
    Token(Secret),
    /// An authorization code, which its app trades in.
    Code {
        /// The app.
        app: App,
        /// The code.
        code: &'a Secret,
        /// The address that the code came to.
        redirect_uri: &'a str,
    },
}

/// Whose grant is taken. Whoever connects does not say whose it is: the grant does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admits {
    /// Any organization's.
    Any,
    /// One of these.
    Only(Vec<OrgId>),
}

impl Admits {
    fn check(&self, org: OrgId) -> Result<(), EngineError> {
        match self {
            Self::Only(orgs) if !orgs.contains(&org) => Err(EngineError::NotAdmitted { org }),
            Self::Any | Self::Only(_) => Ok(()),
        }
    }
}

/// A connection that was opened.
pub struct Opened {
    /// What is known of it.
    pub connection: Connection,
    /// A client that acts by it.
    pub client: Client,
}

impl Connections {
    /// Connect by a private app's token.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses the token, when it does not say whose the token is, or when the
    /// store fails. Nothing is stored then.
    pub async fn connect_private(&self, token: Secret, who: &Who) -> Result<Connection, EngineError> {
        self.connect_admitted(Proof::Token(token), &Admits::Any, who).await
    }

    /// Connect by an authorization code.
    ///
    /// # Errors
    /// As [`Connections::connect_private`], and when the code is refused.
    pub async fn connect_oauth(
        &self,
        app: App,
        code: &Secret,
        redirect_uri: &str,
        who: &Who,
    ) -> Result<Connection, EngineError> {
        self.connect_admitted(Proof::Code { app, code, redirect_uri }, &Admits::Any, who).await
    }

    /// Connect by either, where the grant is of an organization that is admitted.
    ///
    /// # Errors
    /// As for both, and [`EngineError::NotAdmitted`]. Nothing is stored then, and what was stored stays.
    pub async fn connect_admitted(
        &self,
        proof: Proof<'_>,
        admits: &Admits,
        who: &Who,
    ) -> Result<Connection, EngineError> {
        match proof {
            Proof::Token(token) => {
                let auth = Auth::Private(token.clone());
                let tokens = Tokens { access: token, refresh: None, expires_at: None };
                self.connect((auth, ConnectionKind::Private), tokens, (None, None), (admits, who)).await
            }
            Proof::Code { app, code, redirect_uri } => {
                let pair = drift::oauth::exchange_code(&self.config, &self.seams, &app, code, redirect_uri)
                    .await
                    .map_err(|source| self.cannot("exchange the code for a token", source))?;
                let (tokens, told) = (tokens_of(&pair), pair.org);
                let auth = Auth::OAuth { app: app.clone(), keeper: Arc::new(MemoryKeeper::new(pair)) };
                self.connect((auth, ConnectionKind::OAuth), tokens, (Some(app), told), (admits, who)).await
            }
        }
    }

    /// Open the connection of an organization, or the only one there is.
    ///
    /// # Errors
    /// When there is none, when there are several and none was named, or when its secrets do not open.
    pub async fn open(&self, org: Option<OrgId>) -> Result<Opened, EngineError> {
        self.open_with(org, None, self.seams.clone()).await
    }

    /// Open the connection of an organization with a budget that others use too, and an ear of its own.
    ///
    /// # Errors
    /// As [`Connections::open`].
    pub(crate) async fn open_sharing(
        &self,
        org: OrgId,
        pace: Arc<Pace>,
        recorder: Arc<dyn Recorder>,
    ) -> Result<Opened, EngineError> {
        let seams = Seams { recorder: Some(recorder), ..self.seams.clone() };
        self.open_with(Some(org), Some(pace), seams).await
    }

    async fn open_with(
        &self,
        org: Option<OrgId>,
        pace: Option<Arc<Pace>>,
        seams: Seams,
    ) -> Result<Opened, EngineError> {
        let connection = self.find(org).await?;
        if connection.state.is_given_up() {
            return Err(EngineError::Connection(format!(
                "organization {} was disconnected",
                connection.org_id
            )));
        }
        let id = &connection.connection_id;
        let tokens = connections::tokens(&self.db, id, &self.vault)
            .await
            .doing("open the connection's token")?
            .ok_or_else(|| EngineError::Connection(format!("connection {id} has no token")))?;
        let auth = match connection.kind {
            ConnectionKind::Private => Auth::Private(tokens.access),
            ConnectionKind::OAuth => {
                let keeper = self.keeper(&connection, Purpose::Working);
                Auth::OAuth { app: self.app(id).await?, keeper: Arc::new(keeper) }
            }
        };
        let gate = Gate::before(&seams, self.db.clone(), id.clone());
        let seams = Seams { transport: Arc::new(gate), ..seams };
        let pace = pace.unwrap_or_else(|| budget::pace(&self.db, connection.org_id, &self.config, &seams));
        let client = Client::sharing(self.config.clone(), seams, auth, pace)
            .map_err(|source| EngineError::Api { doing: "set up the client", source })?;
        Ok(Opened { connection, client })
    }

    async fn find(&self, org: Option<OrgId>) -> Result<Connection, EngineError> {
        if let Some(org) = org {
            let found = connections::get(&self.db, org).await.doing("read the connection")?;
            return found
                .ok_or_else(|| EngineError::Connection(format!("organization {org} is not connected")));
        }
        let all = connections::list(&self.db).await.doing("read the connections")?;
        let mut live = all.into_iter().filter(|one| !one.state.is_given_up());
        match (live.next(), live.next()) {
            (None, _) => Err(EngineError::Connection("no organization is connected".into())),
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(EngineError::Connection(
                "several organizations are connected: name one with --org".into(),
            )),
        }
    }

    async fn connect(
        &self,
        (auth, kind): (Auth, ConnectionKind),
        tokens: Tokens,
        (app, told): (Option<App>, Option<OrgId>),
        (admits, who): (&Admits, &Who),
    ) -> Result<Connection, EngineError> {
        let info = self
            .client(auth)?
            .token_info()
            .await
            .map_err(|source| self.cannot("ask whose the token is", source))?;
        let org_id = whose(info.org_id(), told)?;
        admits.check(org_id)?;
        let now = self.seams.clock.now();
        let connection = Connection {
            connection_id: ConnectionId::new(&*self.seams.clock, &*self.seams.entropy),
            org_id,
            kind,
            state: ConnectionState::Active,
            scopes: info.scopes().map(str::to_owned).collect(),
            api_url: self.config.api.to_string(),
            created_at: now,
            last_used_at: None,
            expires_at: tokens.expires_at,
        };
        self.store(&connection, &tokens, app.as_ref(), who).await?;
        Ok(connection)
    }

    /// The new grant is stored and the older ones of the organization given up, in one transaction.
    async fn store(
        &self,
        new: &Connection,
        tokens: &Tokens,
        app: Option<&App>,
        who: &Who,
    ) -> Result<(), EngineError> {
        const DOING: &str = "store the connection";
        let older = connections::list(&self.db).await.doing(DOING)?;
        let mut tx = self.db.begin().await.doing(DOING)?;
        connections::insert(&mut tx, new, tokens, &self.vault).await.doing(DOING)?;
        told(&mut tx, (new, new.created_at), who, Action::ConnectionConnect, None).doing(DOING)?;
        if let Some(app) = app {
            let (id, now) = (&new.connection_id, new.created_at);
            let client_id = Secret::new(app.client_id.clone());
            connections::put_secret(&mut tx, id, CLIENT_ID, &client_id, &self.vault, now)
                .await
                .doing(DOING)?;
            connections::put_secret(&mut tx, id, CLIENT_SECRET, &app.client_secret, &self.vault, now)
                .await
                .doing(DOING)?;
        }
        for old in
            older.iter().filter(|old| old.org_id == new.org_id && old.state != ConnectionState::Disconnected)
        {
            let gone = ConnectionState::Disconnected;
            connections::set_state(&mut tx, &old.connection_id, gone).await.doing(DOING)?;
            told(&mut tx, (old, new.created_at), who, Action::ConnectionDisconnect, Some("replaced"))
                .doing(DOING)?;
        }
        self.resume(&mut tx, new, who).await?;
        tx.commit().await.doing(DOING)?;
        route::reroute(&self.db, new.org_id).await.map(drop)
    }

    /// What waited for somebody to connect again goes on: jobs, schedules, and what was said about it is taken back.
    async fn resume(&self, tx: &mut Tx, new: &Connection, who: &Who) -> Result<(), EngineError> {
        const DOING: &str = "resume what waited for the connection";
        let (org, now) = (new.org_id, new.created_at);
        if pauses::resume_of_connection(tx, org).await.doing(DOING)? {
            let entry = NewEntry::done(now, who, Action::PauseEnd, Object::org(org)).org(org);
            audit::append(tx, &entry.because("connected")).doing(DOING)?;
        }
        for kind in [clients::NOTICE, disconnects::NOTICE, notices::OF_UNUSED] {
            notices::dismiss(tx, org, kind, None).await.doing(DOING)?;
        }
        match schedules::schedules_for(tx, new, now).await {
            Err(ScheduleError::Store(source)) => Err(EngineError::Store { doing: DOING, source }),
            Err(error) => Err(EngineError::Task(error.to_string())),
            Ok(()) => Ok(()),
        }
    }

    pub(crate) fn keeper(&self, connection: &Connection, purpose: Purpose) -> StoreKeeper {
        StoreKeeper {
            db: self.db.clone(),
            vault: self.vault.clone(),
            clock: Arc::clone(&self.seams.clock),
            connection_id: connection.connection_id.clone(),
            org: connection.org_id,
            purpose,
        }
    }

    pub(crate) async fn app(&self, id: &ConnectionId) -> Result<App, EngineError> {
        const DOING: &str = "open the app's credentials";
        let missing = || EngineError::Connection(format!("connection {id} has no app credentials"));
        let client_id = connections::secret(&self.db, id, CLIENT_ID, &self.vault).await.doing(DOING)?;
        let client_secret =
            connections::secret(&self.db, id, CLIENT_SECRET, &self.vault).await.doing(DOING)?;
        Ok(App {
            client_id: client_id.ok_or_else(missing)?.expose().to_owned(),
            client_secret: client_secret.ok_or_else(missing)?,
        })
    }

    fn client(&self, auth: Auth) -> Result<Client, EngineError> {
        Client::new(self.config.clone(), self.seams.clone(), auth)
            .map_err(|source| EngineError::Api { doing: "set up the client", source })
    }

    fn cannot(&self, doing: &'static str, source: drift::Error) -> EngineError {
        if matches!(source.class(), drift::Class::Auth) {
            return EngineError::Refused { source };
        }
        if crate::error::is_unreached(&source) {
            return EngineError::Unreachable { doing, source };
        }
        EngineError::Api { doing, source }
    }
}

/// Note that the organization's connection was used, and whether Drift still takes it.
pub(crate) async fn note(ctx: &Context, state: ConnectionState) -> Result<(), EngineError> {
    const DOING: &str = "note the state of the connection";
    let Some(known) = connections::get(&ctx.db, ctx.org).await.doing(DOING)? else { return Ok(()) };
    if known.state.is_given_up() {
        return Ok(());
    }
    let mut tx = ctx.db.begin().await.doing(DOING)?;
    connections::touch(&mut tx, &known.connection_id, ctx.clock.now()).await.doing(DOING)?;
    connections::set_state(&mut tx, &known.connection_id, state).await.doing(DOING)?;
    if known.state != state {
        let (who, now) = (Who::node(), ctx.clock.now());
        audit::append(&mut tx, &state_entry(now, &who, &known, state)).doing(DOING)?;
        if state == ConnectionState::Active {
            notices::dismiss(&mut tx, ctx.org, clients::NOTICE, None).await.doing(DOING)?;
        } else {
            clients::say_refused(&mut tx, ctx.org, state, now).await.doing(DOING)?;
        }
    }
    tx.commit().await.doing(DOING)
}

/// What the audit log is told of a connection's new state.
pub(crate) fn state_entry<'a>(
    now: Millis,
    who: &'a Who,
    connection: &'a Connection,
    state: ConnectionState,
) -> NewEntry<'a> {
    let object = Object::new(ObjectKind::Connection, connection.connection_id.0.as_str());
    NewEntry::done(now, who, Action::ConnectionState, object).org(connection.org_id).because(state.as_str())
}

/// What the audit log is told of a grant that came or went.
fn told(
    tx: &mut Tx,
    (connection, now): (&Connection, Millis),
    who: &Who,
    action: Action,
    reason: Option<&'static str>,
) -> Result<(), StoreError> {
    let object = Object::new(ObjectKind::Connection, connection.connection_id.0.as_str());
    let entry = NewEntry::done(now, who, action, object).org(connection.org_id);
    audit::append(tx, &NewEntry { reason, ..entry })
}

/// What the token says of itself counts; what came with it must not contradict.
fn whose(token: Option<OrgId>, told: Option<OrgId>) -> Result<OrgId, EngineError> {
    match (token, told) {
        (Some(token), Some(told)) if token != told => {
            Err(EngineError::Connection("Drift names two organizations for one token".into()))
        }
        (Some(org), _) | (None, Some(org)) => Ok(org),
        (None, None) => Err(EngineError::Connection("Drift did not say whose the token is".into())),
    }
}

fn tokens_of(pair: &TokenPair) -> Tokens {
    Tokens { access: pair.access.clone(), refresh: pair.refresh.clone(), expires_at: pair.expires_at }
}
