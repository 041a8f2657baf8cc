//! `rediss://` verifies: who is at the other end, and that somebody trusted says so.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use testkit::Node;

use super::common::{Retrace, process::talk};

/// A server with a certificate for `localhost` from an authority of the test's own, whose file is `ca.pem`.
fn server() -> Node {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&server_key, &issuer).unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("ca.pem"), own.pem()).unwrap();
    fs::write(path("server.pem"), server.pem()).unwrap();
    fs::write(path("server.key"), server_key.serialize_pem()).unwrap();
    let (certificate, key, authority) = (path("server.pem"), path("server.key"), path("ca.pem"));
    let options = [
        "--tls-port",
        "PORT",
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &authority,
        "--tls-auth-clients",
        "no",
    ];
    Node::start_in(folder, &options)
}

#[test]
fn only_a_server_that_proves_its_name_is_talked_to() {
    let server = server();
    let port = server.port();
    let ask = |host: &str, trusts: Option<&str>| {
        let mut status = Retrace::command();
        status.args(["status", "--store", &format!("rediss://{host}")]);
        status.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        status.envs(trusts.map(|file| ("SSL_CERT_FILE", server.file(file))));
        let output = status.output().unwrap();
        (output.status.code(), talk(&output))
    };
    let says = |host: &str, why: &str| {
        let sentence = format!("its certificate is not to be trusted: {why}");
        let way_out = "of an authority of your own, name the file in SSL_CERT_FILE";
        (Some(69), format!("retrace: store rediss://{host} is unavailable: {sentence}; {way_out}\n"))
    };
    let named = format!("localhost:{port}");
    assert_eq!(ask(&named, None), says(&named, "UnknownIssuer"));
    let (code, said) = ask(&named, Some("ca.pem"));
    let warned = said.contains("EVERYTHING IS LOST");
    assert_eq!((code, warned), (Some(0), true), "{said}");
    let numbered = format!("127.0.0.1:{port}");
    let why = "certificate not valid for name \"127.0.0.1\"; certificate is only valid for DnsName(\"localhost\")";
    assert_eq!(ask(&numbered, Some("ca.pem")), says(&numbered, why));
    let insecure = format!("rediss://{numbered}/#insecure");
    let expected = format!(
        "error: invalid value '{insecure}' for '--store <URL>': \"{insecure}\" is no URL of a server: #insecure would \
         take any certificate, and so any server; name the file of your own authority in SSL_CERT_FILE instead\n\n\
         For more information, try '--help'.\n"
    );
    assert_eq!(ask(&format!("{numbered}/#insecure"), None), (Some(64), expected));
}

#[test]
fn a_log_and_its_read_model_are_written_and_read_over_tls() {
    let server = server();
    let run = |subcommand: &[&str]| {
        let mut command = Retrace::command();
        command.args(subcommand).args(["--store", &format!("rediss://localhost:{}", server.port())]);
        command.env_remove("SSL_CERT_DIR").env("SSL_CERT_FILE", server.file("ca.pem"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", talk(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let history = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/happy-path.jsonl");
    run(&["import", history]);
    run(&["rebuild"]);
    run(&["audit"]);
    let exported = run(&["export"]);
    assert_eq!(exported.lines().count(), fs::read_to_string(history).unwrap().lines().count());
}
