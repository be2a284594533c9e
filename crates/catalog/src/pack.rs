//! A packed data file: one named, independently compressed block per entry.
//!
//! In: bytes that `scripts/refresh-catalog.py` wrote and the compiler embedded. Out: the block of a name.
//! Must always hold: opening reads only the index; a look-up decodes only its own block; the bytes are ours,
//! so a file that cannot be read is a bug of this build and panics (a test decodes every block).

use std::collections::HashMap;
use std::sync::Mutex;

use ruzstd::decoding::{Dictionary, FrameDecoder};
use serde_json::Value;

use crate::broken;

/// An opened data file. Cheap to open: the index borrows the file.
pub(crate) struct Pack {
    header: Value,
    dictionary: &'static [u8],
    entries: Vec<Entry>,
    positions: HashMap<&'static str, usize>,
    frames: &'static [u8],
    /// Decoders that nobody is using; each holds its own copy of the dictionary's tables.
    idle: Mutex<Vec<FrameDecoder>>,
}

/// Where one block lies, and a bit mask whose meaning is the file's own.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) mask: u64,
    offset: usize,
    length: usize,
    raw_length: usize,
}

/// Takes bytes off the front of a slice.
struct Cursor(&'static [u8]);

impl Cursor {
    fn take(&mut self, count: usize) -> &'static [u8] {
        let Some((head, tail)) = self.0.split_at_checked(count) else { broken("a data file is cut short") };
        self.0 = tail;
        head
    }

    fn u8(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    fn u32(&mut self) -> usize {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(4));
        u32::from_le_bytes(bytes) as usize
    }

    fn u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8));
        u64::from_le_bytes(bytes)
    }
}

impl Pack {
    /// Reads the header and the index of `file`, which must start with `magic`.
    pub(crate) fn open(magic: &[u8], file: &'static [u8]) -> Self {
        let mut cursor = Cursor(file);
        if cursor.take(magic.len()) != magic {
            broken("a data file has another format");
        }
        let [header, dictionary, count, index] = [(); 4].map(|()| cursor.u32());
        let Ok(header) = serde_json::from_slice(cursor.take(header)) else { broken("a data file's header") };
        let dictionary = cursor.take(dictionary);
        let mut index = Cursor(cursor.take(index));
        let entries: Vec<_> = (0..count)
            .map(|_| {
                let length = index.u8() as usize;
                let Ok(name) = str::from_utf8(index.take(length)) else { broken("a name in an index") };
                Entry {
                    name,
                    mask: index.u64(),
                    offset: index.u32(),
                    length: index.u32(),
                    raw_length: index.u32(),
                }
            })
            .collect();
        let positions = entries.iter().enumerate().map(|(at, entry)| (entry.name, at)).collect();
        Self { header, dictionary, entries, positions, frames: cursor.0, idle: Mutex::default() }
    }

    pub(crate) fn header(&self) -> &Value {
        &self.header
    }

    /// Every entry, sorted by name.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The position of `name` in [`Pack::entries`].
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }

    /// Decodes one block.
    pub(crate) fn block(&self, entry: &Entry) -> Value {
        let Some(frame) = self.frames.get(entry.offset..entry.offset + entry.length) else {
            broken("a block lies outside its file")
        };
        let mut decoder = self.decoder();
        let mut text = vec![0; entry.raw_length];
        let Ok(written) = decoder.decode_all(frame, &mut text) else { broken("a block does not decompress") };
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(decoder);
        }
        let Ok(value) = serde_json::from_slice(text.get(..written).unwrap_or_default()) else {
            broken("a block is not JSON")
        };
        value
    }

    fn decoder(&self) -> FrameDecoder {
        if let Some(decoder) = self.idle.lock().ok().and_then(|mut idle| idle.pop()) {
            return decoder;
        }
        let mut decoder = FrameDecoder::new();
        let added = Dictionary::decode_dict(self.dictionary).map(|dictionary| decoder.add_dict(dictionary));
        if !matches!(added, Ok(Ok(()))) {
            broken("a data file's dictionary");
        }
        decoder
    }
}
