//! Reads the top-level `model` of a JSON object and steps over everything else. A body may hold megabytes of images:
//! the engine parses them anyway, so the gateway only counts brackets and skips strings.
//!
//! It accepts every valid object and finds what a parser would find: keys may be written with escapes, and of
//! duplicate keys the last one counts, as in llama.cpp's parser. It does not validate what it steps over; an engine
//! refuses a broken body in its own words.

use memchr::memchr2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Model(String),
    /// No `model`, or `null`.
    Nothing,
    /// `model` is there, but it is no string.
    NoText,
}

/// The body is no JSON object, as far as it had to be read to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// Bytes from the start.
    pub(super) offset: usize,
}

pub(super) fn model(body: &[u8]) -> Result<Named, Malformed> {
    let mut scanner = Scanner { body, at: 0 };
    let found = scanner.object()?;
    scanner.space();
    if scanner.at < body.len() { Err(scanner.malformed()) } else { Ok(found) }
}

struct Scanner<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn object(&mut self) -> Result<Named, Malformed> {
        let mut found = Named::Nothing;
        self.expect(b'{')?;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(found);
        }
        loop {
            self.space();
            let key = self.string()?;
            self.expect(b':')?;
            self.space();
            let start = self.at;
            self.value()?;
            if is_model(key) {
                found = self.name(start)?;
            }
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(found);
                }
                _ => return Err(self.malformed()),
            }
        }
    }

    /// What the value from `start` to here says as a model's name.
    fn name(&self, start: usize) -> Result<Named, Malformed> {
        let raw = &self.body[start..self.at];
        match raw.first() {
            Some(b'"') => decode(raw).map(Named::Model).ok_or(Malformed { offset: start }),
            Some(b'n') => Ok(Named::Nothing),
            _ => Ok(Named::NoText),
        }
    }

    fn value(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{' | b'[') => self.nested(),
            Some(b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => {
                let rest = &self.body[self.at..];
                self.at += rest
                    .iter()
                    .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'))
                    .unwrap_or(rest.len());
                Ok(())
            }
            _ => Err(self.malformed()),
        }
    }

    /// Steps over an object or array by counting: no recursion, so no depth can overflow the stack.
    fn nested(&mut self) -> Result<(), Malformed> {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
        Err(self.malformed())
    }

    /// The string that starts here, with its quotes and escapes as they stand.
    fn string(&mut self) -> Result<&'a [u8], Malformed> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.malformed());
        }
        self.at += 1;
        loop {
            let rest = self.body.get(self.at..).unwrap_or_default();
            match memchr2(b'"', b'\\', rest) {
                Some(step) if rest[step] == b'"' => {
                    self.at += step + 1;
                    return Ok(&self.body[start..self.at]);
                }
                // The escaped byte may be a quote: it ends nothing.
                Some(step) => self.at += step + 2,
                None => {
                    self.at = self.body.len();
                    return Err(self.malformed());
                }
            }
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        self.space();
        if self.peek() != Some(byte) {
            return Err(self.malformed());
        }
        self.at += 1;
        Ok(())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn malformed(&self) -> Malformed {
        Malformed { offset: self.at.min(self.body.len()) }
    }
}

fn is_model(key: &[u8]) -> bool {
    key == b"\"model\"" || (key.contains(&b'\\') && decode(key).as_deref() == Some("model"))
}

fn decode(string: &[u8]) -> Option<String> {
    serde_json::from_slice(string).ok()
}

#[cfg(test)]
mod tests;
