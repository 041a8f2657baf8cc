/** Audits: whether what is served is what the log says, proven by a fresh fold. */

import { api, get, post } from '../../core/api.js';
import { usePolled } from '../../core/asking.js';
import { count, duration, plural } from '../../core/format.js';
import { html } from '../../core/html.js';
import { Answer } from '../../parts/problem.js';
import { Digest } from '../../parts/digest.js';
import { Differing } from '../../parts/differing.js';
import { Meter } from '../../parts/meter.js';
import { act } from './acts.js';
import { astrayText, disorderText } from './disorder.js';
import { Place, total } from './standing.js';

/** How often it is asked how an audit goes, milliseconds. */
const EVERY = 1_000;

/** @param {() => void} again */
function begin(again) {
  const body = html`<p>The whole log is folded once more, and every row of the served generation is held against it. Nothing is written, and
    nobody is kept waiting; it takes memory for both sets of rows.</p>`;
  return act({ title: 'Audit the read model?', body, action: 'Audit' }, () => post(api('audits')), again);
}

/** @param {{served: import('./types.js').ModelState}} props */
export function Audits({ served }) {
  const asked = usePolled((signal) => get(api('audits'), {}, { signal }), EVERY);
  const current = asked.answer?.current;
  return html`<section class="panel audit" aria-labelledby="audit">
    <div class="head">
      <h2 id="audit">Audit</h2>
      <p class="hint">Proves the served rows equal to a fresh fold of the log, and the log in order.</p>
      <span class="grow"></span>
      <button disabled=${Boolean(current)} onClick=${() => begin(asked.again)}>Audit…</button>
    </div>
    <${Answer} asked=${asked}>${(/** @type {import('./types.js').Audits} */ { current, last }) => html`
      ${current && html`<${Auditing} ...${current} />`}
      ${!current && last && html`<${Found} last=${last} served=${served.generation} />`}
    `}</${Answer}>
  </section>`;
}

/** @param {{entries: number, of: number, seconds: number}} props */
function Auditing({ entries, of, seconds }) {
  const percent = of > 0 ? Math.min(100, Math.floor((100 * entries) / of)) : 0;
  return html`<${Meter} name="How much of the log is folded" percent=${percent} />
    <p class="hint" role="status">${count(entries)} of ${plural(of, 'event')} folded, ${duration(seconds)}</p>`;
}

/** @param {{last: NonNullable<import('./types.js').Audits['last']>, served: number}} props */
function Found({ last: { seconds, audit, error }, served }) {
  if (!audit) return html`<p role="status"><span class="badge bad">failed</span> ${error}</p>`;
  const { entries, unreadable, models, disorders, consumers, astray } = audit;
  const checkpoints = consumers + models.length;
  return html`<div class="found" role="status">
    ${models.map((model) => html`<${Model} key=${model.place} model=${model} served=${served} seconds=${seconds} />`)}
    <ul class="proofs">
      <${Proof} isGood=${disorders.count === 0}>
        ${disorders.count === 0
          ? `The log is in order: ${plural(entries, 'entry', 'entries')}, none missing, positions increase.`
          : `The log is out of order ${plural(disorders.count, 'time')}:`}
        ${disorders.first.length > 0 && html`<ul>${disorders.first.map((one) => html`<li>${disorderText(one)}</li>`)}</ul>`}
      </${Proof}>
      <${Proof} isGood=${astray.length === 0}>
        ${astray.length === 0
          ? `${plural(checkpoints, 'checkpoint')}, none ahead of the log or of another one.`
          : `${plural(astray.length, 'checkpoint')} of ${count(checkpoints)} astray:`}
        ${astray.length > 0 && html`<ul>${astray.map((one) => html`<li>${astrayText(one)}</li>`)}</ul>`}
      </${Proof}>
      ${unreadable > 0 && html`<${Proof}>${plural(unreadable, 'entry', 'entries')} of the log can’t be read, and are in no read model.</${Proof}>`}
    </ul>
  </div>`;
}

/** @param {{isGood?: boolean, children?: any}} props */
const Proof = ({ isGood = false, children }) =>
  html`<li class=${isGood ? 'good' : 'warn'}><i aria-hidden="true">${isGood ? '✓' : '!'}</i><div>${children}</div></li>`;

/** @param {{model: import('./types.js').Audited, served: number, seconds: number}} props */
function Model({ model, served, seconds }) {
  const { generation, checkpoint, digest, recorded, expected, rows, differences, equal } = model;
  // What is proven of a generation that was replaced since says nothing about the rows that readers see now.
  const isServed = generation === served;
  const differ = plural(differences.count, 'row differs', 'rows differ');
  return html`<div>
    <p class="verdict">
      <span class=${`badge ${!equal ? 'bad' : isServed ? 'good' : ''}`}>${equal ? 'equal' : 'not equal'}</span>
      ${' '}<b>${equal ? `Generation ${generation}${isServed ? ' is' : ', which is no longer served, was'} what the log says` : differences.count > 0 ? `${differ} from the log` : 'The digest is not that of the rows'}</b>
      ${!isServed && !equal && html`${' '}<span>of generation ${generation}, which is no longer served</span>`}
      ${' '}<small>in ${duration(seconds)}</small>
    </p>
    <dl class="standings">
      <div><dt>rows’ digest</dt><dd><${Digest} value=${digest} /></dd></div>
      <div><dt>fresh fold’s digest</dt><dd><${Digest} value=${expected} /></dd></div>
      ${recorded !== digest && html`<div><dt>recorded digest</dt><dd class="bad"><${Digest} value=${recorded} /></dd></div>`}
      <div><dt>up to</dt><dd><${Place} checkpoint=${checkpoint} /></dd></div>
      <div><dt>rows compared</dt><dd>${count(total(rows))}</dd></div>
    </dl>
    ${differences.count > 0 && html`<${Differing} differences=${differences} titles=${[isServed ? 'served' : 'served then', 'from the log']} />`}
  </div>`;
}
