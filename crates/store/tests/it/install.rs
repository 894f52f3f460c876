//! Connecting through a browser: consents that count once, and links that end.

use std::sync::Arc;

use model::{AccessUserId, Entropy, FakeClock, OrgId, Profile, SeededEntropy, ShareLinkId};
use store::access::Token;
use store::archives;
use store::install::consents::{self, Answer, Consent, LIFE_MS, PENDING_MAX, Starter};
use store::install::links::{self, ShareLink, Standing};
use store::queue::{self, JobState, Which};
use store::vault::{Key, Vault};
use store::{Db, StoreError};

use crate::engines::on_both;
use crate::samples::{NOW, ORG};

fn token(number: u64) -> Token {
    Token::generate("", &SeededEntropy::new(number))
}

fn ada() -> Consent {
    Consent { starter: Starter::User(AccessUserId("ada".into())), profile: Profile::Live }
}

async fn begin(db: &Db, number: u64) -> (Token, Token) {
    let (state, browser) = (token(number), token(number + 1_000));
    let mut tx = db.begin().await.unwrap();
    assert!(consents::begin(&mut tx, (&state, &browser), &ada(), NOW).await.unwrap());
    tx.commit().await.unwrap();
    (state, browser)
}

async fn answer(db: &Db, state: &Token, browser: Option<&Token>, after_ms: i64) -> Answer {
    let mut tx = db.begin().await.unwrap();
    let answer = consents::answer(&mut tx, state, browser, NOW.plus(after_ms)).await.unwrap();
    tx.commit().await.unwrap();
    answer
}

#[tokio::test]
async fn a_consent_counts_once_in_time_and_for_its_browser_alone() {
    on_both(async |store| {
        let db = &store.db;
        let (state, browser) = begin(db, 1).await;
        assert_eq!(answer(db, &token(99), Some(&browser), 1).await, Answer::Unknown);
        assert_eq!(answer(db, &state, Some(&browser), 1).await, Answer::Right(ada()));
        assert_eq!(answer(db, &state, Some(&browser), 2).await, Answer::Again);

        let (state, browser) = begin(db, 2).await;
        assert_eq!(answer(db, &state, Some(&token(7)), 1).await, Answer::OtherBrowser(ada()));
        assert_eq!(answer(db, &state, Some(&browser), 2).await, Answer::Again, "it is waited for no longer");
        let (state, _) = begin(db, 3).await;
        assert_eq!(answer(db, &state, None, 1).await, Answer::OtherBrowser(ada()));

        let (state, browser) = begin(db, 4).await;
        assert_eq!(answer(db, &state, Some(&browser), LIFE_MS).await, Answer::Late(ada()));
    })
    .await;
}

#[tokio::test]
async fn what_a_consent_became_is_told_to_its_browser() {
    on_both(async |store| {
        let (state, browser) = begin(&store.db, 1).await;
        assert_eq!(consents::of_browser(&store.db, &browser, NOW).await.unwrap(), None);
        let mut tx = store.db.begin().await.unwrap();
        consents::became(&mut tx, &state, ORG).await.unwrap();
        tx.commit().await.unwrap();
        let found = consents::of_browser(&store.db, &browser, NOW).await.unwrap();
        assert_eq!(found, Some((ORG, Profile::Live)));
        assert_eq!(consents::of_browser(&store.db, &state, NOW).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn one_starter_has_only_so_many_consents_under_way() {
    on_both(async |store| {
        let begun = async |number: u64, after_ms: i64| {
            let mut tx = store.db.begin().await.unwrap();
            let texts = (&token(number), &token(number + 1_000));
            let begun = consents::begin(&mut tx, texts, &ada(), NOW.plus(after_ms)).await.unwrap();
            tx.commit().await.unwrap();
            begun
        };
        for number in 0..PENDING_MAX.unsigned_abs() {
            assert!(begun(number, 0).await);
        }
        assert!(!begun(50, 0).await);
        assert!(begun(51, LIFE_MS).await, "those have ended");
        assert!(begun(52, 10 * 86_400_000).await);
        let rows = store.texts("SELECT CAST(COUNT(*) AS TEXT) FROM install_consents".to_owned()).await;
        assert_eq!(rows, ["1"], "old ones are gone");
    })
    .await;
}

fn vault() -> Vault {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(5));
    Vault::new(Key::generate(entropy.as_ref()), entropy)
}

async fn share(db: &Db, vault: &Vault, name: &str, uses_max: i64) -> (ShareLinkId, Token) {
    let id = ShareLinkId(name.to_owned());
    let until = NOW.plus(links::LIFE_MS);
    let link = ShareLink::new(id.clone(), (Some(ORG), Profile::Archive), (NOW, until), uses_max);
    let key = links::signing_key(db, vault, NOW).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let token = links::create(&mut tx, &link, &key).await.unwrap();
    tx.commit().await.unwrap();
    (id, token)
}

#[tokio::test]
async fn a_link_is_known_by_its_signature_and_by_nothing_less() {
    on_both(async |store| {
        let (db, vault) = (&store.db, vault());
        let (one, text) = share(db, &vault, "one", 1).await;
        let (_, other) = share(db, &vault, "two", 1).await;
        let found = links::find(db, &vault, &text, NOW).await.unwrap().unwrap();
        assert_eq!((&found.link_id, found.org, found.standing(NOW)), (&one, Some(ORG), Standing::Good));
        let signature = other.expose().rsplit_once("two_").unwrap().1;
        let short = &text.expose()[..text.expose().len() - 1];
        let forged = [format!("lsc_one_{signature}"), short.to_owned(), "lsc_one_".into(), "lsc_one".into()];
        for text in forged.iter().chain([&"one".to_owned()]) {
            let found = links::find(db, &vault, &Token::parse(text).unwrap(), NOW).await.unwrap();
            assert_eq!(found, None, "{text}");
        }
        for change in [
            "uses_max = 9",
            "ends_at = ends_at + 1",
            "org_id = 0",
            "profile = 'read-write'",
        ] {
            store.tamper(&format!("UPDATE share_links SET {change} WHERE link_id = 'one'")).await;
            assert_eq!(links::find(db, &vault, &text, NOW).await.unwrap(), None, "{change}");
            store
                .tamper(
                    "UPDATE share_links SET uses_max = 1, ends_at = (SELECT ends_at FROM share_links WHERE link_id = 'two'),
                     org_id = (SELECT org_id FROM share_links WHERE link_id = 'two'), profile = 'archive'
                     WHERE link_id = 'one'",
                )
                .await;
        }
        assert!(links::find(db, &vault, &text, NOW).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_link_is_used_up_ends_and_is_revoked() {
    on_both(async |store| {
        let (db, vault) = (&store.db, vault());
        let (link, _) = share(db, &vault, "one", 1).await;
        let mut tx = db.begin().await.unwrap();
        assert!(links::take(&mut tx, &link, NOW).await.unwrap());
        assert!(!links::take(&mut tx, &link, NOW).await.unwrap(), "it was good for one");
        links::give_back(&mut tx, &link).await.unwrap();
        assert!(!links::take(&mut tx, &link, NOW.plus(links::LIFE_MS)).await.unwrap(), "it has ended");
        assert!(links::take(&mut tx, &link, NOW.plus(5)).await.unwrap());
        tx.commit().await.unwrap();
        let found = links::get(db, &link).await.unwrap().unwrap();
        assert_eq!(
            (found.uses, found.last_used_at, found.standing(NOW)),
            (1, Some(NOW.plus(5)), Standing::UsedUp)
        );
        let mut tx = db.begin().await.unwrap();
        links::give_back(&mut tx, &link).await.unwrap();
        assert!(links::revoke(&mut tx, &link, NOW).await.unwrap());
        assert!(!links::revoke(&mut tx, &link, NOW).await.unwrap());
        assert!(!links::take(&mut tx, &link, NOW).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(links::list(db).await.unwrap()[0].standing(NOW), Standing::Revoked);
    })
    .await;
}

#[tokio::test]
async fn the_key_of_links_opens_with_the_vault_alone() {
    on_both(async |store| {
        links::signing_key(&store.db, &vault(), NOW).await.unwrap();
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(77));
        let other = Vault::new(Key::generate(entropy.as_ref()), entropy);
        let error = links::signing_key(&store.db, &other, NOW).await.unwrap_err();
        assert!(matches!(error, StoreError::Vault(_)), "{error}");
    })
    .await;
}

#[tokio::test]
async fn an_archive_that_was_asked_for_twice_waits_once() {
    on_both(async |store| {
        let (clock, entropy) = (FakeClock::at(NOW), SeededEntropy::new(3));
        assert_eq!(archives::standing(&store.db, ORG).await.unwrap().job, None);
        for _ in 0..2 {
            let mut tx = store.db.begin().await.unwrap();
            archives::ask(&mut tx, ORG, &clock, &entropy).await.unwrap();
            tx.commit().await.unwrap();
        }
        let standing = archives::standing(&store.db, ORG).await.unwrap();
        assert_eq!((standing.job.unwrap().state, standing.conversations), (JobState::Waiting, 0));
        let waiting = queue::list(&store.db, ORG, &Which::all(JobState::Waiting), 9).await.unwrap();
        assert_eq!(waiting.iter().map(|job| job.signals).collect::<Vec<_>>(), [2]);
        assert_eq!(archives::standing(&store.db, OrgId(77)).await.unwrap().job, None);
    })
    .await;
}
