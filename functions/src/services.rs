//! What Fusion Chat reaches outside of the database.

pub mod assistant;

use assistant::ScriptedAssistant;

/// The services actions may call. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Services {
    /// Who answers visitors and improves operators' drafts.
    pub assistant: ScriptedAssistant,
}
