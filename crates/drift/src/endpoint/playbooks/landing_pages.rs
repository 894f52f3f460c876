//! `GET /playbooks/clp`

use crate::answer::Answer;
use crate::call::Call;
use crate::wire::LandingPage;
use crate::{Client, Error, Scope};

impl Client {
    /// The organization's conversational landing pages.
    ///
    /// `GET /playbooks/clp`; scope `playbook_read`. One bare list, no pages.
    ///
    /// Drift has no page for it; the shape is that of the answers seen.
    ///
    /// # Errors
    /// As every call: [`Error`].
    pub async fn landing_pages(&self) -> Result<Vec<LandingPage>, Error> {
        let call = Call::get("/playbooks/clp").scope(Scope::PlaybookRead);
        self.call_decoded(call, Answer::list_or_bare).await
    }
}
