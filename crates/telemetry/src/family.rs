//! One family: a metric, or one for each combination of its labels' values.
//!
//! The library's own families are keyed by a type for each set of labels. Here a family knows its labels' names and is
//! asked by their values in order, so that the list of families can be one table.

use std::sync::atomic::AtomicU64;

use model::OrgId;
use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::family::{Family as Inner, MetricConstructor};
use prometheus_client::metrics::{counter, gauge, histogram};

/// Counts up.
pub type Counter = counter::Counter;
/// Goes up and down, in whole numbers.
pub type Gauge = gauge::Gauge;
/// Goes up and down, with a fraction.
pub type Real = gauge::Gauge<f64, AtomicU64>;
/// Counts what was observed into buckets.
pub type Histogram = histogram::Histogram;

/// A label's value: a word of the program, or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label {
    /// A constant, such as a kind of job or an outcome.
    Word(&'static str),
    /// An organization, or a status.
    Number(i64),
}

impl From<&'static str> for Label {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

impl From<OrgId> for Label {
    fn from(org: OrgId) -> Self {
        Self::Number(org.0)
    }
}

impl EncodeLabelValue for Label {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        match self {
            Self::Word(word) => word.encode(encoder),
            Self::Number(number) => number.encode(encoder),
        }
    }
}

/// A label's name and value.
pub(crate) type Pair = (&'static str, Label);

/// How a family makes its metrics: histograms need their buckets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Make<M>(pub(crate) fn() -> M);

impl<M> MetricConstructor<M> for Make<M> {
    fn new_metric(&self) -> M {
        (self.0)()
    }
}

/// A metric for each combination of `N` labels' values.
#[derive(Debug)]
pub struct Family<const N: usize, M> {
    names: [&'static str; N],
    pub(crate) inner: Inner<[Pair; N], M, Make<M>>,
}

impl<const N: usize, M: Clone> Family<N, M> {
    pub(crate) fn new(names: [&'static str; N], make: fn() -> M) -> Self {
        Self { names, inner: Inner::new_with_constructor(Make(make)) }
    }

    /// The metric of these values, in the order of the labels' names. A clone of it may be kept: it counts into the same.
    #[must_use]
    pub fn at(&self, values: [Label; N]) -> M {
        self.inner.get_or_create_owned(&std::array::from_fn(|index| (self.names[index], values[index])))
    }

    /// Forget every value, before a gauge is set anew for whatever there is now.
    pub fn clear(&self) {
        self.inner.clear();
    }
}

impl<M: Clone> Family<1, M> {
    /// The metric of one value.
    #[must_use]
    pub fn of(&self, value: impl Into<Label>) -> M {
        self.at([value.into()])
    }
}

impl<M: Clone> Family<2, M> {
    /// The metric of two values.
    #[must_use]
    pub fn of(&self, first: impl Into<Label>, second: impl Into<Label>) -> M {
        self.at([first.into(), second.into()])
    }
}
