//! What stands around conversations: users, teams, accounts, playbooks, landing pages, attribute definitions.
//!
//! Small and changeable, so kept as parsed values. Keys without a value are absent, as with Drift.

use model::Millis;
use serde_json::{Map, Value, json};

use super::base::Base;
use super::roster::{DEPARTED, PLAYBOOKS, WRITERS};
use super::{World, WorldError, ids, json};

/// The owner of the organization.
pub(super) const OWNER_EMAIL: &str = "owner@harbor.example";
const OWNER_ID: i64 = 2_310_001;
const ACCOUNTS: u64 = 150;
/// The most users, and the most accounts.
const ROWS_MAX: usize = 100_000;

const STEMS: [&str; 15] = [
    "lighthouse",
    "acme",
    "müller",
    "northwind",
    "café-central",
    "globex",
    "initech",
    "umbra",
    "hooli",
    "stark",
    "wayne",
    "tyrell",
    "soylent",
    "cyberdyne",
    "wonka",
];

/// Users, accounts and the rest.
pub(super) struct Directory {
    pub users: Vec<Map<String, Value>>,
    pub accounts: Vec<Map<String, Value>>,
    teams: Vec<Value>,
    playbooks: Vec<Value>,
}

/// A page of accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSlice {
    /// The accounts as a JSON array.
    pub array: Vec<u8>,
    /// How many accounts there are in it.
    pub count: usize,
    /// How many accounts the organization has.
    pub total: usize,
}

/// The domain of one of the accounts, by a share of randomness.
pub(super) fn account_domain(hash: u64) -> String {
    let number = hash % ACCOUNTS;
    let stem = STEMS[usize::try_from(number % 15).expect("below 15")].replace('ü', "ue").replace('é', "e");
    format!("{stem}-{}.example", number / 15)
}

impl Directory {
    pub(super) fn new(base: &Base) -> Self {
        let end = base.ends_at;
        let mut users: Vec<_> =
            WRITERS.iter().take(DEPARTED).enumerate().map(|(at, _)| user(at, end)).collect();
        users.push(owner(end));
        Self {
            users,
            accounts: (0..ACCOUNTS).map(|number| account(base, number)).collect(),
            teams: teams(end),
            playbooks: playbooks(end),
        }
    }

    pub(super) fn user_mut(&mut self, id: i64) -> Result<&mut Map<String, Value>, WorldError> {
        let found = self.users.iter_mut().find(|user| user["id"] == id);
        found.ok_or_else(|| WorldError::not_found("user"))
    }

    fn account_mut(&mut self, id: &str) -> Result<&mut Map<String, Value>, WorldError> {
        let found = self.accounts.iter_mut().find(|account| account["accountId"] == id);
        found.ok_or_else(|| WorldError::not_found("account"))
    }

    pub(super) fn has_room(rows: usize) -> Result<(), WorldError> {
        if rows >= ROWS_MAX { Err(WorldError::full("rows were added to a directory")) } else { Ok(()) }
    }
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn user(at: usize, end: i64) -> Map<String, Value> {
    let member = &WRITERS[at];
    let handle: String = member.name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let mut user = map(json!({
        "id": member.id, "orgId": ids::ORG_ID, "name": member.name, "bot": member.bot,
        "availability": (["AVAILABLE", "OFFLINE", "ON_CALL"][at % 3]),
        "role": if at == 0 { "admin" } else if at.is_multiple_of(2) { "agent" } else { "member" },
        "createdAt": end - 400 * 86_400_000, "updatedAt": end - 3_600_000 * at.cast_signed() as i64,
    }));
    if !member.bot {
        user.insert("email".to_owned(), json!(format!("{handle}@harbor.example")));
        user.insert("verified".to_owned(), json!(at != 4));
        user.insert("locale".to_owned(), json!(if at.is_multiple_of(2) { "en-US" } else { "de-DE" }));
        user.insert("timeZone".to_owned(), json!("Europe/Berlin"));
    }
    if at.is_multiple_of(3) {
        user.insert("alias".to_owned(), json!(member.name.split(' ').next()));
        user.insert(
            "avatarUrl".to_owned(),
            json!(format!("https://cdn.harbor.example/avatars/{handle}.png")),
        );
        user.insert("phone".to_owned(), json!("617-555-0147"));
    }
    user
}

fn owner(end: i64) -> Map<String, Value> {
    map(json!({
        "id": OWNER_ID, "orgId": ids::ORG_ID, "email": OWNER_EMAIL, "role": "admin", "verified": true, "bot": false,
        "createdAt": end - 900 * 86_400_000, "updatedAt": end - 86_400_000,
    }))
}

fn account(base: &Base, number: u64) -> Map<String, Value> {
    let hash = base.hash(12, number);
    let domain = account_domain(number);
    let stem = STEMS[usize::try_from(number % 15).expect("below 15")];
    let account_id = if number.is_multiple_of(2) {
        format!("{}_{domain}", ids::ORG_ID)
    } else {
        let low = model::entropy::mix(hash);
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            hash >> 32,
            hash >> 16 & 0xffff,
            hash & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    };
    let properties = match number % 3 {
        0 => json!([]),
        1 => json!({}),
        _ => json!([
            {"label": "Branche & Größe", "name": "industry", "value": "Logistics", "type": "STRING"},
            {"label": "Seats", "name": "seats", "value": hash % 900, "type": "NUMBER"},
        ]),
    };
    let created_at = base.ends_at - 200 * 86_400_000 + (hash % 8_640_000_000).cast_signed();
    map(json!({
        "accountId": account_id, "ownerId": WRITERS[usize::try_from(hash % 8).expect("below 8")].id,
        "name": format!("{} {}", stem.replace('-', " "), number / 15), "domain": domain,
        "customProperties": properties, "deleted": number == 77, "targeted": hash & 7 == 0,
        "createDateTime": created_at, "updateDateTime": created_at + 86_400_000,
    }))
}

fn teams(end: i64) -> Vec<Value> {
    let all: Vec<i64> = WRITERS.iter().take(DEPARTED).map(|member| member.id).chain([OWNER_ID]).collect();
    let team = |id: i64, name: &str, members: &[i64], status: &str, main: bool| {
        json!({
            "id": id, "orgId": ids::ORG_ID, "workspaceId": format!("5f0c2a9e-0000-4000-8000-{id:012}"),
            "name": name, "updatedAt": end - id, "members": members, "owner": OWNER_ID, "status": status,
            "main": main, "autoOffline": !main, "teamAvailabilityMode": if main { "ALWAYS_ONLINE" } else { "CUSTOM_HOURS" },
            "responseTimerEnabled": id % 2 == 0, "teamCsatEnabled": false,
        })
    };
    vec![
        team(7_001, "Everyone", &all, "ENABLED", true),
        team(7_002, "Sales – EMEA", &all[..4], "ENABLED", false),
        team(7_003, "Support & Success", &all[3..8], "ENABLED", false),
        team(7_009, "Old team", &[], "ARCHIVED", false),
    ]
}

fn playbooks(end: i64) -> Vec<Value> {
    let names = [
        "Welcome – Home",
        "Pricing: talk to sales",
        "Docs helper",
        "Angebot 2026",
        "ABM \"Top 50\"",
        "Night shift",
    ];
    let playbook = |(at, (&id, name)): (usize, (&i64, &str))| {
        json!({
            "id": id, "name": name, "orgId": ids::ORG_ID, "meta": {"version": at + 1},
            "createdAt": end - 250 * 86_400_000, "updatedAt": end - 86_400_000 * id % 97,
            "createdAuthorId": WRITERS[at].id, "updatedAuthorId": OWNER_ID,
            "interactionId": if at == 3 { Value::Null } else { json!(901_000 + at) },
            "reportType": (["BOOK_MORE_MEETINGS", "CAPTURE_LEADS", "DEFLECT_SUPPORT"][at % 3]),
            "goals": if at % 2 == 0 { json!([{"id": format!("6a1b2c3d-0000-4000-9000-{id:012}"), "message": "Email captured"}]) } else { json!([]) },
        })
    };
    PLAYBOOKS.iter().zip(names).enumerate().map(playbook).collect()
}

/// The array of custom attribute definitions.
fn attribute_definitions() -> Value {
    json!([
        {"type": "STRING", "displayName": "Plan", "name": "Plan"},
        {"type": "NUMERIC", "displayName": "Lead score", "name": "lead_score"},
        {"type": "BOOLEAN", "displayName": "Is customer?", "name": "is_customer"},
        {"type": "DATETIME", "displayName": "Letzter Kauf", "name": "last_purchase_at"},
        {"type": "DATE", "displayName": "Renewal", "name": "renewal_date"},
        {"type": "STRING", "displayName": "Email", "name": "email"},
    ])
}

fn rows<'a>(rows: impl Iterator<Item = &'a Map<String, Value>>) -> Vec<u8> {
    json::array(rows.map(|row| serde_json::to_vec(row).expect("keys of maps are texts")))
}

fn row(row: &Map<String, Value>) -> Vec<u8> {
    serde_json::to_vec(row).expect("keys of maps are texts")
}

impl World {
    /// All users as an array.
    #[must_use]
    pub fn users(&self) -> Vec<u8> {
        self.read(|view| rows(view.overlay.directory.users.iter()))
    }

    /// One user.
    #[must_use]
    pub fn user(&self, id: i64) -> Option<Vec<u8>> {
        self.read(|view| view.overlay.directory.users.iter().find(|user| user["id"] == id).map(row))
    }

    /// The known ones of these users as a map from id to user.
    #[must_use]
    pub fn users_by_id(&self, ids: &[i64]) -> Vec<u8> {
        let found = |id: &i64| Some((id.to_string(), serde_json::from_slice(&self.user(*id)?).ok()?));
        json::bytes(&Value::Object(ids.iter().filter_map(found).collect()))
    }

    /// `PATCH /users/update?userId=` with `name, alias, email, phone, locale, avatarUrl, availability`; gives
    /// the user. The role cannot be changed.
    pub fn update_user(&self, id: i64, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        const FIELDS: [&str; 7] = ["name", "alias", "email", "phone", "locale", "avatarUrl", "availability"];
        let given = body.as_object().ok_or_else(|| WorldError::validation("expected an object"))?;
        for (key, value) in given {
            if !FIELDS.contains(&key.as_str()) || !value.is_string() {
                return Err(WorldError::validation(&format!("{key} cannot be updated")));
            }
        }
        match given.get("availability").and_then(Value::as_str) {
            None | Some("AVAILABLE" | "OFFLINE") => {}
            Some(_) => return Err(WorldError::validation("availability must be AVAILABLE or OFFLINE")),
        }
        self.write(|_, overlay| {
            let user = overlay.directory.user_mut(id)?;
            user.extend(given.clone());
            user.insert("updatedAt".to_owned(), json!(now.0));
            Ok(row(user))
        })
    }

    /// All teams as an array.
    #[must_use]
    pub fn teams(&self) -> Vec<u8> {
        self.read(|view| json::array(view.overlay.directory.teams.iter().map(json::bytes)))
    }

    /// The teams of one user as an array; `None` for an unknown user.
    #[must_use]
    pub fn teams_of(&self, user: i64) -> Option<Vec<u8>> {
        self.user(user)?;
        let has =
            |team: &&Value| team["members"].as_array().is_some_and(|all| all.iter().any(|one| *one == user));
        Some(self.read(|view| json::array(view.overlay.directory.teams.iter().filter(has).map(json::bytes))))
    }

    /// Active playbooks as an array.
    #[must_use]
    pub fn playbooks(&self) -> Vec<u8> {
        self.read(|view| json::array(view.overlay.directory.playbooks.iter().map(json::bytes)))
    }

    /// Landing pages as an array.
    #[must_use]
    pub fn landing_pages(&self) -> Vec<u8> {
        json::bytes(&json!([
            {"playbookId": PLAYBOOKS[4], "playbookName": "ABM \"Top 50\"", "landingPageUrl": "https://harbor.drift.click/top-50"},
            {"playbookId": 401_399, "playbookName": "Webinar – Über Daten", "landingPageUrl": "https://harbor.drift.click/webinar"},
        ]))
    }

    /// `GET /contacts/attributes`: the array of `{type, displayName, name}`.
    #[must_use]
    pub fn contact_attributes(&self) -> Vec<u8> {
        json::bytes(&attribute_definitions())
    }

    /// Accounts `index..index + size`, deleted ones included.
    #[must_use]
    pub fn accounts(&self, index: usize, size: usize) -> AccountSlice {
        self.read(|view| {
            let all = &view.overlay.directory.accounts;
            let page = &all[index.min(all.len())..index.saturating_add(size).min(all.len())];
            AccountSlice { array: rows(page.iter()), count: page.len(), total: all.len() }
        })
    }

    /// One account, deleted ones included.
    #[must_use]
    pub fn account(&self, id: &str) -> Option<Vec<u8>> {
        self.read(|view| view.overlay.directory.accounts.iter().find(|one| one["accountId"] == id).map(row))
    }

    /// `POST /accounts/create`; gives the account. The owner must be known, the domain new.
    pub fn create_account(&self, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        let owner = body.get("ownerId").or_else(|| body.get("owner_id")).and_then(Value::as_i64);
        let owner = owner.ok_or_else(|| WorldError::validation("ownerId is required"))?;
        let domain = body.get("domain").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.write(|_, overlay| {
            let directory = &mut overlay.directory;
            Directory::has_room(directory.accounts.len())?;
            if !directory.users.iter().any(|user| user["id"] == owner) {
                return Err(WorldError::validation("ownerId is not a known user"));
            }
            if !domain.is_empty() && directory.accounts.iter().any(|one| one["domain"] == domain.as_str()) {
                return Err(WorldError::conflict("an account with this domain already exists"));
            }
            let number = directory.accounts.len();
            let id = if domain.is_empty() { format!("{}_{number}", ids::ORG_ID) } else { format!("{}_{domain}", ids::ORG_ID) };
            let mut account = map(json!({
                "accountId": id, "ownerId": owner, "deleted": false, "targeted": false, "customProperties": [],
                "createDateTime": now.0, "updateDateTime": now.0,
            }));
            copy_account_fields(&mut account, body);
            directory.accounts.push(account);
            Ok(row(&directory.accounts[number]))
        })
    }

    /// `PATCH /accounts/update` with `accountId`; gives the account.
    pub fn update_account(&self, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        let id = body.get("accountId").and_then(Value::as_str);
        let id = id.ok_or_else(|| WorldError::validation("accountId is required"))?;
        self.write(|_, overlay| {
            let account = overlay.directory.account_mut(id)?;
            copy_account_fields(account, body);
            if let Some(owner) = body.get("ownerId").filter(|owner| owner.is_i64()) {
                account.insert("ownerId".to_owned(), owner.clone());
            }
            account.insert("updateDateTime".to_owned(), json!(now.0));
            Ok(row(account))
        })
    }

    /// `DELETE /accounts/{id}`: marks it deleted; a later read still answers.
    pub fn delete_account(&self, id: &str, now: Millis) -> Result<(), WorldError> {
        self.write(|_, overlay| {
            let account = overlay.directory.account_mut(id)?;
            account.insert("deleted".to_owned(), json!(true));
            account.insert("updateDateTime".to_owned(), json!(now.0));
            Ok(())
        })
    }
}

fn copy_account_fields(account: &mut Map<String, Value>, body: &Value) {
    for key in ["name", "domain", "customProperties", "targeted"] {
        if let Some(value) = body.get(key).filter(|value| !value.is_null()) {
            account.insert(key.to_owned(), value.clone());
        }
    }
}
