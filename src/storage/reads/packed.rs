//! Packs key reads and calls into bytes: about 20 each.
//!
//! Version 1, for key reads alone, all numbers as LEB128: the version; the number of reads; the list of their tokens and the list of their addresses;
//! then, for each read: the time of its request ID, relative to the previous read; the 10 random bytes of that ID; the time of
//! recording, relative to the ID's; its store, relative to the previous read; the positions of its token and its address in the
//! lists; and the version of the key.
//!
//! Version 2, if there are calls among them, also has the list of their methods and routes after that of the addresses, each as a
//! length and its text; and after the version of the key, 0 for a key read, or for a call 1 more than its position in that list.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

/// The bytes of the random part of a ULID.
const RANDOM: usize = 10;
const VERSION: u128 = 1;
const WITH_CALLS: u128 = 2;

/// A key that was lent, or used for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The request's ID, as a ULID: unique, and sorted by time.
    pub id: u128,
    /// When it was recorded, in milliseconds since the epoch.
    pub at: i64,
    /// The token's ID, as a ULID.
    pub token: u128,
    /// The store's ID, as a ULID; in a segment, its number.
    pub store: u128,
    pub key_version: i64,
    /// The address from which it was requested.
    pub from: IpAddr,
    /// For a call, the method and the route, such as `GET wc/v3/orders`; `None` if the key was lent.
    pub call: Option<String>,
}

/// The bytes are not packed reads, or of a version that this program does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these are not packed key reads")]
pub struct NotReads;

/// The time of a ULID, in milliseconds since the epoch.
pub const fn minted_at(ulid: u128) -> i64 {
    (ulid >> (RANDOM * 8)) as i64
}

/// Packs reads. Consecutive reads of the same store take the least space.
pub fn pack(reads: &[Read]) -> Vec<u8> {
    let (mut tokens, mut addresses, mut calls) = (Named::default(), Named::default(), Named::default());
    let has_calls = reads.iter().any(|read| read.call.is_some());
    let mut body = Vec::with_capacity(reads.len() * 24);
    let (mut minted_before, mut store_before) = (0, 0_u128);
    for read in reads {
        let minted = minted_at(read.id);
        put_signed(&mut body, i128::from(minted - minted_before));
        body.extend_from_slice(&read.id.to_be_bytes()[16 - RANDOM..]);
        put_signed(&mut body, i128::from(read.at - minted));
        put_signed(&mut body, read.store.wrapping_sub(store_before).cast_signed());
        put(&mut body, tokens.place(read.token));
        put(&mut body, addresses.place(read.from));
        put_signed(&mut body, i128::from(read.key_version));
        if has_calls {
            put(&mut body, read.call.as_deref().map_or(0, |call| calls.place(call) + 1));
        }
        (minted_before, store_before) = (minted, read.store);
    }
    let mut packed = Vec::with_capacity(body.len() + 64);
    put(&mut packed, if has_calls { WITH_CALLS } else { VERSION });
    put(&mut packed, reads.len() as u128);
    put(&mut packed, tokens.all.len() as u128);
    tokens.all.iter().for_each(|token| packed.extend_from_slice(&token.to_be_bytes()));
    put(&mut packed, addresses.all.len() as u128);
    for address in &addresses.all {
        match address {
            IpAddr::V4(address) => {
                packed.push(4);
                packed.extend_from_slice(&address.octets());
            }
            IpAddr::V6(address) => {
                packed.push(6);
                packed.extend_from_slice(&address.octets());
            }
        }
    }
    if has_calls {
        put(&mut packed, calls.all.len() as u128);
        for call in &calls.all {
            put(&mut packed, call.len() as u128);
            packed.extend_from_slice(call.as_bytes());
        }
    }
    packed.append(&mut body);
    packed
}

/// Unpacks reads, in the order in which they were packed.
pub fn unpack(packed: &[u8]) -> Result<Vec<Read>, NotReads> {
    let mut left = Left(packed);
    let version = left.number()?;
    if !matches!(version, VERSION | WITH_CALLS) {
        return Err(NotReads);
    }
    let count = left.count()?;
    let tokens = (0..left.count()?).map(|_| left.array().map(u128::from_be_bytes)).collect::<Result<Vec<_>, _>>()?;
    let addresses = (0..left.count()?).map(|_| left.address()).collect::<Result<Vec<_>, _>>()?;
    let calls = match version {
        VERSION => Vec::new(),
        _ => (0..left.count()?).map(|_| left.text()).collect::<Result<Vec<_>, _>>()?,
    };
    let mut reads = Vec::with_capacity(count);
    let (mut minted, mut store) = (0_i64, 0_u128);
    for _ in 0..count {
        minted = minted.wrapping_add(left.small()?);
        let random: [u8; RANDOM] = left.array()?;
        let mut id = [0; 16];
        id[..16 - RANDOM].copy_from_slice(&minted.to_be_bytes()[2..]);
        id[16 - RANDOM..].copy_from_slice(&random);
        let at = minted.wrapping_add(left.small()?);
        store = store.wrapping_add(left.signed()?.cast_unsigned());
        let token = *tokens.get(left.place()?).ok_or(NotReads)?;
        let from = *addresses.get(left.place()?).ok_or(NotReads)?;
        let key_version = left.small()?;
        let call = match if version == VERSION { 0 } else { left.place()? } {
            0 => None,
            place => Some(calls.get(place - 1).ok_or(NotReads)?.clone()),
        };
        reads.push(Read { id: u128::from_be_bytes(id), at, token, store, key_version, from, call });
    }
    if left.0.is_empty() { Ok(reads) } else { Err(NotReads) }
}

/// A list of values that reads refer to by position.
struct Named<T> {
    all: Vec<T>,
    places: HashMap<T, u128>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { all: Vec::new(), places: HashMap::new() }
    }
}

impl<T: Copy + Eq + Hash> Named<T> {
    fn place(&mut self, value: T) -> u128 {
        *self.places.entry(value).or_insert_with(|| {
            self.all.push(value);
            self.all.len() as u128 - 1
        })
    }
}

fn put(bytes: &mut Vec<u8>, mut number: u128) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

/// Zigzag: small numbers of either sign take few bytes.
fn put_signed(bytes: &mut Vec<u8>, number: i128) {
    put(bytes, ((number << 1) ^ (number >> 127)).cast_unsigned());
}

struct Left<'a>(&'a [u8]);

impl Left<'_> {
    fn byte(&mut self) -> Result<u8, NotReads> {
        let (first, rest) = self.0.split_first().ok_or(NotReads)?;
        self.0 = rest;
        Ok(*first)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], NotReads> {
        let (first, rest) = self.0.split_first_chunk().ok_or(NotReads)?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u128, NotReads> {
        let mut number = 0;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            number |= u128::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(NotReads)
    }

    fn signed(&mut self) -> Result<i128, NotReads> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    fn small(&mut self) -> Result<i64, NotReads> {
        i64::try_from(self.signed()?).map_err(|_| NotReads)
    }

    fn place(&mut self) -> Result<usize, NotReads> {
        usize::try_from(self.number()?).map_err(|_| NotReads)
    }

    /// The number of items that follow. Each takes at least one byte, so it is at most the number of unread bytes.
    fn count(&mut self) -> Result<usize, NotReads> {
        self.place().and_then(|count| if count <= self.0.len() { Ok(count) } else { Err(NotReads) })
    }

    fn text(&mut self) -> Result<String, NotReads> {
        let (text, rest) = self.count().and_then(|length| self.0.split_at_checked(length).ok_or(NotReads))?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).map_err(|_| NotReads)
    }

    fn address(&mut self) -> Result<IpAddr, NotReads> {
        match self.byte()? {
            4 => Ok(IpAddr::from(self.array::<4>()?)),
            6 => Ok(IpAddr::from(self.array::<16>()?)),
            _ => Err(NotReads),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_read() -> impl Strategy<Value = Read> {
        let least = 1_790_000_000_000_u128 << 80;
        let call = proptest::option::of("(GET|POST) wc/v3/[a-z]{0,3}");
        (any::<u128>(), -90_000_i64..90_000, 0_u128..4, any::<u128>(), 1_i64..9, any::<(u32, bool)>(), call).prop_map(
            move |(random, late, token, store, key_version, (address, is_v4), call)| {
                let id = least + (random >> 40);
                let from = if is_v4 { IpAddr::from(address.to_be_bytes()) } else { IpAddr::from([7; 16]) };
                Read { id, at: minted_at(id) + late, token: token << 64, store, key_version, from, call }
            },
        )
    }

    proptest! {
        #[test]
        fn reads_are_unpacked_as_they_were_packed(reads in proptest::collection::vec(any_read(), 0..40)) {
            let packed = pack(&reads);
            prop_assert_eq!(unpack(&packed), Ok(reads));
            for cut in 0..packed.len() {
                prop_assert_eq!(unpack(&packed[..cut]), Err(NotReads), "cut at {}", cut);
            }
        }

        #[test]
        fn whatever_the_bytes_they_are_unpacked_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&bytes);
        }
    }

    #[test]
    fn a_read_among_many_takes_about_twenty_bytes() {
        let of = |n: u32| Read {
            id: ((1_790_000_000_000 + u128::from(n)) << 80) | (u128::from(n) * 0x9e37_79b9_7f4a_7c15),
            at: 1_790_000_000_003 + i64::from(n),
            token: u128::from(n % 3),
            store: u128::from(n) * 7_919 % 100_000,
            key_version: 2,
            from: [192, 0, 2, 1].into(),
            call: None,
        };
        let mut reads: Vec<Read> = (0..512).map(of).collect();
        assert!(pack(&reads).len() < 512 * 20, "{}", pack(&reads).len() / 512);
        assert_eq!(pack(&reads)[0], 1, "older versions can read what contains no call");
        for read in &mut reads {
            read.call = Some("GET wc/v3/orders".to_owned());
        }
        assert!(pack(&reads).len() < 512 * 21, "{}", pack(&reads).len() / 512);
    }
}
