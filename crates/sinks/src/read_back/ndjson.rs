//! Rows of an NDJSON file. Numbers and documents are taken as they stand, not through a float.

use std::fmt;
use std::io::{self, BufRead};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use store::tables::{ColumnKind, Table, Value};

use super::{Told, columns, invalid, plain, quoted};

/// The members of an object, in the order of the line.
struct Members<'a>(Vec<(String, &'a RawValue)>);

pub(super) fn rows(
    mut from: impl BufRead,
    table: &'static Table,
    each: &mut dyn FnMut(&Told<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut line = Vec::new();
    let mut known = None;
    loop {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let Members(members) =
            serde_json::from_slice(&line).map_err(|_| invalid("a line that is no object"))?;
        let known = match &mut known {
            Some(known) => known,
            None => known.insert(columns(table, members.iter().map(|(name, _)| name.as_str()))?),
        };
        let is_same = known.len() == members.len()
            && known.iter().zip(&members).all(|(column, (name, _))| column.name == name);
        if !is_same {
            return Err(invalid("a line with other columns"));
        }
        let values: Vec<Value> = known
            .iter()
            .zip(&members)
            .map(|(column, (_, raw))| value(raw.get(), column.kind))
            .collect::<io::Result<_>>()?;
        let row: Vec<_> = values.iter().map(Value::as_ref).zip(known.iter().copied()).collect();
        each(&row)?;
    }
}

fn value(raw: &str, kind: ColumnKind) -> io::Result<Value> {
    match kind {
        _ if raw == "null" => Ok(Value::Null),
        ColumnKind::Json => Ok(Value::Text(raw.to_owned())),
        ColumnKind::Text | ColumnKind::Bytes => {
            quoted(serde_json::from_str(raw).map_err(|_| invalid("a text that is none"))?, kind)
        }
        _ => plain(raw, kind),
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
