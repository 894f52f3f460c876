//! The table of settings: the one place where a setting has its name, its default and its meaning.
//!
//! A setting is named the same everywhere: `per_minute` in the file, `LONGSHORE_PER_MINUTE` in the environment,
//! `--set per_minute=…` on the command line. `docs/configuration.md` is made from this table.

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its name in the file and after `--set`.
    pub(crate) name: &'static str,
    /// The names it goes by in the environment; the first that is set counts.
    pub(crate) environment: &'static [&'static str],
    /// What holds when nobody says otherwise; empty for none.
    pub(crate) default: &'static str,
    /// Whether its value may be shown, and where it may be given.
    pub(crate) care: Care,
    /// What it does.
    pub(crate) meaning: &'static str,
}

/// How much care a value needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// Given anywhere, shown in full.
    Plain,
    /// Given anywhere, shown without the password of its URL.
    Url,
    /// Given in the environment only (never in a file that is shared, never on a command line that others can list), never shown.
    Secret,
}

const fn setting(
    name: &'static str,
    environment: &'static [&'static str],
    default: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { name, environment, default, care: Care::Plain, meaning }
}

/// All settings, in the order of the documentation.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        care: Care::Url,
        ..setting(
            "database",
            &["LONGSHORE_DATABASE", "DATABASE_URL"],
            "sqlite://longshore.db",
            "Where everything is kept: `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/NAME`. The flag `--database` is the same.",
        )
    },
    setting(
        "database_wait_ms",
        &["LONGSHORE_DATABASE_WAIT_MS"],
        "10000",
        "How long to wait while another process has the database locked, in milliseconds.",
    ),
    setting(
        "org",
        &["LONGSHORE_ORG"],
        "",
        "The organization to work on, by Drift's number. Needed only where the database holds several. The flag `--org` is the same.",
    ),
    Setting {
        care: Care::Secret,
        ..setting(
            "key",
            &["LONGSHORE_KEY"],
            "",
            "The key that opens the vault: 32 bytes in base64 or hexadecimal; two, divided by a comma, while keys are changed, the old one first. Without it `key_command` is used, or `key_file`.",
        )
    },
    setting(
        "key_command",
        &["LONGSHORE_KEY_COMMAND"],
        "",
        "A program that prints that key (two lines while keys are changed), with its arguments, divided by blanks. It is started without a shell, and has ten seconds.",
    ),
    setting(
        "key_file",
        &["LONGSHORE_KEY_FILE"],
        "longshore.key",
        "The file with that key; made at the first start, readable by its owner only. A database that has been used is not given a new one. Keep a copy apart from the database.",
    ),
    #[cfg(feature = "transit")]
    setting(
        "transit_url",
        &["LONGSHORE_TRANSIT_URL"],
        "",
        "The address of HashiCorp Vault, where its Transit engine is to wrap the keys. The other sources of keys then only open what they wrapped before.",
    ),
    #[cfg(feature = "transit")]
    setting(
        "transit_mount",
        &["LONGSHORE_TRANSIT_MOUNT"],
        "transit",
        "Where Vault has the Transit engine mounted.",
    ),
    #[cfg(feature = "transit")]
    setting(
        "transit_key",
        &["LONGSHORE_TRANSIT_KEY"],
        "longshore",
        "The name of the Transit key, of a type that authenticates, such as `aes256-gcm96`.",
    ),
    #[cfg(feature = "transit")]
    Setting {
        care: Care::Secret,
        ..setting(
            "transit_token",
            &["LONGSHORE_TRANSIT_TOKEN", "VAULT_TOKEN"],
            "",
            "The token that Vault is shown.",
        )
    },
    #[cfg(feature = "transit")]
    setting(
        "transit_token_file",
        &["LONGSHORE_TRANSIT_TOKEN_FILE"],
        "",
        "A file with that token, instead; read for every call, so that an agent can renew it.",
    ),
    setting(
        "audit_checkpoint_file",
        &["LONGSHORE_AUDIT_CHECKPOINT_FILE"],
        "",
        "A file that gets a copy of every signed checkpoint of the audit log: best on another machine, where lines can be added and not changed. Empty: none.",
    ),
    setting(
        "api_url",
        &["LONGSHORE_API_URL"],
        "https://driftapi.com",
        "The Drift API. The sandbox prints the address to use for it.",
    ),
    setting(
        "list_url",
        &["LONGSHORE_LIST_URL"],
        "",
        "The host of the conversation list where it is another one (`https://api.drift.com`). Empty: the same as `api_url`.",
    ),
    setting(
        "authorize_url",
        &["LONGSHORE_AUTHORIZE_URL"],
        "",
        "The page on which a person allows the connection. Empty: `https://dev.drift.com/authorize`, or `/authorize` of an `api_url` that is not Drift's own.",
    ),
    setting(
        "client_id",
        &["LONGSHORE_CLIENT_ID"],
        "",
        "The id of your Drift app, for `connect` by OAuth and for the pages of `serve`. The flag `--client-id` is the same.",
    ),
    Setting {
        care: Care::Secret,
        ..setting(
            "client_secret",
            &["LONGSHORE_CLIENT_SECRET"],
            "",
            "The secret of your Drift app. It is kept sealed in the database beside each connection that was made with it.",
        )
    },
    setting("client_secret_file", &["LONGSHORE_CLIENT_SECRET_FILE"], "", "A file with that secret, instead."),
    setting(
        "redirect_uri",
        &["LONGSHORE_REDIRECT_URI"],
        "http://127.0.0.1:8917/callback",
        "Where Drift sends the person back to after the command `connect`, which listens on its port of this machine: exactly as saved on the app's page. The pages of `serve` use `public_url` and `/connect/drift/callback`.",
    ),
    setting(
        "ca_file",
        &["LONGSHORE_CA_FILE"],
        "",
        "Certificates (PEM) to trust besides those of the system: a company proxy's, or the sandbox's.",
    ),
    setting(
        "resolve",
        &["LONGSHORE_RESOLVE"],
        "",
        "Addresses to use instead of asking the name service: `driftapi.com=127.0.0.1:8443`, several divided by commas (or an array in the file).",
    ),
    setting(
        "per_minute",
        &["LONGSHORE_PER_MINUTE"],
        "600",
        "The organization's budget of calls a minute. It is lowered by itself when Drift refuses. 0: no limit.",
    ),
    setting(
        "reports_per_minute",
        &["LONGSHORE_REPORTS_PER_MINUTE"],
        "60",
        "The same for the reporting endpoint, which Drift documents as 60. 0: no limit.",
    ),
    setting(
        "concurrency",
        &["LONGSHORE_CONCURRENCY"],
        "32",
        "How many calls may be under way at once, 1 to 256. The budget holds all the same.",
    ),
    setting(
        "overlap_hours",
        &["LONGSHORE_OVERLAP_HOURS"],
        "24",
        "How far behind its last watermark a second archive begins to look for changes, in hours.",
    ),
    setting(
        "attachment_bytes_max",
        &["LONGSHORE_ATTACHMENT_BYTES_MAX"],
        "33554432",
        "Attachments larger than this are named in the certificate and not stored, in bytes.",
    ),
    Setting {
        care: Care::Secret,
        ..setting(
            "admin_token",
            &["LONGSHORE_ADMIN_TOKEN"],
            "",
            "A key that opens everything in the admin API of `serve`, at least 16 characters. Better are keys of `longshore api-keys`, which end and may less.",
        )
    },
    setting(
        "admin_token_file",
        &["LONGSHORE_ADMIN_TOKEN_FILE"],
        "",
        "A file with that key, instead: then neither the environment nor the memory of `serve` holds it.",
    ),
    Setting {
        care: Care::Url,
        ..setting(
            "otlp_url",
            &["LONGSHORE_OTLP_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"],
            "",
            "The OpenTelemetry collector that takes traces by OTLP over HTTP, such as `http://127.0.0.1:4318`. Empty: no traces.",
        )
    },
    setting(
        "listen",
        &["LONGSHORE_LISTEN"],
        "127.0.0.1:8918",
        "Where `serve` listens. Put it behind a proxy that speaks TLS. The flag `--listen` is the same.",
    ),
    setting(
        "roles",
        &["LONGSHORE_ROLES"],
        "gateway,worker,console",
        "Which parts of a node `serve` runs: `gateway` takes webhooks, `worker` does the jobs, `console` answers the admin API and the pages. The flag `--roles` is the same.",
    ),
    Setting {
        care: Care::Secret,
        ..setting(
            "webhook_token",
            &["LONGSHORE_WEBHOOK_TOKEN"],
            "",
            "The verification token of your Drift app, for `/webhooks/drift`; several divided by commas while one takes the other's place.",
        )
    },
    setting("webhook_token_file", &["LONGSHORE_WEBHOOK_TOKEN_FILE"], "", "A file with that token, instead."),
    setting(
        "webhook_payload",
        &["LONGSHORE_WEBHOOK_PAYLOAD"],
        "none",
        "What is kept of an event besides ids, times and facts: `none`; `redacted`, without what people wrote or are known by; `sealed`, all of it, encrypted.",
    ),
    setting(
        "webhook_sources",
        &["LONGSHORE_WEBHOOK_SOURCES"],
        "",
        "Addresses and networks that may send webhooks, divided by commas. Empty: any; the token decides.",
    ),
    setting(
        "trusted_proxies",
        &["LONGSHORE_TRUSTED_PROXIES"],
        "",
        "Addresses and networks of your own proxies: only their `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
    ),
    setting(
        "public_url",
        &["LONGSHORE_PUBLIC_URL"],
        "",
        "Where browsers reach this node, such as `https://longshore.example.com`: for links, and for cookies that are sent over TLS alone. Empty: `http://` and `listen`.",
    ),
    setting(
        "oidc_issuer",
        &["LONGSHORE_OIDC_ISSUER"],
        "",
        "The address of an identity provider (OpenID Connect) through which people sign in, word for word as it names itself. It needs `public_url`. Empty: by password alone.",
    ),
    setting(
        "oidc_client_id",
        &["LONGSHORE_OIDC_CLIENT_ID"],
        "",
        "What the provider calls this program. There, let browsers be sent back to `/sign-in/oidc/callback` under `public_url`.",
    ),
    Setting {
        care: Care::Secret,
        ..setting(
            "oidc_client_secret",
            &["LONGSHORE_OIDC_CLIENT_SECRET"],
            "",
            "The secret that goes with it. Neither this nor a file: a public client.",
        )
    },
    setting(
        "oidc_client_secret_file",
        &["LONGSHORE_OIDC_CLIENT_SECRET_FILE"],
        "",
        "A file with that secret, instead; read for every sign-in.",
    ),
    setting(
        "oidc_scopes",
        &["LONGSHORE_OIDC_SCOPES"],
        "email",
        "What the provider is asked for besides `openid`, divided by commas: what the claims of `oidc_roles` need.",
    ),
    setting(
        "oidc_domains",
        &["LONGSHORE_OIDC_DOMAINS"],
        "",
        "Domains of mail addresses, divided by commas: nobody else comes in through the provider. Empty: any.",
    ),
    setting(
        "oidc_roles",
        &["LONGSHORE_OIDC_ROLES"],
        "",
        "Rules that make people what they are, divided by commas: `CLAIM=VALUE:ROLE@ORG`, or `@everywhere`, such as `groups=support:agent@4242`. Whoever is nothing by rule or by hand is refused.",
    ),
    setting(
        "oidc_private",
        &["LONGSHORE_OIDC_PRIVATE"],
        "false",
        "Whether the provider may be in a private network, or on this machine over `http`: `true` or `false`.",
    ),
    setting(
        "metrics_public",
        &["LONGSHORE_METRICS_PUBLIC"],
        "false",
        "Whether anybody may read `/metrics`, which names organizations by number: `true` or `false`. Otherwise it takes a key with `metrics:read`.",
    ),
    setting(
        "jobs_concurrency",
        &["LONGSHORE_JOBS_CONCURRENCY"],
        "32",
        "How many jobs a worker runs at once, 1 to 1024. The budget of calls holds all the same.",
    ),
    setting(
        "refresh_spacing_seconds",
        &["LONGSHORE_REFRESH_SPACING_SECONDS"],
        "25",
        "The shortest time between two refreshes of one conversation, in seconds: signals that come sooner share one.",
    ),
    setting(
        "shutdown_ms",
        &["LONGSHORE_SHUTDOWN_MS"],
        "20000",
        "How long `serve` lets requests and jobs end before it hands jobs back, in milliseconds.",
    ),
    setting(
        "webhooks_private",
        &["LONGSHORE_WEBHOOKS_PRIVATE"],
        "false",
        "Whether outgoing webhooks may go to this machine and private networks, and over `http`: `true` or `false`.",
    ),
    setting(
        "webhooks_disable_days",
        &["LONGSHORE_WEBHOOKS_DISABLE_DAYS"],
        "5",
        "An endpoint that takes no outgoing webhook for so many days is disabled, 1 to 366.",
    ),
    setting(
        "connections_unused_days",
        &["LONGSHORE_CONNECTIONS_UNUSED_DAYS"],
        "30",
        "A connection that was not used for so many days is pointed out, 1 to 3650.",
    ),
    setting(
        "connections_end_unused_days",
        &["LONGSHORE_CONNECTIONS_END_UNUSED_DAYS"],
        "0",
        "A connection that was not used for so many days is given up by `serve`, as `connections disconnect --keep` does, up to 3650. 0: none is.",
    ),
    setting(
        "use_days",
        &["LONGSHORE_USE_DAYS"],
        "90",
        "How long it is kept what connections were used for and who read what, in days, 35 to 3660.",
    ),
    setting(
        "watch_dormant_days",
        &["LONGSHORE_WATCH_DORMANT_DAYS"],
        "14",
        "The first use of a connection after so many days without any raises an alarm, 1 to 366.",
    ),
    setting(
        "watch_volume_factor",
        &["LONGSHORE_WATCH_VOLUME_FACTOR"],
        "5",
        "A day on which a connection is used more than so many times as on a usual one raises an alarm, 2 to 1000.",
    ),
    setting(
        "watch_volume_calls",
        &["LONGSHORE_WATCH_VOLUME_CALLS"],
        "10000",
        "But not below so many calls a day.",
    ),
    setting(
        "watch_volume_rows",
        &["LONGSHORE_WATCH_VOLUME_ROWS"],
        "50000",
        "Nor below so many records read a day.",
    ),
    setting(
        "watch_pattern_minutes",
        &["LONGSHORE_WATCH_PATTERN_MINUTES"],
        "60",
        "Within so many minutes describing, counting, sampling and reading in bulk by one caller belong together, 5 to 1440.",
    ),
    setting(
        "watch_pattern_rows",
        &["LONGSHORE_WATCH_PATTERN_ROWS"],
        "1000",
        "So many records read after the first sample are a bulk.",
    ),
    setting(
        "log",
        &["LONGSHORE_LOG"],
        "warn",
        "What is logged to stderr: `error`, `warn`, `info`, `debug`, `trace`, also by part (`warn,drift=debug`). The flag `--log` is the same.",
    ),
    setting(
        "log_format",
        &["LONGSHORE_LOG_FORMAT"],
        "text",
        "How it is logged: `text`, or `json` with one object a line.",
    ),
];

/// The setting of that name.
pub(crate) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents;

    #[test]
    fn the_page_of_settings_tells_what_the_program_reads() {
        let mut table = String::from("| setting | environment | default | meaning |\n|---|---|---|---|\n");
        for setting in SETTINGS {
            let environment: Vec<_> = setting.environment.iter().map(|name| format!("`{name}`")).collect();
            let name = match setting.care {
                Care::Secret => format!("`{}` (environment only)", setting.name),
                Care::Plain | Care::Url => format!("`{}`", setting.name),
            };
            let default =
                if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) };
            table += &format!("| {name} | {} | {default} | {} |\n", environment.join(", "), setting.meaning);
        }
        documents::holds("configuration.md", "settings", &table);
    }

    #[test]
    fn a_setting_is_named_alike_in_file_and_environment() {
        for setting in SETTINGS {
            assert_eq!(setting.environment[0], format!("LONGSHORE_{}", setting.name.to_uppercase()));
        }
    }
}
