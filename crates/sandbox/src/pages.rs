//! The pages that people see: start, consent, the way back, a problem.
//!
//! Plain HTML with one small style and no script, so that they work in a text browser and with a screen reader. All
//! values are escaped.

use html_escape::{encode_double_quoted_attribute as attribute, encode_text as text};

use crate::oauth::Request;
use crate::sandbox::Inner;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5a6675; --paper: #f3f5f8; --card: #fff; --line: #d8dee6;
  --main: #1f5fbf; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf3; --soft: #a3afbd; --paper: #12161c; --card: #1b2129;
  --line: #323b47; --main: #7fb0ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 40rem; margin: 8vh auto; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 14px; }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; }
p { margin: .5rem 0; }
.soft { color: var(--soft); font-size: .92rem; }
ul, dl { padding: 0; margin: 1rem 0; list-style: none; }
li { padding: .55rem 0; border-top: 1px solid var(--line); }
dt { color: var(--soft); font-size: .92rem; }
dd { margin: 0 0 .6rem; overflow-wrap: anywhere; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
a { color: var(--main); }
.row { display: flex; gap: .75rem; margin-top: 1.5rem; }
button { flex: 1; padding: .7rem 1rem; font: inherit; font-weight: 600; border-radius: 9px; cursor: pointer;
  border: 1px solid var(--line); background: transparent; color: inherit; }
button.main { background: var(--main); border-color: var(--main); color: var(--card); }
:focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }";

fn page(title: &str, main: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{main}</main>\n</body>\n</html>\n",
        text(title)
    )
}

/// What the sandbox is, and where its doors are.
pub(crate) fn start(sandbox: &Inner, origin: &str) -> String {
    let options = &sandbox.options;
    let main = format!(
        "<h1>A Drift of your own</h1>\n\
         <p>This is a sandbox with Drift's API: the same routes, the same quirks, and every fault on demand. \
         Nothing here is real, and nothing leaves this machine.</p>\n\
         <dl>\n<dt>API</dt><dd><code>{origin}</code></dd>\n\
         <dt>Consent page</dt><dd><code>GET {origin}/authorize</code></dd>\n\
         <dt>Token endpoint</dt><dd><code>POST {origin}/oauth2/token</code></dd>\n\
         <dt>App</dt><dd><code>client_id={client}</code>, redirects to <code>{redirect}</code></dd>\n\
         <dt>Organization</dt><dd>{org}</dd>\n</dl>\n\
         <p>For whoever drives it: <a href=\"/_sandbox/\">all control routes</a>, \
         <a href=\"/_sandbox/log\">the request log</a>, <a href=\"/_sandbox/counts\">its totals</a>, \
         <a href=\"/_sandbox/faults\">the faults</a>, <a href=\"/_sandbox/world\">what the world holds</a>.</p>\n\
         <p class=\"soft\">Access tokens live {minutes} minutes. Times are those of this machine.</p>\n",
        origin = text(origin),
        client = text(&options.client_id),
        redirect = text(&sandbox.app().redirect_uri),
        org = sandbox.world.org_id(),
        minutes = options.token_lifetime_ms / 60_000,
    );
    page("A Drift of your own", &main)
}

/// The question: may this app see and do these things?
pub(crate) fn consent(sandbox: &Inner, request: &Request) -> String {
    let app = &sandbox.options.app_name;
    let mut scopes = String::new();
    for scope in sandbox.app().scopes.public().iter() {
        let (reason, name) = (scope.reason(), scope.name());
        scopes.push_str(&format!("<li>{reason}<br><code class=\"soft\">{name}</code></li>\n"));
    }
    let hidden = |name: &str, value: &str| {
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">\n", attribute(value))
    };
    let mut fields = hidden("response_type", &request.response_type);
    fields.push_str(&hidden("client_id", &request.client_id));
    fields.push_str(&hidden("redirect_uri", &request.redirect_uri));
    if let Some(state) = &request.state {
        fields.push_str(&hidden("state", state));
    }
    let main = format!(
        "<h1>Connect {name} to organization {org}?</h1>\n<p>{name} asks to:</p>\n<ul aria-label=\"Permissions\">\n\
         {scopes}</ul>\n<p class=\"soft\">Either answer takes you back to <code>{redirect}</code>. \
         This is a sandbox: no real data is at stake.</p>\n\
         <form method=\"post\" action=\"/authorize\">\n{fields}<div class=\"row\">\n\
         <button name=\"decision\" value=\"deny\">Deny</button>\n\
         <button class=\"main\" name=\"decision\" value=\"allow\">Allow</button>\n</div>\n</form>\n",
        name = text(app),
        org = sandbox.world.org_id(),
        redirect = text(&request.redirect_uri),
    );
    page(&format!("Connect {app}"), &main)
}

/// For browsers that do not follow the redirect by themselves.
pub(crate) fn way_back(address: &str) -> String {
    let main = format!(
        "<h1>Back to the app</h1>\n<p><a href=\"{}\">Go on</a> if nothing happens.</p>\n",
        attribute(address)
    );
    page("Back to the app", &main)
}

/// Why nobody is asked anything.
pub(crate) fn problem(what: &str) -> String {
    let main = format!(
        "<h1>This app cannot be connected</h1>\n<p role=\"alert\">{}</p>\n\
         <p class=\"soft\">The app's settings and its request do not agree. \
         <a href=\"/\">The start page</a> shows what the sandbox expects.</p>\n",
        text(what)
    );
    page("This app cannot be connected", &main)
}
