//! The closed words of the log.
//!
//! A word once written is in a log forever: words are added, never changed or given another meaning.

/// Declare an enum whose variants are words, with both ways between them.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $doc])* $variant,)* }

        impl $name {
            /// All of them, in the order of this type.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stored word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim_ascii(),)* }
            }

            /// The one of that word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    };
}

words! {
    /// What was done, or tried: the noun, then the verb.
    Action {
        /// A grant was obtained.
        ConnectionConnect = "connection.connect",
        /// A grant was given up.
        ConnectionDisconnect = "connection.disconnect",
        /// A grant's state was noted: expired, revoked, active again.
        ConnectionState = "connection.state",
        /// A link to connect with was made.
        ShareLinkCreate = "share_link.create",
        /// A link to connect with was used.
        ShareLinkUse = "share_link.use",
        /// A link to connect with was revoked.
        ShareLinkRevoke = "share_link.revoke",
        /// An archive was asked for.
        ArchiveAsk = "archive.ask",
        /// A connection's tokens were exchanged for the next pair, or could not be.
        TokenRefresh = "token.refresh",
        /// A token was revoked at the provider, or could not be.
        TokenRevoke = "token.revoke",
        /// A decoy secret was read or used.
        SecretDecoy = "secret.decoy",
        /// A decoy secret was planted.
        HoneyPlant = "honey.plant",
        /// A decoy secret was taken away.
        HoneyRemove = "honey.remove",
        /// The vault's key was changed: made, put in use, or retired.
        KeyRotate = "key.rotate",
        /// A connection's data key was destroyed with its secrets.
        KeyDestroy = "key.destroy",
        /// Somebody signed in, or tried to.
        SessionSignIn = "session.sign_in",
        /// A session was ended by its owner.
        SessionSignOut = "session.sign_out",
        /// A session was ended by another.
        SessionRevoke = "session.revoke",
        /// A session was confirmed for what needs it.
        SessionStepUp = "session.step_up",
        /// A user was made.
        UserCreate = "user.create",
        /// A user was removed.
        UserRemove = "user.remove",
        /// A user's role was changed.
        UserRole = "user.role",
        /// A user's password or second factor was changed.
        UserCredential = "user.credential",
        /// A user was tied to an identity at the identity provider.
        UserIdentity = "user.identity",
        /// An API key was made.
        ApiKeyCreate = "api_key.create",
        /// An API key was revoked.
        ApiKeyRevoke = "api_key.revoke",
        /// A bulk copy was begun.
        ExportStart = "export.start",
        /// A bulk copy ended.
        ExportFinish = "export.finish",
        /// Somebody's rows were removed from a bulk copy.
        ExportErase = "export.erase",
        /// Stored events were routed again.
        EventReplay = "event.replay",
        /// Dead letters were put back on the queue.
        DeadLetterReplay = "dead_letter.replay",
        /// Dead letters were thrown away.
        DeadLetterDiscard = "dead_letter.discard",
        /// A conversation was asked for once more.
        ConversationRefresh = "conversation.refresh",
        /// Work was let wait.
        PauseSet = "pause.set",
        /// Work may go on.
        PauseEnd = "pause.end",
        /// An address for outgoing webhooks was added.
        EndpointCreate = "endpoint.create",
        /// An address was removed.
        EndpointRemove = "endpoint.remove",
        /// An address gets webhooks again.
        EndpointEnable = "endpoint.enable",
        /// An address gets no webhooks for now.
        EndpointDisable = "endpoint.disable",
        /// An address's signing secret was changed.
        EndpointRotate = "endpoint.rotate",
        /// Webhooks were sent to an address again.
        EndpointReplay = "endpoint.replay",
        /// A reader of the feed was registered.
        ConsumerCreate = "consumer.create",
        /// A reader of the feed was let stand still.
        ConsumerPause = "consumer.pause",
        /// A reader of the feed may go on.
        ConsumerResume = "consumer.resume",
        /// A reader of the feed was set to another place.
        ConsumerRewind = "consumer.rewind",
        /// A scheduled export was asked for at once.
        ExportAsk = "export.ask",
        /// An export was set to come from time to time.
        ExportSchedule = "export.schedule",
        /// An export comes no more from time to time.
        ExportUnschedule = "export.unschedule",
        /// A regular job was set to come at other times.
        ScheduleSet = "schedule.set",
        /// The token by which received webhooks are known was set.
        WebhookTokenSet = "webhook_token.set",
        /// An alarm of unusual use was raised: `dormancy`, `volume`, `pattern`, `new_client`.
        AlarmRaise = "alarm.raise",
        /// What a notice says was taken note of by somebody.
        NoticeAcknowledge = "notice.acknowledge",
        /// A bundle of what happened in a window was written out.
        IncidentExport = "incident.export",
        /// The log itself was written out.
        AuditExport = "audit.export",
    }
}

words! {
    /// What kind of actor it was.
    ActorKind {
        /// A signed-in person.
        User = "user",
        /// A key of the API.
        ApiKey = "api_key",
        /// Whoever holds the server's admin token.
        AdminToken = "admin_token",
        /// A command of this program, run on the machine: the id is the system's number of the user.
        Command = "command",
        /// The program itself, at work.
        Node = "node",
        /// The provider whose API it is.
        Provider = "provider",
        /// Whoever holds a link to connect with; the id is the link's.
        ShareLink = "share_link",
        /// Nobody known.
        Nobody = "nobody",
    }
}

words! {
    /// What kind of thing it was done to.
    ObjectKind {
        /// The organization as a whole.
        Organization = "organization",
        /// A grant.
        Connection = "connection",
        /// A link to connect with.
        ShareLink = "share_link",
        /// A secret: its owner's id, a slash, its kind.
        Secret = "secret",
        /// A key of the vault.
        Key = "key",
        /// A user.
        User = "user",
        /// A session.
        Session = "session",
        /// An API key.
        ApiKey = "api_key",
        /// A bulk copy.
        ExportRun = "export_run",
        /// Received events.
        Event = "event",
        /// Jobs, by their kind or id.
        Job = "job",
        /// A conversation.
        Conversation = "conversation",
        /// An address of outgoing webhooks.
        Endpoint = "endpoint",
        /// A reader of the feed.
        Consumer = "consumer",
        /// Notices: their kind, a slash, their subject.
        Notice = "notice",
        /// A regular job, by its kind.
        Schedule = "schedule",
        /// An export that comes from time to time, by its name.
        ScheduledExport = "scheduled_export",
        /// The log.
        AuditLog = "audit_log",
    }
}

words! {
    /// How it went.
    Outcome {
        /// It was done.
        Done = "done",
        /// It was not allowed.
        Refused = "refused",
        /// It was tried, and did not work.
        Failed = "failed",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_word_stands_for_one_action_and_fits_an_id() {
        let words: BTreeSet<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
        assert_eq!(words.len(), Action::ALL.len());
        for action in Action::ALL {
            assert_eq!(Action::parse(action.as_str()), Some(*action));
            let (noun, verb) = action.as_str().split_once('.').unwrap();
            let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(plain(noun) && plain(verb), "{}", action.as_str());
        }
    }
}
