//! What is fuzzed: the event parser, and the decoder of every endpoint.
//!
//! The tests and the crate `fuzz` share this file. The input stands for what the network brought; whatever it is, the
//! SDK must give a value or an error, and neither may be something that cannot be shown or written.

use std::fmt::Debug;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use drift::endpoint::{
    AccountChanges, ContactAttributes, ContactIdKind, ContactKey, NewAccount, NewConversation, NewMessage,
    NewTimelineEvent, ReportQuery, ScimQuery, SummaryQuery, UserChanges,
};
use drift::webhook::{Event, EventFacts, redact};
use drift::wire::{Contact, Extra, Identify, Message, ScimUser, Subject, Track};
use drift::{
    App, Auth, Client, Config, Error, Limits, ListQuery, Pages, Seams, Secret, Transport, TransportError,
    oauth,
};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use model::time::Sleep;
use model::{
    AccountId, AttachmentId, Clock, ContactId, ConversationId, FakeClock, Millis, OrgId, Pii, SeededEntropy,
    UserId,
};

/// How many endpoints there are to answer.
pub(crate) const ENDPOINTS: u8 = 55;
/// How many forms an answer has: JSON or text, success or refusal.
pub(crate) const FORMS: u8 = 4;
/// Pages that are followed.
const PAGES_MAX: usize = 3;

/// An event, and whatever can be done to it.
pub(crate) fn event(body: &[u8]) {
    let Ok(event) = Event::parse(body) else { return };
    assert!(event.org.0 > 0 && !event.kind.as_str().is_empty());
    assert_eq!(Event::parse(body).unwrap().identity(), event.identity());
    let redacted: serde_json::Value = serde_json::from_str(&redact(event.data)).unwrap();
    assert!(redacted.is_object() || redacted == "***");
    if let Some(facts) = &event.facts {
        let written = facts.to_json();
        assert_eq!(serde_json::from_str::<EventFacts>(written.expose()).unwrap().kind(), facts.kind());
    }
    assert!(!format!("{event:?}").is_empty());
}

/// The first byte chooses the endpoint, the second the answer's form, the rest is its body.
pub(crate) fn decoders(input: &[u8]) {
    if let [endpoint, form, body @ ..] = input {
        answer(endpoint % ENDPOINTS, form % FORMS, body);
    }
}

/// One endpoint, answered with these bytes.
pub(crate) fn answer(endpoint: u8, form: u8, body: &[u8]) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().build().unwrap();
    }
    let transport = Answer { form, body: Bytes::copy_from_slice(body) };
    let seams = Seams {
        transport: Arc::new(transport),
        clock: Arc::new(Hasty(FakeClock::at(Millis(1_710_000_000_000)))),
        entropy: Arc::new(SeededEntropy::new(9)),
        recorder: None,
    };
    let mut config = Config::default();
    config.attempts_max = 1;
    RUNTIME.with(|runtime| runtime.block_on(call(endpoint, &config, &seams)));
}

async fn call(endpoint: u8, config: &Config, seams: &Seams) {
    let auth = Auth::Private(Secret::new("tok"));
    let client = Client::new(config.clone(), seams.clone(), auth).unwrap();
    match endpoint {
        0..=13 => conversations(endpoint, &client).await,
        14..=29 => contacts(endpoint, &client).await,
        30..=48 => directories(endpoint, &client).await,
        _ => others(endpoint, &client, config, seams).await,
    }
}

async fn conversations(endpoint: u8, client: &Client) {
    let id = ConversationId(5);
    match endpoint {
        0 => drop(pages(client.list_conversations(&ListQuery::default())).await),
        1 => shown(client.conversation(id).await),
        2 => pages(client.messages(id)).await.iter().for_each(look),
        3 => {
            if let Ok(message) = client.create_message(id, &NewMessage::chat("x")).await {
                look(&message);
            }
        }
        4 => shown(client.create_conversation(&NewConversation::new("a@b.test", "x")).await),
        5 => shown(client.transcript(id).await),
        6 => shown(client.json_transcript(id).await),
        7 => shown(client.conversation_stats().await),
        8 => drop(client.attachment(AttachmentId(7), 1 << 20).await),
        9 => shown(client.conversation_report(&ReportQuery::of(&["createdAt"])).await),
        10 => shown(client.conversation_summary(&SummaryQuery { metrics: vec![], filters: vec![] }).await),
        11 => shown(client.playbooks().await),
        12 => shown(client.landing_pages().await),
        _ => shown(client.token_info().await),
    }
}

async fn contacts(endpoint: u8, client: &Client) {
    let (id, attributes) = (ContactId(5), ContactAttributes::of_email(Pii::new("a@b.test".to_owned())));
    let timeline =
        NewTimelineEvent { contact: ContactKey::Drift(id), event: "x".to_owned(), created_at: None };
    match endpoint {
        14 => known(client.contact(id).await.map(|contact| vec![contact])),
        15 => known(client.contacts_by_email("a@b.test", None).await),
        16 => known(client.contacts_by_external_id(&["x"]).await),
        17 => known(client.create_contact(&attributes).await.map(|contact| vec![contact])),
        18 => known(client.update_contact(id, &attributes).await.map(|contact| vec![contact])),
        19 => shown(client.normalize_contact(ContactIdKind::External, "x", &attributes).await),
        20 => shown(client.delete_contact(id).await),
        21 => shown(client.post_timeline_event(&timeline).await),
        22 => shown(client.contact_attributes().await),
        23 => shown(client.unsubscribe_emails(&["a@b.test"]).await),
        24 => shown(client.add_contact_tags(id, &["x"]).await),
        25 => shown(client.remove_contact_tag(id, "x").await),
        26 => shown(client.remove_contact_tags(id, &["x"]).await),
        27 => shown(client.gdpr_retrieve("a@b.test").await),
        28 => shown(client.gdpr_delete("a@b.test").await),
        _ => {
            let app = App { client_id: "c".to_owned(), client_secret: Secret::new("s") };
            shown(client.uninstall(&app).await);
        }
    }
}

async fn directories(endpoint: u8, client: &Client) {
    let (id, account) = (UserId(5), AccountId("1_b.test".to_owned()));
    let scim = ScimUser::new("a@b.test", "A");
    match endpoint {
        30 => shown(client.user(id).await),
        31 => shown(client.users_by_id(&[id]).await),
        32 => shown(client.users().await),
        33 => shown(client.update_user(id, &UserChanges::default()).await),
        34 => shown(client.meetings(Millis(1), Millis(2)).await),
        35 => shown(client.teams().await),
        36 => shown(client.user_teams(id).await),
        37 => {
            let (name, domain) = ("B".to_owned(), "b.test".to_owned());
            let new = NewAccount { owner_id: id, name, domain, custom_properties: vec![], targeted: None };
            shown(client.create_account(&new).await);
        }
        38 => shown(client.account(&account).await),
        39 => drop(pages(client.accounts()).await),
        40 => shown(client.update_account(&AccountChanges::of(account)).await),
        41 => shown(client.delete_account(&account).await),
        42 => {
            let query = ScimQuery { filter: None, start_index: None, count: None };
            shown(client.scim_users(&query).await);
        }
        43 => shown(client.scim_user("7").await),
        44 => shown(client.create_scim_user(&scim).await),
        45 => shown(client.replace_scim_user("7", &scim).await),
        46 => shown(client.patch_scim_user("7", &serde_json::json!({})).await),
        47 => shown(client.delete_scim_user("7").await),
        _ => shown(client.users_by_id(&[id, UserId(6)]).await),
    }
}

async fn others(endpoint: u8, client: &Client, config: &Config, seams: &Seams) {
    let (org_id, attributes) = (OrgId(1), Extra::default());
    let subject = Subject::Company("x".to_owned());
    let track = Track {
        org_id,
        subject: subject.clone(),
        event: "x".to_owned(),
        attributes: attributes.clone(),
        created_at: None,
    };
    let identify = Identify { org_id, subject, attributes, created_at: None };
    let app = App { client_id: "c".to_owned(), client_secret: Secret::new("s") };
    match endpoint {
        49 => shown(client.track(&track).await),
        50 => shown(client.identify(&identify).await),
        51 => shown(client.track_all(&[track]).await),
        52 => shown(client.identify_all(&[identify]).await),
        53 => shown(oauth::exchange_code(config, seams, &app, &Secret::new("x"), "http://localhost/").await),
        _ => shown(oauth::refresh(config, seams, &app, &Secret::new("x")).await),
    }
}

/// A value or an error, neither of which shows the body's own words by accident of its type.
fn shown<T: Debug>(result: Result<T, Error>) {
    assert!(!format!("{result:?}").is_empty());
    if let Err(error) = result {
        assert!(!error.to_string().is_empty());
    }
}

fn look(message: &Message) {
    drop(message.context.as_ref().map(drift::wire::Lazy::get));
    if let Some(Ok(attributes)) = message.attributes.as_ref().map(drift::wire::Lazy::get) {
        drop(attributes.pre_messages());
    }
    written(message);
}

fn known(contacts: Result<Vec<Contact>, Error>) {
    for contact in contacts.iter().flatten() {
        drop(contact.known());
        written(contact);
    }
    shown(contacts);
}

/// What was read is written, and can be read again. Fractions may differ in their last digit, so no more is asked.
fn written<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    assert!(serde_json::from_str::<T>(&text).is_ok(), "{text}");
}

async fn pages<T: Send + 'static>(mut pages: Pages<T>) -> Vec<T> {
    let mut all = Vec::new();
    for _ in 0..PAGES_MAX {
        match pages.next_page().await {
            Ok(Some(page)) => all.extend(page.items),
            Ok(None) => break,
            Err(error) => {
                shown::<()>(Err(error));
                break;
            }
        }
    }
    all
}

/// A network that brings the same answer to everything.
struct Answer {
    form: u8,
    body: Bytes,
}

impl Transport for Answer {
    fn send<'a>(
        &'a self,
        _: Request<Bytes>,
        _: Limits,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        let (status, kind) = match self.form {
            0 => (200, "application/json"),
            1 => (200, "text/plain"),
            2 => (400, "application/json"),
            _ => (503, "text/html"),
        };
        let answer = Response::builder().status(status).header("content-type", kind);
        Box::pin(async move { Ok(answer.body(self.body.clone()).unwrap()) })
    }
}

/// A clock on which whoever sleeps is the next to wake.
struct Hasty(FakeClock);

impl Clock for Hasty {
    fn now(&self) -> Millis {
        self.0.now()
    }

    fn sleep(&self, ms: u64) -> Sleep {
        let (clock, mut sleep) = (self.0.clone(), self.0.sleep(ms));
        Box::pin(poll_fn(move |cx| {
            loop {
                if sleep.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                clock.advance_to_next_sleeper();
            }
        }))
    }

    fn deadline(&self, ms: u64) -> Sleep {
        self.0.deadline(ms)
    }
}
