//! The tokens: what was issued, what is still good, and who may have a new one.
//!
//! Only SHA-256 digests are kept, so the sandbox could not print a token if it wanted to. Each token issued has a
//! generation, a number that counts up; the log shows that instead. Whether a refresh yields a new refresh token is
//! not documented by Drift: it is an option, and so is for how long one that was replaced may be used again. An access
//! token outlives the refresh that replaced it, until its own time is up.

use std::collections::{HashMap, VecDeque};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use model::{Entropy, Millis};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use crate::scope::ScopeSet;

/// Tokens held of each kind; beyond it the oldest are forgotten, which makes them unknown.
const TOKENS_MAX: usize = 10_000;

type Digest = [u8; 32];

/// Where a token comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A private app's: it never expires.
    Private,
    /// A public app's, of the grant with this number.
    Public(u32),
}

/// What is known of an access token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) generation: u32,
    pub(crate) kind: Kind,
    pub(crate) scopes: ScopeSet,
    pub(crate) created_at: Millis,
    /// `None`: until revoked.
    pub(crate) lifetime_ms: Option<i64>,
    revoked: bool,
    digest: Digest,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Unknown,
    Expired(u32),
    Revoked(u32),
}

/// A pair as it is handed out, once.
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// Why no pair was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPair {
    /// The code or refresh token was never issued, or is forgotten.
    Unknown,
    /// It has been used, rotated away or revoked.
    Used,
    /// The code's time is up.
    Expired,
}

/// How tokens are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) lifetime_ms: i64,
    pub(crate) code_lifetime_ms: i64,
    pub(crate) rotate: bool,
    /// For how long a refresh token that was used may be used again.
    pub(crate) grace_ms: i64,
}

#[derive(Debug, Clone, Copy)]
struct Refresh {
    grant: u32,
    scopes: ScopeSet,
    /// When it was first used, where that replaces it.
    used_at: Option<Millis>,
    revoked: bool,
}

#[derive(Debug, Clone, Copy)]
struct Code {
    scopes: ScopeSet,
    expires_at: Millis,
    used: bool,
}

#[derive(Debug, Default)]
struct State {
    access: HashMap<Digest, Token>,
    access_order: VecDeque<Digest>,
    refresh: HashMap<Digest, Refresh>,
    refresh_order: VecDeque<Digest>,
    codes: HashMap<Digest, Code>,
    codes_order: VecDeque<Digest>,
    generation: u32,
    grants: u32,
    refreshes: u64,
    replays: u64,
}

/// All tokens of a sandbox.
#[derive(Debug)]
pub(crate) struct Tokens {
    state: RwLock<State>,
    terms: Terms,
}

impl Tokens {
    pub(crate) fn new(terms: Terms) -> Self {
        Self { state: RwLock::default(), terms }
    }

    /// The token, if it is known and alive.
    pub(crate) fn check(&self, text: &str, now: Millis) -> Result<Token, Refused> {
        let digest = digest(text);
        let state = self.read();
        let token = state.access.get(&digest).ok_or(Refused::Unknown)?;
        // The map found it by its digest; the comparison that decides takes the same time whatever differs.
        if !bool::from(token.digest.ct_eq(&digest)) {
            return Err(Refused::Unknown);
        }
        if token.revoked {
            return Err(Refused::Revoked(token.generation));
        }
        match token.lifetime_ms {
            Some(lifetime) if now >= token.created_at.plus(lifetime) => {
                Err(Refused::Expired(token.generation))
            }
            _ => Ok(*token),
        }
    }

    /// Make a token for the private app.
    pub(crate) fn issue_private(&self, text: &str, scopes: ScopeSet, now: Millis) -> u32 {
        let mut state = self.write();
        state.add_access(text, Kind::Private, scopes, now, None)
    }

    /// Make an authorization code.
    pub(crate) fn issue_code(&self, scopes: ScopeSet, now: Millis, entropy: &dyn Entropy) -> String {
        let text = draw("sbx-code-", entropy);
        let code = Code { scopes, expires_at: now.plus(self.terms.code_lifetime_ms), used: false };
        let state = &mut *self.write();
        keep(&mut state.codes, &mut state.codes_order, digest(&text), code);
        text
    }

    /// Give a pair for a code, once.
    pub(crate) fn exchange(&self, code: &str, now: Millis, entropy: &dyn Entropy) -> Result<Pair, NoPair> {
        let mut state = self.write();
        let code = state.codes.get_mut(&digest(code)).ok_or(NoPair::Unknown)?;
        if code.used {
            return Err(NoPair::Used);
        }
        code.used = true;
        if now >= code.expires_at {
            return Err(NoPair::Expired);
        }
        let scopes = code.scopes;
        state.grants += 1;
        let grant = state.grants;
        let pair = Pair { access: draw("sbx-at-", entropy), refresh: draw("sbx-rt-", entropy) };
        state.add_access(&pair.access, Kind::Public(grant), scopes, now, Some(self.terms.lifetime_ms));
        state.add_refresh(&pair.refresh, grant, scopes);
        Ok(pair)
    }

    /// Give a pair for a refresh token; without rotation the refresh token stays the same. One that was replaced gives
    /// further pairs within the time of grace.
    pub(crate) fn refresh(&self, text: &str, now: Millis, entropy: &dyn Entropy) -> Result<Pair, NoPair> {
        let mut state = self.write();
        let held = state.refresh.get_mut(&digest(text)).ok_or(NoPair::Unknown)?;
        let is_replay = held.used_at.is_some();
        if held.revoked || held.used_at.is_some_and(|at| now.since(at) >= self.terms.grace_ms) {
            return Err(NoPair::Used);
        }
        if self.terms.rotate && !is_replay {
            held.used_at = Some(now);
        }
        let (grant, scopes) = (held.grant, held.scopes);
        let access = draw("sbx-at-", entropy);
        state.add_access(&access, Kind::Public(grant), scopes, now, Some(self.terms.lifetime_ms));
        state.refreshes += u64::from(!is_replay);
        state.replays += u64::from(is_replay);
        if !self.terms.rotate {
            return Ok(Pair { access, refresh: text.to_owned() });
        }
        let refresh = draw("sbx-rt-", entropy);
        state.add_refresh(&refresh, grant, scopes);
        Ok(Pair { access, refresh })
    }

    /// End a grant: its access tokens and its refresh token die at once.
    pub(crate) fn end_grant(&self, grant: u32) {
        let mut state = self.write();
        for token in state.access.values_mut().filter(|token| token.kind == Kind::Public(grant)) {
            token.revoked = true;
        }
        for refresh in state.refresh.values_mut().filter(|refresh| refresh.grant == grant) {
            refresh.revoked = true;
        }
    }

    /// Let access tokens of public apps expire now; refresh tokens live on. Gives how many it met.
    pub(crate) fn expire(&self, generation: Option<u32>, now: Millis) -> usize {
        self.each(generation, |token| {
            if let Kind::Public(_) = token.kind {
                token.lifetime_ms = Some(now.since(token.created_at).min(token.lifetime_ms.unwrap_or(0)));
            }
            token.kind != Kind::Private
        })
    }

    /// Revoke access tokens, private ones too, and with a public one its whole grant. Gives how many it met.
    pub(crate) fn revoke(&self, generation: Option<u32>) -> usize {
        let mut grants = Vec::new();
        let met = self.each(generation, |token| {
            token.revoked = true;
            if let Kind::Public(grant) = token.kind {
                grants.push(grant);
            }
            true
        });
        grants.into_iter().for_each(|grant| self.end_grant(grant));
        met
    }

    /// Refreshes that yielded a token, without replays.
    pub(crate) fn refreshes(&self) -> u64 {
        self.read().refreshes
    }

    /// Refreshes that yielded a token for a refresh token that had been used before.
    pub(crate) fn replays(&self) -> u64 {
        self.read().replays
    }

    /// Tokens issued so far: the generation of the youngest.
    pub(crate) fn generation(&self) -> u32 {
        self.read().generation
    }

    fn each(&self, generation: Option<u32>, mut act: impl FnMut(&mut Token) -> bool) -> usize {
        let mut state = self.write();
        let chosen = state.access.values_mut().filter(|token| !token.revoked);
        chosen
            .filter(|token| generation.is_none_or(|wanted| wanted == token.generation))
            .map(|token| usize::from(act(token)))
            .sum()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add_access(
        &mut self,
        text: &str,
        kind: Kind,
        scopes: ScopeSet,
        now: Millis,
        lifetime_ms: Option<i64>,
    ) -> u32 {
        self.generation += 1;
        let (generation, digest) = (self.generation, digest(text));
        let token = Token { generation, kind, scopes, created_at: now, lifetime_ms, revoked: false, digest };
        keep(&mut self.access, &mut self.access_order, digest, token);
        generation
    }

    fn add_refresh(&mut self, text: &str, grant: u32, scopes: ScopeSet) {
        let refresh = Refresh { grant, scopes, used_at: None, revoked: false };
        keep(&mut self.refresh, &mut self.refresh_order, digest(text), refresh);
    }
}

fn keep<T>(map: &mut HashMap<Digest, T>, order: &mut VecDeque<Digest>, digest: Digest, value: T) {
    if order.len() == TOKENS_MAX
        && let Some(oldest) = order.pop_front()
    {
        map.remove(&oldest);
    }
    if map.insert(digest, value).is_none() {
        order.push_back(digest);
    }
}

fn digest(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

/// A new text of 192 random bits. The prefix lets a search find what should not have been written down.
pub(crate) fn draw(prefix: &str, entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 24];
    entropy.fill(&mut bytes);
    format!("{prefix}{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SeededEntropy;

    const TERMS: Terms = Terms { lifetime_ms: 1_000, code_lifetime_ms: 100, rotate: true, grace_ms: 0 };

    #[test]
    fn a_refresh_token_that_was_rotated_away_is_dead() {
        let (tokens, entropy) = (Tokens::new(TERMS), SeededEntropy::new(1));
        let code = tokens.issue_code(ScopeSet::all(), Millis(0), &entropy);
        let first = tokens.exchange(&code, Millis(1), &entropy).ok().unwrap();
        assert_eq!(tokens.exchange(&code, Millis(1), &entropy).err(), Some(NoPair::Used));
        assert_eq!(tokens.check(&first.access, Millis(1_000)).unwrap().generation, 1);
        assert_eq!(tokens.check(&first.access, Millis(1_001)).err(), Some(Refused::Expired(1)));

        let second = tokens.refresh(&first.refresh, Millis(1_001), &entropy).ok().unwrap();
        assert_eq!(tokens.check(&second.access, Millis(1_001)).unwrap().generation, 2);
        assert_eq!(tokens.refresh(&first.refresh, Millis(1_001), &entropy).err(), Some(NoPair::Used));
        assert_eq!(tokens.refreshes(), 1);
    }

    #[test]
    fn within_the_time_of_grace_a_used_refresh_token_gives_a_further_pair() {
        let entropy = SeededEntropy::new(1);
        let tokens = Tokens::new(Terms { grace_ms: 50, ..TERMS });
        let code = tokens.issue_code(ScopeSet::all(), Millis(0), &entropy);
        let first = tokens.exchange(&code, Millis(1), &entropy).ok().unwrap();
        let lost = tokens.refresh(&first.refresh, Millis(10), &entropy).ok().unwrap();
        let second = tokens.refresh(&first.refresh, Millis(59), &entropy).ok().unwrap();
        assert_ne!(second.refresh, lost.refresh);
        assert_eq!((tokens.refreshes(), tokens.replays()), (1, 1));
        assert_eq!(tokens.refresh(&first.refresh, Millis(60), &entropy).err(), Some(NoPair::Used));
        assert!(tokens.refresh(&second.refresh, Millis(61), &entropy).is_ok());
    }

    #[test]
    fn a_grant_ends_as_a_whole_and_a_private_token_alone() {
        let (tokens, entropy) = (Tokens::new(TERMS), SeededEntropy::new(1));
        tokens.issue_private("mine", ScopeSet::none(), Millis(0));
        let code = tokens.issue_code(ScopeSet::all(), Millis(0), &entropy);
        let pair = tokens.exchange(&code, Millis(1), &entropy).ok().unwrap();
        assert_eq!(tokens.expire(None, Millis(5)), 1);
        assert_eq!(tokens.check(&pair.access, Millis(5)).err(), Some(Refused::Expired(2)));
        assert!(tokens.check("mine", Millis(i64::MAX)).is_ok());
        assert_eq!(tokens.revoke(Some(1)), 1);
        assert_eq!(tokens.check("mine", Millis(5)).err(), Some(Refused::Revoked(1)));
        assert_eq!(tokens.revoke(None), 1);
        assert_eq!(tokens.refresh(&pair.refresh, Millis(6), &entropy).err(), Some(NoPair::Used));
    }
}
