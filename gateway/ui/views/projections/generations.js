/** The generations of the read model, the served one first; and the timeline. */

import { count, size } from '../../core/format.js';
import { html } from '../../core/html.js';
import { When } from '../../parts/data.js';
import { Digest } from '../../parts/digest.js';
import { discard, goOn, rollBack } from './acts.js';
import { Lag, Place, versionOf } from './standing.js';

/** @typedef {import('./types.js').ModelState} ModelState */

/** Who made it, for a reader: what stands in the column before the others. @type {Record<string, [string, string]>} */
const STAGES = {
  served: ['served', 'good'],
  kept: ['kept', ''],
  held: ['held back', 'warn'],
  building: ['being built', ''],
  interrupted: ['interrupted', 'warn'],
};

/**
 * @param {{rebuilds: import('./types.js').Rebuilds, rows: Record<string, number>, status: any, current: import('./types.js').Progress | null,
 *   again: () => void}} props
 */
export function Generations({ rebuilds, rows, status, current, again }) {
  const { served, generations, place } = rebuilds;
  const now = status.read_model.current_version;
  /** @type {{state: ModelState, stage: string, beside?: import('./types.js').Beside}[]} */
  const all = [
    { state: served, stage: 'served' },
    ...generations.toReversed().map((beside) => ({ state: beside.state, stage: stageOf(beside, current), beside })),
  ];
  const line = (/** @type {typeof all[0]} */ { state, stage, beside }) => {
    const [name = '', tone = ''] = STAGES[stage] ?? [];
    // What is held back differs row by row, whatever the served generation says of itself.
    const isEqual = beside && stage !== 'held' && state.digest === served.digest;
    return html`<tr key=${state.generation} class=${stage}>
      <th scope="row"><b>${state.generation || 'none yet'}</b> <span class=${`badge ${tone}`}>${name}</span></th>
      <td data-name="version"><code>${versionOf(state.version)}</code>${' '}
        ${state.generation > 0 && state.version !== now && html`<span class="badge warn" title=${`This program's projection is ${versionOf(now)}`}>stale</span>`}</td>
      <td data-name="stands at"><${Place} checkpoint=${state.checkpoint} /></td>
      <td data-name="behind"><${Lag} at=${state.checkpoint} head=${status.head} /></td>
      <td data-name="rows" class="number">${count(rows[state.generation])}</td>
      <td data-name="digest"><${Digest} value=${state.digest} />
        ${isEqual && html`<small>same as served</small>`}</td>
      <td class="acts">${beside && !current && html`<${Acts} served=${served} beside=${beside} again=${again} />`}</td>
    </tr>`;
  };
  return html`<section class="panel flush" aria-labelledby="generations">
    <div class="title"><h2 id="generations">Generations</h2><small class="text">${place}</small></div>
    <table class="generations">
      <thead>
        <tr>
          <th scope="col">generation</th><th scope="col">version</th><th scope="col">stands at</th><th scope="col">behind</th>
          <th scope="col" class="number">rows</th><th scope="col">digest</th><td></td>
        </tr>
      </thead>
      <tbody>${all.map(line)}</tbody>
    </table>
  </section>`;
}

/**
 * @param {import('./types.js').Beside} beside
 * @param {import('./types.js').Progress | null} current
 */
const stageOf = ({ stage }, current) => (stage === 'building' && !current ? 'interrupted' : stage);

/** @param {{served: ModelState, beside: import('./types.js').Beside, again: () => void}} props */
function Acts({ served, beside, again }) {
  switch (beside.stage) {
    case 'kept':
      return html`<button onClick=${() => rollBack(served, beside, again)}>Roll back…</button>`;
    case 'building':
      return html`<button onClick=${() => goOn(beside, 'not_needed', again)}>Go on…</button>
        <button onClick=${() => discard(beside, again)}>Discard…</button>`;
    case 'held':
      return html`<button onClick=${toHeld}>Look at it</button>`;
    default:
      return null;
  }
}

/** A link would not do: the address has the view behind its `#`. */
function toHeld() {
  const held = document.getElementById('held');
  held?.scrollIntoView({ block: 'start' });
  held?.focus({ preventScroll: true });
}

/** What questions about the past are answered from. @param {{status: any}} props */
export function Timeline({ status }) {
  const { standing, lag, trouble } = status.timeline;
  if (!standing) return html`<section class="panel"><h2>Timeline</h2><p class="bad">${trouble}</p></section>`;
  const { checkpoint, since, stale, bytes, place } = standing;
  return html`<section class="panel flush" aria-labelledby="timeline">
    <div class="title"><h2 id="timeline">Timeline</h2><small>The rows as they stood at any moment: what State and History are answered from.</small></div>
    <dl class="standings">
      <div><dt>stands at</dt><dd><${Place} checkpoint=${checkpoint} /></dd></div>
      <div><dt>behind</dt><dd>${lag === 0 ? html`<span class="good">none</span>` : html`<${Lag} at=${checkpoint} head=${status.head} />`}
        ${stale && html` <span class="badge warn">stale</span>`}</dd></div>
      ${since !== '0-0' && html`<div><dt>old versions since</dt><dd><${When} position=${since} day=${true} /></dd></div>`}
      <div><dt>size</dt><dd>${size(bytes)}</dd></div>
      <div><dt>kept in</dt><dd class="text">${place}</dd></div>
    </dl>
  </section>`;
}
