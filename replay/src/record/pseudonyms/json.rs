//! The texts in a JSON text exchanged, and nothing else touched.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// The JSON text with those of its texts replaced for which `replacement` has one; nothing where it is no JSON.
///
/// `replacement` is told the member of the outermost object that a text belongs to. Members' names stay.
pub(super) fn replace(json: &str, replacement: &mut dyn FnMut(Option<&str>, &str) -> Option<String>) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(json).ok()?;
    let bytes = json.as_bytes();
    let mut out = String::with_capacity(json.len() + 32);
    let mut open: Vec<u8> = Vec::new();
    let mut field: Option<String> = None;
    let (mut at, mut copied, mut last) = (0, 0, b' ');
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => open.push(byte),
            b'}' | b']' => {
                open.pop();
            }
            b'"' => {
                let end = end_of_text(bytes, at);
                let literal = json.get(at..end)?;
                let text: Cow<'_, str> = serde_json::from_str(literal).map(Cow::Owned).ok()?;
                let is_name = open.last() == Some(&b'{') && matches!(last, b'{' | b',');
                if !is_name && let Some(replaced) = replacement(field.as_deref(), &text) {
                    out.push_str(json.get(copied..at)?);
                    out.push_str(&serde_json::to_string(&replaced).ok()?);
                    copied = end;
                }
                if is_name && open.len() == 1 {
                    field = Some(text.into_owned());
                }
                (at, last) = (end, byte);
                continue;
            }
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            last = byte;
        }
        at += 1;
    }
    out.push_str(json.get(copied..)?);
    Some(out)
}

/// Behind the quote that ends the text that begins at `start`.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}
