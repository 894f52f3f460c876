//! Other people's systems: files today, warehouses and CRMs tomorrow.
