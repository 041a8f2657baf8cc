/** A rebuild under way. */

import { count, duration, rate } from '../../core/format.js';
import { html } from '../../core/html.js';
import { Meter } from '../../parts/meter.js';
import { stop } from './acts.js';

/** What it does, in order. @type {[import('./types.js').Progress['phase'], string][]} */
const PHASES = [
  ['begin', 'Begin'],
  ['read', 'Read'],
  ['write', 'Write'],
  ['compare', 'Compare'],
  ['catch_up', 'Catch up'],
  ['swap', 'Swap'],
];

/** @param {{progress: import('./types.js').Progress, again: () => void}} props */
export function Rebuilding({ progress, again }) {
  const { generation, phase, events, fraction, seconds, events_per_second: speed, seconds_left: left } = progress;
  const percent = Math.floor(100 * fraction);
  return html`<div class="rebuilding">
    <div class="head">
      <h2 id="anew">${generation ? `Building generation ${generation}` : 'Beginning a rebuild'}</h2>
      <span class="grow"></span>
      <button onClick=${() => stop(again)}>Stop…</button>
    </div>
    <ol class="phases" aria-label="Phases">
      ${PHASES.map(([name, title]) => html`<li aria-current=${name === phase ? 'step' : null}>${title}</li>`)}
    </ol>
    <${Meter} name="How much of the log is read" percent=${percent} />
    <div class="figures">
      <div class="figure"><span>of the log</span><b>${percent} %</b></div>
      <div class="figure"><span>events</span><b>${count(events)}</b></div>
      <div class="figure"><span>events/s</span><b>${rate(speed)}</b></div>
      <div class="figure"><span>time left</span><b>${left === null ? '–' : duration(left)}</b></div>
      <div class="figure"><span>at work for</span><b>${duration(seconds)}</b></div>
    </div>
  </div>`;
}
