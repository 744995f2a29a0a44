//! Imports run one way: no module imports one that imports it. `cargo test --test modules -- --nocapture` prints the
//! graph.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A path of a module, such as `send::retry`.
type Module = String;

/// Which modules each module imports.
type Imports = BTreeMap<Module, BTreeSet<Module>>;

/// All source files, by the module that they are, without comments and unit tests.
fn sources(folder: &Path, module: &str, sources: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let child = [module, name].join("::").trim_matches(':').to_owned();
        if path.is_dir() {
            sources_of_folder(&path, &child, sources);
        } else if !["lib", "mod", "tests", "fuzzing"].contains(&name) {
            sources.insert(child, read(&path));
        }
    }
}

fn sources_of_folder(folder: &Path, module: &str, all: &mut BTreeMap<Module, String>) {
    all.insert(module.to_owned(), read(&folder.join("mod.rs")));
    sources(folder, module, all);
}

fn read(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let (code, _) = text
        .split_once("#[cfg(test)]\nmod tests {")
        .unwrap_or((&text, ""));
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The paths that the `use` statements of a file name, with their visibility.
fn uses(code: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let before = code[..at].rsplit('\n').next().unwrap();
        let is_public = before.trim_start().starts_with("pub");
        if before.trim().is_empty() || is_public {
            let (tree, _) = code[at + 4..].split_once(';').unwrap();
            let tree: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
            expand("", &tree, &mut |path| found.push((is_public, path)));
        }
    }
    found
}

/// The code without its `use` and `mod` statements.
fn body(code: &str) -> String {
    let mut is_statement = false;
    let lines = code.lines().filter(|line| {
        let line = line.trim_start().trim_start_matches("pub(crate) ");
        let line = line
            .trim_start_matches("pub(super) ")
            .trim_start_matches("pub ");
        is_statement |= line.starts_with("use ") || line.starts_with("mod ");
        let is_body = !is_statement;
        is_statement &= !line.contains(';');
        is_body
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Calls `each` for every path of a tree such as `crate::{a::B, c}`.
fn expand(prefix: &str, tree: &str, each: &mut impl FnMut(String)) {
    let Some((head, group)) = tree.split_once('{') else {
        let (path, _) = tree.split_once(" as ").unwrap_or((tree, ""));
        return each(format!("{prefix}{}", path.trim()));
    };
    let prefix = format!("{prefix}{}", head.trim());
    let (mut depth, mut start) = (0, 0);
    let group = group.trim().strip_suffix('}').unwrap();
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&prefix, group[start..at].trim(), each);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !group[start..].trim().is_empty() {
        expand(&prefix, group[start..].trim(), each);
    }
}

/// The folder `src`.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn all_sources() -> BTreeMap<Module, String> {
    let mut all = BTreeMap::new();
    sources(&root(), "", &mut all);
    all
}

fn imports() -> Imports {
    let code = all_sources();
    // The names that lib.rs gives to items, as `crate::CallId`.
    let lib = read(&root().join("lib.rs"));
    let names: BTreeMap<_, _> = uses(&lib)
        .into_iter()
        .filter_map(|(_, path)| {
            let (module, name) = path.rsplit_once("::")?;
            Some((name.to_owned(), module.to_owned()))
        })
        .collect();
    let module_of = |path: &str| -> Option<Module> {
        let parts: Vec<_> = path.split("::").collect();
        (1..=parts.len())
            .rev()
            .map(|len| parts[..len].join("::"))
            .find(|module| code.contains_key(module))
    };
    code.iter()
        .map(|(module, text)| {
            let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
            let body = body(text);
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            // A path in the middle of the code would be an import that is not seen here.
            for start in ["crate::", "super::"] {
                assert!(
                    !body.contains(start),
                    "{module} has a path outside `use`: {start}"
                );
            }
            let words: BTreeSet<_> = body.split(|c| !is_word(c)).collect();
            // `super` is the module above, also in a `mod.rs`.
            let paths = uses(text).into_iter().filter(|(is_public, path)| {
                // A name that is only re-exported does not count.
                !is_public || words.contains(path.rsplit("::").next().unwrap())
            });
            let imported = paths.filter_map(|(_, path)| {
                let path = match path.split_once("::") {
                    Some(("crate", rest)) => match names.get(rest) {
                        Some(home) => format!("{home}::{rest}"),
                        None => rest.to_owned(),
                    },
                    Some(("super", rest)) => format!("{parent}::{rest}"),
                    // A child of this module, or another crate.
                    _ => format!("{module}::{path}"),
                };
                module_of(&path).filter(|imported| imported != module)
            });
            (module.clone(), imported.collect())
        })
        .collect()
}

/// Layers of modules, each of which imports only from those before it; panics if there is a cycle.
fn layers(imports: &Imports) -> Vec<Vec<Module>> {
    let mut layers: Vec<Vec<Module>> = Vec::new();
    let mut below = BTreeSet::new();
    while below.len() < imports.len() {
        let is_next = |(module, imported): &(&Module, &BTreeSet<Module>)| {
            !below.contains(*module) && imported.is_subset(&below)
        };
        let next: Vec<_> = imports
            .iter()
            .filter(is_next)
            .map(|(module, _)| module.clone())
            .collect();
        let rest: Vec<_> = imports
            .iter()
            .filter(|(module, _)| !below.contains(*module))
            .collect();
        assert!(
            !next.is_empty(),
            "these modules import each other: {rest:#?}"
        );
        below.extend(next.iter().cloned());
        layers.push(next);
    }
    layers
}

#[test]
fn no_module_imports_one_that_imports_it() {
    let imports = imports();
    assert!(
        imports.len() > 20,
        "the sources were not found: {imports:?}"
    );
    for layer in layers(&imports) {
        for module in layer {
            let imported: Vec<_> = imports[&module].iter().map(String::as_str).collect();
            println!("{module:<24} <- {}", imported.join(", "));
        }
    }
}

#[test]
fn the_top_level_modules_are_in_this_order() {
    // What each folder or file of `src` imports, as a whole.
    let mut rooms = Imports::new();
    let room = |module: &str| module.split("::").next().unwrap().to_owned();
    for (module, imported) in imports() {
        let imported = imported.iter().map(|module| room(module));
        rooms.entry(room(&module)).or_default().extend(imported);
    }
    for (room, imported) in &mut rooms {
        imported.remove(room);
    }
    let order: Vec<_> = layers(&rooms).concat();
    let place = |room: &str| order.iter().position(|other| other == room).unwrap();
    let expected = ["redact", "response", "error", "send", "client", "batches"];
    assert!(expected.is_sorted_by_key(|room| place(room)), "{order:?}");
    assert!(place("http") < place("response") && !rooms["http"].contains("response"));
    assert!(
        rooms["http"].is_empty() && rooms["redact"].is_empty(),
        "{rooms:?}"
    );
}

#[test]
fn only_the_module_http_knows_ureq() {
    let code = all_sources();
    let knows = code.iter().filter(|(_, text)| text.contains("ureq::"));
    let knows: BTreeSet<_> = knows
        .map(|(module, _)| module.split("::").next().unwrap())
        .collect();
    assert_eq!(knows, BTreeSet::from(["http"]));
}

#[test]
#[should_panic(expected = "these modules import each other")]
fn a_cycle_is_found() {
    let imports = [("a", "b"), ("b", "c"), ("c", "a")];
    let imports = imports
        .map(|(module, imported)| (module.to_owned(), BTreeSet::from([imported.to_owned()])));
    layers(&imports.into());
}
