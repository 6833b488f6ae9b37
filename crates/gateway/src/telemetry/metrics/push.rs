//! Metrics for a collector: the registry as OTLP, every so often.

use std::{sync::Arc, time::Duration};

use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue as Attribute, any_value},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point,
    },
    resource::v1::Resource,
};
use prometheus::proto::{LabelPair, Metric as Series, MetricFamily};
use prost::Message as _;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    Metrics, Signal,
    catalogue::{self, Definition, Kind},
};
use crate::{clock, telemetry::otlp::OtlpSender};

/// Sends the metrics of a gateway.
pub(crate) struct MetricPusher {
    metrics: Arc<Metrics>,
    sender: OtlpSender,
    resource: Resource,
    /// When counting began.
    start_nanoseconds: u64,
}

impl MetricPusher {
    /// Sends what `metrics` counts from now on, as a process with these attributes.
    pub(crate) fn new(metrics: Arc<Metrics>, sender: OtlpSender, attributes: &[KeyValue]) -> Self {
        let attributes = attributes
            .iter()
            .map(|attribute| text_attribute(attribute.key.as_str(), &attribute.value.to_string()))
            .collect();
        let resource = Resource { attributes, ..Resource::default() };
        Self { metrics, sender, resource, start_nanoseconds: clock::now_nanoseconds() }
    }

    /// Sends at each interval, for ever.
    pub(crate) async fn run(&self, period: Duration) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is at once, when there is nothing to tell.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.push().await;
        }
    }

    /// Sends once. The log and a counter hear of failures.
    pub(crate) async fn push(&self) {
        if self.sender.send(self.request().encode_to_vec()).await.is_err() {
            self.metrics.export_failed(Signal::Metrics);
        }
    }

    fn request(&self) -> ExportMetricsServiceRequest {
        let times = (self.start_nanoseconds, clock::now_nanoseconds());
        let families = self.metrics.families();
        let metrics = catalogue::ALL.iter().filter_map(|definition| {
            let name = definition.prometheus_name();
            let family = families.iter().find(|family| family.name() == name)?;
            Some(converted(definition, family, times))
        });
        let scope = InstrumentationScope {
            name: "keybound".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let scope_metrics =
            ScopeMetrics { scope: Some(scope), metrics: metrics.collect(), ..ScopeMetrics::default() };
        let resource_metrics = ResourceMetrics {
            resource: Some(self.resource.clone()),
            scope_metrics: vec![scope_metrics],
            ..ResourceMetrics::default()
        };
        ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] }
    }
}

/// A metric with all its series, counted since the first of the times until the second.
fn converted(definition: &Definition, family: &MetricFamily, times: (u64, u64)) -> Metric {
    let number = |series: &Series, value: f64| NumberDataPoint {
        attributes: attributes(definition, series.get_label()),
        start_time_unix_nano: times.0,
        time_unix_nano: times.1,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    };
    let series = family.get_metric();
    let temporality = AggregationTemporality::Cumulative.into();
    let data = match definition.kind {
        Kind::Counter => Data::Sum(Sum {
            data_points: series
                .iter()
                .map(|series| number(series, series.get_counter().get_value()))
                .collect(),
            aggregation_temporality: temporality,
            is_monotonic: true,
        }),
        Kind::Gauge => Data::Gauge(Gauge {
            data_points: series.iter().map(|series| number(series, series.get_gauge().get_value())).collect(),
        }),
        Kind::Histogram(bounds) => Data::Histogram(Histogram {
            data_points: series.iter().map(|series| sizes(definition, series, bounds, times)).collect(),
            aggregation_temporality: temporality,
        }),
    };
    Metric {
        name: definition.name.to_owned(),
        description: definition.help.to_owned(),
        unit: if definition.in_seconds { "s" } else { "1" }.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

/// Prometheus counts what is at most a bound, OTLP what lies between two; the last count is that above all bounds.
fn sizes(definition: &Definition, series: &Series, bounds: &[f64], times: (u64, u64)) -> HistogramDataPoint {
    let histogram = series.get_histogram();
    let mut counts = Vec::with_capacity(bounds.len() + 1);
    let mut below = 0;
    for bucket in histogram.get_bucket().iter().take(bounds.len()) {
        counts.push(bucket.cumulative_count().saturating_sub(below));
        below = bucket.cumulative_count();
    }
    counts.push(histogram.get_sample_count().saturating_sub(below));
    HistogramDataPoint {
        attributes: attributes(definition, series.get_label()),
        start_time_unix_nano: times.0,
        time_unix_nano: times.1,
        count: histogram.get_sample_count(),
        sum: Some(histogram.get_sample_sum()),
        bucket_counts: counts,
        explicit_bounds: bounds.to_vec(),
        ..HistogramDataPoint::default()
    }
}

/// The labels under their names with dots. Empty ones stand for nothing.
fn attributes(definition: &Definition, labels: &[LabelPair]) -> Vec<Attribute> {
    definition
        .labels
        .iter()
        .filter_map(|name| {
            let label = catalogue::prometheus_label(name);
            let pair = labels.iter().find(|pair| pair.name() == label && !pair.value().is_empty())?;
            Some(text_attribute(name, pair.value()))
        })
        .collect()
}

fn text_attribute(key: &str, value: &str) -> Attribute {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    Attribute { key: key.to_owned(), value: Some(value), ..Attribute::default() }
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};

    use super::*;

    #[test]
    fn buckets_are_told_apart_and_labels_get_their_dots() {
        let metrics = Metrics::new().unwrap();
        for milliseconds in [0, 3, 3, 20_000] {
            metrics.request(&Method::GET, StatusCode::OK, Duration::from_millis(milliseconds));
        }
        let families = metrics.families();
        let family =
            families.iter().find(|family| family.name() == catalogue::REQUESTS.prometheus_name()).unwrap();
        let metric = converted(&catalogue::REQUESTS, family, (1, 2));
        assert_eq!((metric.name.as_str(), metric.unit.as_str()), ("http.server.request.duration", "s"));
        let Some(Data::Histogram(histogram)) = metric.data else { panic!("no histogram") };
        let point = &histogram.data_points[0];
        assert_eq!(point.count, 4);
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), 4);
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        assert_eq!((point.bucket_counts[0], point.bucket_counts[3]), (1, 2));
        assert_eq!(point.bucket_counts.last(), Some(&1));
        let keys: Vec<&str> = point.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        assert_eq!(keys, ["http.request.method", "http.response.status_code"]);
    }
}
