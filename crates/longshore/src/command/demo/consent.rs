//! The consent as a browser and its person would give it: open the page, press Allow, follow the way back.

use std::sync::Arc;

use bytes::Bytes;
use drift::{Limits, Transport};
use http::{Method, Request, Response, StatusCode, header};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::failure::Failure;

/// A page larger than this is not a consent page.
const PAGE: Limits = Limits { body_bytes_max: 1 << 20 };

/// Allow the connection that the address asks for. The callback server gets the code.
pub(super) async fn allow(transport: &Arc<dyn Transport>, authorize: &Url) -> Result<(), Failure> {
    let page = send(transport, Method::GET, authorize, None).await?;
    let text = String::from_utf8_lossy(page.body());
    if page.status() != StatusCode::OK {
        return Err(Failure::unexpected(format!("the consent page answered {}", page.status())));
    }
    let mut form = Serializer::new(String::new());
    for (name, value) in hidden_inputs(&text) {
        form.append_pair(&name, &value);
    }
    form.append_pair("decision", "allow");
    let mut action = authorize.clone();
    action.set_query(None);
    let back = send(transport, Method::POST, &action, Some(form.finish())).await?;
    let location = back.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let location = location.and_then(|text| authorize.join(text).ok()).ok_or_else(|| {
        Failure::unexpected(format!("the consent page answered {} and leads nowhere", back.status()))
    })?;
    send(transport, Method::GET, &location, None).await.map(drop)
}

async fn send(
    transport: &Arc<dyn Transport>,
    method: Method,
    url: &Url,
    form: Option<String>,
) -> Result<Response<Bytes>, Failure> {
    let mut request = Request::builder().method(method).uri(url.as_str());
    if form.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    let request = request
        .body(Bytes::from(form.unwrap_or_default()))
        .map_err(|error| Failure::unexpected(format!("no request for the consent page: {error}")))?;
    let host = url.host_str().unwrap_or_default();
    transport.send(request, PAGE).await.map_err(|error| Failure::transport(host, &error))
}

/// Names and values of a page's hidden inputs.
fn hidden_inputs(page: &str) -> Vec<(String, String)> {
    let inputs = page.split("<input").skip(1).filter_map(|rest| rest.split('>').next());
    let hidden = inputs.filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"));
    hidden.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?))).collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(html_escape::decode_html_entities(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_read_as_a_browser_reads_it() {
        let page = r#"<form method="post"><input type="hidden" name="state" value="a&amp;b">
            <input type="text" name="x" value="y"><input name="client_id" type="hidden" value="app"></form>"#;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(hidden_inputs(page), [pair("state", "a&b"), pair("client_id", "app")]);
    }
}
