//! All of Longshore's state, and the only place with SQL for it.
