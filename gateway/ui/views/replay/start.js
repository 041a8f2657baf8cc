/** What is to be decided again. */

import { domain } from '../../core/domain.js';
import { html } from '../../core/html.js';
import { route, setQuery } from '../../core/route.js';
import { momentOf } from '../../core/steps.js';
import { Problem } from '../../parts/problem.js';

/** The parameters of the address that a replay is asked with. */
export const ASKED = /** @type {const} */ (['log', 'from', 'to', 'topic', 'handler']);

/** What the address asks for. @returns {import('./types.js').Scope} */
export function scope() {
  const { query } = route.value;
  const asked = ASKED.map((name) => [name, name === 'from' || name === 'to' ? momentOf(query[name] ?? '') : query[name]]);
  return Object.fromEntries(asked.filter(([, value]) => value));
}

/** @param {{error: Error | null, isRunning: boolean, onStart: () => void}} props */
export function Start({ error, isRunning, onStart }) {
  const { from, to, topic, handler } = route.value.query;
  const given = (/** @type {string} */ name) => (/** @type {Event} */ { currentTarget }) =>
    setQuery({ [name]: /** @type {HTMLInputElement} */ (currentTarget).value.trim() });
  const start = (/** @type {Event} */ event) => {
    event.preventDefault();
    onStart();
  };
  const choice = (/** @type {string} */ name, /** @type {string} */ title, /** @type {string | undefined} */ chosen, /** @type {string[]} */ names) =>
    html`<label>${title}
      <select name=${name} onChange=${given(name)}>
        <option value="" selected=${!chosen}>all</option>
        ${names.map((one) => html`<option value=${one} selected=${one === chosen}>${one}</option>`)}
      </select></label
    >`;
  const sagas = domain.value?.sagas.map((saga) => saga.name) ?? [];
  const topics = domain.value?.topics.map((one) => one.name) ?? [];
  return html`<form class="scope" onSubmit=${start}>
    ${choice('handler', 'Decisions of saga', handler, sagas)} ${choice('topic', 'On events of topic', topic, topics)}
    <label>From <input name="from" value=${from ?? ''} placeholder="the beginning" autocomplete="off" onChange=${given('from')} /></label>
    <label>To <input name="to" value=${to ?? ''} placeholder="the end" autocomplete="off" onChange=${given('to')} /></label>
    <p class="hint">A position, a time, or a number: 12 is the twelfth event.</p>
    <p class="buttons"><button class="main" disabled=${isRunning}>Verify</button></p>
    ${error && html`<${Problem} error=${error} />`}
  </form>`;
}
