//! The context of a request: the values of its condition keys.
//!
//! In: keys and values as the caller gives them. Out: look-ups that do not allocate. Must always hold: keys
//! compare without case; what the caller gives wins over what the request itself tells.

use smol_str::SmolStr;

/// The condition keys of a request.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Sorted by hash.
    entries: Vec<Entry>,
}

/// One key.
#[derive(Debug, Clone)]
struct Entry {
    hash: u64,
    key: SmolStr,
    value: Value,
}

/// The value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One text.
    One(SmolStr),
    /// A set of texts, also empty.
    Many(Vec<SmolStr>),
}

impl Value {
    /// Its texts.
    #[must_use]
    pub fn texts(&self) -> &[SmolStr] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

impl Context {
    /// Sets a key; an earlier value is replaced.
    pub fn set(&mut self, key: &str, value: Value) {
        let key: SmolStr = key.to_lowercase().into();
        let hash = key_hash(&key);
        match self.entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.value = value,
            None => {
                let at = self.entries.partition_point(|entry| entry.hash < hash);
                self.entries.insert(at, Entry { hash, key, value });
            }
        }
    }

    /// Sets a key that is not set.
    pub fn set_default(&mut self, key: &str, value: impl Into<SmolStr>) {
        let lower = key.to_lowercase();
        if self.find(key_hash(&lower), &lower).is_none() {
            self.set(&lower, Value::One(value.into()));
        }
    }

    /// The value of a key in lower case.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.find(key_hash(key), key)
    }

    /// The value of a key in lower case with its [`key_hash`].
    #[must_use]
    pub fn find(&self, hash: u64, key: &str) -> Option<&Value> {
        let mut at = self.entries.partition_point(|entry| entry.hash < hash);
        while let Some(entry) = self.entries.get(at) {
            if entry.hash != hash {
                return None;
            }
            if entry.key == key {
                return Some(&entry.value);
            }
            at += 1;
        }
        None
    }

    /// The text of a key that has exactly one, as a policy variable needs it.
    #[must_use]
    pub fn single(&self, hash: u64, key: &str) -> Option<&str> {
        match self.find(hash, key)? {
            Value::One(text) => Some(text),
            Value::Many(_) => None,
        }
    }

    /// Every key with its value, in no order that means anything but always the same.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|entry| (entry.key.as_str(), &entry.value))
    }
}

/// A hash of a key in lower case (FNV-1a), the same in every run.
#[must_use]
pub fn key_hash(key: &str) -> u64 {
    key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
