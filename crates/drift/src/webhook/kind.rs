//! The types of events, and the words that only events use.

use crate::wire::open_enum::open_enum;

open_enum! {
    /// What happened. Deprecated spellings are the type that took their place.
    pub enum EventKind {
        /// A contact gave an e-mail address in the chat.
        ContactIdentified = "contact_identified",
        /// Somebody wrote.
        NewMessage = "new_message",
        /// Somebody wrote a message that starts with a slash.
        NewCommandMessage = "new_command_message",
        /// A visitor started a conversation.
        NewConversation = "new_conversation",
        /// A conversation is ready for other systems: quiet for a while, or pushed by hand.
        ConversationPush = "conversation_push",
        /// Nobody wrote for the time that the organization chose.
        ConversationInactive = "conversation_inactive",
        /// A conversation was closed, or pushed by hand.
        ConversationManualPush = "conversation_manual_push",
        /// Drift users joined.
        ParticipantAdded = "conversation_participant_added",
        /// Drift users left.
        ParticipantRemoved = "conversation_participant_removed",
        /// A conversation's status changed; being phased out.
        StatusUpdated = "conversation_status_updated",
        /// A button in the chat was clicked.
        ButtonClicked = "button_clicked",
        /// A phone number was given in the chat.
        PhoneCaptured = "phone_captured",
        /// Attributes of a contact changed.
        ContactUpdated = "contact_updated",
        /// A meeting was booked.
        NewMeeting = "new_meeting",
        /// A meeting was moved or called off.
        MeetingUpdated = "meeting_updated",
        /// A playbook's goal was reached.
        PlaybookGoalMet = "playbook_goal_met",
        /// A Drift user came or went.
        UserAvailabilityUpdated = "user_availability_updated",
        /// A contact wants no e-mail any more.
        UserUnsubscribed = "user_unsubscribed",
        /// A call that started in the chat ended.
        ChatToCall = "chat_to_call",
        /// Somebody asked for erasure.
        GdprDeleteRequested = "gdpr_delete_requested",
        /// The organization disconnected the app.
        AppDisconnected = "app_disconnected",
    }
}

/// Spellings that Drift used before, or on one page alone, and what they are called now.
const FORMER: [(&str, EventKind); 3] = [
    ("conversation_status_change", EventKind::StatusUpdated),
    ("button_action", EventKind::ButtonClicked),
    ("user_unsubscribe", EventKind::UserUnsubscribed),
];

impl EventKind {
    /// The type meant by a spelling, former ones included.
    #[must_use]
    pub fn of(spelled: &str) -> Self {
        let former = FORMER.into_iter().find(|(former, _)| *former == spelled);
        former.map_or_else(|| Self::from(spelled), |(_, kind)| kind)
    }
}

open_enum! {
    /// How a user's presence is spelt in events, which is not how the user model spells it.
    pub enum Presence {
        /// Seen in a client's sample.
        Online = "ONLINE",
        /// The user model's word.
        Available = "AVAILABLE",
        /// Named in prose alone.
        Away = "AWAY",
        /// Gone.
        Offline = "OFFLINE",
        /// In a call.
        OnCall = "ON_CALL",
    }
}
