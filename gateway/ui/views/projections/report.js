/** How the last rebuild went. */

import { count, duration, plural, rate } from '../../core/format.js';
import { html } from '../../core/html.js';
import { When } from '../../parts/data.js';
import { Digest } from '../../parts/digest.js';
import { Differing } from '../../parts/differing.js';
import { Place, total } from './standing.js';

/** What each side of a comparison is called. @type {[string, string]} */
export const SIDES = ['served', 'new'];

/** @param {{last: NonNullable<import('./types.js').Rebuilds['last']>}} props */
export function Last({ last: { kind, report, error } }) {
  const what = kind === 'rollback' ? 'roll back' : 'rebuild';
  return html`<div class="last" role="status">
    ${report ? html`<${Told} kind=${kind} report=${report} />` : html`<p><span class="badge bad">failed</span> The last ${what}: ${error}</p>`}
  </div>`;
}

/** @param {{kind: string, report: import('./types.js').Report}} props */
function Told({ kind, report }) {
  const { generation, served, replaced, checkpoint, digest, events, rows, resumed, unreadable, differences } = report;
  const { seconds, events_per_second: speed, digest_from: from } = report;
  return html`
    <p class="verdict">
      <span class=${`badge ${served ? 'good' : 'warn'}`}>${served ? 'served' : 'held back'}</span>
      ${' '}<b>${kind === 'rollback' ? 'Rolled back to' : 'Built'} generation ${generation}</b>
      ${replaced !== undefined && ` in place of ${replaced}`}${resumed && ', going on with what was begun'}
      ${' '}<${Digest} value=${digest} />
    </p>
    <dl class="standings">
      <div><dt>up to</dt><dd><${Place} checkpoint=${checkpoint} /></dd></div>
      <div><dt>events read</dt><dd>${count(events)}</dd></div>
      <div><dt>rows</dt><dd>${count(total(rows))}</dd></div>
      <div><dt>took</dt><dd>${duration(seconds)} <small>${rate(speed)} events/s</small></dd></div>
      ${differences && html`<div><dt>rows that differ</dt><dd class=${differences.count ? 'warn' : 'good'}>${count(differences.count)}</dd></div>`}
      ${from && html`<div><dt>digest it started from</dt><dd><${Digest} value=${from} /></dd></div>`}
    </dl>
    ${served && differences && differences.count > 0 &&
    html`<details><summary>What has changed with it: ${plural(differences.count, 'row')}</summary><${Differing} differences=${differences} titles=${SIDES} /></details>`}
    ${unreadable.count > 0 &&
    html`<details><summary>${plural(unreadable.count, 'entry', 'entries')} passed over: unreadable</summary>
      <ul>${unreadable.first.map(([topic, position, reason]) => html`<li>${topic} <${When} position=${position} day=${true} /> ${reason}</li>`)}</ul>
    </details>`}
  `;
}
