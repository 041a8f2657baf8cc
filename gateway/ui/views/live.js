/** Events as they happen, and how everybody keeps up with them. */

import { api, get } from '../core/api.js';
import { usePolled } from '../core/asking.js';
import { domain, hueOf } from '../core/domain.js';
import { listen } from '../core/feed.js';
import { plural } from '../core/format.js';
import { html, useEffect, useMemo, useRef, useState } from '../core/html.js';
import { href, route, setQuery } from '../core/route.js';
import { LogWindow } from '../core/window.js';
import { Chip, EntityLink, Row, verbOf, When } from '../parts/data.js';
import { EventList, looking } from '../parts/eventlist.js';
import { Answer, Problem } from '../parts/problem.js';
import { Consumers, Depths, Figures } from '../parts/standing.js';

/** How many milliseconds after the last key a filter holds. */
const TYPING = 400;

/** How often it is asked how everybody stands, milliseconds. */
const EVERY = 1_000;

export default function Live() {
  const status = usePolled(() => get(api('status')), EVERY);
  const { topic = '', entity = '', text = '', at } = route.value.query;
  const [chosen, setChosen] = useState(/** @type {any} */ (null));
  const listed = useMemo(() => {
    const topics = topic.split(',').filter(Boolean);
    return new LogWindow({ topics, entity, text }, { upTo: at });
  }, [topic, entity, text, at]);
  useEffect(() => {
    const end = listen((events) => listed.take(events));
    listed.begin();
    return () => {
      end();
      listed.close();
    };
  }, [listed]);
  return html`<div class="view live">
    <h1 class="unseen">Live</h1>
    <section class="panel" aria-label="Figures"><${Answer} asked=${status}>${(/** @type {any} */ status) => html`<${Figures} status=${status} />`}</${Answer}></section>
    <section class="panel flush stream" aria-label="Events">
      <${Filter} listed=${listed} />
      ${listed.error.value && html`<${Problem} error=${listed.error.value} retry=${() => listed.follow()} />`}
      ${listed.events.value.length === 0 && !listed.error.value
        ? html`<p class="nothing">${nothing(listed)}</p>`
        : html`<${EventList} listed=${listed} chosen=${chosen} onChoose=${setChosen} />`}
    </section>
    <aside>
      ${chosen && html`<${Chosen} event=${chosen} onClose=${() => setChosen(null)} />`}
      ${status.answer &&
      html`<section class="panel flush"><h2>Consumers</h2><${Consumers} status=${status.answer} /></section>
        <section class="panel flush"><h2>Queues</h2><${Depths} queues=${status.answer.queues} /></section>`}
    </aside>
  </div>`;
}

/** @param {LogWindow} listed */
function nothing(listed) {
  const { topics, entity, text } = listed.filter;
  if (listed.isLoading.value) return listed.from.value === null ? '…' : looking(listed);
  if (topics.length > 0 || entity || text) return 'No event of the log is like that.';
  const page = domain.value?.pages[0];
  const click = page && html`<a href=${href(['page', page.name])}>${page.title}</a> is a place to make something happen; so is`;
  return html`Nothing has happened yet. ${click ?? 'Try'} <code>retrace demo</code>.`;
}

/** @param {{listed: LogWindow}} props */
function Filter({ listed }) {
  const { topics, entity, text } = listed.filter;
  const turn = (/** @type {string} */ name) => {
    const next = topics.includes(name) ? topics.filter((topic) => topic !== name) : [...topics, name];
    setQuery({ topic: next.join(',') });
  };
  const later = useRef(0);
  const typed = (/** @type {string} */ name) => (/** @type {any} */ event) => {
    clearTimeout(later.current);
    const { type, target } = event;
    later.current = setTimeout(() => setQuery({ [name]: target.value.trim() }), type === 'input' ? TYPING : 0);
  };
  const isFollowing = listed.isFollowing.value;
  const follow = () => {
    if (isFollowing) listed.pause();
    else if (route.value.query.at) setQuery({ at: null });
    else listed.follow();
  };
  return html`<div class="head filter">
    <h2>Events</h2>
    <button aria-pressed=${!isFollowing} onClick=${follow}>
      ${isFollowing ? 'Pause' : listed.fresh.value ? `Show ${plural(listed.fresh.value, 'new event')}` : 'Follow'}
    </button>
    <div class="buttons topics" role="group" aria-label="Topics">
      ${domain.value?.topics.map(
        ({ name }) =>
          html`<button class=${`chip ${topics.length === 0 || topics.includes(name) ? hueOf(name) : 'off'}`}
            aria-pressed=${topics.includes(name)} onClick=${() => turn(name)}>${name}</button>`,
      )}
    </div>
    <span class="grow"></span>
    <input type="search" aria-label="Entity" placeholder="Whole entity id" value=${entity} onInput=${typed('entity')} onChange=${typed('entity')} />
    <input type="search" aria-label="Text" placeholder="Text in events" value=${text} onInput=${typed('text')} onChange=${typed('text')} />
  </div>`;
}

/** @param {{event: import('../core/types.js').LogEvent, onClose: () => void}} props */
function Chosen({ event, onClose }) {
  const { topic, key, position, event_id, cause, handler, command, data } = event;
  return html`<section class="panel chosen" aria-label="Chosen event">
    <div class="head">
      <h2><${Chip} topic=${topic} /> ${verbOf(event)}</h2>
      <span class="grow"></span>
      <button class="quiet" aria-label="Close" onClick=${onClose}>×</button>
    </div>
    <p><${When} position=${position} day=${true} link=${true} /> ${handler && html`by saga <b>${handler}</b>`}</p>
    <${Row} topic=${topic} row=${data} at=${position} />
    <p class="buttons">
      <a class="button" href=${href(['trace', event_id])}>Trace</a>
      ${key && html`<a class="button" href=${href(['history', topic, key])}>History</a>`}
      <a class="button" href=${key ? href(['state', topic, key], { at: position }) : href(['state'], { at: position })}>State then</a>
      ${key && html`<a class="button" href=${href(['live'], { entity: key })}>Only this ${topic}</a>`}
    </p>
    <dl class="row ids">
      <div><dt>position</dt><dd><code>${position}</code></dd></div>
      <div><dt>event</dt><dd><code>${event_id}</code></dd></div>
      ${key && html`<div><dt>entity</dt><dd><${EntityLink} topic=${topic} id=${key}><code>${key}</code></${EntityLink}></dd></div>`}
      ${cause && html`<div><dt>cause</dt><dd><a href=${href(['trace', cause])}><code>${cause}</code></a></dd></div>`}
      ${command && html`<div><dt>command</dt><dd><a href=${href(['trace', command])}><code>${command}</code></a></dd></div>`}
    </dl>
  </section>`;
}
