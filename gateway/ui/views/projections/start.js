/** Starting a rebuild. */

import { domain } from '../../core/domain.js';
import { html, useState } from '../../core/html.js';
import { rebuild } from './acts.js';

const WHEN = 'position, time or #number';

/** @param {{served: import('./types.js').ModelState, again: () => void}} props */
export function Start({ served, again }) {
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const [isHeld, setHeld] = useState(false);
  const [topics, setTopics] = useState(/** @type {string[]} */ ([]));
  const start = (/** @type {Event} */ event) => {
    event.preventDefault();
    /** @type {Parameters<typeof rebuild>[0]} */
    const plan = { approval: isHeld ? 'needed' : 'not_needed' };
    if (from.trim()) plan.from = from.trim();
    if (to.trim()) plan.to = to.trim();
    if (topics.length > 0) plan.topics = topics;
    rebuild(plan, served, again);
  };
  const turn = (/** @type {string} */ name) =>
    setTopics((chosen) => (chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]));
  const read = (/** @type {(text: string) => void} */ set) => (/** @type {Event} */ event) =>
    set(/** @type {HTMLInputElement} */ (event.currentTarget).value);
  return html`<form class="start" onSubmit=${start}>
    <div class="head">
      <h2 id="anew">Rebuild</h2>
      <p class="hint">Folds the whole log anew, beside what is served, and swaps it in at once.</p>
      <span class="grow"></span>
      <label class="tick"><input type="checkbox" checked=${isHeld} onChange=${() => setHeld(!isHeld)} /> hold back when rows differ</label>
      <button class="main">Rebuild…</button>
    </div>
    <details>
      <summary>Only a part of it</summary>
      <div class="parts">
        <label>Apply again what came after<input value=${from} placeholder=${WHEN} onInput=${read(setFrom)} /></label>
        <label>Stop at<input value=${to} placeholder=${WHEN} onInput=${read(setTo)} /></label>
        <fieldset>
          <legend>Only these topics</legend>
          ${domain.value?.topics.map(
            ({ name }) =>
              html`<label class="tick"><input type="checkbox" checked=${topics.includes(name)} onChange=${() => turn(name)} /> ${name}</label>`,
          )}
        </fieldset>
      </div>
      <p class="hint">Readers always see the whole: a rebuild that stops before where the served rows stand is refused. A part of the log
        goes elsewhere, <code>retrace rebuild --into sqlite:part.model</code>.</p>
    </details>
  </form>`;
}
