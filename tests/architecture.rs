//! The arrows between crates, and what may stand where.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Which crates of the workspace each may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("kernel", &[]),
    ("ordershop", &["kernel"]),
    ("runtime", &["kernel"]),
    ("projector", &["kernel", "runtime"]),
    ("replay", &["kernel", "projector", "runtime"]),
    ("gateway", &["kernel", "projector", "replay", "runtime"]),
    ("retrace", &["gateway", "kernel", "ordershop", "projector", "replay", "runtime"]),
    ("testkit", &["kernel"]),
];

/// What the pure crates may use besides: nothing that can do I/O, tell the time or throw dice.
const PURE: &[(&str, &[&str])] = &[
    ("kernel", &["jiff", "serde", "serde_json", "smallvec", "thiserror", "uuid", "xxhash-rust"]),
    ("ordershop", &["fastrand", "serde", "serde_json"]),
];

fn metadata() -> Metadata {
    MetadataCommand::new().no_deps().exec().unwrap()
}

fn dependencies(package: &Package, kind: DependencyKind) -> BTreeSet<&str> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == kind)
        .map(|dependency| &*dependency.name)
        .collect()
}

#[test]
fn arrows_point_one_way() {
    let metadata = metadata();
    let members: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (&**package.name, package)).collect();
    let drawn: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.iter().map(|(name, to)| (*name, to.iter().copied().collect())).collect();
    assert_eq!(members.keys().collect::<Vec<_>>(), drawn.keys().collect::<Vec<_>>(), "every crate is in the drawing");
    for (name, package) in &members {
        let uses: BTreeSet<_> = dependencies(package, DependencyKind::Normal)
            .into_iter()
            .filter(|name| members.contains_key(name))
            .collect();
        assert!(uses.is_subset(&drawn[name]), "{name} uses {uses:?}, but may use {:?}", drawn[name]);
    }
}

#[test]
fn only_the_root_names_the_shop() {
    for package in &metadata().packages {
        let names = package.dependencies.iter().any(|dependency| &*dependency.name == "ordershop");
        assert_eq!(names, &**package.name == "retrace", "{}", package.name);
    }
    for file in sources(Path::new("src")) {
        let names = fs::read_to_string(&file).unwrap().to_lowercase().contains("ordershop");
        assert_eq!(names, file.ends_with("main.rs"), "{}", file.display());
    }
}

#[test]
fn pure_crates_use_only_what_is_pure() {
    let metadata = metadata();
    for (name, allowed) in PURE {
        let package = metadata.packages.iter().find(|package| &**package.name == *name).unwrap();
        let uses = dependencies(package, DependencyKind::Normal);
        let more: Vec<_> = uses.iter().filter(|name| **name != "kernel" && !allowed.contains(name)).collect();
        assert!(more.is_empty(), "{name} uses {more:?}");
    }
}

#[test]
fn every_crate_has_the_workspace_lints() {
    for package in &metadata().packages {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}", package.name);
    }
}

#[test]
fn the_pure_crates_refuse_clocks_chance_and_seeded_maps() {
    for file in ["runtime/kernel/clippy.toml", "runtime/ordershop/clippy.toml"] {
        let config = fs::read_to_string(file).unwrap();
        for refused in
            ["HashMap", "HashSet", "SystemTime", "Instant", "new_v4", "Timestamp::now", "env::var", "TcpStream"]
        {
            assert!(config.contains(refused), "{file} does not refuse {refused}");
        }
    }
}

/// Where SQL is put together as the program runs, how often, and of what: all else is text of the program, which the
/// compiler sees to, and values are bound.
const SQL: &[(&str, usize, &str)] = &[
    ("projector/src/file.rs", 1, "numbers of the program"),
    ("projector/src/model/sqlite/load.rs", 1, "as many question marks as there are rows"),
    ("runtime/src/engine/sqlite/bulk.rs", 2, "as many question marks as there are rows"),
    ("runtime/src/engine/sqlite/writer.rs", 1, "a number, in tests"),
    ("src/cli/bench/rebuild/sink.rs", 1, "as many question marks as there are rows"),
];

#[test]
fn sql_is_text_of_the_program_and_question_marks() {
    let folders = ["gateway/src", "projector/src", "replay/src", "runtime/src", "runtime/kernel/src", "src"];
    let mut found = BTreeMap::new();
    for file in folders.iter().flat_map(|folder| sources(Path::new(folder))) {
        let text = fs::read_to_string(&file).unwrap();
        let count = text.matches("AssertSqlSafe(").count();
        if count > 0 {
            found.insert(file.display().to_string(), count);
        }
    }
    let known: BTreeMap<_, _> = SQL.iter().map(|(file, count, _)| ((*file).to_owned(), *count)).collect();
    assert_eq!(found, known, "the client takes no other SQL than &'static str and what is asserted to be safe");
}

/// The Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The names of the files of Rust in a folder.
fn files(folder: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(".rs").map(str::to_owned)).collect()
}

#[test]
fn no_file_of_tests_is_left_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_part_of =
        |part: &str, program: &Path| fs::read_to_string(program).unwrap().contains(&format!("\nmod {part};\n"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let (programs, parts): (Vec<_>, Vec<_>) = files(&root.join("tests"))
        .into_iter()
        .partition(|file| manifest.contains(&format!("[[test]]\nname = \"{file}\"\n")));
    let programs: Vec<_> = programs.iter().map(|name| root.join(format!("tests/{name}.rs"))).collect();
    for part in parts {
        assert!(programs.iter().any(|program| is_part_of(&part, program)), "tests/{part}.rs is in no test program");
    }
    for folder in ["gateway/tests/gateway", "projector/tests/projector"] {
        for part in files(&root.join(folder)).iter().filter(|part| *part != "main") {
            assert!(is_part_of(part, &root.join(folder).join("main.rs")), "{folder}/{part}.rs is in no test program");
        }
    }
}
