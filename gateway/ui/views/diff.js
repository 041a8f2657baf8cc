/** What changed between two moments: row by row, and field by field. */

import { api, get } from '../core/api.js';
import { useAnswer } from '../core/asking.js';
import { domain, topicOf } from '../core/domain.js';
import { count, plural } from '../core/format.js';
import { html, useEffect, useState } from '../core/html.js';
import { go, href, route, setQuery } from '../core/route.js';
import { momentOf, placed } from '../core/steps.js';
import { ChangedRow, nameOf } from '../parts/changedrow.js';
import { When } from '../parts/data.js';
import { OpenedLog } from '../parts/opened.js';
import { Answer } from '../parts/problem.js';

/** @typedef {import('../core/types.js').Place} Place */
/** @typedef {import('../core/types.js').Change & {kind: 'created' | 'changed' | 'deleted'}} RowChange */

/** How many rows of a topic are shown before it is asked for more. */
const FIRST = 50;

const KINDS = /** @type {const} */ (['created', 'changed', 'deleted']);

export default function Diff() {
  const { topic = '', log, ...ends } = route.value.query;
  const [from, to] = [momentOf(ends.from ?? ''), momentOf(ends.to ?? '')];
  return html`<div class="view diff">
    <h1>What changed</h1>
    ${log && html`<${OpenedLog} log=${log} back=${href(['diff'])} />`}
    ${from && to ? html`<${Between} from=${from} to=${to} topic=${topic} log=${log} />` : html`<${Ask} from=${from} to=${to} />`}
  </div>`;
}

/** Asks for two moments. @param {{from: string, to: string}} props */
function Ask({ from, to }) {
  const [moments, setMoments] = useState([from, to]);
  useEffect(() => setMoments([from, to]), [from, to]);
  const compare = (/** @type {Event} */ event) => {
    event.preventDefault();
    const [from = '', to = ''] = moments.map(momentOf);
    if (from && to) go(href(['diff'], { ...route.value.query, from, to }));
  };
  const field = (/** @type {string} */ title, /** @type {number} */ index) =>
    html`<label>${title}
      <input value=${moments[index]} placeholder="Number, time or position" spellcheck=${false} autocomplete="off" required
        onInput=${(/** @type {any} */ { target }) => setMoments(moments.with(index, target.value))} />
    </label>`;
  return html`<form class="between" onSubmit=${compare}>${field('From', 0)} ${field('To', 1)} <button class="main">Compare</button>
    ${!from && !to && html`<p class="hint">Two moments can also be pinned on the slider of <a href=${href(['state'], { log: route.value.query.log })}>State</a>.</p>`}
  </form>`;
}

/** @param {{from: string, to: string, topic: string, log: string | undefined}} props */
function Between({ from, to, topic, log }) {
  const question = async (/** @type {AbortSignal} */ signal) => {
    const answer = await get(api('diff'), { from, to, topic, log }, { signal });
    return { ...answer, from: placed(answer.from), to: placed(answer.to) };
  };
  const asked = useAnswer(question, [from, to, topic, log], { isFresh: true });
  const swap = () => setQuery({ from: to, to: from }, { replace: false });
  return html`
    <section class="panel ends" aria-label="Moments">
      <${End} title="From" place=${asked.answer?.from} pins=${{ a: from, b: to }} log=${log} />
      <button aria-label="Swap the moments" title="Swap the moments" onClick=${swap}>⇄</button>
      <${End} title="To" place=${asked.answer?.to} pins=${{ a: from, b: to }} log=${log} />
      <details open=${Boolean(asked.error)}><summary>Other moments</summary><${Ask} from=${from} to=${to} /></details>
    </section>
    <nav class="tabs" aria-label="Topics">
      <a href=${href(['diff'], { from, to, log })} aria-current=${topic ? null : 'true'}>all topics</a>
      ${domain.value?.topics.map(
        ({ name }) => html`<a key=${name} href=${href(['diff'], { from, to, topic: name, log })} aria-current=${name === topic ? 'true' : null}>${name}</a>`,
      )}
    </nav>
    <${Answer} asked=${asked}>${(/** @type {any} */ answer) => html`<${Groups} answer=${answer} topic=${topic} log=${log} />`}</${Answer}>
  `;
}

/** @param {{title: string, place: Place | undefined, pins: {a: string, b: string}, log: string | undefined}} props */
function End({ title, place, pins, log }) {
  if (!place) return html`<div class="end"><span>${title}</span> …</div>`;
  const { position, number } = place;
  return html`<div class="end">
    <span>${title}</span>
    <a href=${href(['state'], { at: position, ...pins, log })} title="The state then">
      ${number !== null && html`<b>#${count(number)}</b> `}${position === '0-0' ? 'before the first event' : html`<${When} position=${position} day=${true} />`}
    </a>
  </div>`;
}

/**
 * @param {{answer: {from: Place, to: Place, count: number, truncated: boolean, changes: RowChange[]}, topic: string,
 *   log: string | undefined}} props
 */
function Groups({ answer, topic, log }) {
  const { changes, truncated, from, to } = answer;
  if (changes.length === 0) {
    return html`<p class="panel nothing">${topic ? `No ${topic} is` : 'No row is'} different at these two moments.</p>`;
  }
  const topics = [...new Set(changes.map(({ topic }) => topic))];
  return html`
    ${truncated &&
    html`<p class="notice warn" role="status">${plural(answer.count, 'row')} changed; these are the first ${count(changes.length)}.
      ${topic ? ' Choose moments that are nearer to each other to see the rest.' : ' Choose a topic, or moments that are nearer to each other, to see the rest.'}</p>`}
    ${topics.map((name) => {
      const own = changes.filter(({ topic }) => topic === name);
      return html`<${Group} key=${`${name} ${from.position} ${to.position}`} topic=${name} changes=${own} places=${[from, to]} log=${log} />`;
    })}
  `;
}

/** @param {{topic: string, changes: RowChange[], places: [Place, Place], log: string | undefined}} props */
function Group({ topic, changes, places, log }) {
  const [shown, setShown] = useState(FIRST);
  const counts = KINDS.map((kind) => [kind, changes.filter((change) => change.kind === kind).length]);
  return html`<section class="panel flush group" aria-labelledby=${`changed-${topic}`}>
    <div class="head over">
      <h2 id=${`changed-${topic}`}>${plural(changes.length, topic, topicOf(topic)?.plural)}</h2>
      ${counts.map(([kind, number]) => number !== 0 && html`<span key=${kind} class=${`badge ${kind}`}>${count(Number(number))} ${kind}</span>`)}
    </div>
    <p class="changed-row titles" aria-hidden="true"><span></span><span><i>field</i><i>${nameOf(places[0])}</i><i>${nameOf(places[1])}</i></span></p>
    <ul>
      ${changes.slice(0, shown).map((change) => html`<${ChangedRow} key=${change.key} change=${change} places=${places} log=${log} />`)}
    </ul>
    ${changes.length > shown &&
    html`<p class="buttons over"><button onClick=${() => setShown(shown + 4 * FIRST)}>Show ${count(Math.min(4 * FIRST, changes.length - shown))} more</button>
      <span class="hint">${count(shown)} of ${count(changes.length)}</span></p>`}
  </section>`;
}
