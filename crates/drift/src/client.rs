//! The one object that callers hold.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::answer::Answer;
use crate::auth::Credentials;
use crate::call::Call;
use crate::exchange::{Core, Right};
use crate::wire::Field;
use crate::{Auth, CallRecord, Config, DecodeError, Error, Pace, Priority, Recorder, Seams};

/// A way to call Drift for one organization. Cheap to clone; clones share budget, token and connections.
#[derive(Clone)]
pub struct Client {
    core: Arc<Core>,
    credentials: Arc<Credentials>,
    priority: Priority,
}

impl Client {
    /// A client with a budget of its own, calling at [`Priority::Asked`]. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for settings that cannot work, or a token that no header can carry.
    pub fn new(config: Config, seams: Seams, auth: Auth) -> Result<Self, Error> {
        let pace = Pace::new(&config, Arc::clone(&seams.clock), Arc::clone(&seams.entropy));
        Self::sharing(config, seams, auth, pace)
    }

    /// A client that draws from a budget which others use, too: one organization has one budget, however many
    /// clients call for it.
    ///
    /// # Errors
    /// As for [`Client::new`].
    pub fn sharing(config: Config, seams: Seams, auth: Auth, pace: Arc<Pace>) -> Result<Self, Error> {
        config.check()?;
        let credentials = Credentials::new(auth)?;
        Ok(Self {
            core: Arc::new(Core::new(config, seams, pace)),
            credentials: Arc::new(credentials),
            priority: Priority::default(),
        })
    }

    /// The same client, calling at another urgency.
    #[must_use]
    pub fn at(&self, priority: Priority) -> Self {
        Self { priority, ..self.clone() }
    }

    /// The same client, whose calls somebody else hears of, too. Token and budget stay shared.
    #[must_use]
    pub fn heard_by(&self, recorder: Arc<dyn Recorder>) -> Self {
        let Core { config, seams, pace } = &*self.core;
        let recorder = match &seams.recorder {
            Some(first) => Arc::new(Both(Arc::clone(first), recorder)) as Arc<dyn Recorder>,
            None => recorder,
        };
        let seams = Seams { recorder: Some(recorder), ..seams.clone() };
        let core = Arc::new(Core::new(config.clone(), seams, Arc::clone(pace)));
        Self { core, ..self.clone() }
    }

    /// The budget it draws from.
    #[must_use]
    pub fn pace(&self) -> &Arc<Pace> {
        &self.core.pace
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.core.config
    }

    /// Make a call and understand its answer. Decoding is part of the attempt: a body that was garbled on its way
    /// is asked for again.
    pub(crate) async fn call_decoded<T: Send>(
        &self,
        call: Call,
        mut decode: impl FnMut(&Answer) -> Result<T, DecodeError> + Send,
    ) -> Result<T, Error> {
        let mut decoded = None;
        let mut decode = |answer: &Answer| {
            decoded = Some(decode(answer)?);
            Ok(())
        };
        let right = if call.anonymous { Right::Nobody } else { Right::Held(&self.credentials) };
        self.core.run(&call, right, self.priority, &mut decode).await?;
        Ok(decoded.expect("a call succeeds only after its answer was decoded"))
    }

    /// Make a call and take what is inside `data`.
    pub(crate) async fn data<T: DeserializeOwned + Send>(&self, call: Call) -> Result<T, Error> {
        self.call_decoded(call, Answer::data).await
    }

    /// Make a call and take the list inside `data`.
    pub(crate) async fn list<T: Field + Send>(&self, call: Call) -> Result<Vec<T>, Error> {
        self.call_decoded(call, Answer::list).await
    }

    /// Make a call and take the body itself.
    pub(crate) async fn bare<T: DeserializeOwned + Send>(&self, call: Call) -> Result<T, Error> {
        self.call_decoded(call, Answer::bare).await
    }

    /// Make a call and take what is inside `data`, or the body itself where nothing is wrapped.
    pub(crate) async fn data_or_bare<T: DeserializeOwned + Send>(&self, call: Call) -> Result<T, Error> {
        self.call_decoded(call, Answer::data_or_bare).await
    }
}

/// Two who hear of every call, in their order.
struct Both(Arc<dyn Recorder>, Arc<dyn Recorder>);

impl Recorder for Both {
    fn record(&self, call: &CallRecord<'_>) {
        self.0.record(call);
        self.1.record(call);
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("priority", &self.priority).finish_non_exhaustive()
    }
}
