//! What lies in the vault, in clear: to look for it elsewhere.

use std::path::Path;
use std::sync::Arc;

use drift::OsEntropy;
use store::vault::{KeyFile, Ring, Vault};
use store::{DatabaseUrl, Db, OpenOptions, connections};

/// The tokens of all connections that have some.
pub(crate) fn tokens(url: &DatabaseUrl, key: &Path) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = Db::open(url, OpenOptions::default()).await.unwrap();
        let ring = Ring::read(Box::new(KeyFile::at(key)), Arc::new(OsEntropy)).await.unwrap();
        let vault = Vault::over(Arc::new(ring), Arc::new(OsEntropy));
        let mut all = Vec::new();
        for connection in connections::list(&db).await.unwrap() {
            let tokens = connections::tokens(&db, &connection.connection_id, &vault).await.unwrap();
            all.extend(tokens.into_iter().flat_map(|tokens| [Some(tokens.access), tokens.refresh]).flatten());
        }
        db.close().await;
        all.into_iter().map(|token| token.expose().to_owned()).collect()
    })
}
