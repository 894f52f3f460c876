//! Rows in the binary form of `COPY`: shorter than text for numbers, and nothing to escape or to parse.

use store::tables::{Batch, Cells, ValueRef, Values};

use crate::nul::without_nul;

/// What stands before the first row: the signature, no flags, no extension.
pub(super) const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What stands after the last.
pub(super) const TAIL: &[u8] = &(-1_i16).to_be_bytes();

/// Append the rows of a batch.
pub(super) fn encode(batch: &Batch, out: &mut Vec<u8>) {
    let mut columns: Vec<Cells<'_>> = batch.columns().iter().map(Values::cells).collect();
    let count = i16::try_from(columns.len()).expect("tables have few columns").to_be_bytes();
    // What values take, and 4 bytes for the length of each.
    out.reserve(batch.bytes() + batch.rows() * (4 * columns.len() + 2));
    for _ in 0..batch.rows() {
        out.extend_from_slice(&count);
        for cells in &mut columns {
            match cells.next().expect("each column has each row") {
                ValueRef::Null => out.extend_from_slice(&(-1_i32).to_be_bytes()),
                ValueRef::Integer(number) => field(&number.to_be_bytes(), out),
                ValueRef::Real(number) => field(&number.to_be_bytes(), out),
                ValueRef::Flag(flag) => field(&[u8::from(flag)], out),
                ValueRef::Text(text) => field(without_nul(text).as_bytes(), out),
                ValueRef::Bytes(bytes) => field(bytes, out),
            }
        }
    }
}

fn field(bytes: &[u8], out: &mut Vec<u8>) {
    let length = i32::try_from(bytes.len()).expect("stored values are far smaller than 2 GiB");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use store::tables;

    use super::*;

    #[test]
    fn rows_are_counts_lengths_and_bytes() {
        let mut batch = Batch::with_capacity(tables::table("tags").unwrap(), 2);
        batch.push(&[ValueRef::Integer(1), ValueRef::Integer(2), ValueRef::Text("a\0é"), ValueRef::Null]);
        let mut out = Vec::new();
        encode(&batch, &mut out);
        let number = |n: u8| vec![0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, n];
        let text = [&[0, 0, 0, 6, b'a'][..], "\u{fffd}é".as_bytes()].concat();
        assert_eq!(out, [vec![0, 4], number(1), number(2), text, vec![255; 4]].concat());
        assert_eq!((HEAD.len(), TAIL), (19, &[255, 255][..]));
    }
}
