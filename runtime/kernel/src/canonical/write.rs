//! Writes values as `serde_json` does, without space between them.

use std::{fmt::Write as _, io};

use super::value::Value;

/// Appends `"name":`, after a comma unless it is the first of an object that begins at `start`.
pub(super) fn push_key(out: &mut String, start: usize, name: &str) {
    if out.len() > start + 1 {
        out.push(',');
    }
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
}

pub(super) fn push_value(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Text(text) => push_text(out, text),
        // Writing to a text never fails.
        Value::Integer(number) => drop(write!(out, "{number}")),
        Value::Seconds(seconds) => drop(write!(out, "{seconds}")),
        Value::Texts(texts) => {
            out.push('[');
            let mut first = true;
            texts.each(|text| {
                if !std::mem::take(&mut first) {
                    out.push(',');
                }
                push_text(out, text);
            });
            out.push(']');
        }
    }
}

/// Appends `text` as a JSON string.
pub(crate) fn push_text(out: &mut String, text: &str) {
    // Without a way out of the loop it is done sixteen bytes at a time.
    let escaped = text.bytes().fold(false, |escaped, byte| escaped | (byte < b' ') | (byte == b'"') | (byte == b'\\'));
    if !escaped {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    // Writing to a text never fails.
    let _ = serde_json::to_writer(Appender(out), text);
}

/// Lets `serde_json` write to the end of a text; it hands over whole characters.
struct Appender<'o>(&'o mut String);

impl io::Write for Appender<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.0.push_str(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
