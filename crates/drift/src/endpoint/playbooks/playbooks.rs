//! `GET /playbooks/list`

use crate::answer::Answer;
use crate::call::Call;
use crate::wire::Playbook;
use crate::{Client, Error, Scope};

impl Client {
    /// The organization's playbooks, only those enabled and active.
    ///
    /// `GET /playbooks/list`; scope `playbook_read`. One bare list, no pages; may lag behind by some
    /// ten minutes.
    ///
    /// Drift: "Get playbooks", <https://devdocs.drift.com/docs/get-playbooks>.
    ///
    /// # Errors
    /// As every call: [`Error`].
    pub async fn playbooks(&self) -> Result<Vec<Playbook>, Error> {
        let call = Call::get("/playbooks/list").scope(Scope::PlaybookRead);
        self.call_decoded(call, Answer::list_or_bare).await
    }
}
