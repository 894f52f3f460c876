//! Every door, tried by everybody: role × route × method × organization, made from the router itself.

use axum::body::Body;
use http::{Request, Response, header};
use model::{AccessUserId, Permission, Role};
use store::access::Token;
use store::audit;
use web::access::{Declared, Needs, Surface};

use crate::house::{House, OURS, SETTINGS_KEY, STRANGE, THEIRS, on_both};

const METHODS: [&str; 5] = ["get", "post", "put", "delete", "patch"];

/// What somebody shows.
#[derive(Clone)]
enum Shows {
    Nothing,
    Key(String),
    /// A session of its own for each request: some requests end it.
    Session(AccessUserId),
}

/// How a door answered.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// What is behind answered.
    Passed,
    /// Nobody who is known.
    Unknown,
    /// Known, and without the permission.
    Forbidden,
    /// No such organization.
    Missing,
}

async fn ask(house: &House, method: &str, path: &str, shows: &Shows) -> Response<String> {
    let mut request = Request::builder().method(method.to_uppercase().as_str()).uri(path);
    match shows {
        Shows::Nothing => {}
        Shows::Key(key) => request = request.header(header::AUTHORIZATION, format!("Bearer {key}")),
        Shows::Session(user) => {
            let (token, csrf) = house.session(user).await;
            request = request.header(header::COOKIE, format!("longshore={}", token.expose()));
            request = request.header("x-csrf-token", csrf);
        }
    }
    house.ask(request.body(Body::empty()).unwrap()).await
}

fn outcome(route: &Declared, answer: &Response<String>) -> Outcome {
    let status = answer.status().as_u16();
    let to = answer.headers().get(header::LOCATION).map(|to| to.to_str().unwrap()).unwrap_or_default();
    match (route.surface, status) {
        (Surface::Machine, 401) if !route.path.starts_with("/webhooks") => Outcome::Unknown,
        (Surface::Page, 303) if to.starts_with("/sign-in?next=") => Outcome::Unknown,
        (Surface::Machine, 403) => Outcome::Forbidden,
        (Surface::Page, 403) if answer.body().contains("You may not see this") => Outcome::Forbidden,
        (_, 404) if answer.body().contains("is not connected") => Outcome::Missing,
        (_, 500..) => panic!("{} {}: {}", route.method, route.path, answer.body()),
        _ => Outcome::Passed,
    }
}

/// What the table of roles says of somebody who is this role in our organization alone.
fn expected(route: &Declared, permissions: &[Permission], asked: model::OrgId) -> Outcome {
    match route.needs {
        Needs::Public | Needs::SignedIn | Needs::SteppedUp => Outcome::Passed,
        Needs::Everywhere(_) => Outcome::Forbidden,
        Needs::InOrg(_) | Needs::Somewhere(_) | Needs::SomewhereAgain(_) if asked != OURS => Outcome::Missing,
        Needs::InOrg(permission) | Needs::Somewhere(permission) | Needs::SomewhereAgain(permission) => {
            if permissions.contains(&permission) {
                Outcome::Passed
            } else {
                Outcome::Forbidden
            }
        }
    }
}

fn address(route: &Declared, org: model::OrgId) -> String {
    let path = route.path.replace("{id}", "42").replace("{name}", "x").replace("{kind}", "all");
    format!("{}?org={org}", path.replace("{connection_id}", "c"))
}

#[tokio::test]
async fn every_cell_of_role_route_and_organization_is_as_the_table_says() {
    on_both(async |house| {
        let routes = web::declared(house.state.clone());
        let mut cells = 0;
        for role in Role::ALL {
            let user = house.user(role.as_str(), Some(OURS), role).await;
            let session = Shows::Session(user);
            let key = Shows::Key(house.key(Some(OURS), role, &[]).await.expose().to_owned());
            let for_keys: Vec<Permission> =
                role.permissions().iter().copied().filter(|one| !one.needs_step_up()).collect();
            for route in &routes {
                for org in [OURS, THEIRS, STRANGE] {
                    let path = address(route, org);
                    let answer = ask(house, route.method, &path, &session).await;
                    let told =
                        format!("{role} {} {path}: {} {}", route.method, answer.status(), answer.body());
                    assert_eq!(outcome(route, &answer), expected(route, role.permissions(), org), "{told}");
                    cells += 1;
                    if route.surface == Surface::Machine {
                        let answer = ask(house, route.method, &path, &key).await;
                        assert_eq!(outcome(route, &answer), expected(route, &for_keys, org), "key of {told}");
                        cells += 1;
                    }
                }
            }
        }
        assert!(cells > 700, "{cells}");
    })
    .await;
}

#[tokio::test]
async fn a_scope_opens_its_doors_and_no_other() {
    on_both(async |house| {
        let routes = web::declared(house.state.clone());
        for scope in Permission::ALL {
            let (ours, all) = (
                house.key(Some(OURS), Role::Service, &[scope]).await,
                house.key(None, Role::Service, &[scope]).await,
            );
            let shows = |token: &Token| Shows::Key(token.expose().to_owned());
            for route in routes.iter().filter(|route| route.surface == Surface::Machine) {
                let answer = ask(house, route.method, &address(route, OURS), &shows(&ours)).await;
                assert_eq!(
                    outcome(route, &answer),
                    expected(route, &[scope], OURS),
                    "{scope} {}",
                    route.path
                );
                let answer = ask(house, route.method, &address(route, THEIRS), &shows(&all)).await;
                let expected = match route.needs {
                    Needs::Everywhere(one) | Needs::InOrg(one) | Needs::Somewhere(one) if one != scope => {
                        Outcome::Forbidden
                    }
                    _ => Outcome::Passed,
                };
                assert_eq!(outcome(route, &answer), expected, "{scope} everywhere {}", route.path);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn nobody_passes_but_where_it_is_public_and_the_key_of_the_settings_everywhere() {
    on_both(async |house| {
        let wrong = ["wrong", "", "lsk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"];
        for route in web::declared(house.state.clone()) {
            let path = address(&route, OURS);
            let public = route.needs == Needs::Public;
            let expected = |public: bool| if public { Outcome::Passed } else { Outcome::Unknown };
            let answer = ask(house, route.method, &path, &Shows::Nothing).await;
            assert_eq!(outcome(&route, &answer), expected(public), "{path}");
            for key in wrong {
                let answer = ask(house, route.method, &path, &Shows::Key(key.to_owned())).await;
                assert_eq!(outcome(&route, &answer), expected(public), "{path} {key}");
            }
            let answer = ask(house, route.method, &path, &Shows::Key(SETTINGS_KEY.to_owned())).await;
            assert_eq!(outcome(&route, &answer), Outcome::Passed, "{path}: {}", answer.body());
        }
    })
    .await;
}

#[tokio::test]
async fn a_path_takes_only_the_methods_it_declares() {
    on_both(async |house| {
        let routes = web::declared(house.state.clone());
        for route in &routes {
            for method in METHODS {
                if !routes.iter().any(|one| one.path == route.path && one.method == method) {
                    let shows = Shows::Key(SETTINGS_KEY.to_owned());
                    let answer = ask(house, method, &address(route, OURS), &shows).await;
                    assert_eq!(answer.status(), 405, "{method} {}", route.path);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn another_organization_answers_word_for_word_as_one_that_does_not_exist() {
    on_both(async |house| {
        let user = Shows::Session(house.user("ada", Some(OURS), Role::Owner).await);
        let in_org = |route: &Declared| {
            matches!(route.needs, Needs::InOrg(_) | Needs::Somewhere(_) | Needs::SomewhereAgain(_))
        };
        for route in web::declared(house.state.clone()).iter().filter(|route| in_org(route)) {
            let theirs = ask(house, route.method, &address(route, THEIRS), &user).await;
            let strange = ask(house, route.method, &address(route, STRANGE), &user).await;
            assert_eq!((theirs.status().as_u16(), strange.status().as_u16()), (404, 404), "{}", route.path);
            let as_strange = theirs.body().replace("organization 2", "organization 3");
            assert_eq!(&as_strange, strange.body(), "{}", route.path);
        }
        // One organization is all there is for this caller: it need not be named.
        let answer = ask(house, "get", "/api/v1/status", &user).await;
        assert!(answer.body().starts_with(r#"{"organization":1,"#), "{}", answer.body());
        let page = ask(house, "get", "/", &user).await;
        assert!(page.body().contains("Organization 1") && !page.body().contains("Organization 2"));
    })
    .await;
}

#[tokio::test]
async fn what_a_key_changes_is_written_down_as_the_keys() {
    on_both(async |house| {
        let key = house.key(Some(OURS), Role::Service, &[Permission::OperationsWrite]).await;
        let request = Request::put("/api/v1/pauses/all")
            .header(header::AUTHORIZATION, format!("Bearer {}", key.expose()))
            .header(header::CONTENT_TYPE, "application/json");
        let answer = house.ask(request.body(Body::from(r#"{"reason":"a test"}"#)).unwrap()).await;
        assert_eq!(answer.status(), 200, "{}", answer.body());
        let [entry] = audit::page(&house.db, 0, 9).await.unwrap().try_into().unwrap();
        assert_eq!((entry.actor_kind.as_str(), entry.action.as_str()), ("api_key", "pause.set"));
        assert!(entry.actor_id.starts_with("key-") && entry.origin.as_deref() == Some("203.0.113.7"));
    })
    .await;
}

/// A new route fails this test until it stands in the list with what its door asks for.
#[tokio::test]
async fn the_list_of_doors_is_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let url = store::DatabaseUrl::file(folder.path().join("store.db"));
    let house = House::new(&url, crate::house::options()).await;
    let list: Vec<String> = web::declared(house.state.clone())
        .iter()
        .map(|route| format!("{:<6} {:<42} {:?}", route.method, route.path, route.needs))
        .collect();
    insta::assert_snapshot!(list.join("\n"));
}

/// A route that is hung without a door would be asked for nothing.
#[test]
fn only_doors_add_routes() {
    let ours = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![ours.join("web/src"), ours.join("longshore/src/command/serve")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let adds = [".route(", ".nest(", ".route_service(", ".nest_service("];
            if adds.iter().any(|word| source.contains(word)) {
                found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    assert_eq!(found, ["doors.rs"]);
}
