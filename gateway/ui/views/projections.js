/** Read models: what is served, what stands beside it, and making it anew. */

import { api, get } from '../core/api.js';
import { usePolled } from '../core/asking.js';
import { rebuilding } from '../core/feed.js';
import { html, useEffect } from '../core/html.js';
import { Answer } from '../parts/problem.js';
import { Audits } from './projections/audit.js';
import { Generations, Timeline } from './projections/generations.js';
import { Held } from './projections/held.js';
import { Rebuilding } from './projections/progress.js';
import { Last } from './projections/report.js';
import { Start } from './projections/start.js';

/** How often it is asked how everything stands, milliseconds. */
const EVERY = 1_000;

/** How often rows are counted, milliseconds. */
const SELDOM = 10_000;

export default function Projections() {
  const asked = usePolled(
    (signal) => Promise.all([get(api('rebuilds'), {}, { signal }), get(api('status'), {}, { signal })]),
    EVERY,
  );
  // The feed tells of progress more often than that, and at once when there is something to ask about. Whether one is
  // under way is asked: a connection that was lost may have missed its end.
  const told = rebuilding.value;
  // Rows are counted one by one in some stores: asked for less often.
  const rows = usePolled((signal) => get(api('rebuilds', 'rows'), {}, { signal }), SELDOM, [told?.ended]);
  useEffect(() => {
    if (told && Boolean(told.ended) === Boolean(asked.answer?.[0].current)) asked.again();
  }, [told]);
  return html`<div class="view projections">
    <header class="head">
      <h1>Projections</h1>
      <p class="hint">The rows that readers see, folded from the log. Each build of them is a generation.</p>
    </header>
    <${Answer} asked=${asked}>${(/** @type {[import('./projections/types.js').Rebuilds, any]} */ [rebuilds, status]) => {
      const current = rebuilds.current && told && !told.ended ? told.rebuild : rebuilds.current;
      return html`
        <${Generations} rebuilds=${rebuilds} rows=${rows.answer ?? {}} status=${status} current=${current} again=${asked.again} />
        <${Held} rebuilds=${rebuilds} current=${current} again=${asked.again} />
        <section class="panel" aria-labelledby="anew">
          ${current
            ? html`<${Rebuilding} progress=${current} again=${asked.again} />`
            : html`<${Start} served=${rebuilds.served} again=${asked.again} />`}
          ${!current && rebuilds.last && html`<${Last} last=${rebuilds.last} />`}
        </section>
        <${Audits} served=${rebuilds.served} />
        <${Timeline} status=${status} />
      `;
    }}</${Answer}>
  </div>`;
}
