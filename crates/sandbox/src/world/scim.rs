//! Users as SCIM sees them (Drift: User schema, Searching, Deprovisioning). Whole bodies, SCIM's own envelopes.

use model::Millis;
use serde_json::{Map, Value, json};

use super::directory::Directory;
use super::{World, WorldError, ids, json};

const SCIM_ID_FIRST: i64 = 2_390_000;

impl World {
    /// `GET /scim/Users`, optionally by `userName`. `itemsPerPage` is 0 even with results, as with Drift.
    #[must_use]
    pub fn scim_users(&self, user_name: Option<&str>) -> Vec<u8> {
        let resources: Vec<Value> = self.read(|view| {
            let people = view.overlay.directory.users.iter().filter(|user| user["bot"] == false);
            people
                .map(resource)
                .filter(|user| user_name.is_none_or(|name| user["userName"] == name))
                .collect()
        });
        json::bytes(&json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "id": null, "externalId": null,
            "meta": null, "totalResults": resources.len(), "Resources": resources, "startIndex": 1, "itemsPerPage": 0,
        }))
    }

    /// `GET /scim/Users/{id}`.
    #[must_use]
    pub fn scim_user(&self, id: &str) -> Option<Vec<u8>> {
        let id: i64 = id.parse().ok()?;
        self.read(|view| {
            let mut people = view.overlay.directory.users.iter();
            people
                .find(|user| user["id"] == id && user["bot"] == false)
                .map(|user| json::bytes(&resource(user)))
        })
    }

    /// `POST /scim/Users`; `userName` and `displayName` are required.
    pub fn scim_create(&self, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        let (name, email) = required(body)?;
        self.write(|_, overlay| {
            let users = &mut overlay.directory.users;
            Directory::has_room(users.len())?;
            if users.iter().any(|user| user.get("email").is_some_and(|known| *known == email.as_str())) {
                return Err(WorldError::conflict("a user with this userName already exists"));
            }
            let newest = users.iter().filter_map(|user| user["id"].as_i64()).max().unwrap_or(0);
            let mut user = Map::new();
            user.insert("id".to_owned(), json!(newest.max(SCIM_ID_FIRST) + 1));
            user.insert("orgId".to_owned(), json!(ids::ORG_ID));
            user.insert("bot".to_owned(), json!(false));
            user.insert("createdAt".to_owned(), json!(now.0));
            user.insert("availability".to_owned(), json!("OFFLINE"));
            apply(&mut user, body, &name, &email, now);
            let answer = json::bytes(&resource(&user));
            users.push(user);
            Ok(answer)
        })
    }

    /// `PUT /scim/Users/{id}`.
    pub fn scim_replace(&self, id: &str, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        let (name, email) = required(body)?;
        self.write(|_, overlay| {
            let user = overlay.directory.user_mut(number(id)?)?;
            apply(user, body, &name, &email, now);
            Ok(json::bytes(&resource(user)))
        })
    }

    /// `PATCH /scim/Users/{id}`; `None` when the patch deactivated, that is deleted, the user.
    ///
    /// Takes plain fields as well as SCIM's `Operations` with `replace`.
    pub fn scim_patch(&self, id: &str, body: &Value, now: Millis) -> Result<Option<Vec<u8>>, WorldError> {
        let mut fields =
            body.as_object().cloned().ok_or_else(|| WorldError::validation("expected an object"))?;
        for operation in body.get("Operations").and_then(Value::as_array).into_iter().flatten() {
            match (operation.get("path").and_then(Value::as_str), operation.get("value")) {
                (Some(path), Some(value)) => _ = fields.insert(path.to_owned(), value.clone()),
                (None, Some(Value::Object(values))) => fields.extend(values.clone()),
                _ => return Err(WorldError::validation("each operation needs a value")),
            }
        }
        if [fields.get("isActive"), fields.get("active")].contains(&Some(&Value::Bool(false))) {
            self.scim_delete(id)?;
            return Ok(None);
        }
        self.write(|_, overlay| {
            let user = overlay.directory.user_mut(number(id)?)?;
            let current = |user: &Map<String, Value>, key: &str| {
                user.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let given = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
            let name = given("displayName").unwrap_or_else(|| current(user, "name"));
            let email = given("userName").unwrap_or_else(|| current(user, "email"));
            apply(user, &Value::Object(fields.clone()), &name, &email, now);
            Ok(Some(json::bytes(&resource(user))))
        })
    }

    /// `DELETE /scim/Users/{id}`: for good.
    pub fn scim_delete(&self, id: &str) -> Result<(), WorldError> {
        let id = number(id)?;
        self.write(|_, overlay| {
            overlay.directory.user_mut(id)?;
            overlay.directory.users.retain(|user| user["id"] != id);
            Ok(())
        })
    }
}

fn number(id: &str) -> Result<i64, WorldError> {
    id.parse().map_err(|_| WorldError::not_found("user"))
}

fn required(body: &Value) -> Result<(String, String), WorldError> {
    let text = |key: &str| {
        let value = body.get(key).and_then(Value::as_str).filter(|value| !value.is_empty());
        value.map(str::to_owned).ok_or_else(|| WorldError::validation(&format!("{key} is required")))
    };
    Ok((text("displayName")?, text("userName")?))
}

fn apply(user: &mut Map<String, Value>, body: &Value, name: &str, email: &str, now: Millis) {
    user.insert("name".to_owned(), json!(name));
    user.insert("email".to_owned(), json!(email));
    user.insert("updatedAt".to_owned(), json!(now.0));
    if let Some(locale) = body.get("locale").filter(|locale| locale.is_string()) {
        user.insert("locale".to_owned(), locale.clone());
    }
    if let Some(phone) = body.pointer("/phoneNumbers/0/value").filter(|phone| phone.is_string()) {
        user.insert("phone".to_owned(), phone.clone());
    }
    let admin = body.pointer("/roles/0/value").and_then(Value::as_str) == Some("ADMIN");
    user.insert("role".to_owned(), json!(if admin { "admin" } else { "member" }));
}

fn resource(user: &Map<String, Value>) -> Value {
    let text = |key: &str| user.get(key).and_then(Value::as_str);
    let name = text("name").unwrap_or_default();
    let (given, family) = name.split_once(' ').unwrap_or((name, ""));
    let role = if text("role") == Some("admin") { "ADMIN" } else { "MEMBER" };
    let mut resource = json!({
        "schemas": ["urn:scim:schemas:core:2.0"], "id": user["id"].to_string(), "userName": text("email"),
        "displayName": name, "name": {"givenName": given, "familyName": family, "formatted": name},
        "phoneNumbers": [], "roles": [{"value": role, "display": role, "primary": true}],
    });
    if let Some(phone) = text("phone") {
        resource["phoneNumbers"] = json!([{"value": phone, "display": phone, "primary": true}]);
    }
    if let Some(locale) = text("locale") {
        resource["locale"] = json!(locale);
    }
    resource
}
