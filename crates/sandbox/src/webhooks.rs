//! The webhooks that Drift would send: made of every change, sent to one address, with a bad day on demand.
//!
//! The world tells of a change while it makes it ([`crate::world::Notice`]); here it becomes a [`Delivery`] in Drift's
//! envelope and waits for its time. On a socket `send` posts what is due; a test in process takes it instead
//! ([`crate::Sandbox::take_webhooks`]) and opens no socket at all. Faults are those of a network and of a sender that
//! documents nothing: events that come twice, in another order, late, or never. What happens to event `n` is a function
//! of the seed and `n`.
//!
//! Nothing is kept while neither an address is set nor anybody collects.

mod examples;
mod faults;
mod options;
mod queue;
pub(crate) mod send;

pub(crate) use examples::example;
pub use faults::{DELIVERY_PRESETS, DeliveryFaults};
pub use options::{WebhookOptions, WebhookTypes};
pub use queue::{Delivery, WebhookCounts};
pub(crate) use queue::{Outcome, Webhooks};

/// The header that repeats the verification token (Drift: Webhook events).
pub const TOKEN_HEADER: &str = "x-verification-token";

/// Every type of event that can be ticked in the app's settings (Drift: Webhook events, and what clients use).
pub const WEBHOOK_TYPES: [&str; 23] = [
    "contact_identified",
    "new_message",
    "new_command_message",
    "new_conversation",
    "conversation_push",
    "conversation_inactive",
    "conversation_manual_push",
    "conversation_participant_added",
    "conversation_participant_removed",
    "button_clicked",
    "phone_captured",
    "contact_updated",
    "new_meeting",
    "meeting_updated",
    "playbook_goal_met",
    "user_availability_updated",
    "user_unsubscribed",
    "chat_to_call",
    "gdpr_delete_requested",
    "app_disconnected",
    "conversation_status_updated",
    "button_action",
    "user_unsubscribe",
];
