//! Files on messages: name, type and bytes as a function of the file's id.

use super::ids;
use super::json;
use super::phrases::pick;

/// The largest file, but for a few bytes of framing.
const BYTES_MAX: u64 = 200 * 1024;

/// A file on a message.
#[derive(Clone, PartialEq, Eq)]
pub struct AttachmentFile {
    /// Its media type.
    pub mime: &'static str,
    /// Its name; any characters.
    pub file_name: String,
    /// Its bytes; may be none.
    pub bytes: Vec<u8>,
}

struct Spec {
    mime: &'static str,
    name: &'static str,
    size: usize,
    hash: u64,
}

/// Names as people give them, and as some give them who want to leave the folder.
const PNGS: [&str; 4] =
    ["screenshot 1.png", "Bildschirmfoto – größer.png", "スクリーンショット 2026.png", "image.PNG"];
const PDFS: [&str; 4] = ["Angebot März (final).pdf", "見積書.pdf", "contract \"v2\".pdf", "invoice#118.pdf"];
const TEXTS: [&str; 4] = ["log.txt", "تقرير.txt", "../../notes.txt", "нотатки & ідеї.txt"];
const TABLES: [&str; 2] = ["export;2026.csv", "नमूना.csv"];

fn spec(seed: u64, id: i64) -> Spec {
    let hash = ids::hash(seed, 10, id.cast_unsigned());
    let (mime, name) = match hash & 7 {
        0..=2 => ("image/png", *pick(&PNGS, hash >> 4)),
        3 | 4 => ("application/pdf", *pick(&PDFS, hash >> 4)),
        5 | 6 => ("text/plain", *pick(&TEXTS, hash >> 4)),
        _ => ("text/csv", *pick(&TABLES, hash >> 4)),
    };
    let bound = match hash >> 8 & 31 {
        0..=19 => 4 * 1024,
        20..=29 => 40 * 1024,
        _ => BYTES_MAX,
    };
    let size = if hash >> 13 & 15 == 0 { 0 } else { (hash >> 20) % bound };
    Spec { mime, name, size: usize::try_from(size).expect("below BYTES_MAX"), hash }
}

/// Append `{id, fileName, mimeType, url}`.
pub(super) fn write_reference(out: &mut Vec<u8>, seed: u64, id: i64) {
    let spec = spec(seed, id);
    out.extend_from_slice(b"{\"id\":");
    json::number(out, id);
    out.extend_from_slice(b",\"fileName\":");
    json::string(out, spec.name);
    out.extend_from_slice(b",\"mimeType\":\"");
    out.extend_from_slice(spec.mime.as_bytes());
    out.extend_from_slice(b"\",\"url\":\"https://driftapi.com/attachments/");
    json::number(out, id);
    out.extend_from_slice(b"/data\"}");
}

/// The file itself.
pub(super) fn file(seed: u64, id: i64) -> AttachmentFile {
    let spec = spec(seed, id);
    let bytes = match spec.mime {
        "image/png" => png(&spec),
        "application/pdf" => pdf(&spec),
        _ => text(&spec),
    };
    AttachmentFile { mime: spec.mime, file_name: spec.name.to_owned(), bytes }
}

fn noise(hash: u64, size: usize) -> impl Iterator<Item = u8> {
    (0..size as u64)
        .map(move |at| (model::entropy::mix(hash.wrapping_add(at >> 3)) >> ((at & 7) * 8) & 0xff) as u8)
}

fn text(spec: &Spec) -> Vec<u8> {
    let line = format!("{:016x};Grüße;こんにちは;\"a, b\"\r\n", spec.hash);
    let mut bytes = line.as_bytes().repeat(spec.size / line.len());
    bytes.resize(spec.size, b'.');
    bytes
}

fn pdf(spec: &Spec) -> Vec<u8> {
    let mut bytes = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n3 0 obj<</Length ".to_vec();
    bytes.extend_from_slice(spec.size.to_string().as_bytes());
    bytes.extend_from_slice(b">>stream\n");
    bytes.extend(noise(spec.hash, spec.size));
    bytes.extend_from_slice(b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
    bytes
}

/// A greyscale picture 64 pixels wide, stored without compression.
fn png(spec: &Spec) -> Vec<u8> {
    const WIDTH: usize = 64;
    let rows = spec.size / (WIDTH + 1) + 1;
    let mut raw = Vec::with_capacity(rows * (WIDTH + 1));
    let mut pixels = noise(spec.hash, rows * WIDTH);
    for _ in 0..rows {
        raw.push(0);
        raw.extend(pixels.by_ref().take(WIDTH));
    }
    let mut header = Vec::from([0, 0, 0, 64]);
    header.extend_from_slice(&u32::try_from(rows).expect("rows below BYTES_MAX").to_be_bytes());
    header.extend_from_slice(&[8, 0, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut bytes, b"IHDR", &header);
    chunk(&mut bytes, b"IDAT", &stored_zlib(&raw));
    chunk(&mut bytes, b"IEND", b"");
    bytes
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    out.extend_from_slice(&u32::try_from(data.len()).expect("a chunk is small").to_be_bytes());
    let start = out.len();
    out.extend_from_slice(kind);
    out.extend_from_slice(data);
    let sum = crc32(&out[start..]);
    out.extend_from_slice(&sum.to_be_bytes());
}

/// RFC 1950 around stored blocks of RFC 1951.
fn stored_zlib(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::from([0x78, 0x01]);
    let mut blocks = raw.chunks(65_535).peekable();
    while let Some(block) = blocks.next() {
        out.push(u8::from(blocks.peek().is_none()));
        let length = u16::try_from(block.len()).expect("chunks are at most 65,535");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    let (mut low, mut high) = (1_u32, 0_u32);
    for &byte in raw {
        low = (low + u32::from(byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    out.extend_from_slice(&(high << 16 | low).to_be_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = !0_u32;
    for &byte in bytes {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = sum >> 1 ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_the_same_each_time_and_within_their_bound() {
        for id in 0..300 {
            let (one, two) = (file(7, id), file(7, id));
            assert!(one == two && one.bytes.len() <= 205 * 1024, "{}", one.bytes.len());
            if one.mime == "image/png" {
                assert!(one.bytes.starts_with(b"\x89PNG") && one.bytes.ends_with(b"IEND\xae\x42\x60\x82"));
            }
        }
        assert!((0..300).any(|id| file(7, id).bytes.is_empty()));
    }
}
