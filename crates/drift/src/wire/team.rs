#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Teams of users.

use model::{Millis, OrgId, TeamId, UserId};

use super::open_enum::open_enum;
use super::shape::shape;

shape! {
    /// One team.
    ///
    /// Drift: "Team model", <https://devdocs.drift.com/docs/team-model>.
    #[serde(rename_all = "camelCase")]
    pub struct Team {
        pub id: TeamId,
        pub org_id: Option<OrgId>,
        /// A UUID.
        pub workspace_id: Option<String>,
        pub name: Option<String>,
        pub updated_at: Option<Millis>,
        pub members: Vec<UserId>,
        pub owner: Option<UserId>,
        pub status: Option<TeamStatus>,
        pub main: Option<bool>,
        pub auto_offline: Option<bool>,
        pub team_availability_mode: Option<TeamAvailability>,
        pub response_timer_enabled: Option<bool>,
        pub team_csat_enabled: Option<bool>,
    }
}

open_enum! {
    /// Whether a team is in use.
    pub enum TeamStatus {
        /// In use.
        Enabled = "ENABLED",
        /// Put away.
        Archived = "ARCHIVED",
    }
}

open_enum! {
    /// When a team counts as there.
    pub enum TeamAvailability {
        /// Always.
        AlwaysOnline = "ALWAYS_ONLINE",
        /// Never.
        AlwaysOffline = "ALWAYS_OFFLINE",
        /// In its own hours.
        CustomHours = "CUSTOM_HOURS",
    }
}
