/** What consumers could not process and have set aside: why, and what can be done about it. */

import { api, get } from '../../core/api.js';
import { usePolled } from '../../core/asking.js';
import { count, plural } from '../../core/format.js';
import { html, useRef } from '../../core/html.js';
import { href, route } from '../../core/route.js';
import { Chip, Text, When, visible } from '../../parts/data.js';
import { Answer } from '../../parts/problem.js';
import { dropEntry, retryEntry } from './acts.js';
import { Moment } from './commands.js';

/** @typedef {import('./types.js').Parked} Entry */

/** How often a page is asked for again, milliseconds. */
const EVERY = 1_000;

/** How many entries a page has. */
const LIMIT = 50;

/** Who has set aside what no decision can mend. */
const PROJECTOR = 'projector';

export function Parked() {
  const { parked: after } = route.value.query;
  const asked = usePolled((signal) => get(api('parked'), { after, limit: LIMIT }, { signal }), EVERY, [after]);
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  // What was dropped leaves the list: the keyboard goes on with the one that stands there then.
  const settled = (/** @type {number} */ index) => {
    asked.again();
    const acts = list.current?.querySelectorAll('li > .buttons');
    const to = (acts?.[index + 1] ?? acts?.[index - 1])?.querySelector('button') ?? list.current;
    to?.focus();
  };
  return html`<section class="panel flush parked" aria-labelledby="parked">
    <div class="title">
      <h2 id="parked">Parked</h2>
      <p class="hint">Entries of the log that a consumer could not process. Everything else goes on.</p>
    </div>
    <div class="commands" ref=${list} tabindex="-1">
      <${Answer} asked=${asked}>${(/** @type {import('./types.js').ParkedPage} */ page) => html`
        ${page.entries.length === 0 &&
        html`<p class="nothing">${after ? 'Nothing more stands behind that entry.' : 'Nothing is parked: every consumer could read and do all that came.'}</p>`}
        <ol>
          ${page.entries.map(
            (entry, index) =>
              html`<${One} key=${`${entry.consumer} ${entry.topic} ${entry.position}`} entry=${entry} onSettled=${() => settled(index)} />`,
          )}
        </ol>
        ${(after || page.next) &&
        html`<p class="pages">
          ${after && html`<a class="button" href=${href(['queues'])}>First page</a>`}
          ${page.next && html`<a class="button" href=${href(['queues'], { parked: page.next })}>Next ${count(LIMIT)}</a>`}
          <span class="hint">${plural(page.count, 'entry', 'entries')} in all</span>
        </p>`}
      `}</${Answer}>
    </div>
  </section>`;
}

/** @param {{entry: Entry, onSettled: () => void}} props */
function One({ entry, onSettled }) {
  const { consumer, topic, position, reason, attempts, since, retry } = entry;
  const isSaga = consumer !== PROJECTOR;
  return html`<li>
    <div class="what">
      <b>${visible(consumer)}</b> <${Chip} topic=${topic} /> <${When} position=${position} day=${true} link=${true} />
      ${attempts > 1 && html`<span class="badge warn">${plural(attempts, 'attempt')}</span>`}
      ${retry && html`<span class="badge" role="status">to be tried again</span>`}
    </div>
    <div class="of">
      <code class="position">${visible(position)}</code>
      ${since && html`<span>parked <${Moment} at=${since} /></span>`}
    </div>
    <p class="bad error"><${Text} value=${reason} most=${400} /></p>
    <p class="buttons">
      ${isSaga
        ? html`<button disabled=${retry} onClick=${() => retryEntry(entry)}>Retry…</button>`
        : html`<a class="button" href=${href(['projections'])} title="Rows made anew hold what this program can read by now">Rebuild…</a>`}
      <button onClick=${async () => (await dropEntry(entry)) && onSettled()}>Drop…</button>
    </p>
  </li>`;
}
