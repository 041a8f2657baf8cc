/** How a replay goes, and what came of it. */

import { domain } from '../../core/domain.js';
import { count, duration, plural } from '../../core/format.js';
import { html } from '../../core/html.js';
import { Meter } from '../../parts/meter.js';
import { Groups } from './groups.js';
import { ASKED, scope } from './start.js';
import { notes, verdict } from './words.js';

/** @typedef {import('./types.js').Scope} Scope */
/** @typedef {import('./types.js').Opened} Opened */

/**
 * What was asked for, in a few words.
 *
 * @param {Scope} scope
 * @param {Opened[]} histories
 */
function told({ log, from, to, topic, handler }, histories) {
  const name = log ? (histories.find(({ id }) => id === log)?.name ?? 'a history that is closed') : `the log of ${domain.value?.domain}`;
  const parts = [name, handler && `saga ${handler}`, topic && `on ${topic}`, from && `from ${from}`, to && `to ${to}`];
  return parts.filter(Boolean).join(', ');
}

/** @param {{running: import('./types.js').Running, histories: Opened[], onStop: () => void}} props */
export function Running({ running: { asked, entries, of, seconds }, histories, onStop }) {
  const percent = of > 0 ? Math.min(100, Math.floor((100 * entries) / of)) : 0;
  return html`<section class="panel running" aria-labelledby="running">
    <div class="head">
      <h2 id="running">Deciding again: ${told(asked, histories)}</h2>
      <span class="grow"></span>
      <button onClick=${onStop}>Stop</button>
    </div>
    <${Meter} name="How much of the log is decided again" percent=${percent} />
    <p class="hint" role="status">${count(entries)}${of > 0 && ` of ${plural(of, 'entry', 'entries')}`}, ${duration(seconds)}</p>
  </section>`;
}

/** Whether it was asked for something else than what is chosen now. @param {Scope} asked */
function isOther(asked) {
  const chosen = scope();
  return ASKED.some((name) => (asked[name] || '') !== (chosen[name] || ''));
}

/** @param {{last: import('./types.js').Ended, histories: Opened[]}} props */
export function Outcome({ last, histories }) {
  const { asked, report, error } = last;
  const about = told(asked, histories);
  // The gateway's last may be of another log: nobody is to take it for the verdict on the one that is chosen.
  const [other, of] = isOther(asked) ? ['other', `${asked.log ? about : about.replace('the', 'The')}: `] : ['', ''];
  if (!report) {
    return html`<section class=${`panel verdict ${other}`} role="status">
      <p class="said-big">${of}${of ? 'it' : 'It'} came to nothing</p>
      <p>${error}</p>
      <p class="hint">${about}</p>
    </section>`;
  }
  const { tone, title, more } = verdict(report);
  return html`<section class=${`panel verdict ${tone} ${other}`} role="status" aria-label="Verdict">
      <p class="said-big">${of}${title}</p>
      ${more && html`<p>${more}</p>`}
      <p class="hint">${about}, in ${duration(last.seconds)}</p>
      <dl class="notes">
        ${notes(report).map(
          ({ name, text, tone = '', more }) => html`<div class=${tone}><dt>${name}</dt><dd>${text}${more && html`<br /><small>${more}</small>`}</dd></div>`,
        )}
      </dl>
    </section>
    <${Groups} report=${report} log=${asked.log} />`;
}
