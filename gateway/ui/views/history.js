/** The life of a row: each version, what changed, and why. */

import { api, ApiError, get } from '../core/api.js';
import { useAnswer, useFollowed } from '../core/asking.js';
import { contentOf, domain, labelOf } from '../core/domain.js';
import { between, plural } from '../core/format.js';
import { html, useRef } from '../core/html.js';
import { go, href, route } from '../core/route.js';
import { Version } from '../parts/chapter.js';
import { Chip, Id, Text, When } from '../parts/data.js';
import { Unsearched } from '../parts/origin.js';
import { Answer } from '../parts/problem.js';

/** How many versions a page has. */
const PAGE = 50;

export default function History() {
  const { parts, query } = route.value;
  const [topic, id] = parts;
  if (!topic || !id) return html`<${Ask} topic=${topic} log=${query.log} />`;
  return html`<${Life} key=${JSON.stringify([topic, id, query])} topic=${topic} id=${id} ...${query} />`;
}

/** @param {{topic: string, id: string, at?: string, after?: string, log?: string}} props */
function Life({ topic, id, at, after, log }) {
  const question = (/** @type {AbortSignal} */ signal) =>
    get(api('history', topic, id), { at, after, log, limit: PAGE }, { signal });
  const asked = useAnswer(question, [topic, id, at, after, log], { isFresh: true });
  const isUnknown = asked.error instanceof ApiError && asked.error.status === 404;
  const isFollowing = !at && !log && !asked.answer?.more;
  useFollowed(asked, isFollowing ? (event) => event.topic === topic && event.key === id : null);
  return html`<div class="view history">
    <header class="head">
      <h1>History <${Id} value=${id} /></h1>
      <p class="name"><${Chip} topic=${topic} /> <${Name} topic=${topic} life=${asked.answer} /></p>
      <span class="grow"></span>
      <p class="buttons">
        ${!isUnknown && html`<a class="button" href=${href(['state', topic, id], { at, log })}>State</a>`}
        ${at && html`<a class="button" href=${href(['history', topic, id], { after, log })}>Up to now</a>`}
      </p>
    </header>
    <${Answer} asked=${asked}>
      ${(/** @type {import('../core/types.js').Life} */ life) =>
        html`<${Versions} life=${life} topic=${topic} id=${id} query=${{ at, after, log }} isFollowing=${isFollowing} />`}
    </${Answer}>
  </div>`;
}

/** @param {{topic: string, life: import('../core/types.js').Life | null}} props */
function Name({ topic, life }) {
  const last = life?.chapters.at(-1);
  if (!last) return null;
  const label = labelOf(topic, contentOf(topic, last.after ?? last.before));
  return html`${label && html`<b><${Text} value=${label} most=${60} /></b>`}
    ${!last.after && !life?.more && html` <span class="badge bad">deleted</span>`}`;
}

/**
 * @param {{life: import('../core/types.js').Life, topic: string, id: string, isFollowing: boolean,
 *   query: {at?: string | undefined, after?: string | undefined, log?: string | undefined}}} props
 */
function Versions({ life, topic, id, query, isFollowing }) {
  const { chapters, more, searched } = life;
  const { at, after, log } = query;
  const known = useRef(/** @type {Set<string> | null} */ (null));
  known.current ??= new Set(chapters.map(({ event }) => event.position));
  const [first, last] = [chapters[0], chapters.at(-1)];
  const start = after && html`<a class="button" href=${href(['history', topic, id], { at, log })}>From the beginning</a>`;
  if (!first || !last) return html`<p class="nothing">No version after ${after ?? 'that'}. ${start}</p>`;
  const over = chapters.length > 1 ? ` over ${between(first.event.position, last.event.position)}` : '';
  return html`
    <p class="hint" role="status">
      ${plural(chapters.length, 'version')}${over}${after && html`, after <${Moment} moment=${after} />`}${at &&
      html`, up to <${Moment} moment=${at} />`}${more && '; there are more'}
    </p>
    ${!searched && html`<${Unsearched} />`}
    ${start && html`<p>${start}</p>`}
    <ol class="life">
      ${chapters.map(
        (chapter, index) =>
          html`<${Version} key=${chapter.event.position} chapter=${chapter} before=${chapters[index - 1] ?? null} log=${log}
            isAgain=${chapter.kind === 'created' && index > 0} isFresh=${!known.current?.has(chapter.event.position)} />`,
      )}
      ${isFollowing && html`<li class="now hint">What happens to it next appears here.</li>`}
    </ol>
    ${more &&
    html`<p class="buttons">
      <a class="button" href=${href(['history', topic, id], { at, after: last.event.position, log })}>Later versions</a>
    </p>`}
  `;
}

/** A moment as the address has it: a position, a number or a time. @param {{moment: string}} props */
const Moment = ({ moment }) => (/^\d+-\d+$/.test(moment) ? html`<${When} position=${moment} day=${true} />` : moment);

/** Where the address names no row. @param {{topic?: string, log?: string}} props */
function Ask({ topic, log }) {
  const open = (/** @type {any} */ event) => {
    event.preventDefault();
    const given = new FormData(event.target);
    go(href(['history', String(given.get('topic')), String(given.get('id')).trim()], { log }));
  };
  return html`<div class="view history">
    <h1>History of a row</h1>
    <p>Every version that a row had: what changed, when, and why. Rows in <a href=${href(['state'], { log })}>State</a> lead here.</p>
    <form class="head" onSubmit=${open}>
      <label>Topic <select name="topic">
        ${domain.value?.topics.map(({ name }) => html`<option selected=${name === topic}>${name}</option>`)}
      </select></label>
      <label class="grow">Key <input name="id" required spellcheck="false" /></label>
      <button class="main">Show</button>
    </form>
  </div>`;
}
