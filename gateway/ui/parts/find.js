/** Finds a row by its id, or by how that begins. */

import { api, get } from '../core/api.js';
import { html, useEffect, useState } from '../core/html.js';
import { queryOf } from '../core/moment.js';
import { go, href } from '../core/route.js';

/** @param {{shown: import('../core/moment.js').Shown}} props */
export function Find({ shown }) {
  const [typed, setTyped] = useState('');
  const [said, setSaid] = useState('');
  const { topic = '' } = shown.state;
  useEffect(() => setSaid(''), [topic, typed]);
  const find = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const id = typed.trim();
    if (!id) return;
    const to = await place(shown, id).catch((error) => setSaid(error.message));
    if (to === null) setSaid(`No ${topic} then has an id that begins so.`);
    else if (to) go(href(['state', topic, ...(to.key ? [to.key] : [])], { ...queryOf(shown), after: to.after }));
  };
  return html`<form class="find" role="search" onSubmit=${find}>
    <input type="search" aria-label=${`Find a ${topic} by its id`} placeholder="Find by id" value=${typed} spellcheck=${false}
      aria-describedby="found" onInput=${(/** @type {any} */ { target }) => setTyped(target.value)} />
    <span id="found" class="warn" role="status">${said}</span>
  </form>`;
}

/**
 * The row with this id, or the page that begins with the first row whose id begins so.
 *
 * @param {import('../core/moment.js').Shown} shown
 * @param {string} id
 * @returns {Promise<{key?: string, after?: string} | null>}
 */
async function place({ state, log }, id) {
  const { topic = '', at } = state;
  const [exact, { rows }] = await Promise.all([
    get(api('state', topic, id), { at: at.position, log }),
    get(api('state'), { at: at.position, topic, after: id, limit: 2, log }),
  ]);
  if (exact.row || exact.version || exact.exists_later) return { key: id };
  const [first, second] = rows.filter((/** @type {{key: string}} */ { key }) => key.startsWith(id));
  return first ? (second ? { after: id } : { key: first.key }) : null;
}
