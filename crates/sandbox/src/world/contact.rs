//! Contacts as they are now, and the calls that change them (Drift: Contact model and the contact pages).

use model::Millis;
use serde_json::{Map, Value, json};

use super::change::Changed;
use super::notice;
use super::overlay::Overlay;
use super::view::View;
use super::{World, WorldError, ids, json};

/// The longest name of an attribute, and of a timeline event.
const NAME_BYTES_MAX: usize = 1_000;
/// The most attributes of a contact.
const ATTRIBUTES_MAX: usize = 1_000;

/// A contact that is not as computed.
pub(super) enum ContactState {
    Deleted,
    Known { created_at: i64, attributes: Map<String, Value> },
}

impl ContactState {
    pub(super) fn email(&self) -> Option<&str> {
        match self {
            Self::Known { attributes, .. } => attributes.get("email")?.as_str(),
            Self::Deleted => None,
        }
    }

    pub(super) fn external(&self) -> Option<String> {
        match self {
            Self::Known { attributes, .. } => text_of(attributes.get("externalId")?),
            Self::Deleted => None,
        }
    }
}

impl View<'_> {
    pub(super) fn contact(&self, id: i64) -> Option<Vec<u8>> {
        match self.overlay.contacts.get(&id) {
            Some(ContactState::Deleted) => None,
            Some(ContactState::Known { created_at, attributes }) => {
                Some(json::bytes(&json!({"id": id, "createdAt": created_at, "attributes": attributes})))
            }
            None => self.base_slot(id).map(|slot| self.base.contact_json(slot)),
        }
    }

    fn base_slot(&self, id: i64) -> Option<u64> {
        ids::contact_slot(self.base.seed, id)
            .filter(|&slot| self.base.has_contact(slot) && !self.base.is_missing(slot))
    }

    /// A contact that can be fetched, taken apart.
    pub(super) fn contact_parts(&self, id: i64) -> Option<(i64, Map<String, Value>)> {
        if let Some(state) = self.overlay.contacts.get(&id) {
            return match state {
                ContactState::Deleted => None,
                ContactState::Known { created_at, attributes } => Some((*created_at, attributes.clone())),
            };
        }
        let slot = self.base_slot(id)?;
        let mut contact: Value =
            serde_json::from_slice(&self.base.contact_json(slot)).expect("contacts are written as JSON");
        let created_at = contact["createdAt"].as_i64().unwrap_or(0);
        match contact["attributes"].take() {
            Value::Object(attributes) => Some((created_at, attributes)),
            _ => None,
        }
    }

    /// The contacts with this address, the first created first.
    pub(super) fn ids_by_email(&self, email: &str) -> Vec<i64> {
        let computed =
            self.base.slots_by_email(email).into_iter().map(|slot| ids::contact(self.base.seed, slot));
        let mut found: Vec<i64> = computed.filter(|id| !self.overlay.contacts.contains_key(id)).collect();
        let kept = self.overlay.emails.get(&email.to_lowercase()).map_or(&[][..], |ids| ids);
        found.extend(kept.iter().filter(|id| {
            let state = self.overlay.contacts.get(id);
            state.and_then(ContactState::email).is_some_and(|own| own.eq_ignore_ascii_case(email))
        }));
        found.sort_unstable();
        found
    }

    pub(super) fn id_by_external(&self, external: &str) -> Option<i64> {
        let kept = self.overlay.externals.get(external).copied().filter(|id| {
            let state = self.overlay.contacts.get(id);
            state.and_then(ContactState::external).as_deref() == Some(external)
        });
        kept.or_else(|| {
            let id = ids::contact(self.base.seed, self.base.slot_by_external(external)?);
            (!self.overlay.contacts.contains_key(&id)).then_some(id)
        })
    }

    pub(super) fn contacts(&self, ids: impl Iterator<Item = i64>) -> Vec<u8> {
        json::array(ids.filter_map(|id| self.contact(id)))
    }
}

impl World {
    /// A contact object.
    #[must_use]
    pub fn contact(&self, id: i64) -> Option<Vec<u8>> {
        self.read(|view| view.contact(id))
    }

    /// The contacts with this address as an array, at most `limit`; an address is not unique.
    #[must_use]
    pub fn contacts_by_email(&self, email: &str, limit: usize) -> Vec<u8> {
        self.read(|view| view.contacts(view.ids_by_email(email).into_iter().take(limit)))
    }

    /// The contacts with these external ids as an array.
    #[must_use]
    pub fn contacts_by_external(&self, ids: &[String]) -> Vec<u8> {
        self.read(|view| view.contacts(ids.iter().filter_map(|id| view.id_by_external(id))))
    }

    /// `POST /contacts` with `{"attributes": {"email", …}}`; gives the contact.
    ///
    /// An address that is known is a conflict, unless an `externalId` comes with it, which must be new then.
    pub fn create_contact(&self, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        let mut attributes = attributes_of(body)?;
        let Some(email) = attributes.get("email").and_then(Value::as_str).map(str::to_owned) else {
            return Err(WorldError::validation("attributes.email is required"));
        };
        if !email.contains('@') {
            return Err(WorldError::validation("attributes.email is not an email address"));
        }
        let external = attributes.get("externalId").and_then(text_of);
        self.write(|base, overlay| {
            let view = View { base, overlay };
            match &external {
                Some(external) if view.id_by_external(external).is_some() => {
                    return Err(WorldError::conflict("a contact with this externalId already exists"));
                }
                None if !view.ids_by_email(&email).is_empty() => {
                    return Err(WorldError::conflict("a contact with this email already exists"));
                }
                _ => {}
            }
            if let Some(external) = external {
                attributes.insert("external_id".to_owned(), Value::String(external));
            }
            greet(&mut attributes, now.0);
            let id = overlay.add_contact(attributes, now.0)?;
            Ok(View { base, overlay }.contact(id).expect("it has just been kept"))
        })
    }

    /// `PATCH /contacts/{id}` with `{"attributes": {…}}`; gives the contact. Null values change nothing.
    pub fn update_contact(&self, id: i64, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        let changes = attributes_of(body)?;
        self.edit_contact(id, now, |attributes| {
            attributes.extend(changes);
            if attributes.len() > ATTRIBUTES_MAX {
                return Err(WorldError::validation("too many attributes"));
            }
            Ok(())
        })
    }

    /// `PATCH /contacts/normalize?idType=drift|external|internal&id=…`; gives the contact.
    pub fn normalize_contact(
        &self,
        id_type: &str,
        id: &str,
        body: &Value,
        now: Millis,
    ) -> Result<Vec<u8>, WorldError> {
        let found = match id_type {
            "external" => self.read(|view| view.id_by_external(id)),
            "drift" | "internal" => id.parse().ok(),
            _ => return Err(WorldError::validation("idType must be drift, external or internal")),
        };
        self.update_contact(found.ok_or_else(|| WorldError::not_found("contact"))?, body, now)
    }

    /// `DELETE /contacts/{id}`: 404 from now on. Conversations stay.
    pub fn delete_contact(&self, id: i64) -> Result<(), WorldError> {
        self.write(|base, overlay| {
            (View { base, overlay }).contact(id).ok_or_else(|| WorldError::not_found("contact"))?;
            overlay.keep_contact(id, ContactState::Deleted)
        })
    }

    /// `POST /contacts/timeline`; gives `{event, createdAt, contactId, attributes?}`.
    pub fn timeline_event(&self, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        let event = body.get("event").and_then(Value::as_str).filter(|name| !name.is_empty());
        let event = event.ok_or_else(|| WorldError::validation("event is required"))?;
        if event.len() > NAME_BYTES_MAX {
            return Err(WorldError::validation("event is too long"));
        }
        let id = match (body.get("contactId"), body.get("externalId")) {
            (Some(id), _) if !id.is_null() => id.as_i64(),
            (_, Some(external)) => {
                text_of(external).and_then(|text| self.read(|view| view.id_by_external(&text)))
            }
            _ => return Err(WorldError::validation("one of contactId and externalId is required")),
        };
        let id = id.ok_or_else(|| WorldError::not_found("contact"))?;
        let created_at = body.get("createdAt").and_then(Value::as_i64).unwrap_or(now.0);
        self.edit_contact(id, now, |attributes| {
            let events = attributes.entry("events").or_insert_with(|| json!({}));
            if let Some(events) = events.as_object_mut().filter(|events| events.len() < ATTRIBUTES_MAX) {
                events.insert(event.to_lowercase(), json!(created_at));
            }
            Ok(())
        })?;
        let mut answer = json!({"event": event, "createdAt": created_at, "contactId": id});
        if let Some(given) = body.get("attributes").and_then(Value::as_object) {
            // Deprecated, and its values come back as texts.
            let texts = given.iter().map(|(key, value)| {
                (key.clone(), Value::String(text_of(value).unwrap_or_else(|| value.to_string())))
            });
            answer["attributes"] = Value::Object(texts.collect());
        }
        Ok(json::bytes(&answer))
    }

    /// Legacy `POST /contacts/{id}/tags` with `[{"name"}]`; gives the contact.
    pub fn add_contact_tags(&self, id: i64, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        let given = body.as_array().ok_or_else(|| WorldError::validation("expected an array of tags"))?;
        let names: Option<Vec<&str>> = given.iter().map(|tag| tag.get("name")?.as_str()).collect();
        let names = names.ok_or_else(|| WorldError::validation("each tag needs a name"))?;
        self.edit_contact(id, now, |attributes| {
            let tags = attributes.entry("tags").or_insert_with(|| json!([]));
            if let Some(tags) = tags.as_array_mut() {
                if tags.len() + names.len() > ATTRIBUTES_MAX {
                    return Err(WorldError::validation("too many tags"));
                }
                tags.retain(|tag| !names.iter().any(|name| tag["name"] == *name));
                tags.extend(names.iter().map(|name| json!({"name": name, "color": "2f80ed"})));
            }
            Ok(())
        })
    }

    /// Legacy removal of tags by name; gives the contact.
    pub fn remove_contact_tags(&self, id: i64, names: &[String], now: Millis) -> Result<Vec<u8>, WorldError> {
        self.edit_contact(id, now, |attributes| {
            if let Some(tags) = attributes.get_mut("tags").and_then(Value::as_array_mut) {
                tags.retain(|tag| !names.iter().any(|name| tag["name"] == name.as_str()));
            }
            Ok(())
        })
    }

    /// `POST /emails/unsubscribe` with a bare array of addresses.
    pub fn unsubscribe_emails(&self, body: &Value) -> Result<(), WorldError> {
        let given = body.as_array().filter(|given| given.iter().all(Value::is_string));
        given.map(|_| ()).ok_or_else(|| WorldError::validation("expected a bare array of email addresses"))
    }

    /// `POST /gdpr/retrieve`; gives `{message, sentToEmail}`. Nothing is returned inline.
    pub fn gdpr_retrieve(&self, body: &Value) -> Result<Vec<u8>, WorldError> {
        email_of(body)?;
        Ok(json::bytes(&json!({
            "message": "The request was accepted; the data will be sent by email.",
            "sentToEmail": super::directory::OWNER_EMAIL,
        })))
    }

    /// `POST /gdpr/delete`; gives `{message}`. Contacts of the address and their conversations are gone.
    pub fn gdpr_delete(&self, body: &Value, _now: Millis) -> Result<Vec<u8>, WorldError> {
        let email = email_of(body)?;
        self.write(|base, overlay| {
            for id in (View { base, overlay }).ids_by_email(&email) {
                for index in conversations_of(base, overlay, id) {
                    overlay.vanish(base, index);
                }
                overlay.keep_contact(id, ContactState::Deleted)?;
            }
            Ok(())
        })?;
        Ok(json::bytes(&json!({"message": "The deletion was accepted and will be carried out."})))
    }

    fn edit_contact(
        &self,
        id: i64,
        now: Millis,
        edit: impl FnOnce(&mut Map<String, Value>) -> Result<(), WorldError>,
    ) -> Result<Vec<u8>, WorldError> {
        let listener = self.listener();
        self.write(|base, overlay| {
            let parts = (View { base, overlay }).contact_parts(id);
            let (created_at, mut attributes) = parts.ok_or_else(|| WorldError::not_found("contact"))?;
            let before = listener.as_ref().map(|_| attributes.clone());
            edit(&mut attributes)?;
            let version = attributes.get("_END_USER_VERSION").and_then(Value::as_i64).unwrap_or(0) + 1;
            attributes.insert("_END_USER_VERSION".to_owned(), json!(version));
            attributes.insert("last_active".to_owned(), json!(now.0));
            let after = before.as_ref().map(|_| attributes.clone());
            overlay.keep_contact(id, ContactState::Known { created_at, attributes })?;
            if let (Some(tell), Some(before), Some(after)) = (listener, before, after) {
                notice::of_contact(id, &before, &after, now, &*tell);
            }
            Ok(View { base, overlay }.contact(id).expect("it has just been kept"))
        })
    }

    /// [`Change::Contact`](super::Change::Contact).
    pub(super) fn change_contact(
        &self,
        conversation: i64,
        attributes: &Map<String, Value>,
        now: Millis,
    ) -> Result<Changed, WorldError> {
        let contact = self.read(|view| view.index_of(conversation).map(|index| view.row(index).contact_id));
        let contact = contact.ok_or_else(|| WorldError::not_found("conversation"))?;
        self.update_contact(contact, &json!({"attributes": attributes}), now)?;
        Ok(Changed { conversation, message: None })
    }
}

fn conversations_of(base: &super::base::Base, overlay: &Overlay, contact: i64) -> Vec<u64> {
    let view = View { base, overlay };
    let slot = ids::contact_slot(base.seed, contact).filter(|&slot| base.has_contact(slot));
    let computed = slot.into_iter().flat_map(|slot| base.conversations_of(slot));
    let mut found: Vec<u64> = computed.filter(|&index| view.is_listed(index)).collect();
    found.extend(
        overlay.entries.iter().filter(|(_, entry)| entry.row.contact_id == contact).map(|(&index, _)| index),
    );
    found
}

/// What Drift adds to a contact that is made.
pub(super) fn greet(attributes: &mut Map<String, Value>, at: i64) {
    attributes.insert("_END_USER_VERSION".to_owned(), json!(1));
    attributes.entry("events").or_insert_with(|| json!({}));
    attributes.entry("tags").or_insert_with(|| json!([]));
    attributes.entry("start_date").or_insert_with(|| json!(at));
}

fn attributes_of(body: &Value) -> Result<Map<String, Value>, WorldError> {
    let given = body.get("attributes").and_then(Value::as_object);
    let given =
        given.ok_or_else(|| WorldError::validation("attributes is required and must be an object"))?;
    if given.len() > ATTRIBUTES_MAX || given.keys().any(|key| key.is_empty() || key.len() > NAME_BYTES_MAX) {
        return Err(WorldError::validation("too many attributes, or a name of one is empty or too long"));
    }
    Ok(given.iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect())
}

fn email_of(body: &Value) -> Result<String, WorldError> {
    let email = body.get("email").and_then(Value::as_str).filter(|email| email.contains('@'));
    email.map(str::to_owned).ok_or_else(|| WorldError::validation("email is required"))
}

/// A text or a number as text.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
