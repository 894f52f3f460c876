//! From the program's spans to OpenTelemetry's.
//!
//! A stage says which trace it belongs to by the field `trace` of its span, a W3C `traceparent` that was stored with
//! the event, job or effect at hand; so no other crate needs to know of OpenTelemetry, and a trace goes on over
//! processes and days. A layer of our own and not the published one: that one takes a parent only from code that
//! calls it.

use std::fmt;

use opentelemetry::trace::{
    Link, SpanBuilder, SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    TracerProvider as _,
};
use opentelemetry::{Context as OtelContext, KeyValue, Value};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use telemetry::trace::TraceParent;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The field of a span that holds the `traceparent` of what it works on.
const TRACE: &str = "trace";
const MESSAGE: &str = "message";

/// A layer that starts and ends an OpenTelemetry span with each of ours.
pub(super) struct Spans {
    tracer: SdkTracer,
}

impl Spans {
    pub(super) fn new(provider: &SdkTracerProvider) -> Self {
        Self { tracer: provider.tracer("longshore") }
    }
}

/// A started span, kept beside ours.
struct Started(OtelContext);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let stored = fields.trace.as_deref().and_then(remote);
        let parent = match stored {
            Some(remote) => OtelContext::new().with_remote_span_context(remote),
            None => span
                .parent()
                .and_then(|parent| parent.extensions().get::<Started>().map(|started| started.0.clone()))
                .unwrap_or_default(),
        };
        let builder = SpanBuilder::from_name(attributes.metadata().name()).with_attributes(fields.attributes);
        let started = builder.start_with_context(&self.tracer, &parent);
        span.extensions_mut().insert(Started(OtelContext::new().with_span(started)));
    }

    /// A `trace` that comes later than its span cannot become its parent any more: it becomes a link.
    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        with_started(&ctx, id, |started| {
            let span = started.0.span();
            if let Some(remote) = fields.trace.as_deref().and_then(remote) {
                let Link { span_context, attributes, .. } = Link::with_context(remote);
                span.add_link(span_context, attributes);
            }
            span.set_attributes(fields.attributes);
        });
    }

    /// An error within a span makes it a failed one.
    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR {
            return;
        }
        let Some(span) = ctx.event_span(event) else { return };
        let mut fields = Fields::default();
        event.record(&mut fields);
        with_started(&ctx, &span.id(), |started| {
            started.0.span().set_status(Status::error(fields.message.unwrap_or_default()));
        });
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        with_started(&ctx, &id, |started| started.0.span().end());
    }
}

fn with_started<S>(ctx: &Context<'_, S>, id: &Id, with: impl FnOnce(&Started))
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    if let Some(span) = ctx.span(id)
        && let Some(started) = span.extensions().get::<Started>()
    {
        with(started);
    }
}

/// A stored `traceparent` as the place of a parent; `None` when it is none.
fn remote(text: &str) -> Option<SpanContext> {
    let parent = TraceParent::parse(text).ok()?;
    Some(SpanContext::new(
        TraceId::from_bytes(parent.trace_id().to_be_bytes()),
        SpanId::from_bytes(parent.span_id().to_be_bytes()),
        // What was received is traced here whatever the sender decided for itself.
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    ))
}

/// The fields of a span or an event, as attributes.
#[derive(Default)]
struct Fields {
    trace: Option<String>,
    message: Option<String>,
    attributes: Vec<KeyValue>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        match field.name() {
            TRACE => self.trace = Some(value.into().to_string()),
            MESSAGE => self.message = Some(value.into().to_string()),
            name => self.attributes.push(KeyValue::new(name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.put(field, value),
            Err(_) => self.put(field, value.to_string()),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_traceparent_is_a_parent_and_anything_else_is_none() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                remote(text).map(|context| context.span_id().to_string()).as_deref(),
                expected,
                "{text}"
            );
        };
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Some("00f067aa0ba902b7"));
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", Some("00f067aa0ba902b7"));
        check("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None);
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", None);
        check("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", None);
        check("", None);
    }
}
