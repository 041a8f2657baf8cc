//! The Prometheus text format, version 0.0.4.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::fmt::{Display, Write as _};

/// Metrics as text, family by family.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
    family: &'static str,
}

impl Exposition {
    /// Begins a family; the samples that follow belong to it.
    pub(crate) fn family(&mut self, name: &'static str, kind: &'static str, help: &'static str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        self.family = name;
    }

    /// One sample of the family.
    pub(crate) fn sample(&mut self, labels: &[(&str, String)], value: impl Display) {
        self.line("", labels, value);
    }

    /// A family of one sample without labels.
    pub(crate) fn gauge(&mut self, name: &'static str, help: &'static str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(&[], value);
    }

    /// A histogram; `buckets` are not cumulative.
    pub(crate) fn histogram(
        &mut self,
        labels: &[(&str, String)],
        bounds: &[f64],
        buckets: &[u64],
        count: u64,
        sum: f64,
    ) {
        let mut upto = 0;
        for (bound, bucket) in bounds.iter().zip(buckets) {
            upto += bucket;
            self.line("_bucket", &with(labels, bound.to_string()), upto);
        }
        self.line("_bucket", &with(labels, "+Inf".to_owned()), count);
        self.line("_sum", labels, sum);
        self.line("_count", labels, count);
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, String)], value: impl Display) {
        let _ = write!(self.text, "{}{suffix}", self.family);
        for (index, (name, value)) in labels.iter().enumerate() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, "{}{name}=\"{value}\"", if index == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.text, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    /// The text.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

fn with<'l>(labels: &[(&'l str, String)], bound: String) -> Vec<(&'l str, String)> {
    labels.iter().cloned().chain([("le", bound)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_prometheus_reads() {
        let mut out = Exposition::default();
        out.gauge("a", "An A.", 1.5);
        out.family("b", "histogram", "A B.");
        out.histogram(&[("x", "q\"\\\n".into())], &[0.5, 1.0], &[2, 1], 4, 7.25);
        let expected = "# HELP a An A.\n# TYPE a gauge\na 1.5\n# HELP b A B.\n# TYPE b histogram\n\
            b_bucket{x=\"q\\\"\\\\\\n\",le=\"0.5\"} 2\nb_bucket{x=\"q\\\"\\\\\\n\",le=\"1\"} 3\n\
            b_bucket{x=\"q\\\"\\\\\\n\",le=\"+Inf\"} 4\nb_sum{x=\"q\\\"\\\\\\n\"} 7.25\nb_count{x=\"q\\\"\\\\\\n\"} 4\n";
        assert_eq!(out.finish(), expected);
    }
}
