/** What becomes of one command. */

import { api, get } from '../../core/api.js';
import { usePolled } from '../../core/asking.js';
import { plural } from '../../core/format.js';
import { html } from '../../core/html.js';
import { setQuery } from '../../core/route.js';
import { Id, Text, When } from '../../parts/data.js';
import { Answer } from '../../parts/problem.js';

/** How often it is asked, milliseconds. */
const EVERY = 500;

/** @type {Record<import('./types.js').Fate['status'], [string, string]>} */
const SAID = {
  pending: ['on its way', ''],
  done: ['done', 'good'],
  rejected: ['rejected', 'warn'],
  dead: ['dead', 'bad'],
};

/** @param {{id: string}} props */
export function Fate({ id }) {
  const asked = usePolled((signal) => get(api('commands', id), {}, { signal }), EVERY, [id]);
  return html`<section class="panel fate" aria-labelledby="fate">
    <div class="head">
      <h2 id="fate">Command <${Id} value=${id} /></h2>
      <span class="grow"></span>
      <button class="quiet" aria-label="Close" onClick=${() => setQuery({ command: null })}>×</button>
    </div>
    <${Answer} asked=${asked}>${(/** @type {import('./types.js').Fate} */ fate) => html`<${Told} fate=${fate} />`}</${Answer}>
  </section>`;
}

/** @param {{fate: import('./types.js').Fate}} props */
function Told({ fate }) {
  const [said, tone] = SAID[fate.status] ?? [fate.status, ''];
  const why = fate.error ?? fate.last_error;
  return html`<p role="status" class="verdict">
      <span class=${`badge ${tone}`}>${said}</span>
      ${fate.position && html`<span>with the event of <${When} position=${fate.position} day=${true} link=${true} /></span>`}
      ${fate.failed_attempts > 0 && html`<span>${plural(fate.failed_attempts, 'failed attempt')}</span>`}
      ${why && html`<span class=${tone}>${fate.error === undefined && 'last error: '}<${Text} value=${why} most=${400} /></span>`}
    </p>
    ${fate.result !== undefined && fate.result !== null && html`<code class="asked"><${Text} value=${fate.result} most=${400} /></code>`}`;
}
