//! The workbench: the page that a person sees first, and what it is made of.
//!
//! All of it is in the binary, and holds no data: whoever may not look at the log may still have the page, which then
//! asks for a token.

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use kernel::Page;
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest as _, Sha256};

use crate::{
    gateway::Site,
    problem::{Kind, Problem},
};

/// What the browser gets. A debug build reads it from the source tree at each request, so that a change is seen at once.
#[derive(RustEmbed)]
#[folder = "ui/"]
struct Ui;

/// The document that everything else hangs on.
const DOCUMENT: &str = "index.html";

/// Everything comes from here, is asked of here, and is shown nowhere else. The one script in the document, which says
/// where modules are, is known by its hash; no text ever becomes markup.
///
/// It is made anew each time, as what the browser gets may be another in a debug build.
fn policy() -> Option<HeaderValue> {
    let document = Ui::get(DOCUMENT)?;
    let modules = between(std::str::from_utf8(&document.data).ok()?, "<script type=\"importmap\">", "</script>")?;
    let policy = format!(
        "default-src 'none'; script-src 'self' 'sha256-{}'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types 'none'",
        base64(&Sha256::digest(modules))
    );
    HeaderValue::from_str(&policy).ok()
}

/// `GET /`
pub(crate) async fn document(request: Request) -> Result<Response, Problem> {
    file(DOCUMENT, request.uri(), request.headers())
}

/// `GET /assets/<path>`
pub(crate) async fn asset(Path(path): Path<String>, request: Request) -> Result<Response, Problem> {
    file(&path, request.uri(), request.headers())
}

/// `GET /assets/pages/<name>.js` and `<name>.css`: a page that the domain brings.
pub(crate) async fn page(State(gateway): State<Site>, Path(file): Path<String>, uri: Uri) -> Result<Response, Problem> {
    let (name, kind) = file.rsplit_once('.').ok_or_else(|| nothing(&uri))?;
    let page = page_of(&gateway, name).ok_or_else(|| nothing(&uri))?;
    let text = match kind {
        "js" => page.script,
        "css" => page.style,
        _ => return Err(nothing(&uri)),
    };
    Ok(response(&file, Body::from(text)))
}

/// `GET /assets/pages/<name>/<module>`: what such a page is made of.
pub(crate) async fn module(
    State(gateway): State<Site>,
    Path((name, file)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    let modules = page_of(&gateway, &name).map(|page| page.modules).unwrap_or_default();
    let (file, text) = modules.iter().find(|(known, _)| *known == file).ok_or_else(|| nothing(&uri))?;
    Ok(response(file, Body::from(*text)))
}

fn page_of<'s>(gateway: &'s Site, name: &str) -> Option<&'s Page> {
    gateway.domain.pages().iter().find(|page| page.name == name)
}

fn file(path: &str, uri: &Uri, headers: &HeaderMap) -> Result<Response, Problem> {
    let EmbeddedFile { data, metadata } = Ui::get(path).ok_or_else(|| nothing(uri))?;
    let tag = format!("\"{}\"", base64(&metadata.sha256_hash()));
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = response(path, if is_known { Body::empty() } else { Body::from(data) });
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

fn response(path: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    // Asked for again each time, and not sent again unless it is another.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(policy) = policy() {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn nothing(uri: &Uri) -> Problem {
    Problem::new(Kind::NotFound, format!("there is nothing at {}", uri.path()))
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some(_) | None => "text/plain; charset=utf-8",
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}

fn base64(bytes: &[u8]) -> String {
    data_encoding::BASE64.encode(bytes)
}
