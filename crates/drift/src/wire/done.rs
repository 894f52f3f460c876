//! The answer of calls that have nothing to give.

use super::shape::shape;

shape! {
    /// `{"result":"OK","ok":true}`: what deletions, the unsubscription and the uninstallation answer.
    pub struct Done {
        /// `OK`.
        pub result: Option<String>,
        /// True.
        pub ok: Option<bool>,
    }
}
