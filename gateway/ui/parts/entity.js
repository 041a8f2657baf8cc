/** A row as it stood: its fields, what it is related to, and what happened to it at this moment. */

import { api, get } from '../core/api.js';
import { useAnswer } from '../core/asking.js';
import { contentOf, labelOf, topicOf } from '../core/domain.js';
import { timeOf } from '../core/format.js';
import { html, useEffect, useRef, useState } from '../core/html.js';
import { queryOf } from '../core/moment.js';
import { href } from '../core/route.js';
import { Changes, Chip, EntityLink, FieldValue, Row, Text, visible, When } from './data.js';
import { changedIn } from './happened.js';
import { Answer } from './problem.js';

/** @typedef {import('../core/moment.js').Shown} Shown */

/** How much time is between two questions for relations at least, milliseconds: the moment may never stand still. */
const EVERY = 1_000;

/** @param {{shown: Shown & {entity: import('../core/types.js').Entity}}} props */
export function EntityCard({ shown }) {
  const { at, log, state, entity } = shown;
  const { topic, key, row, version } = entity;
  const change = state.change?.topic === topic && state.change.key === key ? state.change : null;
  const last = row ?? change?.before;
  // Of what never was there is no history, and nothing refers to it.
  const isKnown = row !== null || version !== null || entity.exists_later;
  return html`<div class="entity-card">
    <section class="panel" aria-labelledby="entity">
      <div class="head">
        <${Chip} topic=${topic} />
        <h1 id="entity"><${Text} value=${labelOf(topic, last) || topic} most=${80} /></h1>
        <span class="grow"></span>
        <span class="buttons">
          ${isKnown && html`<a class="button" href=${href(['history', topic, key], { log })}>History</a>`}
          <a class="button" href=${href(['state', topic], queryOf(shown))}>All ${topicOf(topic)?.plural}</a>
        </span>
      </div>
      <p class="key"><code>${visible(key)}</code></p>
      <${Standing} shown=${shown} isDeleted=${row === null && version !== null} />
      ${row && html`<${Row} topic=${topic} row=${row} at=${at} log=${log} changed=${changedIn(change)} />`}
      ${row && version && html`<p class="hint">Unchanged since <${When} position=${version} day=${true} link=${true} log=${log} /></p>`}
    </section>
    ${change &&
    html`<section class="panel" aria-labelledby="change">
      <h2 id="change">Changed at this moment</h2>
      <${Changes} topic=${topic} before=${change.before} after=${change.after} at=${at} log=${log} />
    </section>`}
    ${isKnown && html`<${Relations} shown=${shown} />`}
  </div>`;
}

/** Where there is no row, why. @param {{shown: Shown & {entity: import('../core/types.js').Entity}, isDeleted: boolean}} props */
function Standing({ shown: { log, entity }, isDeleted }) {
  const { topic, row, version, exists_later: later } = entity;
  if (row) return null;
  const time = version && timeOf(version);
  if (isDeleted && version) {
    return html`<p class="notice gone" role="status"><b>Deleted</b> ${time ? html`on ${time.day} at ` : 'at '}<${When} position=${version} link=${true} log=${log} />.
      ${later && ' It was created again later.'}</p>`;
  }
  if (later) return html`<p class="notice" role="status"><b>Does not exist yet.</b> Move the slider to the right to see it come.</p>`;
  return html`<p class="notice" role="status"><b>There is no such ${topic}</b>, neither then nor later.</p>`;
}

/** @param {{shown: Shown & {entity: import('../core/types.js').Entity}}} props */
function Relations({ shown }) {
  const { at, log, state, entity } = shown;
  const { topic, key, row } = entity;
  const looked = usePaced(state.at.position);
  const asked = useAnswer((signal) => get(api('state', topic, key, 'referrers'), { at: looked, log }, { signal }), [topic, key, looked, log]);
  const out = topicOf(topic)?.fields.filter(({ name, topic }) => topic && row?.[name]?.length) ?? [];
  return html`<section class="panel relations" aria-labelledby="relations" aria-busy=${asked.asking}>
    <h2 id="relations">Relations</h2>
    ${out.length > 0 && html`<h3>Refers to</h3><dl class="row">
      ${out.map(({ name }) => html`<div key=${name}><dt>${name}</dt><dd><${FieldValue} topic=${topic} name=${name} value=${row[name]} at=${at} log=${log} /></dd></div>`)}
    </dl>`}
    <h3>Referred to by</h3>
    <${Answer} asked=${asked}>${(/** @type {any} */ answer) => html`<${Referrers} answer=${answer} at=${at} log=${log} />`}</${Answer}>
  </section>`;
}

/** @param {{answer: {referrers: {topic: string, field: string, key: string, row: any}[], truncated: boolean}, at: string, log: string | null}} props */
function Referrers({ answer: { referrers, truncated }, at, log }) {
  if (referrers.length === 0) return html`<p class="none">Nothing refers to it at this moment.</p>`;
  return html`<ul class="referrers">
      ${referrers.map(
        ({ topic, field, key, row }) => html`<li key=${`${topic} ${field} ${key}`}>
          <${Chip} topic=${topic} /> <${EntityLink} topic=${topic} id=${key} at=${at} log=${log} />
          <span class="as"><${Text} value=${labelOf(topic, contentOf(topic, row)) || ' '} most=${60} /></span>
        </li>`,
      )}
    </ul>
    ${truncated && html`<p class="hint">The first ${referrers.length}; there are more.</p>`}`;
}

/**
 * A value that changes only so often; the last one always comes.
 *
 * @template T
 * @param {T} value
 * @returns {T}
 */
function usePaced(value) {
  const [paced, setPaced] = useState(value);
  const last = useRef(performance.now());
  useEffect(() => {
    const take = () => {
      last.current = performance.now();
      setPaced(value);
    };
    if (value === paced) return undefined;
    const later = setTimeout(take, Math.max(0, last.current + EVERY - performance.now()));
    return () => clearTimeout(later);
  }, [value]);
  return paced;
}
