//! The contacts of the base: who is behind which conversation, and what is known of them.
//!
//! A contact is the person who started conversation `slot`; most have that one, some came back, and in every
//! block of a thousand one has 125. The addresses carry the slot, so an address leads back to its contacts.

use model::entropy::mix;

use super::base::Base;
use super::ids;
use super::json;
use super::phrases::{LANGUAGES, Language, Place, pick};

/// How far back a returning contact's first conversation may lie, in conversations.
pub(super) const RETURN_MAX: u64 = 40;
const BLOCK: u64 = 1_000;
const HEAVY_UNTIL: u64 = 500;

/// What a contact looks like.
pub(super) struct Person {
    pub slot: u64,
    pub hash: u64,
    pub language: &'static Language,
    pub place: &'static Place,
    first: (&'static str, &'static str),
    last: (&'static str, &'static str),
}

const fn is_heavy(index: u64) -> bool {
    index % 4 == 1 && index % BLOCK < HEAVY_UNTIL
}

impl Base {
    const fn begins(&self, index: u64) -> bool {
        !is_heavy(index) && !self.hash(6, index).is_multiple_of(5)
    }

    /// The slot of the contact of conversation `index`.
    pub(super) const fn contact_slot(&self, index: u64) -> u64 {
        if is_heavy(index) {
            return index / BLOCK * BLOCK + 1;
        }
        let hash = self.hash(6, index);
        if hash.is_multiple_of(5) {
            let back = 1 + (hash >> 8) % RETURN_MAX;
            if index >= back && self.begins(index - back) {
                return index - back;
            }
        }
        index
    }

    /// Whether a contact of the base has this slot.
    pub(super) const fn has_contact(&self, slot: u64) -> bool {
        slot < self.len && self.contact_slot(slot) == slot
    }

    /// Whether the contact is named by conversations but answers 404: deleted long ago.
    pub(super) const fn is_missing(&self, slot: u64) -> bool {
        !is_heavy(slot) && self.hash(7, slot) % 97 == 13
    }

    /// The conversations of the contact with this slot.
    pub(super) fn conversations_of(&self, slot: u64) -> impl Iterator<Item = u64> + '_ {
        let reach = if is_heavy(slot) { HEAVY_UNTIL } else { RETURN_MAX + 1 };
        (slot..slot.saturating_add(reach).min(self.len))
            .filter(move |&index| self.contact_slot(index) == slot)
    }

    /// The person with this slot; whether there is one is the caller's question.
    pub(super) fn person(&self, slot: u64) -> Person {
        person(self.seed, slot)
    }

    /// The contact object of the base, as it was when the world began.
    pub(super) fn contact_json(&self, slot: u64) -> Vec<u8> {
        let head = self.head(slot);
        let person = self.person(slot);
        let email = self.email_of(slot);
        let created_at = head.created_at - (person.hash >> 20 & 0xfff_ffff).cast_signed();
        let mut out = Vec::with_capacity(1_400);
        out.extend_from_slice(b"{\"id\":");
        json::number(&mut out, head.contact_id);
        out.extend_from_slice(b",\"createdAt\":");
        json::number(&mut out, created_at);
        out.extend_from_slice(b",\"attributes\":{");
        person.write_attributes(&mut out, email.as_deref(), [created_at, head.updated_at]);
        out.extend_from_slice(b"}}");
        out
    }

    /// The contact's address.
    pub(super) fn email_of(&self, slot: u64) -> Option<String> {
        let named = if self.shares_email(slot) { slot - 1 } else { slot };
        self.person(slot).has_email().then(|| self.person(named).email())
    }

    /// Whether this contact has the address of the one before: an address is not a unique key.
    pub(super) fn shares_email(&self, slot: u64) -> bool {
        self.takes_email(slot) && !self.takes_email(slot - 1)
    }

    fn takes_email(&self, slot: u64) -> bool {
        slot > 0
            && self.hash(8, slot).is_multiple_of(23)
            && self.has_contact(slot)
            && self.has_contact(slot - 1)
            && self.person(slot).has_email()
            && self.person(slot - 1).has_email()
    }

    /// The slots of the base's contacts with this address.
    pub(super) fn slots_by_email(&self, email: &str) -> Vec<u64> {
        let Some(slot) = slot_in_email(email).filter(|&slot| self.has_contact(slot)) else {
            return Vec::new();
        };
        let person = self.person(slot);
        if !person.has_email() || !person.email().eq_ignore_ascii_case(email) {
            return Vec::new();
        }
        let own = (!self.shares_email(slot)).then_some(slot);
        let next = (slot + 1 < self.len && self.shares_email(slot + 1)).then_some(slot + 1);
        own.into_iter().chain(next).filter(|&slot| !self.is_missing(slot)).collect()
    }

    /// The slot of the base's contact with this external id.
    pub(super) fn slot_by_external(&self, external: &str) -> Option<u64> {
        let digits = external.strip_prefix("crm-").unwrap_or(external);
        let slot = digits.parse::<u64>().ok()?.checked_sub(EXTERNAL_FIRST)?;
        let known = self.has_contact(slot) && !self.is_missing(slot);
        (known && self.person(slot).external().as_deref() == Some(external)).then_some(slot)
    }
}

const EXTERNAL_FIRST: u64 = 70_000;

/// The slot at the end of the part before the `@`.
fn slot_in_email(email: &str) -> Option<u64> {
    let local = email.split_once('@')?.0;
    local.rsplit_once('.')?.1.parse().ok()
}

/// The person that a number stands for; also for contacts who come while the world runs.
pub(super) fn person(seed: u64, slot: u64) -> Person {
    let hash = ids::hash(seed, 9, slot);
    let language = &LANGUAGES[match hash % 100 {
        0..=43 => 0,
        44..=54 => 1,
        55..=62 => 2,
        63..=70 => 3,
        71..=77 => 4,
        78..=83 => 5,
        84..=88 => 6,
        89..=93 => 7,
        94..=96 => 8,
        _ => 9,
    }];
    let place = pick(language.places, hash >> 8);
    let (first, last) = (*pick(language.firsts, hash >> 12), *pick(language.lasts, hash >> 18));
    Person { slot, hash, language, place, first, last }
}

impl Person {
    /// The first name, as bots use it.
    pub(super) const fn first_name(&self) -> &'static str {
        self.first.0
    }

    /// The full name, family name first where that is the custom.
    pub(super) fn name(&self) -> String {
        let (first, last) = (self.first.0, self.last.0);
        if matches!(self.language.locale, "ja-JP" | "zh-TW") {
            format!("{last} {first}")
        } else {
            format!("{first} {last}")
        }
    }

    /// One in five never gave an address.
    pub(super) const fn has_email(&self) -> bool {
        !(self.hash >> 24).is_multiple_of(5)
    }

    /// Whether the name is known: all with an address, and some others.
    pub(super) const fn has_name(&self) -> bool {
        self.has_email() || (self.hash >> 28).is_multiple_of(3)
    }

    /// The address.
    pub(super) fn email(&self) -> String {
        let domain = super::directory::account_domain(self.hash >> 30);
        format!("{}.{}.{}@{domain}", self.first.1, self.last.1, self.slot)
    }

    /// The site's own id: a text for some, a bare number for others, none for most.
    pub(super) fn external(&self) -> Option<String> {
        match (self.hash >> 34) % 10 {
            0 | 1 => Some(format!("crm-{}", EXTERNAL_FIRST + self.slot)),
            2 => Some((EXTERNAL_FIRST + self.slot).to_string()),
            _ => None,
        }
    }

    /// The network address.
    pub(super) fn write_ip(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"203.0.113.");
        json::number(out, (self.hash >> 40 & 0xff).cast_signed());
    }

    fn write_attributes(&self, out: &mut Vec<u8>, email: Option<&str>, [created_at, active_at]: [i64; 2]) {
        out.extend_from_slice(b"\"_END_USER_VERSION\":");
        json::number(out, 1 + (self.hash >> 36 & 31).cast_signed());
        out.extend_from_slice(b",\"_end_user_version\":");
        json::number(out, 1 + (self.hash >> 36 & 31).cast_signed());
        out.extend_from_slice(b",\"events\":{},\"tags\":[],\"start_date\":");
        json::number(out, created_at);
        out.extend_from_slice(b",\"last_active\":");
        json::number(out, active_at);
        out.extend_from_slice(b",\"ip\":\"");
        self.write_ip(out);
        if (self.hash >> 41).is_multiple_of(6) {
            out.extend_from_slice(b", 198.51.100.7");
        }
        out.extend_from_slice(b"\",\"last_context_location\":");
        json::string(out, self.place.location);
        if self.has_name() {
            text(out, "name", &self.name());
        }
        if let Some(email) = email {
            text(out, "email", email);
            out.extend_from_slice(b",\"socialProfiles\":{}");
        }
        self.write_external(out);
        self.write_custom(out);
    }

    fn write_external(&self, out: &mut Vec<u8>) {
        let Some(external) = self.external() else { return };
        if external.starts_with("crm-") {
            text(out, "externalId", &external);
            text(out, "external_id", &external);
        } else {
            out.extend_from_slice(b",\"externalId\":");
            out.extend_from_slice(external.as_bytes());
        }
    }

    fn write_custom(&self, out: &mut Vec<u8>) {
        if self.has_email() && self.hash >> 43 & 1 == 0 {
            out.extend_from_slice(b",\"phone\":\"+1-202-555-01");
            let number = mix(self.hash) % 90 + 10;
            json::number(out, number.cast_signed());
            out.push(b'"');
        }
        if self.hash >> 44 & 3 == 0 {
            out.extend_from_slice(b",\"Plan\":\"Team & more\",\"lead_score\":");
            json::number(out, (self.hash >> 46 & 127).cast_signed());
            out.extend_from_slice(b",\"is_customer\":true,\"_classification\":\"Engaged\"");
        }
        if self.hash >> 47 & 7 == 0 {
            text(out, "display_location", self.place.timezone);
            out.extend_from_slice(
                b",\"original_entrance_page_url\":\"https://www.harbor.example/?utm_source=newsletter\",\
                \"original_entrance_page_title\":\"Harbor \xe2\x80\x93 Home\",\"recent_source\":\"newsletter\"",
            );
        }
    }
}

fn text(out: &mut Vec<u8>, key: &str, value: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
    json::string(out, value);
}
