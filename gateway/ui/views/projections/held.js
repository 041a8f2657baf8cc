/** A generation that is held back, because its rows are not those that are served. */

import { plural } from '../../core/format.js';
import { html } from '../../core/html.js';
import { Differing } from '../../parts/differing.js';
import { approve, discard, goOn } from './acts.js';
import { SIDES } from './report.js';

/** @param {{rebuilds: import('./types.js').Rebuilds, current: import('./types.js').Progress | null, again: () => void}} props */
export function Held({ rebuilds: { served, generations, last }, current, again }) {
  const held = generations.findLast((generation) => generation.stage === 'held');
  if (!held || current) return null;
  const { generation } = held.state;
  const differences = last?.report?.generation === generation ? last.report.differences : undefined;
  const isAlike = held.state.checkpoint.number === served.checkpoint.number && held.state.digest === served.digest;
  const isChanged = isAlike && differences !== undefined && differences.count > 0;
  return html`<section class="panel held" id="held" tabindex="-1" aria-labelledby="held-title">
    <div class="head">
      <h2 id="held-title">Generation ${generation} waits for approval</h2>
      <span class="grow"></span>
      <button class="main" onClick=${() => approve(served, held, differences?.count, again)}>Approve…</button>
      <button onClick=${() => goOn(held, 'needed', again)}>Compare again…</button>
      <button onClick=${() => discard(held, again)}>Discard…</button>
    </div>
    ${differences
      ? html`<p>${plural(differences.count, 'row differs', 'rows differ')} from generation ${served.generation}, which is served.
            ${isChanged && ` Its digest is still that of the rows it should have: somebody has changed them behind the projection’s back.`}</p>
          <${Differing} differences=${differences} titles=${SIDES} />`
      : html`<p>Some rows differ from those that are served. Which, this gateway has not seen: it was not at work then. Compare again to see
          them.</p>`}
  </section>`;
}
