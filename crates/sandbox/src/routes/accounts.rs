//! Accounts. The list's `next` is a relative address; a deleted account can still be read.

use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::sandbox::Inner;

/// Accounts of a page when the caller does not say.
const SIZE_DEFAULT: usize = 10;
/// Most accounts of a page. Clients ask for 100 and get these: a refusal would be a guess as well.
const SIZE_MAX: usize = 65;

pub(super) fn list(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let index: usize = call.query_number("index")?.unwrap_or(0);
    let size: usize = call.query_number("size")?.unwrap_or(SIZE_DEFAULT).clamp(1, SIZE_MAX);
    let slice = sandbox.world.accounts(index, size);
    let end = index.saturating_add(slice.count);
    let mut tail = format!(",\"total\":{}", slice.total);
    if end < slice.total {
        tail.push_str(&format!(",\"next\":\"/accounts?index={end}&size={size}\""));
    }
    tail.push_str("}}");
    Ok(Answer::bare([b"{\"data\":{\"accounts\":", &*slice.array, tail.as_bytes()].concat()))
}

pub(super) fn get(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let id = call.param(0);
    let found = sandbox.world.account(&id).ok_or_else(|| Answer::not_found(format_args!("account {id}")))?;
    Ok(Answer::data(&found))
}

pub(super) fn create(sandbox: &Inner, call: &Call<'_>) -> Answered {
    Ok(Answer::data(&sandbox.world.create_account(&call.json()?, call.now)?))
}

pub(super) fn update(sandbox: &Inner, call: &Call<'_>) -> Answered {
    Ok(Answer::data(&sandbox.world.update_account(&call.json()?, call.now)?))
}

pub(super) fn delete(sandbox: &Inner, call: &Call<'_>) -> Answered {
    sandbox.world.delete_account(&call.param(0), call.now)?;
    Ok(Answer::done())
}
