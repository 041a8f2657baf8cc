//! A gateway to a small domain, everything in memory: `cargo run -p gateway --example library -- 127.0.0.1:5000`.

mod domain;

use std::{error::Error, sync::Arc};

use gateway::{Gateway, Settings};
use projector::{
    ReadModel,
    timeline::{Retention, Timeline},
};
use runtime::{Engine, Namespace, StoreUrl, Tail};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5000".to_owned());
    let settings = Settings::default();
    let listener = TcpListener::bind(&address).await?;
    settings.check_bind(listener.local_addr()?)?;

    let domain = Arc::new(domain::domain());
    let topics: Vec<_> = domain.topics().map(|topic| topic.name).collect();
    let (url, namespace) = (StoreUrl::Memory, Namespace::default());
    let engine = Engine::open(&url, &namespace, &topics).await?;
    let model = ReadModel::open(&url, &namespace).await?;
    let (tail, _following) = Tail::follow(engine.clone()).await?;

    let stop = CancellationToken::new();
    let services = domain.services().into_iter().map(str::to_owned).collect();
    let deciding = tokio::spawn(runtime::host::services::run(domain.clone(), tail.clone(), services, stop.clone()));
    let projecting = tokio::spawn(projector::live::run(domain.clone(), tail.clone(), model.clone(), stop.clone()));
    let timeline = Timeline::in_memory(domain.clone(), engine.clone());
    let (kept, followed, told) = (timeline.clone(), tail.clone(), stop.clone());
    let keeping = tokio::spawn(async move { kept.keep(&followed, Retention::Everything, &told).await });
    let gateway = Gateway::new(domain, engine, tail, model, timeline, settings)?;
    let told = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            told.cancel();
        }
    });
    gateway::serve(listener, gateway, stop).await?;
    deciding.await??;
    projecting.await??;
    keeping.await??;
    Ok(())
}
