use super::*;
use crate::settings::AccessToken;

/// The status that a request with these headers is refused with; 200 where it is not.
fn ask(settings: &Settings, method: &Method, path: &str, headers: &[(header::HeaderName, &str)]) -> u16 {
    let uri = path.parse().unwrap();
    let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
    let asked = Asked { method, uri: &uri, headers: &headers };
    check(settings, asked).map_or_else(|problem| problem.status().as_u16(), |()| 200)
}

#[test]
fn only_known_hosts_are_answered() {
    let settings = Settings { hosts: vec!["shop.example".into()], ..Settings::default() };
    let status = |host| ask(&settings, &Method::GET, "/orders", &[(header::HOST, host)]);
    for host in [
        "localhost",
        "LOCALHOST:5000",
        "localhost.:1",
        "127.0.0.1:5000",
        "127.3.2.1",
        "[::1]",
        "[::1]:5000",
        "[::ffff:127.0.0.1]",
        "shop.example",
        "Shop.Example:443",
    ] {
        assert_eq!(status(host), 200, "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "192.168.0.1",
        "[::2]:5000",
        "::1",
        "a@localhost",
        "localhost:5000:1",
        "127.0.0.1.evil.example",
        "2130706433",
        "[::1",
    ] {
        assert_eq!(status(host), 403, "{host}");
    }
    assert_eq!(status(""), 400);
    assert_eq!(ask(&settings, &Method::GET, "/orders", &[]), 400);
    let twice = [(header::HOST, "localhost"), (header::HOST, "localhost")];
    assert_eq!(ask_appended(&settings, &twice), 400);
    assert_eq!(ask(&settings, &Method::GET, "http://evil.example/orders", &[(header::HOST, "localhost")]), 403);
}

fn ask_appended(settings: &Settings, headers: &[(header::HeaderName, &str)]) -> u16 {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name.clone(), value.parse().unwrap());
    }
    let asked = Asked { method: &Method::GET, uri: &Uri::from_static("/orders"), headers: &map };
    check(settings, asked).map_or_else(|problem| problem.status().as_u16(), |()| 200)
}

#[test]
fn pages_from_elsewhere_change_nothing() {
    let settings = Settings { origins: vec!["https://desk.example".into()], ..Settings::default() };
    let status = |method: &Method, host, origin| {
        ask(&settings, method, "/order", &[(header::HOST, host), (header::ORIGIN, origin)])
    };
    for (host, origin, expected) in [
        ("localhost:5000", "http://localhost:5000", 200),
        ("localhost", "http://localhost:80", 200),
        ("localhost", "https://LOCALHOST", 200),
        ("[::1]:5000", "http://[::1]:5000", 200),
        ("localhost:5000", "https://desk.example", 200),
        ("localhost:5000", "http://localhost:3000", 403),
        ("localhost:5000", "http://127.0.0.1:5000", 403),
        ("localhost:5000", "http://evil.example", 403),
        ("localhost:5000", "http://desk.example", 403),
        ("localhost:5000", "null", 403),
        ("localhost:5000", "", 403),
    ] {
        assert_eq!(status(&Method::POST, host, origin), expected, "{host} {origin}");
        assert_eq!(status(&Method::DELETE, host, origin), expected, "{host} {origin}");
        assert_eq!(status(&Method::GET, host, origin), 200, "a page can send it but not read the answer");
    }
    assert_eq!(ask(&settings, &Method::PUT, "/order/1", &[(header::HOST, "localhost")]), 200);
    let upgrade =
        [(header::HOST, "localhost"), (header::ORIGIN, "http://evil.example"), (header::UPGRADE, "websocket")];
    assert_eq!(ask(&settings, &Method::GET, "/ws", &upgrade), 403);
}

#[test]
fn a_token_does_what_its_scopes_say() {
    let tokens = vec![
        AccessToken::new("reader", [Scope::Read]).unwrap(),
        AccessToken::new("writer", [Scope::Read, Scope::Command]).unwrap(),
        AccessToken::new("keeper", [Scope::Admin]).unwrap(),
    ];
    let settings = Settings { tokens, ..Settings::default() };
    let status = |method: &Method, path, authorization: &str| {
        ask(&settings, method, path, &[(header::HOST, "localhost"), (header::AUTHORIZATION, authorization)])
    };
    let (read, write, dead) = ((Method::GET, "/orders"), (Method::POST, "/order"), "/api/v1/queues/shop/dead");
    for (token, reads, writes, administers) in [
        ("Bearer reader", 200, 403, 403),
        ("bearer writer", 200, 200, 403),
        ("Bearer  keeper", 403, 403, 200),
        ("Bearer nobody", 401, 401, 401),
        ("Basic reader", 401, 401, 401),
        ("reader", 401, 401, 401),
    ] {
        assert_eq!(status(&read.0, read.1, token), reads, "{token}");
        assert_eq!(status(&write.0, write.1, token), writes, "{token}");
        assert_eq!(status(&Method::GET, dead, token), administers, "{token}");
    }
    let rebuilds = "/api/v1/rebuilds";
    for path in [rebuilds, "/api/v1/replays", "/api/v1/audits", "/api/v1/histories"] {
        assert_eq!(
            status(&Method::GET, path, "Bearer reader"),
            200,
            "anybody who may read may see how they go: {path}"
        );
    }
    for (method, path) in [
        (Method::POST, rebuilds),
        (Method::POST, "/api/v1/replays"),
        (Method::DELETE, "/api/v1/replays"),
        (Method::POST, "/api/v1/audits"),
        (Method::POST, "/api/v1/histories"),
        (Method::DELETE, "/api/v1/histories/1"),
        (Method::DELETE, rebuilds),
        (Method::POST, "/api/v1/rebuilds/rollback"),
        (Method::POST, "/api/v1/rebuilds/approval"),
    ] {
        assert_eq!(status(&method, path, "Bearer keeper"), 200, "{method} {path}");
        assert_eq!(status(&method, path, "Bearer writer"), 403, "{method} {path}");
    }
    for (path, reads) in [
        ("/api/v1/queues", 200),
        ("/api/v1/queues/shop?state=waiting", 200),
        ("/api/v1/queues/shop?limit=2&state=claimed", 200),
        ("/api/v1/queues/shop?state=dead", 403),
        ("/api/v1/queues/shop?state=dead&state=waiting", 403),
        ("/api/v1/queues/shop", 403),
        ("/api/v1/queues/shop/dead?state=waiting", 403),
    ] {
        assert_eq!(status(&Method::GET, path, "Bearer reader"), reads, "{path}");
        let keeps = if reads == 200 { 403 } else { 200 };
        assert_eq!(status(&Method::GET, path, "Bearer keeper"), keeps, "{path}");
    }
    let bare = |path| ask(&settings, &Method::GET, path, &[(header::HOST, "localhost")]);
    for uri in ["/orders?token=reader", "/ws?a=b&token=x", "/?access_token=reader", "/orders?tok%65n=", "/orders?token"]
    {
        assert_eq!(bare(uri), 400, "never in the URL: {uri}");
        assert_eq!(status(&Method::GET, uri, "Bearer reader"), 400, "{uri}");
    }
    assert_eq!((bare("/metrics"), bare("/livez"), bare("/readyz")), (401, 200, 200));
}

#[test]
fn what_is_open_is_open_to_look_at_only() {
    let tokens = vec![AccessToken::new("writer", [Scope::Command]).unwrap()];
    let settings = Settings { tokens, ..Settings::default() };
    for path in ["/", "/livez", "/readyz", "/assets/app.js", "/assets/pages/shop.js"] {
        let bare = |method| ask(&settings, &method, path, &[(header::HOST, "localhost")]);
        assert_eq!([bare(Method::GET), bare(Method::HEAD)], [200, 200], "{path}");
        assert_eq!([bare(Method::POST), bare(Method::PUT), bare(Method::DELETE)], [401, 401, 401], "{path}");
        let headers = [(header::HOST, "localhost"), (header::AUTHORIZATION, "Bearer writer")];
        assert_eq!(ask(&settings, &Method::POST, path, &headers), 200, "{path}");
    }
}

#[test]
fn a_token_among_the_protocols_counts_where_one_is_to_be_spoken() {
    let tokens = vec![
        AccessToken::new("r:e/a+d~er", [Scope::Read]).unwrap(),
        AccessToken::new("writer", [Scope::Command]).unwrap(),
    ];
    let settings = Settings { tokens, ..Settings::default() };
    let encoded = |token: &str| format!("{BEARER}{}", BASE64URL_NOPAD.encode(token.as_bytes()));
    let (reader, writer) = (encoded("r:e/a+d~er"), encoded("writer"));
    for (offered, expected) in [
        (format!("{PROTOCOL}, {reader}"), 200),
        (format!("{reader},{PROTOCOL}"), 200),
        (writer, 403),
        (encoded("nobody"), 401),
        (format!("{PROTOCOL}, {reader}="), 401),
        (format!("{BEARER}r:e/a+d~er"), 401),
        (format!("{BEARER}%%%"), 401),
        (BASE64URL_NOPAD.encode(b"reader"), 401),
        (PROTOCOL.to_owned(), 401),
    ] {
        let headers = [(header::HOST, "localhost"), (header::SEC_WEBSOCKET_PROTOCOL, &*offered)];
        let upgrade = [headers[0].clone(), headers[1].clone(), (header::UPGRADE, "websocket")];
        assert_eq!(ask(&settings, &Method::GET, "/ws", &upgrade), expected, "{offered}");
        assert_eq!(ask(&settings, &Method::GET, "/ws", &headers), 401, "{offered}: nothing is upgraded");
    }
}
