//! An S3 of this test's own, behind the network seam: conditions enforced, uploads in pieces, lists in pages, requests
//! counted, faults on demand. It shares nothing with the client that speaks to it.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use drift::{Limits, Transport, TransportError};
use futures_util::future::{BoxFuture, FutureExt as _};
use http::{Method, Request, Response, StatusCode};
use model::{Clock, Secret};
use sinks::objects::{Bucket, Network, ObjectOptions, Retry};

/// The only bucket.
pub(crate) const BUCKET: &str = "lake";
/// Names on a page of a list.
const PAGE: usize = 40;

/// What a test does to a request: answers it instead, or lets it pass.
type Fault = Box<dyn FnMut(&Method, &str) -> Option<(u16, &'static str)> + Send>;

#[derive(Default)]
struct State {
    objects: BTreeMap<String, (Bytes, String)>,
    uploads: BTreeMap<String, (String, BTreeMap<usize, Bytes>)>,
    versions: u64,
    /// What was asked for that changes something: method and name.
    changes: Vec<(Method, String)>,
    fault: Option<Fault>,
    /// Conditions are passed over, as some stores do.
    lenient: bool,
    /// Changes until the client is as if dead, and whether the last one still gets through.
    life: Option<(usize, bool)>,
    /// Requests that are not answered yet, and the most that ever were.
    waiting: (usize, usize),
}

/// The double.
#[derive(Default)]
pub(crate) struct S3 {
    state: Mutex<State>,
    died: tokio::sync::Notify,
}

impl S3 {
    /// The bucket under a prefix, as the client finds it.
    pub(crate) fn bucket(self: &Arc<Self>, prefix: &str, clock: Arc<dyn Clock>) -> Bucket {
        self.bucket_with(prefix, clock, &[])
    }

    /// The same with settings of the test's own.
    pub(crate) fn bucket_with(
        self: &Arc<Self>,
        prefix: &str,
        clock: Arc<dyn Clock>,
        settings: &[(&str, &str)],
    ) -> Bucket {
        let usual = [
            ("AWS_ACCESS_KEY_ID", "AKIAGOOD"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2-secret"),
            ("AWS_REGION", "eu-west-1"),
        ];
        let settings =
            settings.iter().chain(usual.iter().filter(|(name, _)| !settings.iter().any(|it| it.0 == *name)));
        let options = ObjectOptions {
            address: format!("s3://{BUCKET}/{prefix}").parse().unwrap(),
            endpoint: Some("http://s3.internal".parse().unwrap()),
            settings: settings.map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect(),
            retry: Retry { times_max: 2, wait_ms: 1, total_ms: 10_000 },
        };
        let transport: Arc<dyn Transport> = self.clone();
        options.connect(Network { transport: transport.clone(), near: transport, clock }).unwrap()
    }

    /// An object's bytes.
    pub(crate) fn get(&self, name: &str) -> Option<Bytes> {
        self.state.lock().unwrap().objects.get(name).map(|(bytes, _)| bytes.clone())
    }

    /// Put an object by hand.
    pub(crate) fn put(&self, name: &str, bytes: &str) {
        self.state.lock().unwrap().put(name, Bytes::from(bytes.to_owned()));
    }

    /// Remove an object by hand.
    pub(crate) fn remove(&self, name: &str) {
        self.state.lock().unwrap().objects.remove(name);
    }

    /// The names of all objects.
    pub(crate) fn names(&self) -> Vec<String> {
        self.state.lock().unwrap().objects.keys().cloned().collect()
    }

    /// Pieces of uploads that are neither completed nor aborted: what a store keeps, and bills.
    pub(crate) fn unfinished(&self) -> usize {
        self.state.lock().unwrap().uploads.values().map(|(_, pieces)| pieces.len()).sum()
    }

    /// What was changed since this was last asked: method and name.
    pub(crate) fn changes(&self) -> Vec<(Method, String)> {
        std::mem::take(&mut self.state.lock().unwrap().changes)
    }

    /// Have requests fail from now on.
    pub(crate) fn fail(
        &self,
        fault: impl FnMut(&Method, &str) -> Option<(u16, &'static str)> + Send + 'static,
    ) {
        self.state.lock().unwrap().fault = Some(Box::new(fault));
    }

    /// Pass conditions over.
    pub(crate) fn forget_conditions(&self) {
        self.state.lock().unwrap().lenient = true;
    }

    /// Answer as usual again.
    pub(crate) fn heal(&self) {
        let mut state = self.state.lock().unwrap();
        (state.fault, state.life) = (None, None);
    }

    /// The most requests that ever waited at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state.lock().unwrap().waiting.1
    }

    /// Another with the same objects.
    pub(crate) fn copy(&self) -> Self {
        let state = self.state.lock().unwrap();
        let (objects, versions) = (state.objects.clone(), state.versions);
        Self {
            state: Mutex::new(State { objects, versions, ..State::default() }),
            died: tokio::sync::Notify::new(),
        }
    }

    /// Never answer the client again after this many changes; `arrives` says whether the last one is made.
    pub(crate) fn kill_after(&self, changes: usize, arrives: bool) {
        // Of requests that waited at once, each may have told of the end before.
        let _ = self.died.notified().now_or_never();
        self.state.lock().unwrap().life = Some((changes, arrives));
    }

    /// Ready when the client has been cut off.
    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }
}

impl Transport for S3 {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        _: Limits,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        Box::pin(async move {
            self.state.lock().unwrap().wait();
            tokio::task::yield_now().await;
            let answer = self.state.lock().unwrap().answer(&request);
            let Some(answer) = answer else {
                self.died.notify_one();
                return pending().await;
            };
            Ok(answer)
        })
    }
}

fn refused(status: u16, code: &str) -> Response<Bytes> {
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>hunter2-secret</Message></Error>");
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer
}

fn done(body: impl Into<Bytes>) -> Response<Bytes> {
    Response::new(body.into())
}

impl State {
    fn wait(&mut self) {
        let (now, most) = self.waiting;
        self.waiting = (now + 1, most.max(now + 1));
    }

    fn put(&mut self, name: &str, bytes: Bytes) -> String {
        self.versions += 1;
        let tag = format!("\"{:032x}\"", self.versions);
        self.objects.insert(name.to_owned(), (bytes, tag.clone()));
        tag
    }

    /// `None`: never.
    fn answer(&mut self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        self.waiting.0 = self.waiting.0.saturating_sub(1);
        let url = url::Url::parse(&request.uri().to_string()).unwrap();
        let path = percent_decoded(url.path());
        let rest = path.strip_prefix('/').unwrap();
        let (bucket, name) = rest.split_once('/').unwrap_or((rest, ""));
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        if let Some(refusal) = at_the_door(request, bucket) {
            return Some(refusal);
        }
        if let Some((status, code)) = self.fault.as_mut().and_then(|fault| fault(request.method(), name)) {
            return Some(refused(status, code));
        }
        let is_change = !matches!(*request.method(), Method::GET | Method::HEAD);
        let mut is_last = false;
        if is_change && let Some((left, arrives)) = &mut self.life {
            is_last = *left == 0;
            if is_last && !*arrives {
                return None;
            }
            *arrives &= !is_last;
            *left = left.saturating_sub(1);
        }
        if is_change {
            self.changes.push((request.method().clone(), name.to_owned()));
        }
        let answer = self.serve(request, name, &query);
        (!is_last).then_some(answer)
    }

    fn serve(
        &mut self,
        request: &Request<Bytes>,
        name: &str,
        query: &BTreeMap<String, String>,
    ) -> Response<Bytes> {
        let upload = query.get("uploadId");
        match (request.method().as_str(), upload) {
            ("GET", _) if query.contains_key("list-type") => self.list(query),
            ("GET" | "HEAD", _) => self.read(request, name),
            ("PUT", Some(id)) => {
                let Some((_, pieces)) = self.uploads.get_mut(id) else { return refused(404, "NoSuchUpload") };
                pieces.insert(query["partNumber"].parse().unwrap(), request.body().clone());
                tagged(&format!("\"{}\"", query["partNumber"]))
            }
            ("PUT", None) => self.write(request, name),
            ("POST", None) if query.contains_key("uploads") => {
                self.versions += 1;
                let id = format!("upload-{}", self.versions);
                self.uploads.insert(id.clone(), (name.to_owned(), BTreeMap::new()));
                done(format!(
                    "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                ))
            }
            ("POST", Some(id)) => {
                let Some((name, pieces)) = self.uploads.remove(id) else {
                    return refused(404, "NoSuchUpload");
                };
                let whole: Vec<u8> = pieces.values().flat_map(|piece| piece.to_vec()).collect();
                let tag = self.put(&name, whole.into());
                done(format!(
                    "<CompleteMultipartUploadResult><ETag>{tag}</ETag></CompleteMultipartUploadResult>"
                ))
            }
            ("DELETE", Some(id)) => {
                self.uploads.remove(id);
                done("")
            }
            ("DELETE", None) => {
                self.objects.remove(name);
                done("")
            }
            ("POST", None) if query.contains_key("delete") => {
                let body = String::from_utf8(request.body().to_vec()).unwrap();
                let keys = body.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap());
                let mut answer = String::from("<DeleteResult>");
                for key in keys {
                    if let Some((_, code)) = self.fault.as_mut().and_then(|fault| fault(&Method::DELETE, key))
                    {
                        answer += &format!(
                            "<Error><Key>{key}</Key><Code>{code}</Code><Message>no</Message></Error>"
                        );
                        continue;
                    }
                    self.objects.remove(key);
                    answer += &format!("<Deleted><Key>{key}</Key></Deleted>");
                }
                done(answer + "</DeleteResult>")
            }
            other => panic!("{other:?}"),
        }
    }

    fn write(&mut self, request: &Request<Bytes>, name: &str) -> Response<Bytes> {
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap());
        let found = self.objects.get(name).map(|(_, tag)| tag.as_str());
        if self.lenient {
            return tagged(&self.put(name, request.body().clone()));
        }
        if header("if-none-match").is_some() && found.is_some() {
            return refused(412, "PreconditionFailed");
        }
        match (header("if-match"), found) {
            (Some(_), None) => return refused(404, "NoSuchKey"),
            (Some(expected), Some(found)) if expected != found => return refused(412, "PreconditionFailed"),
            _ => {}
        }
        tagged(&self.put(name, request.body().clone()))
    }

    fn read(&self, request: &Request<Bytes>, name: &str) -> Response<Bytes> {
        let Some((bytes, tag)) = self.objects.get(name) else { return refused(404, "NoSuchKey") };
        let mut answer =
            Response::builder().header("etag", tag).header("last-modified", "Fri, 02 Jan 2026 03:04:05 GMT");
        let range = request.headers().get("range").map(|range| range.to_str().unwrap());
        let Some(range) = range else {
            return answer.header("content-length", bytes.len()).body(bytes.clone()).unwrap();
        };
        let (from, to) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        let (from, to): (usize, usize) =
            (from.parse().unwrap(), to.parse::<usize>().unwrap().min(bytes.len() - 1));
        answer = answer.status(206).header("content-range", format!("bytes {from}-{to}/{}", bytes.len()));
        answer.header("content-length", to + 1 - from).body(bytes.slice(from..=to)).unwrap()
    }

    fn list(&self, query: &BTreeMap<String, String>) -> Response<Bytes> {
        let prefix = query.get("prefix").map_or("", String::as_str);
        let after = |name: &str| query.get(name).map_or("", String::as_str);
        let after = after("continuation-token").max(after("start-after"));
        let mut body = String::from("<ListBucketResult>");
        let mut folders: Vec<&str> = Vec::new();
        let mut shown = 0;
        for (name, (bytes, tag)) in
            self.objects.iter().filter(|(name, _)| name.starts_with(prefix) && name.as_str() > after)
        {
            let rest = &name[prefix.len()..];
            if let Some(end) = rest.find('/').filter(|_| query.contains_key("delimiter")) {
                folders.push(&name[..prefix.len() + end + 1]);
                continue;
            }
            body += &format!(
                "<Contents><Key>{name}</Key><Size>{}</Size><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>{tag}</ETag></Contents>",
                bytes.len()
            );
            shown += 1;
            if shown == PAGE {
                body += &format!("<NextContinuationToken>{name}</NextContinuationToken>");
                break;
            }
        }
        folders.dedup();
        folders.iter().for_each(|folder| {
            body += &format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>")
        });
        done(body + "</ListBucketResult>")
    }
}

/// Who may come in at all.
fn at_the_door(request: &Request<Bytes>, bucket: &str) -> Option<Response<Bytes>> {
    let signed = request.headers().get("authorization").map_or("", |value| value.to_str().unwrap());
    if !signed.contains("Credential=AKIAGOOD/") {
        return Some(refused(403, "InvalidAccessKeyId"));
    }
    if bucket != BUCKET {
        return Some(refused(404, "NoSuchBucket"));
    }
    if !signed.contains("/eu-west-1/") {
        let mut refusal = refused(301, "PermanentRedirect");
        refusal.headers_mut().insert("x-amz-bucket-region", "eu-west-1".parse().unwrap());
        return Some(refusal);
    }
    None
}

fn tagged(tag: &str) -> Response<Bytes> {
    Response::builder().header("etag", tag).body(Bytes::new()).unwrap()
}

pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = (*first == b'%').then(|| std::str::from_utf8(&after[..2]).unwrap());
        bytes.push(code.map_or(*first, |code| u8::from_str_radix(code, 16).unwrap()));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap()
}
