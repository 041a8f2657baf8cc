/** Which log is looked at: the gateway's own, or a history file that somebody has opened. */

import { api, del, post } from '../../core/api.js';
import { domain } from '../../core/domain.js';
import { plural } from '../../core/format.js';
import { html, useState } from '../../core/html.js';
import { href, setQuery } from '../../core/route.js';
import { visible } from '../../parts/data.js';
import { say } from '../../parts/dialog.js';
import { Problem } from '../../parts/problem.js';

/** @typedef {import('./types.js').Opened} Opened */

/**
 * Opening a history file, and why the last one could not be.
 *
 * @param {() => void} again has the list be asked for again
 */
export function useOpening(again) {
  const [state, setState] = useState(/** @type {{name: string | null, error: Error | null}} */ ({ name: null, error: null }));
  const open = async (/** @type {File | undefined} */ file) => {
    if (!file) return;
    setState({ name: file.name, error: null });
    try {
      const { id } = await post(api('histories'), file, { headers: { 'retrace-name': encodeURIComponent(file.name) } });
      setQuery({ log: id, from: null, to: null });
      setState({ name: null, error: null });
    } catch (error) {
      setState({ name: null, error: /** @type {Error} */ (error) });
    }
    again();
  };
  return { ...state, open };
}

/**
 * @param {{histories: Opened[], chosen: string | undefined, opening: ReturnType<typeof useOpening>, again: () => void}} props
 */
export function Logs({ histories, chosen, opening, again }) {
  const given = (/** @type {Event} */ { currentTarget }) => {
    const input = /** @type {HTMLInputElement} */ (currentTarget);
    opening.open(input.files?.[0]);
    input.value = '';
  };
  return html`<fieldset class="logs">
    <legend>Log</legend>
    <${Log} id="" name=${`The log of ${domain.value?.domain}`} isChosen=${!chosen} />
    ${histories.map((history) => html`<${Log} key=${history.id} ...${history} isChosen=${chosen === history.id} again=${again} />`)}
    ${chosen && !histories.some(({ id }) => id === chosen) && html`<p class="warn">The history that the address names is not open any more.</p>`}
    <label class="button file">
      ${opening.name === null ? 'Open a history file…' : `Reading ${opening.name}…`}
      <input type="file" accept=".jsonl" disabled=${opening.name !== null} onChange=${given} />
    </label>
    <p class="hint">Or drop one here: what <code>retrace export</code> or <code>record</code> writes. It is looked at, and put into no log.</p>
    ${opening.error && html`<${Problem} error=${opening.error} />`}
  </fieldset>`;
}

/** @param {{id: string, name: string, events?: number, isChosen: boolean, again?: () => void}} props */
function Log({ id, name, events, isChosen, again }) {
  const close = async () => {
    try {
      await del(api('histories', id));
      if (isChosen) setQuery({ log: null });
      say(`${name} is closed.`);
    } catch (error) {
      say(/** @type {Error} */ (error));
    }
    again?.();
  };
  return html`<div class="log">
    <label>
      <input type="radio" name="log" value=${id} checked=${isChosen} onChange=${() => setQuery({ log: id, from: null, to: null })} />
      <span>${visible(name)} ${events !== undefined && html`<small>${plural(events, 'event')}</small>`}</span>
    </label>
    <a href=${href(['state'], { log: id })} aria-label=${visible(`State of ${name}`)}>State</a>
    ${id && html`<button class="quiet" aria-label=${visible(`Close ${name}`)} onClick=${close}>×</button>`}
  </div>`;
}
