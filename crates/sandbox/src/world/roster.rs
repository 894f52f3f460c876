//! Who answers: the people and bots of the organization's team.

/// One member of the team.
#[derive(Debug)]
pub(super) struct Member {
    pub id: i64,
    pub name: &'static str,
    pub bot: bool,
}

const fn person(id: i64, name: &'static str) -> Member {
    Member { id, name, bot: false }
}

const fn bot(id: i64, name: &'static str) -> Member {
    Member { id, name, bot: true }
}

/// Members that write. The last has left: messages and participants still name them, `/users` does not.
pub(super) const WRITERS: [Member; 12] = [
    person(2_310_041, "Ingrid Solberg"),
    person(2_310_042, "Tomás Ferreira"),
    person(2_310_047, "Noor al-Sayed"),
    person(2_310_055, "Seán O'Malley"),
    person(2_310_056, "Yuki Tanaka"),
    person(2_310_060, "Priya Raman"),
    person(2_310_078, "Björn Åkesson"),
    person(2_310_081, "Camille Dubois"),
    bot(2_310_010, "Harbor Bot"),
    bot(2_310_011, "Lotse"),
    bot(2_310_012, "Night Watch"),
    person(2_310_039, "Former Colleague"),
];

/// The writer whom `/users` does not know.
pub(super) const DEPARTED: usize = 11;
const PERSONS: u64 = 8;
const BOTS: u64 = 3;

/// A person of the team, by a share of randomness; one in 64 has left since.
pub(super) fn person_of(hash: u64) -> usize {
    if hash & 63 == 63 { DEPARTED } else { small(hash % PERSONS) }
}

/// A bot, by a share of randomness.
pub(super) fn bot_of(hash: u64) -> usize {
    small(PERSONS + hash % BOTS)
}

/// The playbooks a bot may come from; the directory lists the same.
pub(super) const PLAYBOOKS: [i64; 6] = [401_201, 401_202, 401_207, 401_215, 401_300, 401_301];

/// The inboxes.
pub(super) const INBOXES: [i64; 3] = [81_001, 81_002, 81_044];

fn small(value: u64) -> usize {
    usize::try_from(value).expect("below the number of members")
}
