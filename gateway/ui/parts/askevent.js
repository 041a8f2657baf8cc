/** Which event to trace: by its identifier, or one of the latest. */

import { api, get } from '../core/api.js';
import { useAnswer, useFollowed } from '../core/asking.js';
import { contentOf, labelOf } from '../core/domain.js';
import { html } from '../core/html.js';
import { go, href } from '../core/route.js';
import { Chip, Text, verbOf, When } from './data.js';
import { Answer } from './problem.js';

/** How many of the latest events are offered. */
const LATEST = 20;

/** @typedef {import('../core/types.js').LogEvent} LogEvent */

/** @param {{log?: string}} props */
export function AskEvent({ log }) {
  const asked = useAnswer((signal) => get(api('log'), { limit: LATEST, log }, { signal }), [log], { isFresh: true });
  useFollowed(asked, log ? null : () => true);
  const open = (/** @type {any} */ event) => {
    event.preventDefault();
    const id = String(new FormData(event.target).get('id')).trim();
    if (id) go(href(['trace', id], { log }));
  };
  return html`<div class="view ask">
    <h1>Trace</h1>
    <p>Why something happened, and all that came of it: from the command to the last mail.</p>
    <form class="head" onSubmit=${open}>
      <label class="grow">Event or command <input name="id" required spellcheck="false" placeholder="its identifier" /></label>
      <button class="main">Trace</button>
    </form>
    <section class="panel flush latest">
      <h2>The latest events</h2>
      <${Answer} asked=${asked}>
        ${(/** @type {{events: LogEvent[]}} */ { events }) =>
          events.length > 0
            ? html`<ol>${events.toReversed().map((event) => html`<${Choice} key=${event.event_id} event=${event} log=${log} />`)}</ol>`
            : html`<p class="nothing">Nothing has happened yet.</p>`}
      </${Answer}>
    </section>
  </div>`;
}

/** @param {{event: LogEvent, log?: string | undefined}} props */
const Choice = ({ event, log }) =>
  html`<li>
    <a href=${href(['trace', event.event_id], { log })}>
      <${When} position=${event.position} />
      <span><${Chip} topic=${event.topic} /></span>
      <b>${verbOf(event)}</b>
      <span class="label"><${Text} value=${labelOf(event.topic, contentOf(event.topic, event.data)).slice(0, 60) || '–'} /></span>
      <span class="by">${event.handler ?? ''}</span>
    </a>
  </li>`;
