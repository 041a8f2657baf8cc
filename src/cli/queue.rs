//! `retrace queue`: how full queues are, and what becomes of dead letters.

use std::sync::Arc;

use kernel::Domain;
use runtime::QueueStatus;
use serde_json::json;

use super::{
    desk::{Desk, DeskArgs, Letter, PAGE},
    exit,
    failure::Failure,
    words::{counted, out, plain, thousands},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Show how full queues are, and the commands that failed every attempt
    List {
        /// The service [default: all]
        service: Option<String>,
        /// How many dead letters of a service to show
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        limit: u64,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        desk: DeskArgs,
    },
    /// Put dead letters back into their queue, with all their attempts
    Requeue(Which),
    /// Drop dead letters for good: what they ask for will not happen
    Drop(Which),
}

/// Which dead letters.
#[derive(Debug, clap::Args)]
struct Which {
    /// The service
    service: String,
    /// The command's id
    #[arg(required_unless_present = "all")]
    command: Option<String>,
    /// All that the service has now
    #[arg(long, conflicts_with = "command")]
    all: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    desk: DeskArgs,
}

pub(super) async fn run(domain: Arc<Domain>, args: Args) -> Result<(), Failure> {
    match args.act {
        Act::List { service, limit, json, desk } => {
            let services = known(&domain, service.as_deref())?;
            let mut desk = desk.open_to_look(&domain).await?;
            list(&domain, &mut desk, (&services, limit), json).await?;
            desk.close().await
        }
        Act::Requeue(which) => act(&domain, which, "requeued").await,
        Act::Drop(which) => act(&domain, which, "dropped").await,
    }
}

fn known(domain: &Domain, service: Option<&str>) -> Result<Vec<&'static str>, Failure> {
    let services = domain.services();
    match service {
        None => Ok(services),
        Some(service) => match services.iter().find(|known| **known == service) {
            Some(known) => Ok(vec![*known]),
            None => {
                let message = format!("there is no service {}; there are {}", plain(service), services.join(", "));
                Err(Failure::new(exit::NOT_FOUND, message))
            }
        },
    }
}

async fn list(domain: &Domain, desk: &mut Desk, (services, limit): (&[&str], u64), json: bool) -> Result<(), Failure> {
    let mut queues = desk.queues(domain).await?;
    queues.retain(|queue| services.contains(&queue.service.as_str()));
    let mut letters = Vec::new();
    for queue in queues.iter().filter(|queue| queue.dead > 0) {
        letters.extend(dead(desk, &queue.service, limit).await?);
    }
    if json {
        out(&format!("{}\n", json!({"queues": queues, "dead": letters})));
        return Ok(());
    }
    let mut text = String::new();
    for QueueStatus { service, waiting, claimed, dead } in &queues {
        let [waiting, claimed, dead] = [waiting, claimed, dead].map(|count| thousands(*count));
        text.push_str(&format!("{service:<20} {waiting} waiting, {claimed} claimed, {dead} dead\n"));
        let own: Vec<_> = letters.iter().filter(|letter| letter.service == *service).collect();
        own.iter().for_each(|letter| text.push_str(&line(letter)));
        let more = queues.iter().find(|queue| queue.service == *service).map_or(0, |queue| queue.dead);
        match more.saturating_sub(own.len() as u64) {
            0 => {}
            more => text.push_str(&format!("  and {} more\n", thousands(more))),
        }
    }
    out(&text);
    Ok(())
}

fn line(Letter { id, attempts, error, topic, intent, .. }: &Letter) -> String {
    let asked = match (topic, intent) {
        (Some(topic), Some(intent)) => format!("{intent} {topic}"),
        _ => "can't be read".to_owned(),
    };
    let failed = counted(u64::from(*attempts), "failed attempt", "failed attempts");
    let error = error.as_deref().unwrap_or("no error was told");
    format!("  {}  {}, {failed}: {}\n", plain(id), plain(&asked), plain(error))
}

/// The first dead letters of a service.
async fn dead(desk: &mut Desk, service: &str, most: u64) -> Result<Vec<Letter>, Failure> {
    let mut letters: Vec<Letter> = Vec::new();
    loop {
        let limit = usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(letters.len()).min(PAGE);
        let after = letters.last().map(|last| last.id.clone());
        let (page, _) = desk.dead(service, after, limit).await?;
        let is_last = page.len() < limit;
        letters.extend(page);
        if is_last || letters.len() as u64 >= most {
            return Ok(letters);
        }
    }
}

/// Does something about one dead letter, or about all that there are now.
async fn act(domain: &Domain, which: Which, done: &str) -> Result<(), Failure> {
    let Which { service, command, all, json, desk } = which;
    let service = known(domain, Some(&service))?.remove(0);
    let mut desk = desk.open_to_act(domain).await?;
    let commands = match command {
        Some(command) => vec![command],
        None => dead(&mut desk, service, u64::MAX).await?.into_iter().map(|letter| letter.id).collect(),
    };
    let mut ended = Vec::new();
    for command in commands {
        let acted = match done {
            "requeued" => desk.requeue(service, &command).await,
            _ => desk.drop_dead(service, &command).await,
        };
        match acted {
            // Somebody else was faster.
            Err(gone) if all && gone.code == exit::NOT_FOUND => continue,
            other => other?,
        }
        if !json {
            out(&format!("{done} {} of {service}\n", plain(&command)));
        }
        ended.push(command);
    }
    if json {
        out(&format!("{}\n", json!({"service": service, done: ended})));
    } else if ended.is_empty() {
        out(&format!("{service} has no dead letter\n"));
    }
    desk.close().await
}
