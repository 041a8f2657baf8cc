//! `GET /metrics`: what the gateway counts, and where log, read model, queues and consumers are.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use projector::rebuild::Progress;

use crate::{
    gateway::{Shared, Site},
    metrics::Exposition,
    problem::Problem,
    reply,
};

/// `GET /metrics`
pub(crate) async fn metrics(State(gateway): State<Site>) -> Response {
    let mut out = Exposition::default();
    gateway.metrics.expose(&mut out);
    let in_flight = gateway.in_flight.load(std::sync::atomic::Ordering::Relaxed);
    out.gauge("retrace_http_requests_in_flight", "HTTP requests whose answer has not begun.", in_flight);
    let (under_way, limit) = gateway.admission.standing();
    out.gauge("retrace_commands_under_way", "Commands that have no outcome yet.", under_way);
    out.gauge("retrace_commands_under_way_limit", "How many of them there may be before more are turned away.", limit);
    // What can't be told now is left out: the rest is worth having all the same.
    let up = store(&gateway, &mut out).await.is_ok();
    out.gauge("retrace_store_up", "Whether the store answered everything asked for this page.", u8::from(up));
    let mut response = reply::json(StatusCode::OK, out.finish());
    let plain = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

async fn store(gateway: &Shared, out: &mut Exposition) -> Result<(), Problem> {
    let engine = &gateway.engine;
    let head = gateway.asked(engine.head()).await?.number.0;
    out.gauge("retrace_log_head_number", "Number of the log's last event.", head);

    let model = gateway.asked(gateway.model.state()).await?;
    let lag = head.saturating_sub(model.checkpoint.number.0);
    out.gauge("retrace_read_model_lag_events", "Events that the read model has not taken in.", lag);
    out.gauge("retrace_read_model_generation", "Which build of the read model is served.", model.generation);

    let is_stale = gateway.served.saw(&model).is_some();
    let help = "Whether another version of the projection made the served rows.";
    out.gauge("retrace_read_model_stale", help, u8::from(is_stale));
    let told = gateway.asked(gateway.rebuilds.told(&gateway.model)).await?;
    let help = "Whether the read model is being rebuilt, here or by another process.";
    out.gauge("retrace_rebuild_running", help, u8::from(told.is_some()));
    let progress: Option<Progress> = told.and_then(|told| serde_json::from_str(&told).ok());
    let events = progress.map_or(0, |progress| progress.events);
    out.gauge("retrace_rebuild_events_read", "Events that the rebuild under way has read.", events);

    // What is wrong with an index is no reason to tell nothing of the rest.
    let timeline = gateway.asked(gateway.timeline.standing()).await.ok();
    out.gauge("retrace_timeline_up", "Whether the timeline's file can be read.", u8::from(timeline.is_some()));
    if let Some(timeline) = timeline {
        let lag = head.saturating_sub(timeline.checkpoint.number.0);
        out.gauge("retrace_timeline_lag_events", "Events that the timeline has not taken in.", lag);
        out.gauge("retrace_timeline_bytes", "Bytes of the timeline's file; 0 where it is in memory.", timeline.bytes);
        let help = "Whether another version of the projection made the timeline.";
        out.gauge("retrace_timeline_stale", help, u8::from(timeline.stale));
    }

    let queues = gateway.asked(engine.queues(&gateway.domain.services())).await?;
    out.family("retrace_queue_commands", "gauge", "Commands by service and state.");
    for queue in &queues {
        for (state, count) in [("waiting", queue.waiting), ("claimed", queue.claimed), ("dead", queue.dead)] {
            out.sample(&[("service", queue.service.clone()), ("state", state.into())], count);
        }
    }
    let checkpoints = gateway.asked(engine.checkpoints()).await?;
    out.family("retrace_consumer_lag_events", "gauge", "Events that a consumer has not finished.");
    for (consumer, checkpoint) in checkpoints {
        out.sample(&[("consumer", consumer)], head.saturating_sub(checkpoint.number.0));
    }
    let parked = gateway.asked(engine.parked_count()).await?;
    out.gauge("retrace_parked_entries", "Entries that consumers have set aside.", parked);
    Ok(())
}
