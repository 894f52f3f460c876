//! Links for a customer's administrator, on the command line.

use crate::support::Place;

#[test]
fn links_are_made_listed_and_revoked() {
    let place = Place::new();
    let made = place.run(&["connections", "share", "--profile", "live", "--expires", "12h", "--uses", "3"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(
        made.stdout.starts_with("good for any organization, as live, 3 times, until "),
        "{}",
        made.stdout
    );
    assert!(made.stdout.contains("http://127.0.0.1:PORT/connect/drift/invited?link=lsc_"), "{}", made.stdout);
    assert!(made.stderr.contains("hint: the node needs client_id"), "{}", made.stderr);
    let one = place.run(&["connections", "share", "--org", "4242", "--json"]).json();
    assert_eq!((&one["organization"], &one["profile"]), (&4242.into(), &"archive".into()));
    let id = one["link_id"].as_str().unwrap();

    let listed = place.run(&["connections", "links", "--json"]);
    assert!(!listed.stdout.contains("lsc_"), "{}", listed.stdout);
    assert_eq!(listed.json()["links"].as_array().unwrap().len(), 2);
    assert_eq!(place.run(&["connections", "unshare", id]).stdout, format!("{id} revoked\n"));
    let words: [&[&str]; 5] = [
        &["connections", "unshare", id],
        &["connections", "unshare", "nobody's"],
        &["connections", "share", "--expires", "91d"],
        &["connections", "share", "--expires", "soon"],
        &["connections", "share", "--profile", "everything"],
    ];
    let told = words.map(|words| {
        let ran = place.run(words);
        format!("$ longshore {}\n{}{}", words.join(" ").replace(id, "ID"), ran.stdout, ran.told())
    });
    insta::assert_snapshot!(told.join("\n\n"));
    let audit = place.run(&["audit", "list", "--json"]);
    assert_eq!(audit.stdout.matches("share_link.create").count(), 2, "{}", audit.stdout);
    assert_eq!(audit.stdout.matches("share_link.revoke").count(), 1, "{}", audit.stdout);
}
