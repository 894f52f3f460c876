//! The shapes that Drift sends and takes.
//!
//! One rule holds for all of them: what Drift sends is never lost and never fatal for being unexpected. Fields we
//! do not know stay in `extra`; words we do not know stay in the `Other` of their open enum; absent and `null` are
//! the same; numbers may arrive as text and texts as numbers. What would make a row meaningless (a message without
//! an id) is still an error, since a copy that silently dropped it could not be called complete.
//!
//! Sub-trees that are large and rarely read ([`Message::context`], [`Contact::attributes`]) are kept as raw JSON in
//! a [`Lazy`], because an archive decodes millions of them and looks into few. Refused for that reason: untagged
//! enums and [`serde_json::Value`] for fields that every row has; both buffer what they read.
//!
//! What identifies a person is wrapped in [`model::Pii`], so that `Debug` of any of these types shows none of it.

mod extra;
mod field;
mod lazy;
pub(crate) mod open_enum;
mod shape;

mod account;
mod app;
mod attachment;
mod attributes;
mod contact;
mod conversation;
mod done;
mod event;
mod gdpr;
mod meeting;
mod message;
mod playbook;
mod report;
mod scim;
mod social;
mod stats;
mod team;
mod timeline;
mod transcript;
mod user;

pub use account::{Account, CustomProperties, CustomProperty, PropertyKind};
pub use app::TokenInfo;
pub use attachment::{Attachment, AttachmentRef};
pub use attributes::{Attributes, Location};
pub use contact::{AttributeDefinition, AttributeKind, Contact};
pub use conversation::{Conversation, ConversationRow, ConversationStatus, Tag};
pub use done::Done;
pub use event::{Identify, Subject, Track};
pub use extra::Extra;
pub use gdpr::{GdprDeletion, GdprRetrieval};
pub use lazy::Lazy;
pub use meeting::{Meeting, MeetingSource, MeetingStatus, Meetings};
pub use message::{
    Author, AuthorKind, Button, ButtonKind, ButtonStyle, Context, EditType, Message, MessageAttributes,
    MessageKind, Reaction,
};
pub use playbook::{Goal, LandingPage, Playbook};
pub use report::{Filter, Metrics, Operation, Report, ReportRow};
pub use scim::{ScimList, ScimName, ScimPhone, ScimRole, ScimUser};
pub use social::{Employment, Geo, SocialName, SocialProfiles};
pub use stats::ConversationStats;
pub use team::{Team, TeamAvailability, TeamStatus};
pub use timeline::TimelineEvent;
pub use transcript::{JsonTranscript, TranscriptLine};
pub use user::{Availability, User, UserRole};

pub(crate) use field::{Field, List};
pub(crate) use report::without_bare_nan;
