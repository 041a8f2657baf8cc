//! The modules of others that the workbench is made of: what they are, byte for byte, and under which licence.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What a licence's text can be known by.
const LICENCES: &[(&str, &str)] = &[("MIT", "The MIT License (MIT)"), ("Apache-2.0", "Apache License")];

fn ui() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ui")
}

/// The packages as `vendored.json` tells them.
fn packages() -> Vec<Value> {
    let told = fs::read(ui().join("vendor/vendored.json")).unwrap();
    let told: BTreeMap<String, Vec<Value>> = serde_json::from_slice(&told).unwrap();
    told["packages"].clone()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{value} has no {field}"))
}

fn files(package: &Value) -> impl Iterator<Item = &Value> {
    package["files"].as_array().unwrap().iter()
}

/// All files below a folder, as paths from there.
fn below(folder: &Path, prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.path().is_dir() {
            found.extend(below(&entry.path(), &format!("{path}/")));
        } else {
            found.insert(path);
        }
    }
    found
}

#[test]
fn each_file_is_the_one_that_was_published() {
    for package in &packages() {
        for file in files(package) {
            let bytes = fs::read(ui().join("vendor").join(text(file, "file"))).unwrap();
            assert_eq!(format!("{:x}", Sha256::digest(bytes)), text(file, "sha256"), "{}", text(file, "file"));
        }
    }
}

#[test]
fn nothing_else_is_there() {
    let mut told = BTreeSet::from(["vendored.json".to_owned()]);
    told.extend(packages().iter().flat_map(files).map(|file| text(file, "file").to_owned()));
    assert_eq!(below(&ui().join("vendor"), ""), told);
}

#[test]
fn every_package_says_what_it_is_and_brings_its_licence() {
    for package in &packages() {
        let (name, version) = (text(package, "name"), text(package, "version"));
        let file = name.rsplit('/').next().unwrap();
        let source = format!("https://registry.npmjs.org/{name}/-/{file}-{version}.tgz");
        assert_eq!(text(package, "source"), source);
        let (_, title) = LICENCES
            .iter()
            .find(|(licence, _)| *licence == text(package, "license"))
            .unwrap_or_else(|| panic!("{name} has a licence that nobody has looked at: {}", package["license"]));
        let licence = files(package).find(|file| text(file, "path") == "LICENSE").unwrap();
        let licence = fs::read_to_string(ui().join("vendor").join(text(licence, "file"))).unwrap();
        assert_eq!(licence.trim_start().lines().next().map(str::trim), Some(*title), "{name}");
    }
}

#[test]
fn the_page_takes_its_modules_from_here() {
    let page = fs::read_to_string(ui().join("index.html")).unwrap();
    let (_, map) = page.split_once(r#"<script type="importmap">"#).unwrap();
    let (map, _) = map.split_once("</script>").unwrap();
    let map: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(map).unwrap();
    let module = |file: &Value| Some((file["module"].as_str()?.to_owned(), text(file, "file").to_owned()));
    let told: BTreeMap<_, _> = packages().iter().flat_map(files).filter_map(module).collect();
    let vendored =
        |(name, path): (&String, &String)| Some((name.clone(), path.strip_prefix("./assets/vendor/")?.into()));
    let taken: BTreeMap<String, String> = map["imports"].iter().filter_map(vendored).collect();
    assert_eq!(taken, told);
    let own = map["imports"].iter().filter(|(name, _)| !taken.contains_key(*name));
    assert_eq!(own.collect::<Vec<_>>(), [(&"retrace".into(), &"./assets/retrace.js".into())]);
    assert_eq!(map.keys().collect::<Vec<_>>(), ["imports"]);
}
