/** The commands of one service that stand alike, a page at a time. */

import { api, get } from '../../core/api.js';
import { usePolled } from '../../core/asking.js';
import { count, plural } from '../../core/format.js';
import { html, useRef } from '../../core/html.js';
import { href, route } from '../../core/route.js';
import { Chip, Id, Text, visible } from '../../parts/data.js';
import { Answer } from '../../parts/problem.js';
import { drop, requeue } from './acts.js';
import { Asked } from './asked.js';

/** @typedef {import('./types.js').Command} Command */
/** @typedef {import('./types.js').State} State */

/** How often a page is asked for again, milliseconds. */
const EVERY = 1_000;

/** How many commands a page has. */
const LIMIT = 50;

/** What it means that there is none. @type {Record<State, string>} */
const NOTHING = {
  waiting: 'Nothing waits: every command has found a worker.',
  claimed: 'No worker has a command in hand.',
  dead: 'No dead letters: no command has failed all its attempts.',
};

/** @param {{service: string, state: State}} props */
export function Commands({ service, state }) {
  const { after } = route.value.query;
  const question = (/** @type {AbortSignal} */ signal) => get(api('queues', service), { state, after, limit: LIMIT }, { signal });
  const asked = usePolled(question, EVERY, [service, state, after]);
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  // What was acted on leaves the list: the keyboard goes on with the one that stands there then.
  const settled = (/** @type {number} */ index) => {
    asked.again();
    const acts = list.current?.querySelectorAll('li > .buttons');
    const next = acts?.[index + 1] ?? acts?.[index - 1];
    const to = next?.querySelector('button') ?? list.current;
    to?.focus();
  };
  const page = (/** @type {string | null | undefined} */ after) => href(['queues', service], { state, after });
  return html`<div class="commands" ref=${list} tabindex="-1">
    <${Answer} asked=${asked}>${(/** @type {import('./types.js').Listing} */ listing) => html`
      ${listing.commands.length === 0 &&
      html`<p class="nothing">${after ? 'Nothing more stands behind that command.' : NOTHING[state]}</p>`}
      <ol>
        ${listing.commands.map(
          (command, index) => html`<${One} key=${command.id} service=${service} command=${command} onSettled=${() => settled(index)} />`,
        )}
      </ol>
      ${(after || listing.next) &&
      html`<p class="pages">
        ${after && html`<a class="button" href=${page(null)}>First page</a>`}
        ${listing.next && html`<a class="button" href=${page(listing.next)}>Next ${count(LIMIT)}</a>`}
        <span class="hint">${plural(listing[state], 'command')} in all</span>
      </p>`}
    `}</${Answer}>
  </div>`;
}

/** @param {{service: string, command: Command, onSettled: () => void}} props */
function One({ service, command, onSettled }) {
  const { id, state, topic, intent, attempts, since, cause, handler, error, worker } = command;
  return html`<li>
    <div class="what">
      ${topic ? html`<${Chip} topic=${topic} /> <b>${intent}</b>` : html`<span class="badge bad">can’t be read</span>`}
      <a href=${href(['queues', service], { state, command: id })} title="What becomes of it"><${Id} value=${id} /></a>
      ${attempts > 0 && html`<span class=${`badge ${state === 'dead' ? 'bad' : 'warn'}`}>${plural(attempts, 'failed attempt')}</span>`}
    </div>
    <div class="of">
      ${since && html`<span>sent <${Moment} at=${since} /></span>`}
      ${cause && html`<a href=${href(['trace', cause])} title=${visible(`Sent by saga ${handler} about event ${cause}`)}>${handler ? `saga ${handler}` : 'its cause'}</a>`}
      ${worker && html`<span>with <code>${visible(worker)}</code></span>`}
    </div>
    ${error && html`<p class="bad error"><${Text} value=${error} most=${400} /></p>`}
    <div class="data"><${Asked} command=${command} /></div>
    ${state === 'dead' &&
    html`<p class="buttons">
      <button onClick=${async () => (await requeue(service, command)) && onSettled()}>Requeue…</button>
      <button onClick=${async () => (await drop(service, command)) && onSettled()}>Drop…</button>
    </p>`}
  </li>`;
}

/** A time of day, as RFC 3339. @param {{at: string}} props */
export function Moment({ at }) {
  const [day, time = ''] = at.split('T');
  return html`<time title=${`${at} UTC`}>${day} ${time.replace(/Z$/, '').slice(0, 12)}</time>`;
}
