//! A browser: it keeps cookies, sends forms with the text that stood in the page, and follows nothing by itself.

use std::collections::BTreeMap;

use axum::body::Body;
use http::{Request, Response, header};
use web::Peer;

use crate::house::House;

pub(crate) struct Browser<'a> {
    house: &'a House,
    pub(crate) cookies: BTreeMap<String, String>,
    /// The text of the last page's forms.
    pub(crate) csrf: String,
    peer: Peer,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(house: &'a House) -> Self {
        Self::at(house, "203.0.113.7")
    }

    pub(crate) fn at(house: &'a House, address: &str) -> Self {
        let peer = Peer(std::net::SocketAddr::new(address.parse().unwrap(), 4711));
        Self { house, cookies: BTreeMap::new(), csrf: String::new(), peer }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Response<String> {
        self.send(Request::get(path), Body::empty()).await
    }

    /// Send a form of the last page.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Response<String> {
        let csrf = self.csrf.clone();
        self.post_raw(path, &[&[("csrf", csrf.as_str())], fields].concat()).await
    }

    /// Send a form with just these fields.
    pub(crate) async fn post_raw(&mut self, path: &str, fields: &[(&str, &str)]) -> Response<String> {
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let kind = "application/x-www-form-urlencoded";
        self.send(Request::post(path).header(header::CONTENT_TYPE, kind), Body::from(body)).await
    }

    async fn send(&mut self, request: http::request::Builder, body: Body) -> Response<String> {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = request.header(header::HOST, "longshore.test");
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(self.peer);
        let answer = self.house.ask(request).await;
        for line in answer.headers().get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some((_, rest)) = answer.body().split_once(r#"name="csrf" value=""#) {
            self.csrf = rest.split('"').next().unwrap().to_owned();
        }
        answer
    }

    /// Sign in; the answer to the form.
    pub(crate) async fn sign_in(&mut self, name: &str, password: &str, code: &str) -> Response<String> {
        self.get("/sign-in").await;
        self.post("/sign-in", &[("name", name), ("password", password), ("code", code)]).await
    }
}

/// Where a redirect leads.
pub(crate) fn location(answer: &Response<String>) -> &str {
    assert_eq!(answer.status(), 303, "{}", answer.body());
    answer.headers()[header::LOCATION].to_str().unwrap()
}
