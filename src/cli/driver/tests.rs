use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

/// A server that answers one request with this status and body.
async fn serving(status: u16, body: &str) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4_096];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    target
}

async fn recognised(status: u16, body: &str) -> Result<(), String> {
    let target = serving(status, body).await;
    let shop = testkit::bank::domain();
    recognise(&shop, &target).await.map_err(|failure| failure.to_string().replace(&target.to_string(), "TARGET"))
}

#[tokio::test]
async fn a_gateway_of_the_domain_is_recognised() {
    let bank = r#"{"paths": {"/accounts": {}, "/transfers": {}, "/more": {}}}"#;
    assert_eq!(recognised(200, bank).await, Ok(()));
}

#[tokio::test]
async fn anything_else_is_told_in_one_sentence() {
    let refused = |message: &str| Err(message.to_owned());
    let shop = r#"{"paths": {"/accounts": {}, "/orders": {}}, "info": {"title": "fishshop on Retrace"}}"#;
    let other = "TARGET is fishshop on Retrace, not bank: it has no /transfers";
    assert_eq!(recognised(200, shop).await, refused(other));
    let stranger = "what answers at TARGET is no Retrace gateway: GET /openapi.json was answered 404";
    assert_eq!(recognised(404, "<h1>Not Found</h1>").await, refused(stranger));
    let closed = "the gateway at TARGET does not let us in: a token is needed; see --token";
    assert_eq!(recognised(401, r#"{"error": "a token is needed"}"#).await, refused(closed));
}

#[tokio::test]
async fn where_nothing_listens_the_store_counts_as_away() {
    let target: Target = "http://127.0.0.1:1".parse().unwrap();
    let failure = recognise(&testkit::bank::domain(), &target).await.unwrap_err();
    assert_eq!(failure.code, exit::UNAVAILABLE);
    let message = failure.to_string();
    assert!(message.starts_with("nothing answers at http://127.0.0.1:1: "), "{message}");
    assert!(message.ends_with("; start a gateway with `retrace up`"), "{message}");
}

#[test]
fn a_no_is_a_refusal_and_everything_else_a_failure() {
    let answer = |status, body: &'static str| Ok(Answer { status, body: body.into() });
    assert_eq!(verdict("GET /", answer(200, "")), Verdict::Done);
    for status in [404, 409, 422] {
        assert_eq!(verdict("POST /order", answer(status, "no")), Verdict::Refused);
    }
    let failed = |message: &str| Verdict::Failed(message.to_owned());
    let told = answer(503, r#"{"error": "the store is away"}"#);
    assert_eq!(verdict("PUT /cart/1", told), failed("PUT /cart/1 was answered 503: the store is away"));
    assert_eq!(verdict("GET /", answer(400, "bad")), failed("GET / was answered 400: bad"));
    let late = Err(HttpError::TooLate { target: "http://h".into() });
    assert_eq!(verdict("GET /", late), failed("GET /: no answer from http://h within 30 s"));
}
