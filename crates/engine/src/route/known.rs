//! What must be known to route a batch of events, read a statement for each thing and organization.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::{ConversationId, MessageId, OrgId};
use store::Db;
use store::connections::{self, Connection};
use store::inbox::Event;
use store::mirror::{self, ConversationState};

use crate::error::{Doing, EngineError};

/// What is known of one organization.
#[derive(Default)]
pub(super) struct OrgKnown {
    /// The connection, unless it was given up; it may be refused at present.
    pub(super) connection: Option<Connection>,
    states: HashMap<ConversationId, ConversationState>,
    messages: HashSet<MessageId>,
}

/// What is known of the organizations of a batch.
#[derive(Default)]
pub(super) struct Known(BTreeMap<OrgId, OrgKnown>);

impl Known {
    /// Read what the events of a batch are held against.
    pub(super) async fn load(db: &Db, events: &[Event]) -> Result<Self, EngineError> {
        const DOING: &str = "hold events against the mirror";
        let mut known = BTreeMap::new();
        for org in events.iter().map(|event| event.org_id) {
            if known.contains_key(&org) {
                continue;
            }
            let found = connections::get(db, org).await.doing(DOING)?;
            let connection = found.filter(|found| !found.state.is_given_up());
            let mut of_org = OrgKnown { connection, ..OrgKnown::default() };
            if of_org.connection.is_some() {
                let ours = || events.iter().filter(|event| event.org_id == org);
                let conversations: HashSet<_> = ours().filter_map(|event| event.conversation_id).collect();
                let messages: HashSet<_> = ours().filter_map(|event| event.message_id).collect();
                of_org.states = mirror::states(db, org, &Vec::from_iter(conversations)).await.doing(DOING)?;
                of_org.messages =
                    mirror::messages_held(db, org, &Vec::from_iter(messages)).await.doing(DOING)?;
            }
            known.insert(org, of_org);
        }
        Ok(Self(known))
    }

    #[cfg(test)]
    pub(super) fn of_one(org: OrgId, known: OrgKnown) -> Self {
        Self(BTreeMap::from([(org, known)]))
    }

    pub(super) fn connection(&self, org: OrgId) -> Option<&Connection> {
        self.0.get(&org)?.connection.as_ref()
    }

    pub(super) fn state(&self, event: &Event) -> Option<&ConversationState> {
        self.0.get(&event.org_id)?.states.get(&event.conversation_id?)
    }

    /// Whether the mirror holds the message that the event is about.
    pub(super) fn holds_message(&self, event: &Event) -> bool {
        let Some(known) = self.0.get(&event.org_id) else { return false };
        event.message_id.is_some_and(|id| known.messages.contains(&id))
    }
}

#[cfg(test)]
impl OrgKnown {
    pub(super) fn with(
        connection: Option<Connection>,
        state: Option<(ConversationId, ConversationState)>,
        messages: &[MessageId],
    ) -> Self {
        Self { connection, states: state.into_iter().collect(), messages: messages.iter().copied().collect() }
    }
}
