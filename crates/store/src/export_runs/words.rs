//! The closed words of an export run.

use crate::error::StoreError;

/// How much a run carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportMode {
    /// Everything; what the destination held is replaced.
    Full,
    /// What changed since the run before; the rest stays as it is.
    Incremental,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportState {
    /// A process is at it, or died at it.
    Running,
    /// Somebody stopped it; it can go on.
    Paused,
    /// Somebody gave it up.
    Cancelled,
    /// It is whole at its destination.
    Succeeded,
    /// It could not go on, for the reason its outcome tells.
    Failed,
}

/// What somebody asks of a run that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Stop, so that it can go on later.
    Pause,
    /// Stop for good.
    Cancel,
}

impl ExportMode {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Incremental => "incremental",
        }
    }

    pub(super) fn parse_stored(word: &str) -> Result<Self, StoreError> {
        match word {
            "full" => Ok(Self::Full),
            "incremental" => Ok(Self::Incremental),
            _ => Err(StoreError::Stored { what: "mode of an export run" }),
        }
    }
}

impl ExportState {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    pub(super) fn parse_stored(word: &str) -> Result<Self, StoreError> {
        match word {
            "running" => Ok(Self::Running),
            "paused" => Ok(Self::Paused),
            "cancelled" => Ok(Self::Cancelled),
            "succeeded" => Ok(Self::Succeeded),
            "failed" => Ok(Self::Failed),
            _ => Err(StoreError::Stored { what: "state of an export run" }),
        }
    }
}

impl Asked {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Cancel => "cancel",
        }
    }

    pub(super) fn parse_stored(word: &str) -> Result<Self, StoreError> {
        match word {
            "pause" => Ok(Self::Pause),
            "cancel" => Ok(Self::Cancel),
            _ => Err(StoreError::Stored { what: "what was asked of an export run" }),
        }
    }
}
